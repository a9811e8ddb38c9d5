"""What kernels read and write: structured arrays, one record an asset, a subaccount, a row, a position.

One array instead of many columns, because a compiled function counts a reference for every array that it is handed.
Money is quote; a log price is that of the price over the mark.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Records: TypeAlias = NDArray[np.void]
Record: TypeAlias = Any  # one of them, inside a kernel

F, I = np.float64, np.int64  # noqa: E741


def dtype(floats: str, integers: str = "") -> np.dtype[np.void]:
    """Of the fields named."""
    return np.dtype([(name, F) for name in floats.split()] + [(name, I) for name in integers.split()])


# a market, calm or stressed; share: of the book's notional; rates and throughput a second
ASSET = dtype("mark share square_root linear half_life throughput funding")

# its law, a second; and the common jumps'
LAW = dtype("drift systematic idiosyncratic own_intensity own_mean own_deviation beta")
JUMPS = dtype("intensity mean deviation")

# what `conduct.Conduct` says in numbers
CONDUCT = dtype(
    "grace stale_at_resume slippage all_during top_up_during top_up_grace top_up_after call penalty keeper_share "
    "cooldown whole_below fund premium clamp gas",
    "acts_during stale_during undone order fund_first fund_must_cover oracle_priced hedged",
)

# one position that stands alone; summed: notional of all before it on its side
POSITION = dtype("level slope entry cash notional summed")

# where an asset's two sides begin in the positions, and end; the second begins where the first ends
SIDES = dtype("", "long short end")

# where a path stands with an asset's positions: the step of its next liquidation, the next of each side, unabsorbed
# flow, extremes of the log price, of the undisplaced one while liquidations happen, and the largest move meanwhile
CURSOR = dtype("flow low high free_low free_high peak", "event long short")

# a subaccount; charges: taken off equity while anything is open; first and end: its rows
SUBACCOUNT = dtype("reach cash charges notional", "first end by_size")

# a row; maintenance and initial: quote per unit of price; step: the share that one liquidation closes
ROW = dtype(
    "slope entry weight maintenance maintenance_fixed initial initial_fixed step notional",
    "asset perpetual collateral",
)

# where a path stands with a subaccount and a row: `free`: when it may be liquidated again; `open`: share of the row
ACCOUNT = dtype("cash free", "flags")
OPEN = dtype("open")

# where it stands with an asset. price: the market's; venue: what the venue believes; paid: funding that a long unit
# paid; left: notional that may still be liquidated in this step; trial: the flow, and quoted: the units, of a
# liquidation that is worked out
PRICE = dtype("log price venue flow decay later_decay paid left trial free_low free_high peak")
