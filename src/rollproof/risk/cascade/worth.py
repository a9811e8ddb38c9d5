"""What a subaccount is worth at a path's prices, in a kernel."""

from __future__ import annotations

from numba import njit

from rollproof.risk.cascade.layout import Record, Records
from rollproof.venue.book import Floats


@njit(nogil=True)
def worth(
    who: Record, rows: Records, opened: Floats, cash: float, price: Records, venue: bool
) -> tuple[float, float, float, float]:  # fmt: skip
    """Equity, equity as the rules count it, maintenance and initial margin, at the venue's or the market's prices."""
    equity, counted, maintenance, initial = cash, cash, 0.0, 0.0
    anything = False
    for j in range(who.first, who.end):
        open_ = opened[j]
        if open_ <= 0.0:
            continue
        anything = True
        row = rows[j]
        at = price[row.asset].venue if venue else price[row.asset].price
        paid = price[row.asset].paid if row.perpetual else 0.0
        value = open_ * row.slope * (at - row.entry - paid)
        equity += value
        counted += row.weight * value
        maintenance += open_ * row.maintenance * at + row.maintenance_fixed
        initial += open_ * row.initial * at + row.initial_fixed
    if anything:
        counted -= who.charges
    return equity, counted, maintenance, initial


@njit(nogil=True)
def still_open(who: Record, rows: Records, opened: Floats, cash: float) -> float:
    """Notional at the marks that can be liquidated; quote that is owed counts where there is collateral to sell."""
    total, held = 0.0, False
    for j in range(who.first, who.end):
        total += opened[j] * rows[j].notional
        held |= rows[j].collateral != 0 and opened[j] > 0.0
    return total - cash if held and cash < 0.0 else total


@njit(nogil=True)
def profit(who: Record, rows: Records, opened: Floats, price: Records) -> float:
    """Of open perpetuals, at the market's prices."""
    total = 0.0
    for j in range(who.first, who.end):
        if rows[j].perpetual:
            at = price[rows[j].asset]
            total += opened[j] * rows[j].slope * (at.price - rows[j].entry - at.paid)
    return total
