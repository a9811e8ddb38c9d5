"""Prices at which a subaccount's surplus over a requirement is nothing, one asset moved at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from rollproof.venue.book import Book, Floats, Ints

_STEPS: Final = 64
_FLAT: Final = 1e-13  # of the slopes that a slope is the difference of
_CLOSE: Final = 1e-11  # of the amounts that a surplus is the difference of


def pairs(book: Book) -> tuple[Ints, int]:
    """(rows,) number of each row's pair of subaccount and asset, and how many pairs there are."""
    pair = book.subaccount.astype(np.int64) * len(book.assets) + book.asset
    found, inverse = np.unique(pair, return_inverse=True)
    return inverse.astype(np.int32), len(found)


def nonlinear(book: Book, pair: Ints, count: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """(rows,) where the row's pair holds an option."""
    return np.asarray(np.bincount(pair, book.optional, count)[pair] > 0)


def price_at_zero(
    book: Book, prices: Floats, surplus: Floats, own: Callable[[Floats], tuple[Floats, Floats]]
) -> Floats:
    """(rows,) price of the row's asset at which its subaccount's surplus is nothing, other prices kept.

    ``surplus`` (subaccounts,) is at ``prices`` (assets,), quote. ``own`` gives, for a price of each row (rows,), what
    each row adds to the surplus and the slope of that in the price. NaN where no price above zero is found, and where
    an option hangs on the row's asset.

    Newton's method. A surplus is concave and piecewise linear in a price (requirements are convex), and for such a
    function the method needs one step more than there are pieces: exact up to rounding.
    """
    if not book.rows:
        return np.zeros(0)
    pair, count = pairs(book)
    price = np.zeros(count)
    price[pair] = prices[book.asset]
    first = price
    owner = np.zeros(count, dtype=np.int64)
    owner[pair] = book.subaccount
    value, _ = own(price[pair])
    at_first = np.bincount(pair, value, count)
    rest = surplus[owner] - at_first
    scale = np.abs(surplus[owner]) + np.bincount(pair, np.abs(value), count)
    scale += np.bincount(pair, np.abs(book.size) * prices[book.asset], count)
    open_, found = np.ones(count, dtype=bool), np.zeros(count, dtype=bool)
    for _ in range(_STEPS):
        value, slope = own(price[pair])
        left, by = rest + np.bincount(pair, value, count), np.bincount(pair, slope, count)
        by[np.abs(by) <= _FLAT * np.bincount(pair, np.abs(slope), count)] = 0.0  # hedged up to rounding
        found |= open_ & (np.abs(left) <= _CLOSE * scale) & (by != 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            moved = price - left / by
        open_ &= (by != 0) & np.isfinite(moved)
        if not (open_ & ~found).any():
            # One step more: what is close becomes as exact as the numbers allow.
            price = np.where(open_, moved, price)
            break
        price = np.where(open_, moved, price)
    wanted = np.where(found & (price > _CLOSE * first), price, np.nan)[pair]
    return np.where(nonlinear(book, pair, count), np.nan, wanted)
