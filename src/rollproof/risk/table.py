"""Loss of many positions as a function of one price: exact tables of convex piecewise-linear functions.

A subaccount whose value is linear in one asset's price S, a + b S, owes max(0, -(a + b S)): a hinge at its bankruptcy
price -a / b. However many there are, their sum over one asset is a convex piecewise-linear function of S: sorted
hinges, and between two of them a value and a slope. One binary search and two multiplications give the sum over a
million positions.

Falling hinges (long positions) and rising ones (short positions) are kept apart: each is then a sum of terms of one
sign, so nothing cancels, and what is owed at a later price by those alone that were bankrupt at an earlier one can be
read from the same table.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rollproof.risk.compilation import njit
from rollproof.venue.book import Floats

# Columns of a piece. Its loss at S is
# LONG_VALUE + LONG_SLOPE * (RIGHT - S) + SHORT_VALUE + SHORT_SLOPE * (S - LEFT).
LEFT, RIGHT, LONG_VALUE, LONG_SLOPE, SHORT_VALUE, SHORT_SLOPE = range(6)


@dataclass(frozen=True, slots=True, eq=False)
class Hinges:
    """Losses weight * max(0, at - S) of the falling and weight * max(0, S - at) of the others; one a row."""

    asset: NDArray[np.int64]
    at: Floats  # quote per unit; below zero for a rising one that always loses
    weight: Floats  # units of the asset, not negative
    falling: NDArray[np.bool_]  # loses when the price falls: a long position

    def __add__(self, other: Hinges) -> Hinges:
        """Both."""
        return Hinges(
            np.append(self.asset, other.asset),
            np.append(self.at, other.at),
            np.append(self.weight, other.weight),
            np.append(self.falling, other.falling),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Sums of hinges for each asset. Piece k of an asset lies between its hinges k - 1 and k."""

    start: NDArray[np.int64]  # (assets + 1,) of each asset's hinges in `at`; its pieces start at start + asset
    at: Floats  # (hinges,) rising within an asset
    pieces: Floats  # (hinges + assets, 6)

    def loss(self, prices: Floats) -> Floats:
        """(assets, paths) of each asset's positions at ``prices`` (assets, paths), quote."""
        out = np.empty_like(prices)
        _loss(self.start, self.at, self.pieces, prices, out)
        return out

    def lasting(self, earlier: Floats, prices: Floats) -> Floats:
        """(assets, paths) lost at ``prices`` by those alone that already lost something at ``earlier``, quote."""
        out = np.empty_like(prices)
        _lasting(self.start, self.at, self.pieces, earlier, prices, out)
        return out


def table_of(hinges: Hinges, assets: int) -> Table:
    """The sums of ``hinges`` for each of so many assets. Raises ValueError for what is not finite or below zero."""
    if not (np.isfinite(hinges.at).all() and np.isfinite(hinges.weight).all() and (hinges.weight >= 0).all()):
        raise ValueError("hinges need finite prices, and finite weights not below zero")
    order = np.lexsort((hinges.at, hinges.asset))
    at, weight, falling = hinges.at[order], hinges.weight[order], hinges.falling[order]
    start = np.searchsorted(hinges.asset[order], np.arange(assets + 1)).astype(np.int64)
    pieces = np.zeros((len(at) + assets, 6))
    for asset in range(assets):
        low, high = start[asset], start[asset + 1]
        _fill(pieces[low + asset : high + asset + 1], at[low:high], weight[low:high], falling[low:high])
    return Table(start, at, pieces)


def _fill(pieces: Floats, at: Floats, weight: Floats, falling: NDArray[np.bool_]) -> None:
    if not len(at):
        return
    gaps = np.diff(at)
    pieces[1:, LEFT] = at
    pieces[:-1, RIGHT] = at
    pieces[:-1, LONG_SLOPE] = np.cumsum(np.where(falling, weight, 0.0)[::-1])[::-1]
    pieces[1:, SHORT_SLOPE] = np.cumsum(np.where(falling, 0.0, weight))
    pieces[:-2, LONG_VALUE] = np.cumsum((pieces[1:-1, LONG_SLOPE] * gaps)[::-1])[::-1]
    pieces[2:, SHORT_VALUE] = np.cumsum(pieces[1:-1, SHORT_SLOPE] * gaps)


@njit(cache=True, nogil=True)
def _piece(at, low, high, price):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Hinges of ``at[low:high]`` that are below ``price``."""
    first = low
    while low < high:
        middle = (low + high) >> 1
        if at[middle] < price:
            low = middle + 1
        else:
            high = middle
    return low - first


@njit(cache=True, nogil=True)
def _loss(start, at, pieces, prices, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    for asset in range(prices.shape[0]):
        low, high = start[asset], start[asset + 1]
        for path in range(prices.shape[1]):
            price = prices[asset, path]
            piece = pieces[low + asset + _piece(at, low, high, price)]
            out[asset, path] = (
                piece[LONG_VALUE]
                + piece[LONG_SLOPE] * (piece[RIGHT] - price)
                + piece[SHORT_VALUE]
                + piece[SHORT_SLOPE] * (price - piece[LEFT])
            )


@njit(cache=True, nogil=True)
def _lasting(start, at, pieces, earlier, prices, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    for asset in range(prices.shape[0]):
        low, high = start[asset], start[asset + 1]
        for path in range(prices.shape[1]):
            before, price = earlier[asset, path], prices[asset, path]
            long = pieces[low + asset + _piece(at, low, high, max(before, price))]
            short = pieces[low + asset + _piece(at, low, high, min(before, price))]
            out[asset, path] = (
                long[LONG_VALUE]
                + long[LONG_SLOPE] * (long[RIGHT] - price)
                + short[SHORT_VALUE]
                + short[SHORT_SLOPE] * (price - short[LEFT])
            )
