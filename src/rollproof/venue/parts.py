"""Parts of a book, and books put together: subaccounts stay whole, the order of rows is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rollproof.venue.book import Book

Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]

_OF_ROWS = ("asset", "kind", "size", "entry", "strike", "expiry", "volatility")
_OF_SUBACCOUNTS = ("owner", "mode", "cash")


class Grouped:
    """Rows by subaccount, so that a few subaccounts' rows are found without looking at all."""

    __slots__ = ("_order", "_start")

    def __init__(self, of: NDArray[np.integer], groups: int) -> None:
        self._order = np.argsort(of, kind="stable")
        self._start = np.concatenate([[0], np.cumsum(np.bincount(of, minlength=groups))])

    def members(self, groups: Indices) -> Indices:
        """Indices of all members of some groups, rising."""
        sizes = self._start[groups + 1] - self._start[groups]
        before = np.cumsum(sizes) - sizes
        return np.sort(self._order[np.arange(sizes.sum()) + np.repeat(self._start[groups] - before, sizes)])


def part(book: Book, subaccounts: Indices, rows: Indices) -> Book:
    """The book of some subaccounts (rising) and of all their ``rows`` (rising). Accounts keep their indices."""
    columns: dict[str, Any] = {name: getattr(book, name)[rows] for name in _OF_ROWS}
    columns |= {name: getattr(book, name)[subaccounts] for name in _OF_SUBACCOUNTS}
    number = np.searchsorted(subaccounts, book.subaccount[rows])
    return replace(book, subaccount=number.astype(np.int32), **columns)


def where(book: Book, chosen: Mask) -> Book:
    """The book of the subaccounts (subaccounts,) ``chosen``."""
    return part(book, np.flatnonzero(chosen), np.flatnonzero(chosen[book.subaccount]))


def joined(first: Book, second: Book) -> Book:
    """Both books' rows and subaccounts, of the same assets and accounts."""
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in (*_OF_ROWS, *_OF_SUBACCOUNTS)
    }
    moved = second.subaccount + np.int32(first.subaccounts)
    return replace(first, subaccount=np.concatenate([first.subaccount, moved]), **columns)
