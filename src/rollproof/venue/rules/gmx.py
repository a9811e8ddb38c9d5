"""GMX v2: margin of the size at entry, price impact, and a pool as counterparty of all profit.

gmx-io/gmx-synthetics@a5c0c88: contracts/position/PositionUtils.sol (isPositionLiquidatable), pricing/PricingUtils.sol,
market/MarketUtils.sol, adl/AdlUtils.sol, oracle/Oracle.sol; defaults of config/markets.ts and general.ts; README.md.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from rollproof.venue.book import Book, Floats, Ints, Kind
from rollproof.venue.rules import parameters
from rollproof.venue.rules.rules import Backstop, LinearRules, Liquidation, Rates, open_interest, skew
from rollproof.venue.state import VenueState


class Gmx(LinearRules, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """GMX v2. Money in USD; a position's size is its value at entry (sizeInUsd)."""

    family: ClassVar[str] = "gmx"
    source: ClassVar[str] = "gmx-io/gmx-synthetics@a5c0c88, defaults of config/markets.ts and config/general.ts"
    assumes: ClassVar[tuple[str, ...]] = (
        "one price for an asset, where the oracle gives a lowest and a highest",
        "all markets share the one pool of the state, half of it behind longs and half behind shorts",
        "open interest beyond the book's own is valued at the book's marks, not at its entry prices",
        "borrowing and funding that is owed is in the book's cash; the funding rate does not adapt",
        "liquidation prices count the cap on profits as it is at the prices asked about",
        "virtual inventories are left out",
    )
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.PERPETUAL, Kind.COLLATERAL})
    by_market: ClassVar[tuple[str, ...]] = (
        "min_collateral_factor", "min_collateral_factor_for_liquidation", "open_interest_multiplier",
        "negative_impact_factor", "positive_impact_factor", "impact_exponent", "max_impact_for_liquidation",
        "funding_factor", "funding_exponent",
    )  # fmt: skip

    min_collateral_factor: float = 0.01  # of size
    min_collateral_factor_for_liquidation: float = 0.01
    open_interest_multiplier: float = 0.0  # of a side's open interest (USD): raises the factor asked of a new position
    min_collateral: float = 1.0  # USD, of each position
    position_fee: float = 0.0007  # of size, for an order that makes the imbalance larger
    negative_impact_factor: float = 1e-7
    positive_impact_factor: float = 5e-8
    impact_exponent: float = 2.0
    max_impact_for_liquidation: float = 0.0  # of size: what impact can take off a position that is judged
    max_profit_factor: float = 0.9  # of the pool's side: traders' profit beyond it is not counted
    adl_factor: float = 1.0  # of the pool's side: profit beyond it is deleveraged
    adl_until: float = 0.9
    funding_factor: float = 2e-8  # a second
    funding_exponent: float = 1.0

    liquidation: Liquidation = Liquidation(
        penalty=0.002,  # liquidationFeeFactor; keepers are paid their gas
        grace_seconds=300.0,  # sequencerGraceDuration: nothing executes, no top-up either
    )
    backstop: Backstop = Backstop(fund_first=False)  # the pool pays

    def __post_init__(self) -> None:
        LinearRules.__post_init__(self)
        parameters.shares(
            self, "min_collateral_factor", "min_collateral_factor_for_liquidation", "position_fee",
            "max_impact_for_liquidation",
        )  # fmt: skip
        parameters.at_most(self, "min_collateral_factor_for_liquidation", "min_collateral_factor")
        parameters.at_least_zero(
            self, "open_interest_multiplier", "min_collateral", "negative_impact_factor", "positive_impact_factor",
            "max_profit_factor", "adl_factor", "adl_until", "funding_factor", "funding_exponent",
        )  # fmt: skip
        parameters.above_zero(self, "impact_exponent")
        parameters.at_most(self, "adl_until", "adl_factor")

    def rates_at(self, book: Book, price: Floats, state: VenueState) -> Rates:  # noqa: ARG002
        at, size = book.asset, _size(book)
        longs, shorts = self.sides(book, state)
        side = np.where(book.size > 0, longs[at], shorts[at])
        by_interest = self.column(book, "open_interest_multiplier")[at] * side
        factor = np.maximum(self.column(book, "min_collateral_factor")[at], np.minimum(by_interest, 1.0))
        lower = self.column(book, "min_collateral_factor_for_liquidation")[at]
        none = np.zeros(book.rows)
        return Rates.of_perpetuals(
            book,
            none,
            none,
            np.maximum(factor * size, self.min_collateral),
            np.maximum(lower * size, self.min_collateral),
        )

    def equity(self, book: Book, prices: Floats, state: VenueState) -> Floats:
        """(subaccounts,) collateral and profit as far as the pool may pay it, less fee and impact of closing."""
        profit = np.where(book.kind == Kind.PERPETUAL, np.maximum(book.value(prices), 0.0), 0.0)
        payable = self.payable_share(book, prices, state)
        unpaid = profit * (1 - np.where(book.size > 0, payable[0], payable[1]))
        return LinearRules.equity(self, book, prices, state) - book.summed(unpaid)

    def charges(self, book: Book, state: VenueState) -> Floats:
        """(rows,) fee and negative price impact of closing the position; positive impact counts for nothing."""
        size = _size(book)
        most = self.column(book, "max_impact_for_liquidation")[book.asset] * size
        worse = np.maximum(-self.closing_impact(book, state), 0.0)
        return self.position_fee * size + np.minimum(worse, most)

    def closing_impact(self, book: Book, state: VenueState) -> Floats:
        """(rows,) price impact of closing each position alone, USD; below zero a cost."""
        longs, shorts = self.sides(book, state)
        at, signed = book.asset, np.sign(book.size) * _size(book)
        before = (longs - shorts)[at]
        return self.impact(book, at, before, before - signed)

    def impact(self, book: Book, asset: Ints, before: Floats, after: Floats) -> Floats:
        """Price impact, USD, of moving an asset's imbalance (longs less shorts, USD) from ``before`` to ``after``."""
        worse = self.column(book, "negative_impact_factor")[asset]
        better = np.minimum(self.column(book, "positive_impact_factor")[asset], worse)
        return price_impact(before, after, better, worse, self.column(book, "impact_exponent")[asset])

    def sides(self, book: Book, state: VenueState) -> tuple[Floats, Floats]:
        """(assets,) open interest of longs and of shorts, USD at entry (the rest of the venue's at the marks)."""
        larger, net = open_interest(book, state), skew(book, state)
        longs = _side(book, book.size > 0, larger - np.maximum(-net, 0.0))
        return longs, _side(book, book.size < 0, larger - np.maximum(net, 0.0))

    def profit_factor(self, book: Book, prices: Floats, state: VenueState) -> tuple[float, float]:
        """Longs' and shorts' unrealised profit by their half of the pool; 0 where they lose or nothing bounds it."""
        value = np.where(book.kind == Kind.PERPETUAL, book.value(prices), 0.0)
        made = [max(float(value[side].sum()), 0.0) for side in (book.size > 0, book.size < 0)]
        half = state.pool / 2
        longs, shorts = (each / half if half > 0 else np.inf if each > 0 else 0.0 for each in made)
        return longs, shorts

    def payable_share(self, book: Book, prices: Floats, state: VenueState) -> tuple[float, float]:
        """Share of longs' and shorts' profits that counts: below 1 where the pool is too small (getPositionPnlUsd)."""
        factors = self.profit_factor(book, prices, state)
        longs, shorts = (min(1.0, self.max_profit_factor / each) if each else 1.0 for each in factors)
        return longs, shorts

    def deleverages(self, book: Book, prices: Floats, state: VenueState) -> tuple[bool, bool]:
        """Whether longs, and shorts, in profit may be closed against their will (isPnlFactorExceeded)."""
        longs, shorts = self.profit_factor(book, prices, state)
        return longs > self.adl_factor, shorts > self.adl_factor

    def funding_rate(self, book: Book, prices: Floats, state: VenueState) -> Floats:  # noqa: ARG002
        """(assets,) a second: what longs pay, as a share of their size (below zero: what shorts pay, of theirs)."""
        longs, shorts = self.sides(book, state)
        total = longs + shorts
        away = np.abs(longs - shorts) ** self.column(book, "funding_exponent")
        rate = self.column(book, "funding_factor") * away / np.where(total > 0, total, 1.0)
        return np.sign(longs - shorts) * rate


