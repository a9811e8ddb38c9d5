"""A book under linear rules, laid out for the kernels.

A subaccount's surplus, equity as the rules count it less maintenance margin, is affine in prices. Its *reach* is how
far, relative to the marks, the price that moved most must have moved before the surplus can be gone: surplus at the
marks by the sum of its sensitivities to each price. For a position of its own that is the distance to the liquidation
price. Subaccounts are laid out by rising reach, so at any time only a head of the columns has to be looked at.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rollproof.errors import Malformed, Unsupported
from rollproof.risk.cascade.conduct import Conduct
from rollproof.risk.liquidity import Liquidity
from rollproof.venue.book import Book, Floats, Ints, Kind, Mode
from rollproof.venue.rules.rules import LinearRules, Rules
from rollproof.venue.state import VenueState


class Columns(NamedTuple):
    """All subaccounts, by rising reach."""

    # (assets,)
    marks: Floats
    share: Floats  # of the book's notional
    # (subaccounts,)
    subaccount: NDArray[np.int64]  # index in the book
    reach: Floats
    cash: Floats
    charges: Floats  # taken off equity while anything is open
    notional: Floats  # of what can be liquidated, at the marks
    first: NDArray[np.int64]  # (subaccounts + 1,) rows of each
    by_size: NDArray[np.int64]  # (subaccounts,) rank, the largest first
    # (rows,)
    asset: Ints
    slope: Floats
    entry: Floats
    weight: Floats  # share of the row's value that counts
    perpetual: NDArray[np.bool_]
    collateral: NDArray[np.bool_]
    maintenance: Floats  # quote per unit of price
    maintenance_fixed: Floats
    initial: Floats
    initial_fixed: Floats
    step: Floats  # share that one liquidation closes
    row_notional: Floats  # at the marks; 0 for collateral


class Depths(NamedTuple):
    """(2, assets) impact calm and stressed, in units of `risk.liquidity`; (assets,) seconds."""

    square_root: Floats
    linear: Floats
    half_life: Floats

    @classmethod
    def of(cls, liquidity: Liquidity) -> Depths:
        depth = np.stack((np.ones(len(liquidity.assets)), liquidity.stress_depth))
        half_life = np.asarray(liquidity.half_life_seconds, dtype=np.float64)
        return cls(liquidity.square_root / np.sqrt(depth), liquidity.linear / depth, half_life)

    @property
    def none(self) -> Depths:
        """The same markets, moved by no order."""
        return Depths(np.zeros_like(self.square_root), np.zeros_like(self.linear), self.half_life)


def columns(book: Book, rules: Rules, state: VenueState, does: Conduct) -> Columns:
    """Raises Unsupported for what is not linear: options, portfolio margin, families with scenarios."""
    linear = _linear(book, rules)
    if not np.isfinite(book.marks).all() or (book.marks <= 0).any():
        raise Malformed("cascade: a mark price is not above zero")
    rates = linear.rates(book, book.marks, state)
    weight = np.asarray(linear.weights(book, state), dtype=np.float64)
    charges = book.summed(linear.charges(book, state))
    held, owed = book.kind == Kind.COLLATERAL, book.kind == Kind.DEBT
    size, slope = np.abs(book.size), book.slope()
    maintenance, initial = rates.maintenance * size, rates.initial * size
    called = maintenance + does.call * (initial - maintenance)
    called_fixed = rates.maintenance_fixed + does.call * (rates.initial_fixed - rates.maintenance_fixed)
    surplus = linear.equity(book, book.marks, state) - book.summed(called * book.marks[book.asset] + called_fixed)
    reach = _reach(book, surplus, slope * weight, called, moved_by_funding=_funded(does))
    by_reach = np.argsort(reach, kind="stable")
    place = np.empty_like(by_reach)
    place[by_reach] = np.arange(len(by_reach))
    rows = np.argsort(place[book.subaccount], kind="stable")
    counts = np.bincount(book.subaccount, minlength=book.subaccounts)[by_reach]
    row_notional = np.where(held, 0.0, book.notional)
    notional = book.summed(row_notional)
    by_size = np.empty_like(by_reach)
    by_size[np.argsort(-notional[by_reach], kind="stable")] = np.arange(len(by_reach))
    of_assets = np.bincount(book.asset, row_notional, len(book.assets))
    total = of_assets.sum()
    return Columns(
        marks=book.marks.astype(np.float64),
        share=of_assets / total if total > 0 else np.zeros(len(book.assets)),
        subaccount=by_reach,
        reach=reach[by_reach],
        cash=book.cash[by_reach].astype(np.float64),
        charges=charges[by_reach],
        notional=notional[by_reach],
        first=np.concatenate((np.zeros(1, np.int64), np.cumsum(counts))),
        by_size=by_size,
        asset=book.asset[rows],
        slope=slope[rows],
        entry=np.where(book.kind == Kind.PERPETUAL, book.entry, 0.0)[rows],
        weight=weight[rows],
        perpetual=~(held | owed)[rows],
        collateral=held[rows],
        maintenance=maintenance[rows],
        maintenance_fixed=rates.maintenance_fixed[rows].astype(np.float64),
        initial=initial[rows],
        initial_fixed=rates.initial_fixed[rows].astype(np.float64),
        step=np.asarray(linear.liquidation_step(book, book.marks, state), dtype=np.float64)[rows],
        row_notional=row_notional[rows],
    )


def _linear(book: Book, rules: Rules) -> LinearRules:
    if not isinstance(rules, LinearRules):
        raise Unsupported(f"cascade: {rules.family} margin is not linear in prices; the terminal layer prices it")
    if options := int(book.optional.sum()):
        raise Unsupported(f"cascade: {options} of {book.rows} rows are options; the terminal layer prices them")
    if portfolios := int((book.mode == Mode.PORTFOLIO).sum()):
        raise Unsupported(
            f"cascade: {portfolios} of {book.subaccounts} subaccounts are portfolio-margined; "
            "the terminal layer prices them"
        )
    return rules


def _funded(does: Conduct) -> bool:
    return bool(does.rate.any() or does.premium)


def _reach(book: Book, surplus: Floats, slope: Floats, needed: Floats, *, moved_by_funding: bool) -> Floats:
    """(subaccounts,) see the module's head; infinite where no price matters."""
    pair = book.subaccount.astype(np.int64) * len(book.assets) + book.asset
    pairs, inverse = np.unique(pair, return_inverse=True)
    sensitive = np.abs(np.bincount(inverse, slope - needed, len(pairs)))
    if moved_by_funding:
        own = np.where(book.kind == Kind.PERPETUAL, slope, 0.0)
        sensitive = np.maximum(sensitive, np.abs(np.bincount(inverse, own, len(pairs))))
    sensitive = sensitive * book.marks[pairs % len(book.assets)]
    total = np.bincount(pairs // len(book.assets), sensitive, book.subaccounts)
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.where(total > 0, surplus / total, np.inf)
    return np.where(surplus <= 0, 0.0, reach * (1 - 1e-9))  # rounding must not hide who is just beyond
