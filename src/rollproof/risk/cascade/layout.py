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


# a market, calm or stressed; share: of the book's notional; rates and throughput a second; exposed: open interest that
# is traded against while the oracle is stale
ASSET = dtype("mark share square_root linear half_life throughput funding exposed")

# its law, a second; and the common jumps'
LAW = dtype("drift systematic idiosyncratic own_intensity own_mean own_deviation beta")
JUMPS = dtype("intensity mean deviation")

# what `conduct.Conduct` says in numbers
CONDUCT = dtype(
    "grace stale_at_resume slippage all_during top_up_during top_up_grace top_up_after call penalty keeper_share "
    "cooldown whole_below whole_within fund premium clamp gas fee",
    "acts_during stale_during undone order funded forfeits fund_first fund_must_cover oracle_priced hedged "
    "penalty_capped",
)

# one position that stands alone; summed: notional of all before it on its side
POSITION = dtype("level slope entry cash notional summed")

# where an asset's two sides begin in the positions, and end; the second begins where the first ends
SIDES = dtype("", "long short end")

# where a path stands with an asset's positions: the step of its next liquidation, the next of each side, unabsorbed
# flow, extremes of the log price, of the undisplaced one while liquidations happen, and the largest move meanwhile
CURSOR = dtype("flow low high free_low free_high peak", "event long short")

# a subaccount; sensitive: what of its surplus the largest relative move of a price can take; charges: taken off equity
# while anything is open; step: the share of owed quote that one liquidation repays; summed: notional of all before;
# first and end: its rows; subaccount: its index in the book
SUBACCOUNT = dtype("reach sensitive cash charges step notional summed", "first end by_size subaccount")

# a row; maintenance and initial: quote per unit of price; step: the share that one liquidation closes
ROW = dtype(
    "slope entry weight maintenance maintenance_fixed initial initial_fixed step notional",
    "asset perpetual collateral",
)

# where a path stands with a subaccount; free: when it may be liquidated again; last: when it was; wake: how far prices
# have to travel before it can be short
ACCOUNT = dtype("cash free last wake", "flags")
CROSSED, FAILED, TOPPED, CLOSED, REFUSED, UNPAID, PARTLY = 1, 2, 4, 8, 16, 32, 64

# where it stands with an asset. log and moved: log price without and with impact; price: the market's; venue: what the
# venue believes; paid: funding that a unit held long has paid; left: notional that may be liquidated in this step;
# flow: not absorbed yet; trial and wanted: flow and notional of a liquidation that is being worked out; seen: prices
# when last compared
PRICE = dtype("log moved price venue paid left flow trial wanted peak seen seen_venue seen_paid")

# a liquidation worked out: collateral: share of it that is sold
QUOTE = dtype("cash equity closed notional slippage extracted penalty part collateral", "whole forfeit done")
