"""How one venue's loss spreads: clearing of what venues, lenders and bridges owe each other, fire sales, DebtRank."""
