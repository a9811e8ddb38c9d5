"""What kernels do to a path's tally (`cascade.outcome`)."""

from __future__ import annotations

from numba import njit

from rollproof.risk.cascade import outcome
from rollproof.venue.book import Floats


@njit(nogil=True)
def clear(row: Floats) -> None:
    """Fills with nothing."""
    for column in range(len(row)):
        row[column] = 0.0


@njit(nogil=True)
def owe(amount: float, fund_first: bool, tally: Floats) -> None:
    """Notes bad debt, and pays it from the fund as far as that goes."""
    paid = min(tally[outcome.FUND_LEFT], amount) if fund_first else 0.0
    tally[outcome.BAD_DEBT] += amount
    tally[outcome.FUND_USED] += paid
    tally[outcome.FUND_LEFT] -= paid
    tally[outcome.UNCOVERED] += amount - paid
