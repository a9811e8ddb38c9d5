"""Perpetual Protocol v2 (curie): one ratio for all markets, partial liquidation, and a fund that must cover.

perpetual-protocol/perp-curie-contract@d520bd8, contracts: ClearingHouse.sol, ClearingHouseConfig.sol,
AccountBalance.sol, Vault.sol, InsuranceFund.sol.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from rollproof.venue.book import Book, Floats, Kind
from rollproof.venue.rules import parameters
from rollproof.venue.rules.rules import Backstop, LinearRules, Liquidation, Rates
from rollproof.venue.state import VenueState


class PerpV2(LinearRules, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Perpetual Protocol v2. Money in USDC; prices are the index prices (averages over the market's interval)."""

    family: ClassVar[str] = "perp-v2"
    source: ClassVar[str] = "perpetual-protocol/perp-curie-contract@d520bd8, defaults of ClearingHouseConfig.sol"
    assumes: ClassVar[tuple[str, ...]] = (
        "makers' orders are positions already: impermanent positions are the adapter's work",
        "a collateral's ratio is the same for all assets unless `markets` says otherwise",
        "funding follows the difference of mark and index price averages, which no state here has: its rate is 0",
    )
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.PERPETUAL, Kind.COLLATERAL})
    by_market: ClassVar[tuple[str, ...]] = ("collateral_ratio",)

    initial_ratio: float = 0.1
    maintenance_ratio: float = 0.0625
    min_partial_value: float = 100.0  # quote: a position of no more is closed as a whole
    max_funding_rate: float = 0.1  # a day
    collateral_ratio: float = 0.7  # of a collateral's value that counts as margin; each collateral has its own

    liquidation: Liquidation = Liquidation(penalty=0.025, keeper_share=0.5, step=0.5, fund_must_cover=True)
    backstop: Backstop = Backstop()

    def __post_init__(self) -> None:
        LinearRules.__post_init__(self)
        parameters.shares(self, "initial_ratio", "maintenance_ratio", "collateral_ratio", "max_funding_rate")
        parameters.at_most(self, "maintenance_ratio", "initial_ratio")
        parameters.at_least_zero(self, "min_partial_value")

    def rates_at(self, book: Book, price: Floats, state: VenueState) -> Rates:  # noqa: ARG002
        one, none = np.ones(book.rows), np.zeros(book.rows)
        return Rates.of_perpetuals(book, self.initial_ratio * one, self.maintenance_ratio * one, none, none)

    def weights(self, book: Book, state: VenueState) -> Floats:  # noqa: ARG002
        """(rows,) the collateral ratio for collateral."""
        return np.where(book.kind == Kind.COLLATERAL, self.column(book, "collateral_ratio")[book.asset], 1.0)

    def liquidation_step(self, book: Book, prices: Floats, state: VenueState) -> Floats:
        """(rows,) getLiquidatablePositionSize by size: half of all positions' value, from the row, or all of it.

        All where the position is small, or equity is below half the maintenance margin.
        """
        value = np.where(book.kind == Kind.PERPETUAL, np.abs(book.size) * prices[book.asset], 0.0)
        total = book.summed(value)[book.subaccount]
        half = (self.equity(book, prices, state) >= self.maintenance(book, prices, state) / 2)[book.subaccount]
        part = np.minimum(1.0, self.liquidation.step * total / np.maximum(value, 1e-300))
        return np.where(half & (value > self.min_partial_value), part, 1.0)

    def keeper_share(self, equity: Floats) -> Floats:
        """(subaccounts,) of the penalty: all of it where equity is below zero, so that somebody liquidates."""
        return np.where(equity < 0, 1.0, self.liquidation.keeper_share)