def price_impact(before: Floats, after: Floats, better: Floats, worse: Floats, exponent: Floats) -> Floats:
    """USD that a move of an imbalance from ``before`` to ``after`` gives (above zero) or costs (PricingUtils.sol).

    On one side, factor x (|before|^e - |after|^e) with the factor for better or for worse; across zero, what gets
    better by the one and what gets worse by the other.
    """
    first, second = np.abs(before), np.abs(after)
    same = before * after >= 0
    power_first, power_second = first**exponent, second**exponent
    factor = np.where(second < first, better, worse)
    return np.where(same, factor * (power_first - power_second), better * power_first - worse * power_second)


def _size(book: Book) -> Floats:
    """(rows,) sizeInUsd: the value at entry; 0 for collateral."""
    return np.where(book.kind == Kind.PERPETUAL, np.abs(book.size) * book.entry, 0.0)


def _side(book: Book, side: np.ndarray[tuple[int], np.dtype[np.bool_]], whole: Floats) -> Floats:
    """(assets,) of one side, USD: the book's own at entry, and what the venue's ``whole`` (units) is more at marks."""
    own = np.bincount(book.asset, np.where(side, _size(book), 0.0), len(book.assets))
    chosen = side & (book.kind == Kind.PERPETUAL)
    units = np.bincount(book.asset, np.where(chosen, np.abs(book.size), 0.0), len(book.assets))
    more = whole - units
    return np.asarray(own + np.where(more > 1e-9 * units, more, 0.0) * book.marks)
