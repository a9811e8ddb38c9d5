"""What kernels write down of a path: columns of a float array."""

from __future__ import annotations

# money is quote; notional is at the marks, so that what is liquidated and what stays open add up to what there was
BAD_DEBT = 0
LIQUIDATED = 1  # notional
OPEN = 2  # notional at the end
PENALTIES = 3  # paid by users
SLIPPAGE = 4  # paid by liquidated positions, or by keepers who hedge
FUND_USED = 5
FUND_LEFT = 6
UNCOVERED = 7  # bad debt less what the fund paid
PROFITS = 8  # of open perpetuals at the end; only where something is uncovered
CROSSED = 9  # subaccounts that were below their maintenance margin at the market's price
FAILED = 10  # subaccounts whose liquidation left bad debt, or that end below nothing
REFUSED = 11  # subaccounts whose liquidation reverted for want of a fund
UNPAID = 12  # subaccounts whose liquidation paid no keeper
WRONGFUL = 13  # notional liquidated at the venue's price although healthy at the market's
UNDONE = 14  # notional whose liquidation was undone
EXTRACTED = 15  # taken by who orders transactions
TOPPED_UP = 16  # collateral added
MOVE = 17  # largest move of the log price, by the assets' shares of notional
BOUND = 18  # 1 where impact hit its bound
RESUME = 19  # the assets' log prices at T, by their shares
SECONDS = 20  # T
CLEARED = 21  # seconds from when liquidations may begin to the last one; 0 where there is none
LIQUIDATED_FREE = 22  # as LIQUIDATED and MOVE, had no order moved any price
MOVE_FREE = 23
WIDTH = 24

# of a recorded step
TIME = 0
PRICE = 1  # over the price of the start, by the assets' shares of notional
TRACE_LIQUIDATED = 2
TRACE_BAD_DEBT = 3
QUEUE = 4  # notional that is liquidatable and still open
TRACE_FUND = 5
TRACE_WIDTH = 6

IMPACT_BOUND = 3.0  # of the log price: 20-fold; a book that moves more has no market left
