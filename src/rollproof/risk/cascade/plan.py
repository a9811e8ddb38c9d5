"""A book under linear rules, laid out for the kernels.

A subaccount's surplus, equity as the rules count it less maintenance margin, is affine in prices. Its *reach* is how
far, relative to the marks, the price that moved most must have moved before the surplus can be gone: surplus at the
marks by the sum of its sensitivities to each price. For a position of its own that is the distance to the liquidation
price. Subaccounts are laid out by rising reach, so at any time only a head of them has to be looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rollproof.errors import Malformed, Unsupported
from rollproof.risk.cascade.conduct import Conduct
from rollproof.risk.cascade.layout import ASSET, ROW, SUBACCOUNT, Records
from rollproof.risk.liquidity import Liquidity
from rollproof.venue.book import Book, Floats, Kind, Mode
from rollproof.venue.rules.rules import LinearRules, Rules, open_interest
from rollproof.venue.state import VenueState


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """See the module's head."""

    assets: Records  # (2, assets) calm and stressed
    free: Records  # the same where no order moves a price
    subaccounts: Records  # by rising reach
    rows: Records  # in their order

    @property
    def notional(self) -> float:
        """Of all that can be liquidated, at the marks."""
        return float(self.subaccounts["notional"].sum())


def plan(book: Book, rules: Rules, state: VenueState, does: Conduct, liquidity: Liquidity) -> Plan:
    """Raises Unsupported for what is not linear: options, portfolio margin, families with scenarios."""
    linear = _linear(book, rules)
    if not np.isfinite(book.marks).all() or (book.marks <= 0).any():
        raise Malformed("cascade: a mark price is not above zero")
    rates = linear.rates(book, book.marks, state)
    weight = np.asarray(linear.weights(book, state), dtype=np.float64)
    held, owed = book.kind == Kind.COLLATERAL, book.kind == Kind.DEBT
    size, slope = np.abs(book.size), book.slope()
    maintenance, initial = rates.maintenance * size, rates.initial * size
    needed = book.summed(maintenance * book.marks[book.asset] + rates.maintenance_fixed)
    # What a family asks of a subaccount beside its rows stays as it is at the marks.
    beside = linear.maintenance(book, book.marks, state) - needed
    called = maintenance + does.call * (initial - maintenance)
    called_fixed = rates.maintenance_fixed + does.call * (rates.initial_fixed - rates.maintenance_fixed)
    surplus = linear.equity(book, book.marks, state) - beside
    surplus -= book.summed(called * book.marks[book.asset] + called_fixed)
    sensitive = _sensitive(book, slope * weight, called, moved_by_funding=does.funded)
    reach = _reach(surplus, sensitive)
    by_reach = np.argsort(reach, kind="stable")
    place = np.empty_like(by_reach)
    place[by_reach] = np.arange(len(by_reach))
    order = np.argsort(place[book.subaccount], kind="stable")
    row_notional = np.where(held, 0.0, book.notional)
    # Quote that is owed is repaid out of collateral in a liquidation.
    owing = np.where(book.summed(held.astype(np.float64)) > 0, np.maximum(-book.cash, 0.0), 0.0)

    rows = np.zeros(book.rows, ROW)
    rows["slope"], rows["weight"], rows["notional"] = slope, weight, row_notional
    rows["entry"] = np.where(book.kind == Kind.PERPETUAL, book.entry, 0.0)
    rows["maintenance"], rows["maintenance_fixed"] = maintenance, rates.maintenance_fixed
    rows["initial"], rows["initial_fixed"] = initial, rates.initial_fixed
    step = linear.liquidation_step(book, book.marks, state)
    rows["step"] = np.where(step > 0, step, 1.0)  # a family whose step is none while nobody is short closes all
    rows["asset"], rows["perpetual"], rows["collateral"] = book.asset, ~(held | owed), held

    subaccounts = np.zeros(book.subaccounts, SUBACCOUNT)
    subaccounts["reach"], subaccounts["sensitive"], subaccounts["cash"] = reach, sensitive, book.cash
    subaccounts["charges"] = book.summed(linear.charges(book, state)) + beside
    subaccounts["step"] = rules.liquidation.step
    subaccounts["notional"] = book.summed(row_notional) + owing
    subaccounts = subaccounts[by_reach]
    ends = np.cumsum(np.bincount(book.subaccount, minlength=book.subaccounts)[by_reach])
    subaccounts["end"], subaccounts["first"][1:] = ends, ends[:-1]
    subaccounts["summed"] = np.cumsum(subaccounts["notional"]) - subaccounts["notional"]
    subaccounts["subaccount"] = by_reach
    subaccounts["by_size"][np.argsort(-subaccounts["notional"], kind="stable")] = np.arange(book.subaccounts)

    of_assets = np.bincount(book.asset, row_notional, len(book.assets))
    total = of_assets.sum()
    share = of_assets / total if total > 0 else np.full(len(book.assets), 1 / len(book.assets))
    assets = _assets(book, state, does, liquidity, share)
    free = assets.copy()
    free["square_root"], free["linear"] = 0.0, 0.0
    return Plan(assets, free, subaccounts, rows[order])


def _assets(book: Book, state: VenueState, does: Conduct, liquidity: Liquidity, share: Floats) -> Records:
    markets = liquidity.only(book.assets)
    depth = np.stack((np.ones(len(book.assets)), markets.stress_depth))
    assets = np.zeros((2, len(book.assets)), ASSET)
    assets["mark"], assets["share"] = book.marks, share
    assets["square_root"], assets["linear"] = markets.square_root / np.sqrt(depth), markets.linear / depth
    assets["half_life"] = markets.half_life_seconds
    assets["throughput"], assets["funding"] = does.throughput, does.funding
    assets["exposed"] = does.traded * open_interest(book, state) * book.marks
    return assets


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


def _sensitive(book: Book, slope: Floats, needed: Floats, *, moved_by_funding: bool) -> Floats:
    """(subaccounts,) quote that the surplus moves by, at most, when no price moves by more than its mark."""
    pair = book.subaccount.astype(np.int64) * len(book.assets) + book.asset
    pairs, inverse = np.unique(pair, return_inverse=True)
    sensitive = np.abs(np.bincount(inverse, slope - needed, len(pairs)))
    if moved_by_funding:
        own = np.where(book.kind == Kind.PERPETUAL, slope, 0.0)
        sensitive = np.maximum(sensitive, np.abs(np.bincount(inverse, own, len(pairs))))
    sensitive = sensitive * book.marks[pairs % len(book.assets)]
    return np.bincount(pairs // len(book.assets), sensitive, book.subaccounts).astype(np.float64)


def _reach(surplus: Floats, sensitive: Floats) -> Floats:
    """(subaccounts,) see the module's head; infinite where no price matters."""
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.where(sensitive > 0, surplus / sensitive, np.inf)
    return np.where(surplus <= 0, 0.0, reach * (1 - 1e-9))  # rounding must not hide who is just beyond
