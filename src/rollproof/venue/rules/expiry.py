"""A holding's options that expire together, and what they pay at the worst price."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rollproof.venue.book import Book, Floats, Kind
from rollproof.venue.rules.holding import Holdings


@dataclass(frozen=True, slots=True, eq=False)
class Expiries:
    """The expiries of all holdings of a book."""

    rows: NDArray[np.int64]  # (options,) rows of the book
    of_row: NDArray[np.int64]  # (options,) index of the expiry
    holding: NDArray[np.int64]  # (expiries,)
    years: Floats  # (expiries,)

    @classmethod
    def of(cls, book: Book, holdings: Holdings) -> Expiries:
        """Of the options of ``book``."""
        rows = np.flatnonzero(book.optional)
        keys = np.stack((holdings.of_row[rows].astype(np.float64), book.expiry[rows]), axis=1)
        found, of_row = np.unique(keys, axis=0, return_inverse=True)
        return cls(rows, of_row.reshape(-1), found[:, 0].astype(np.int64), found[:, 1])

    def __len__(self) -> int:
        """How many there are."""
        return len(self.years)

    def summed(self, column: Floats) -> Floats:
        """(expiries,) the sums of a (rows,) column over the options."""
        return np.bincount(self.of_row, column[self.rows], len(self)).astype(np.float64)

    def of_first(self, column: Floats) -> Floats:
        """(expiries,) a (rows,) column that is the same for all options of an expiry."""
        out = np.zeros(len(self))
        out[self.of_row] = column[self.rows]
        return out

    def net_calls(self, book: Book) -> Floats:
        """(expiries,) calls long less calls short."""
        return self.summed(np.where(book.kind == Kind.CALL, book.size, 0.0))

    def naked_shorts(self, book: Book) -> Floats:
        """(expiries,) options short in excess of longs at the same strike, calls and puts together."""
        keys = np.stack((self.of_row.astype(np.float64), book.strike[self.rows]), axis=1)
        strikes, which = np.unique(keys, axis=0, return_inverse=True)
        net = np.bincount(which.reshape(-1), book.size[self.rows], len(strikes))
        return np.bincount(strikes[:, 0].astype(np.int64), np.maximum(-net, 0.0), len(self)).astype(np.float64)

    def worst_payoff(self, book: Book) -> Floats:
        """(expiries,) the lowest payoff at a settlement price of 0 or of any strike held, at most 0, quote.

        Beyond the highest strike a payoff may fall without bound: that is left to who charges for unpaired calls.
        """
        size, strike = book.size[self.rows], book.strike[self.rows]
        is_put = book.kind[self.rows] == Kind.PUT
        lowest = np.minimum(np.bincount(self.of_row, np.where(is_put, size * strike, 0.0), len(self)), 0.0)
        order = np.lexsort((strike, self.of_row))
        ordered = self.of_row[order]
        size, strike, is_put = size[order], strike[order], is_put[order]
        call_size = _before(np.where(is_put, 0.0, size), ordered)
        call_cost = _before(np.where(is_put, 0.0, size * strike), ordered)
        puts = np.where(is_put, size, 0.0)
        put_size = np.bincount(ordered, puts, len(self))[ordered] - _before(puts, ordered)
        put_cost = np.bincount(ordered, puts * strike, len(self))[ordered] - _before(puts * strike, ordered)
        payoff = call_size * strike - call_cost + put_cost - put_size * strike
        np.minimum.at(lowest, ordered, payoff)
        return np.asarray(lowest)


def _before(column: Floats, group: NDArray[np.int64]) -> Floats:
    """Running sums that begin anew with every group, the element itself left out."""
    if not len(column):
        return column
    total = np.cumsum(column) - column
    first = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
    return np.asarray(total - np.repeat(total[first], np.diff(np.r_[first, len(group)])))
