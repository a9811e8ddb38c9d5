"""A book that changes with every block, revalued at the cost of what changed.

At new marks only the subaccounts that can be in trouble by then (`risk.distance`) are revalued, by the rules
themselves; all others are known to be safe. Changed accounts are kept beside the book, and taken into it when they are
many. So an answer is what valuing the whole book would give, not an approximation. For rules that count the venue as a
whole, and for subaccounts with options, the whole, or those, are revalued at every block.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from rollproof.errors import Malformed
from rollproof.risk import distance
from rollproof.risk.closed.outage import book_outage
from rollproof.risk.duration import Duration
from rollproof.risk.market import Model
from rollproof.risk.terminal.exposure import Exposure, exposure_of
from rollproof.venue import parts
from rollproof.venue.book import Book, Floats, Kind
from rollproof.venue.parts import Grouped, Mask
from rollproof.venue.rules.rules import Rules
from rollproof.venue.state import VenueState
from rollproof.venue.wrong_rows import shown

FEWEST_BESIDE = 1024  # rows, or subaccounts, that never make a whole book worth working out anew


@dataclass(frozen=True, slots=True, eq=False)
class Now:
    """A venue at a block's end, money in the book's quote currency."""

    block: int
    bad_debt: float  # what bankrupt subaccounts owe beyond what they have
    bankrupt: int  # subaccounts
    liquidatable: int  # subaccounts, bankrupt ones included
    liquidatable_notional: float  # of their positions and debts, at the marks
    accounts: tuple[str, ...]  # of liquidatable subaccounts, each once
    revalued: int  # subaccounts that were looked at


@dataclass(frozen=True, slots=True, eq=False)
class Outage:
    """What a halt that begins now would leave, by subaccount of `Live.book`; quote."""

    probability: Floats  # (subaccounts,) that equity is below nothing at resume; NaN where there is no closed form
    bad_debt: Floats  # (subaccounts,) expected
    total: float  # expected, of those that have a closed form
    unpriced: int  # subaccounts that have none: options, or several assets


class _Whole:
    """A book as it was at some block, and what was worked out of it."""

    def __init__(self, book: Book, rules: Rules, state: VenueState) -> None:
        self.book = book
        self.rows = Grouped(book.subaccount, book.subaccounts)
        self.owners = len(book.accounts)
        self.owned = Grouped(book.owner, self.owners)
        linear = distance.bounded(rules)
        self.distances = None if linear is None else distance.Distances(book, linear, state)

    @cached_property
    def exposure(self) -> Exposure:
        """Its bad debt at any prices."""
        return exposure_of(self.book)


@dataclass(frozen=True, slots=True, eq=False)
class _Held:
    """The book at a block: the whole less what is gone, and what changed since, beside it."""

    whole: _Whole
    alive: Mask  # (subaccounts of the whole,)
    beside: Book  # of all assets, the whole's first
    prices: Floats  # (assets,) now
    state: VenueState

    @classmethod
    def of(cls, book: Book, rules: Rules, state: VenueState) -> _Held:
        everybody = np.ones(book.subaccounts, dtype=np.bool_)
        return cls(_Whole(book, rules, state), everybody, parts.where(book, ~everybody), book.marks, state)

    @property
    def book(self) -> Book:
        living = parts.where(self.whole.book, self.alive)
        return parts.joined(replace(living, assets=self.beside.assets, marks=self.prices), self.beside)

    def taken(self, rules: Rules) -> _Held:
        """With nothing beside it."""
        return _Held.of(self.book, rules, self.state)

    def some(self, subaccounts: parts.Indices) -> Book:
        """Of the whole, at the marks of now."""
        chosen = parts.part(self.whole.book, subaccounts, self.whole.rows.members(subaccounts))
        return replace(chosen, assets=self.beside.assets, marks=self.prices)


class Live:
    """A book, kept at the last block that was given."""

    def __init__(self, book: Book, rules: Rules, state: VenueState | None = None, *, block: int = 0) -> None:
        """Take a book in. Raises Unsupported where the rules do not know one of its kinds or modes."""
        self._rules, self._block = rules, block
        self._names = list(book.accounts)
        self._index = {name: at for at, name in enumerate(self._names)}
        if len(self._index) < len(self._names):
            raise Malformed("live book: an account is there twice")
        held = _Held.of(replace(book, accounts=self._names), rules, state or VenueState())
        self._held, self._now = self._judged(held, block)

    @property
    def now(self) -> Now:
        """The venue at the last block."""
        return self._now

    @property
    def book(self) -> Book:
        """All of it at the last block, as one book. Costs what copying it costs."""
        return replace(self._held.book, accounts=tuple(self._names))

    def update(
        self,
        *,
        block: int,
        changed: Book | None = None,
        closed: Iterable[str] = (),
        marks: Mapping[str, float] | None = None,
        state: VenueState | None = None,
    ) -> Now:
        """Go to another block.

        Args:
            block: its number, not below the last.
            changed: every account with a subaccount in it is replaced by what it says. Its marks count for assets that
                are new.
            closed: accounts that have nothing any more.
            marks: new ones, by asset; others stay.
            state: the venue's, where it changed, with assets in the order of `book`, new ones last. Rules that read
                open interest or skew from it are then asked about the whole book.

        Raises:
            Malformed: an older block, another quote currency, or a mark that is none. The book stays as it was.
            Unsupported: the rules do not know a kind or mode of a changed row. The book stays as it was.
        """
        if block < self._block:
            raise Malformed(f"live book: block {block} is before {self._block}")
        held = self._marked(changed, marks or {})
        held = self._replaced(held, changed, closed)
        if state is not None:
            held = replace(held, state=state)
        if state is not None or held.beside.rows > max(FEWEST_BESIDE, held.whole.book.rows // 32):
            held = held.taken(self._rules)
        self._held, self._now = self._judged(held, block)
        self._block = block
        return self._now

    def bad_debt(self, moves: Mapping[str, float | Floats]) -> Floats:
        """Bad debt, quote, if prices moved from the marks by these shares (-0.2: down a fifth) and nobody acted.

        Arrays (scenarios,) of one length give as many answers; assets that are not named stay. Looked up in a table
        where one asset moves a subaccount, so to 1e-12 of what the table has. Raises Malformed.
        """
        held, exposure = self._held, self._held.whole.exposure
        prices = self._moved(moves)
        whole = exposure.owed + exposure.bad_debt(prices[exposure.chosen], np.zeros(prices.shape[1])).sum(axis=0)
        gone = _owed(held.some(np.flatnonzero(~held.alive)), prices)
        return np.asarray(np.maximum(whole - gone, 0.0) + _owed(held.beside, prices))

    def outage(self, model: Model, duration: float | Duration) -> Outage:
        """What a halt of so many seconds, or of such a law, that begins now would leave: closed forms, all subaccounts.

        Raises Unsupported for an asset that the model does not have.
        """
        probability, bad_debt = book_outage(self._held.book, model, duration)
        return Outage(probability, bad_debt, float(np.nansum(bad_debt)), int(np.isnan(probability).sum()))

    def _moved(self, moves: Mapping[str, float | Floats]) -> Floats:
        """(assets, scenarios) prices."""
        held, columns = self._held, {}
        for asset, given in moves.items():
            share = np.atleast_1d(np.asarray(given, dtype=np.float64))
            if asset not in held.beside.assets:
                raise Malformed(f"live book: no asset {shown(asset)}")
            if share.ndim > 1 or not (np.isfinite(share).all() and (share > -1).all()):
                raise Malformed(f"live book: {shown(asset)} moves by numbers above -1")
            columns[held.beside.assets.index(asset)] = 1 + share
        sizes = {len(column) for column in columns.values()} - {1}
        if len(sizes) > 1:
            raise Malformed(f"live book: moves of {', '.join(map(str, sorted(sizes)))} scenarios at once")
        prices = np.repeat(held.prices[:, None], next(iter(sizes), 1), axis=1)
        for at, column in columns.items():
            prices[at] *= column
        return prices

    def _marked(self, changed: Book | None, marks: Mapping[str, float]) -> _Held:
        """With new marks, and assets that are new at the end."""
        held = self._held
        prices = dict(zip(held.beside.assets, held.prices.tolist(), strict=True))
        if changed is not None:
            for asset, mark in zip(changed.assets, changed.marks.tolist(), strict=True):
                prices.setdefault(asset, mark)
        for asset, mark in marks.items():
            if asset not in prices:
                raise Malformed(f"live book: no asset {shown(asset)}")
            prices[asset] = mark
        for asset, mark in prices.items():
            if not 0 < mark < np.inf:
                raise Malformed(f"live book: mark {mark!r} of {shown(asset)} is not above zero")
        out = np.array(list(prices.values()), dtype=np.float64)
        return replace(held, prices=out, beside=replace(held.beside, assets=tuple(prices), marks=out))

    def _replaced(self, held: _Held, changed: Book | None, closed: Iterable[str]) -> _Held:
        """With accounts taken out, and changed ones put in beside."""
        out = {self._index[name] for name in closed if name in self._index}
        beside = held.beside
        if changed is not None:
            if changed.quote != beside.quote:
                raise Malformed(f"live book: changes are in {shown(changed.quote)}, the book in {beside.quote}")
            self._rules.maintenance(changed, changed.marks, VenueState())  # refuses what it does not know
            owner = np.array([self._known(changed.accounts[int(at)]) for at in changed.owner], dtype=np.int32)
            asset = np.array([beside.assets.index(asset) for asset in changed.assets], dtype=np.int32)
            out.update(owner.tolist())
            changed = replace(changed, owner=owner, asset=asset[changed.asset] if changed.rows else changed.asset)
        gone = np.array(sorted(out), dtype=np.int64)
        alive = held.alive
        if len(gone):
            alive = alive.copy()
            alive[held.whole.owned.members(gone[gone < held.whole.owners])] = False
            beside = parts.where(beside, ~np.isin(beside.owner, gone))
        if changed is not None:
            beside = parts.joined(beside, changed)
        return replace(held, alive=alive, beside=beside)

    def _known(self, name: str) -> int:
        if name not in self._index:
            self._index[name] = len(self._names)
            self._names.append(name)
        return self._index[name]

    def _judged(self, held: _Held, block: int) -> tuple[_Held, Now]:
        """Revalue whoever can be in trouble at the marks; where those are many, take the book in anew."""
        if held.whole.distances is None:
            held = held if held.alive.all() and not held.beside.subaccounts else held.taken(self._rules)
            book = replace(held.whole.book, assets=held.beside.assets, marks=held.prices)
        else:
            near = held.whole.distances.near(held.prices)
            if len(near) - held.whole.distances.short > max(FEWEST_BESIDE, held.whole.book.subaccounts // 8):
                held = held.taken(self._rules)
                assert held.whole.distances is not None  # noqa: S101 the rules are the same
                near = held.whole.distances.near(held.prices)
            book = parts.joined(held.some(near[held.alive[near]]), held.beside)
        equity = book.equity(held.prices)
        liquidatable = self._rules.liquidatable(book, held.prices, held.state)
        exposed = np.where(liquidatable[book.subaccount] & (book.kind != Kind.COLLATERAL), book.notional, 0.0)
        names = dict.fromkeys(self._names[owner] for owner in book.owner[liquidatable])
        return held, Now(
            block, float(np.maximum(-equity, 0.0).sum()), int((equity < 0).sum()), int(liquidatable.sum()),
            float(exposed.sum()), tuple(names), book.subaccounts,
        )  # fmt: skip


def _owed(book: Book, prices: Floats) -> Floats:
    """(scenarios,) what bankrupt subaccounts owe at ``prices`` (assets, scenarios), quote."""
    if not book.subaccounts:
        return np.zeros(prices.shape[1])
    return np.array([float(np.maximum(-book.equity(column), 0.0).sum()) for column in prices.T])
