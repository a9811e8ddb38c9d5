"""From a broken verdict to money: a venue under the claimed and under the computed state, compared to the unit."""

from rollproof.risk.consequence.account import AccountConsequence, Label, Standing
from rollproof.risk.consequence.consequence import Consequence, consequence, of
from rollproof.risk.consequence.market import MarketConsequence
from rollproof.risk.consequence.venue import Knock, VenueStanding

__all__ = [
    "AccountConsequence",
    "Consequence",
    "Knock",
    "Label",
    "MarketConsequence",
    "Standing",
    "VenueStanding",
    "consequence",
    "of",
]
