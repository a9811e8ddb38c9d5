"""Impact of order flow on log prices in a kernel: `risk.liquidity`'s law, signed."""

from __future__ import annotations

import math

from numba import njit

from rollproof.risk.cascade.outcome import IMPACT_BOUND


@njit(nogil=True)
def displacement(flow: float, square_root: float, linear: float) -> float:
    """Of the log price by unabsorbed flow, quote: positive where it was bought."""
    size = abs(flow)
    moved = min(square_root * math.sqrt(size) + linear * size, IMPACT_BOUND)
    return moved if flow > 0 else -moved


@njit(nogil=True)
def average(before: float, after: float, square_root: float, linear: float) -> float:
    """The displacement that an order from one flow to another meets on average over its units."""
    change = after - before
    if abs(change) <= 1e-7 * abs(after):
        return displacement((before + after) / 2, square_root, linear)
    met = (_area(after, square_root, linear) - _area(before, square_root, linear)) / change
    return min(max(met, -IMPACT_BOUND), IMPACT_BOUND)


@njit(nogil=True)
def _area(flow: float, square_root: float, linear: float) -> float:
    """The integral of the displacement from no flow."""
    size = abs(flow)
    return square_root * size * math.sqrt(size) * (2.0 / 3.0) + linear * size * size / 2
