"""A book that changes with every block, revalued at the cost of what changed.

A price must move by a certain share before a subaccount can go from safe to liquidatable: by its surplus over
everything that its equity and its requirement can move by. These shares are worked out once for the whole book; at new
marks only the subaccounts whose share is passed are revalued, by the rules themselves, and all others are known to be
safe. Changed accounts are kept beside, and taken into the whole when they are many. So an answer is what valuing the
whole book would give, not an approximation of it.

This holds for rules that judge a subaccount by itself and whose requirement grows at most as fast as its rate or the
notional, whichever is more (`LinearRules` that do not count equity in their own way). For other rules, and for
subaccounts with options, everything is revalued at every block.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from rollproof.errors import Malformed
from rollproof.risk.closed.outage import book_outage
from rollproof.risk.duration import Duration
from rollproof.risk.market import Model
from rollproof.risk.table import Hinges, Table, table_of
from rollproof.venue import parts
from rollproof.venue.book import Book, Floats, Kind
from rollproof.venue.parts import Grouped, Indices
from rollproof.venue.rules.rules import LinearRules, Rules
from rollproof.venue.state import VenueState
from rollproof.venue.wrong_rows import shown

FEWEST_BESIDE = 1024  # rows kept beside the book before they are taken into it
_SLACK = 1e-9  # of a share: rounding never makes a subaccount safe


@dataclass(frozen=True, slots=True, eq=False)
class Now:
    """A venue at a block's end, money in the book's quote currency."""

    block: int
    bad_debt: float  # what bankrupt subaccounts owe beyond what they have
    bankrupt: int  # subaccounts
    liquidatable: int  # subaccounts, bankrupt ones included
    liquidatable_notional: float  # of their positions and debts, at the marks
    accounts: tuple[str, ...]  # of liquidatable subaccounts, in the book's order, each once
    revalued: int  # subaccounts that were looked at


@dataclass(frozen=True, slots=True, eq=False)
class Outage:
    """What a halt that begins now would leave, by subaccount of `Live.book`; quote."""

    probability: Floats  # (subaccounts,) that equity is below nothing at resume; NaN where there is no closed form
    bad_debt: Floats  # (subaccounts,) expected
    total: float  # expected, of those that have a closed form
    unpriced: int  # subaccounts that have none: options, or several assets


class Live:
    """A book, kept at the last block that was given."""

    def __init__(self, book: Book, rules: Rules, state: VenueState | None = None, *, block: int = 0) -> None:
        """Take a book in. Raises Unsupported where the rules do not know one of its kinds."""
        self._rules = rules
        self._state = VenueState() if state is None else state
        self._block = block
        self._names = list(book.accounts)
        self._index = {name: at for at, name in enumerate(self._names)}
        if len(self._index) < len(self._names):
            raise Malformed("live book: an account is there twice")
        # What rules count by the whole venue cannot be had from a part of it.
        self._by_parts = isinstance(rules, LinearRules) and type(rules).equity is LinearRules.equity
        self._take(replace(book, accounts=self._names))
        self._now = self._judge()

    @property
    def now(self) -> Now:
        """The venue at the last block."""
        return self._now

    @property
    def book(self) -> Book:
        """All of it at the last block, as one book. Costs what copying it costs."""
        return parts.joined(parts.where(self._base, self._alive), self._beside)

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
            changed: every account with a subaccount in it is replaced by what it says; its marks count for assets that
                are new.
            closed: accounts that have nothing any more.
            marks: new ones, by asset; others stay.
            state: the venue's, where it changed; of the assets in the order of `book`.

        Raises:
            Malformed: an older block, another quote currency, or a mark that is none. The book stays as it was.
            Unsupported: the rules do not know a kind or mode of a changed row. The book stays as it was.
        """
        if block < self._block:
            raise Malformed(f"live book: block {block} is before {self._block}")
        prices = self._marked(changed, marks or {})
        if changed is not None:
            if changed.quote != self._base.quote:
                raise Malformed(f"live book: changes are in {shown(changed.quote)}, the book in {self._base.quote}")
            self._rules.maintenance(changed, changed.marks, VenueState())  # refuses what it does not know
        if state is not None:
            self._state = state
        self._prices = prices
        self._replace(changed, set(closed))
        self._block = block
        if self._beside.rows > max(FEWEST_BESIDE, self._base.rows // 32) or state is not None:
            self._take(self.book)
        self._now = self._judge()
        return self._now

    def bad_debt(self, moves: Mapping[str, float | Floats]) -> Floats:
        """Bad debt, quote, if prices moved from the marks by these shares (-0.2: down a fifth) and nobody acted.

        Arrays (scenarios,) of one length give as many answers; assets that are not named stay. Positions in one asset
        are looked up in a table; those in several, and options, are valued for each scenario. Raises Malformed.
        """
        shares = np.broadcast_arrays(*(np.atleast_1d(np.asarray(share, dtype=np.float64)) for share in moves.values()))
        prices = np.repeat(self._prices[:, None], len(shares[0]) if shares else 1, axis=1)
        for asset, share in zip(moves, shares, strict=True):
            if asset not in self._base.assets:
                raise Malformed(f"live book: no asset {shown(asset)}")
            if not (np.isfinite(share).all() and (share > -1).all()):
                raise Malformed(f"live book: {shown(asset)} cannot move by {share.min()!r}: above -1")
            prices[self._base.assets.index(asset)] *= 1 + share
        if self._table is None:
            self._table, self._tabled = _tabulated(self._base)
        gone = np.flatnonzero(~self._alive & self._tabled)
        dense = np.flatnonzero(self._alive & ~self._tabled)
        owed = self._table.loss(prices).sum(axis=0)
        owed = np.maximum(owed - _owed(self._part(gone), prices), 0.0)
        return np.asarray(owed + _owed(self._part(dense), prices) + _owed(self._beside, prices))

    def outage(self, model: Model, duration: float | Duration) -> Outage:
        """What a halt of so many seconds, or of such a law, that begins now would leave: closed forms, all subaccounts.

        Raises Unsupported for an asset that the model does not have.
        """
        probability, bad_debt = book_outage(self.book.at(self._prices), model, duration)
        return Outage(probability, bad_debt, float(np.nansum(bad_debt)), int(np.isnan(probability).sum()))

    def _marked(self, changed: Book | None, marks: Mapping[str, float]) -> Floats:
        """(assets,) the new marks, new assets' last."""
        prices = dict(zip(self._base.assets, self._prices.tolist(), strict=True))
        if changed is not None:
            prices = dict(zip(changed.assets, changed.marks.tolist(), strict=True)) | prices
            prices = {asset: prices[asset] for asset in dict.fromkeys((*self._base.assets, *changed.assets))}
        for asset, mark in marks.items():
            if asset not in prices:
                raise Malformed(f"live book: no asset {shown(asset)}")
            prices[asset] = mark
        out = np.array(list(prices.values()), dtype=np.float64)
        if not (np.isfinite(out).all() and (out > 0).all()):
            wrong = [asset for asset, mark in prices.items() if not 0 < mark < np.inf]
            raise Malformed(f"live book: mark of {shown(wrong[0])} is not above zero")
        return out

    def _replace(self, changed: Book | None, closed: set[str]) -> None:
        """Take accounts out, and changed ones in beside the book."""
        owners = np.zeros(0, dtype=np.int64)
        if changed is not None:
            self._base = replace(self._base, assets=tuple(dict.fromkeys((*self._base.assets, *changed.assets))))
            known = np.array([self._known(changed.accounts[int(owner)]) for owner in changed.owner], dtype=np.int32)
            asset = np.array([self._base.assets.index(asset) for asset in changed.assets], dtype=np.int32)
            changed = replace(
                changed, accounts=self._names, assets=self._base.assets, owner=known,
                asset=asset[changed.asset] if changed.rows else changed.asset,
            )  # fmt: skip
            owners = np.unique(known).astype(np.int64)
        gone = np.array(sorted(self._index[name] for name in closed if name in self._index), dtype=np.int64)
        out = np.union1d(owners, gone)
        self._beside = replace(self._beside, assets=self._base.assets)
        if len(out):
            held = out[out < self._owners]
            self._alive[self._subaccounts.members(held)] = False
            self._beside = parts.where(self._beside, ~np.isin(self._beside.owner, out))
        if changed is not None:
            self._beside = parts.joined(self._beside, replace(changed, venue=self._base.venue, marks=self._base.marks))

    def _known(self, name: str) -> int:
        if name not in self._index:
            self._index[name] = len(self._names)
            self._names.append(name)
        return self._index[name]

    def _take(self, book: Book) -> None:
        """Make this the whole, with nothing beside it, and work out how far each subaccount is from trouble."""
        self._prices = getattr(self, "_prices", np.asarray(book.marks, dtype=np.float64))
        self._base = book = book.at(self._prices)
        self._alive = np.ones(book.subaccounts, dtype=np.bool_)
        self._beside = parts.where(book, np.zeros(book.subaccounts, dtype=np.bool_))
        self._rows = Grouped(book.subaccount, book.subaccounts)
        self._owners = len(self._names)
        self._subaccounts = Grouped(book.owner, self._owners)
        self._table: Table | None = None
        self._tabled = np.zeros(book.subaccounts, dtype=np.bool_)
        share = _shares(book, self._rules, self._state) if self._by_parts else np.zeros(book.subaccounts)
        self._order = np.argsort(share)
        self._share = share[self._order]

    def _judge(self) -> Now:
        """Revalue whoever can be in trouble at the marks."""
        count = len(self._prices)
        base = self._base.marks
        if self._by_parts:
            moved = float(np.abs(self._prices[: len(base)] / base - 1).max()) if len(base) else 0.0
            near = int(np.searchsorted(self._share, moved * (1 + _SLACK), side="right"))
            if near - int((self._share <= 0).sum()) > max(FEWEST_BESIDE, len(self._share) // 8):
                self._take(self.book)
                near = int(np.searchsorted(self._share, 0.0, side="right"))
            chosen = np.sort(self._order[:near])
            book = parts.joined(self._part(chosen[self._alive[chosen]]), self._beside)
        else:
            self._take(self.book)
            book = self._base
        book = replace(book, marks=self._prices)
        assert len(book.assets) == count  # noqa: S101 one mark for each
        equity = book.equity(self._prices)
        liquidatable = self._rules.liquidatable(book, self._prices, self._state)
        owed = np.where(liquidatable[book.subaccount] & (book.kind != Kind.COLLATERAL), book.notional, 0.0)
        return Now(
            self._block,
            float(np.maximum(-equity, 0.0).sum()),
            int((equity < 0).sum()),
            int(liquidatable.sum()),
            float(owed.sum()),
            tuple(dict.fromkeys(self._names[owner] for owner in book.owner[liquidatable])),
            book.subaccounts,
        )

    def _part(self, subaccounts: Indices) -> Book:
        return parts.part(self._base, subaccounts, self._rows.members(subaccounts))


def _shares(book: Book, rules: Rules, state: VenueState) -> Floats:
    """(subaccounts,) the share that all prices can move by, at most, before one falls short; 0 where one has.

    With |price / mark - 1| at most d everywhere, equity moves by at most d times the gross value, and surplus over the
    requirement by at most d times the gross value as it counts and the requirement's own: each row's notional times
    the larger of 1 and its rate.
    """
    assert isinstance(rules, LinearRules)  # noqa: S101
    marks = book.marks
    equity = book.equity(marks)
    surplus = rules.equity(book, marks, state) - rules.maintenance(book, marks, state)
    gross = book.summed(book.notional)
    required = np.maximum(rules.rates(book, marks, state).maintenance, 1.0)
    counted = book.summed(book.notional * (np.abs(rules.weights(book, state)) + required))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.minimum(equity / gross, surplus / counted)
    share = np.where(gross > 0, share, np.where((equity < 0) | (surplus < 0), 0.0, np.inf))
    share[book.subaccount[book.optional]] = 0.0
    return np.maximum(share, 0.0)


def _tabulated(book: Book) -> tuple[Table, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Losses of subaccounts that one asset's price moves, as tables; and (subaccounts,) which ones those are."""
    pair = book.subaccount.astype(np.int64) * len(book.assets) + book.asset
    moved, inverse = np.unique(pair, return_inverse=True)
    slope = np.bincount(inverse, book.slope())
    subaccount, asset = moved // len(book.assets), moved % len(book.assets)
    several = np.bincount(subaccount, minlength=book.subaccounts) != 1
    several |= book.summed(book.optional.astype(np.float64)) > 0
    fixed = book.cash - book.summed(np.where(book.kind == Kind.PERPETUAL, book.size * book.entry, 0.0))
    chosen = ~several[subaccount] & (slope != 0)
    tabled = np.zeros(book.subaccounts, dtype=np.bool_)
    tabled[subaccount[chosen]] = True
    at = -fixed[subaccount[chosen]] / slope[chosen]
    hinges = Hinges(asset[chosen], at, np.abs(slope[chosen]), slope[chosen] > 0)
    return table_of(hinges, len(book.assets)), tabled


def _owed(book: Book, prices: Floats) -> Floats:
    """(scenarios,) what bankrupt subaccounts owe at ``prices`` (assets, scenarios), quote."""
    if not book.subaccounts:
        return np.zeros(prices.shape[1])
    return np.array([float(np.maximum(-book.equity(column), 0.0).sum()) for column in prices.T])
