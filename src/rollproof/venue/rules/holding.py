"""A *holding* is all that one subaccount has in one asset: what scenario margin is worked out for.

Margin rules that value options are not linear in prices. What those here have in common is that a subaccount's
requirement is the sum of its holdings', each a function of its own asset's price. So one price can be moved for every
holding at once, and the price at which something changes sign is found by a vectorised search.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rollproof.venue.book import Book, Floats
from rollproof.venue.rules.crossing import nearest
from rollproof.venue.rules.rules import Rules
from rollproof.venue.state import VenueState

Surplus: TypeAlias = Callable[[Book, Floats], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Holdings:
    """The holdings of a book, in the order of their subaccounts."""

    of_row: NDArray[np.int64]  # (rows,) index of the row's holding
    subaccount: NDArray[np.int64]  # (holdings,)
    asset: NDArray[np.int64]  # (holdings,)

    @classmethod
    def of(cls, book: Book) -> Holdings:
        """Of all rows of ``book``."""
        width = len(book.assets)
        found, of_row = np.unique(book.subaccount.astype(np.int64) * width + book.asset, return_inverse=True)
        return cls(of_row, found // width, found % width)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.subaccount)

    def summed(self, column: Floats) -> Floats:
        """(holdings,) the sums of a (rows,) column."""
        return np.bincount(self.of_row, column, len(self)).astype(np.float64)

    def for_subaccounts(self, column: Floats, book: Book) -> Floats:
        """(subaccounts,) the sums of a (holdings,) column."""
        return np.bincount(self.subaccount, column, book.subaccounts).astype(np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Required:
    """(holdings,) margin, quote."""

    initial: Floats
    maintenance: Floats


class HoldingRules(Rules, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Families whose requirement is a sum over holdings: `required` is all they add."""

    @abstractmethod
    def required(self, book: Book, prices: Floats, holdings: Holdings) -> Required:
        """What each holding requires. Raises Unsupported for an asset or kind that the family does not take."""
        raise NotImplementedError

    def worth(self, book: Book, prices: Floats) -> Floats:
        """(rows,) what each row adds to equity as the rules count it, quote; `Book.value` is what is there."""
        return book.value(prices)

    def equity(self, book: Book, prices: Floats, state: VenueState) -> Floats:  # noqa: ARG002
        """(subaccounts,) cash and `worth`."""
        return book.cash + book.summed(self.worth(book, prices))

    def initial(self, book: Book, prices: Floats, state: VenueState) -> Floats:  # noqa: ARG002
        """(subaccounts,) sums of the holdings'. Raises Unsupported as `admit` and `required` do."""
        self.admit(book)
        holdings = Holdings.of(book)
        return holdings.for_subaccounts(self.required(book, prices, holdings).initial, book)

    def maintenance(self, book: Book, prices: Floats, state: VenueState) -> Floats:  # noqa: ARG002
        """(subaccounts,) sums of the holdings'. Raises Unsupported as `admit` and `required` do."""
        self.admit(book)
        holdings = Holdings.of(book)
        return holdings.for_subaccounts(self.required(book, prices, holdings).maintenance, book)

    def liquidation_price(self, book: Book, prices: Floats, state: VenueState) -> Floats:  # noqa: ARG002
        """(rows,) the nearest price of the row's asset, above or below, at which equity passes the maintenance margin.

        Found by search (`crossing.nearest`), so two crossings within one step of its grid are missed. The same for
        all rows of a holding, options and collateral too.
        """
        self.admit(book)

        def surplus(holding: Book, price: Floats) -> Floats:
            return self.worth(holding, price) - self._spread(holding, price)

        return _crossing(book, prices, surplus)

    def bankruptcy_price(self, book: Book, prices: Floats, state: VenueState) -> Floats:  # noqa: ARG002
        """(rows,) the nearest price of the row's asset at which equity is nothing, options revalued; NaN where none."""
        return _crossing(book, prices, lambda holding, price: holding.value(price))

    def _spread(self, book: Book, prices: Floats) -> Floats:
        """(rows,) each holding's maintenance margin, at its first row: a column that sums to what is required."""
        holdings = Holdings.of(book)
        out = np.zeros(book.rows)
        _, first = np.unique(holdings.of_row, return_index=True)
        out[first] = self.required(book, prices, holdings).maintenance
        return out


def _crossing(book: Book, prices: Floats, surplus: Surplus) -> Floats:
    """(rows,) where the subaccounts' sums of (rows,) ``surplus`` and cash pass nothing, moved by one asset's price."""
    holdings = Holdings.of(book)
    if not len(holdings):
        return np.zeros(0)
    here = holdings.summed(surplus(book, prices))
    total = book.cash + holdings.for_subaccounts(here, book)
    rest = total[holdings.subaccount] - here  # what the price does not move

    def remaining(chosen: NDArray[np.int64], price: Floats) -> Floats:
        """The surplus of the ``chosen`` holdings' subaccounts at ``price``, one for each."""
        place = np.full(len(holdings), -1)
        place[chosen] = np.arange(len(chosen))
        rows = np.flatnonzero(place[holdings.of_row] >= 0)
        alone = _alone(book, rows, place[holdings.of_row[rows]], holdings.asset[chosen], price)
        value = np.bincount(alone.asset, surplus(alone, price), len(chosen))
        return np.asarray(rest[chosen] + value)

    return nearest(remaining, prices[holdings.asset])[holdings.of_row]


def _alone(
    book: Book, rows: NDArray[np.int64], holding: NDArray[np.int64], asset: NDArray[np.int64], price: Floats
) -> Book:
    """Some rows of ``book``, every holding with an asset of its own, named as before, so that each has its price."""
    columns = ("subaccount", "kind", "size", "entry", "strike", "expiry", "volatility")
    kept = {name: getattr(book, name)[rows] for name in columns}
    names = tuple(book.assets[index] for index in asset)
    return replace(book, assets=names, marks=price, asset=holding.astype(np.int32), **kept)
