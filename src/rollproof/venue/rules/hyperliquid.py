"""Hyperliquid: maintenance margin in tiers with deductions, partial liquidation of large positions, backstop, ADL.

hyperliquid.gitbook.io/hyperliquid-docs/trading: margin-tiers (mainnet tables), margining, liquidations,
auto-deleveraging.
"""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

import msgspec
import numpy as np

from rollproof.errors import Malformed
from rollproof.venue.book import Book, Floats, Kind
from rollproof.venue.rules import parameters
from rollproof.venue.rules.rules import AdlPrice, AdlRank, Backstop, LinearRules, Liquidation, Rates
from rollproof.venue.state import VenueState


class Tier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From a notional on, so much leverage."""

    from_notional: float  # quote
    max_leverage: float


def _two(bound: float, first: float, second: float) -> tuple[Tier, ...]:
    return Tier(0.0, first), Tier(bound, second)


_MAINNET = {
    "BTC": _two(150e6, 40, 20),
    "ETH": _two(100e6, 25, 15),
    "SOL": _two(70e6, 20, 10),
    "XRP": _two(40e6, 20, 10),
}
_LARGE = (
    "DOGE", "kPEPE", "SUI", "WLD", "TRUMP", "LTC", "ENA", "POPCAT", "WIF", "AAVE", "kBONK", "LINK", "CRV", "AVAX",
    "ADA", "UNI", "NEAR", "TIA", "APT", "BCH", "HYPE", "FARTCOIN",
)  # fmt: skip


def _mainnet() -> dict[str, tuple[Tier, ...]]:
    return {**_MAINNET, **dict.fromkeys(_LARGE, _two(20e6, 10, 5)), "*": _two(3e6, 10, 5)}


class Hyperliquid(LinearRules, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Hyperliquid. Money in USDC; prices are mark prices."""

    family: ClassVar[str] = "hyperliquid"
    source: ClassVar[str] = (
        "hyperliquid.gitbook.io/hyperliquid-docs/trading: margin-tiers, liquidations, auto-deleveraging"
    )
    assumes: ClassVar[tuple[str, ...]] = (
        "initial margin is twice the maintenance margin: that of the highest leverage of each tier, not the user's own",
        "assets not in `tiers` have those of smaller ones (10 times up to 3 million, then 5)",
        "a short's rank for deleveraging counts entry by mark price, where the documentation has mark by entry for all",
        "funding follows premium samples, which no state here has: its rate is 0",
    )

    # By asset: rising notionals from 0 on. "*" stands for every other asset.
    tiers: dict[str, tuple[Tier, ...]] = msgspec.field(default_factory=_mainnet)
    maintenance_share: float = 0.5  # of the initial margin at a tier's highest leverage
    partial_above: float = 100_000.0  # quote: of larger positions only a share is sent to the book first
    whole_within_seconds: float = 30.0  # after a partial liquidation: then, any other is of the whole position
    backstop_share: float = 2 / 3  # of the maintenance margin: below it the liquidator vault takes over, margin and all

    liquidation: Liquidation = Liquidation(step=0.2)
    backstop: Backstop = Backstop(adl_rank=AdlRank.PROFIT_LEVERAGE, adl_price=AdlPrice.MARK)

    def __post_init__(self) -> None:
        LinearRules.__post_init__(self)
        parameters.shares(self, "maintenance_share", "backstop_share")
        parameters.at_least_zero(self, "partial_above", "whole_within_seconds")
        if "*" not in self.tiers:
            raise Malformed("hyperliquid: tiers has no entry '*' for other assets")
        for asset, tiers in self.tiers.items():
            bounds = [each.from_notional for each in tiers]
            if not bounds or bounds[0] != 0 or not all(low < high < np.inf for low, high in pairwise(bounds)):
                raise Malformed(f"hyperliquid: tiers.{asset[:80]} does not rise from 0")
            if not all(later.max_leverage <= first.max_leverage for first, later in pairwise(tiers)):
                raise Malformed(f"hyperliquid: tiers.{asset[:80]}: a larger position has more leverage")
            if not all(1 <= each.max_leverage < np.inf for each in tiers):
                raise Malformed(f"hyperliquid: tiers.{asset[:80]}: a leverage is below 1 or no number")

    def rates_at(self, book: Book, price: Floats, state: VenueState) -> Rates:  # noqa: ARG002
        notional = np.abs(book.size) * np.maximum(price, 0.0)
        rate, deduction = np.zeros(book.rows), np.zeros(book.rows)
        for at, asset in enumerate(book.assets):
            bounds, rates, deductions = self.table(asset)
            chosen = np.flatnonzero(book.asset == at)
            tier = np.searchsorted(bounds, notional[chosen], side="right") - 1
            rate[chosen], deduction[chosen] = rates[tier], deductions[tier]
        share = self.maintenance_share
        return Rates.of_perpetuals(book, rate, rate * share, -deduction, -deduction * share)

    def table(self, asset: str) -> tuple[Floats, Floats, Floats]:
        """An asset's tiers: (tiers,) lower notionals, initial margin rates, deductions (quote).

        The deductions make the margin a continuous function of notional:
        deduction_k = deduction_(k-1) + lower_k (rate_k - rate_(k-1)).
        """
        tiers = parameters.of_asset(self.tiers, asset) or self.tiers["*"]
        bounds = np.array([each.from_notional for each in tiers])
        rates = 1 / np.array([each.max_leverage for each in tiers])
        deductions = np.concatenate([[0.0], np.cumsum(bounds[1:] * np.diff(rates))])
        return bounds, rates, deductions

    def liquidation_step(self, book: Book, prices: Floats, state: VenueState) -> Floats:  # noqa: ARG002
        """(rows,) of the first liquidation: a fifth of a large position, all of a small one."""
        large = np.abs(book.size) * prices[book.asset] > self.partial_above
        return np.where(large, self.liquidation.step, 1.0)

    def backstopped(self, book: Book, prices: Floats, state: VenueState) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """(subaccounts,) that the liquidator vault takes over: what margin is left is lost to the trader."""
        needed = self.maintenance(book, prices, state)
        return (self.equity(book, prices, state) < self.backstop_share * needed) & (needed > 0)

    def adl_score(self, book: Book, prices: Floats, state: VenueState) -> Floats:
        """(rows,) return times leverage: (mark / entry) x (notional / account value), 0 for who makes no profit."""
        mark, entry = prices[book.asset], np.where(book.entry > 0, book.entry, 1.0)
        profit = (book.kind == Kind.PERPETUAL) & (book.size * (mark - book.entry) > 0)
        value = np.maximum(self.equity(book, prices, state)[book.subaccount], 1e-18)
        made = np.where(book.size > 0, mark / entry, entry / mark)
        return np.where(profit, made * np.abs(book.size) * mark / value, 0.0)
