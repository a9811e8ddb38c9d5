"""How far prices must move before a subaccount can be in trouble: a bound that a whole book is sorted by once.

Let all prices move by a share of at most d. A subaccount's equity then moves by at most d times its gross value, and
its surplus (equity as the rules count it, less what they require) by at most d times the gross value as it counts and
as it is required of. So as long as d is below equity by gross value, and surplus by its bound, nothing can have become
short, and nobody needs to look.

This holds for rules that judge a subaccount by itself and whose requirement of a row moves at most as fast as its rate
or its notional, whichever is more: the `LinearRules` that leave equity, maintenance and their comparison as they are.
"""

from __future__ import annotations

import numpy as np

from rollproof.venue.book import Book, Floats
from rollproof.venue.parts import Grouped, Indices
from rollproof.venue.rules.rules import LinearRules, Rules
from rollproof.venue.state import VenueState

_SLACK = 1e-9  # of a share: rounding never makes a subaccount safe


def bounded(rules: Rules) -> LinearRules | None:
    """The rules, where the bound holds for them."""
    if not isinstance(rules, LinearRules):
        return None
    own = type(rules)
    kept = own.equity is LinearRules.equity and own.maintenance is LinearRules.maintenance
    return rules if kept and own.liquidatable is Rules.liquidatable else None


def shares(book: Book, rules: LinearRules, state: VenueState) -> Floats:
    """(subaccounts,) the bound at the book's marks: 0 where something is short already, and where there are options."""
    equity = book.equity(book.marks)
    surplus = rules.equity(book, book.marks, state) - rules.maintenance(book, book.marks, state)
    gross = book.summed(book.notional)
    required = np.maximum(rules.rates(book, book.marks, state).maintenance, 1.0)
    counted = book.summed(book.notional * (np.abs(rules.weights(book, state)) + required))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.minimum(equity / gross, surplus / counted)
    share = np.where(gross > 0, share, np.where((equity < 0) | (surplus < 0), 0.0, np.inf))
    share[book.subaccount[book.optional]] = 0.0
    return np.maximum(share, 0.0)


class Distances:
    """Subaccounts of a book by how near they are to trouble."""

    def __init__(self, book: Book, rules: LinearRules, state: VenueState) -> None:
        """At the book's marks."""
        share = shares(book, rules, state)
        self._marks = book.marks
        self._order = np.argsort(share)
        self._share = share[self._order]
        self._rows = Grouped(book.subaccount, book.subaccounts)

    @property
    def short(self) -> int:
        """How many are in trouble at the marks already, or have no bound."""
        return int(np.searchsorted(self._share, 0.0, side="right"))

    def near(self, prices: Floats) -> Indices:
        """Subaccounts, rising, that can be in trouble at ``prices``, of which the book's assets are the first."""
        moved = float(np.abs(prices[: len(self._marks)] / self._marks - 1).max(initial=0.0))
        return np.sort(self._order[: np.searchsorted(self._share, moved * (1 + _SLACK), side="right")])
