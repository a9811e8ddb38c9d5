"""Synthetix perpetuals v3: margin ratios that grow with a position's share of the skew scale, and a liquidation window.

Synthetixio/synthetix-v3@23585f7, markets/perps-market/contracts/storage: PerpsMarketConfiguration.sol, PerpsMarket.sol,
PerpsAccount.sol, PerpsPrice.sol; fees and liquidation parameters of SCCP-316, margin ratios of its market SOL.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from rollproof.venue.book import Book, Floats, Kind
from rollproof.venue.rules import parameters
from rollproof.venue.rules.rules import Backstop, LinearRules, Liquidation, Rates, skew
from rollproof.venue.state import VenueState

_DAY = 86_400.0


class Synthetix(LinearRules, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Synthetix perpetuals v3. Money in snxUSD; prices are the oracle's."""

    family: ClassVar[str] = "synthetix"
    source: ClassVar[str] = "Synthetixio/synthetix-v3@23585f7, parameters of SCCP-316"
    assumes: ClassVar[tuple[str, ...]] = (
        "skew scales are in units of each market's asset: the default is that of no market, give markets.X.skew_scale",
        "the guards on keepers' rewards (least, most) and their gas costs are left out",
        "a liquidation takes the whole margin, and the rest after the keeper's reward is the liquidity providers' gain",
        "the endorsed liquidator, who has no window, is left out",
        "the funding rate follows from a history of skews, which no state here has: its rate is 0, its velocity known",
    )
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.PERPETUAL, Kind.COLLATERAL})
    by_market: ClassVar[tuple[str, ...]] = (
        "skew_scale", "initial_ratio", "min_initial_ratio", "maintenance_scalar", "min_position_margin", "flag_reward",
        "maker_fee", "taker_fee", "max_funding_velocity", "spot_skew_scale",
    )  # fmt: skip

    skew_scale: float = 1_000_000.0  # units of the asset
    initial_ratio: float = 24.39  # initialMarginRatio: times size by skew scale
    min_initial_ratio: float = 0.02
    maintenance_scalar: float = 0.33  # of the initial ratio
    min_position_margin: float = 50.0  # quote, of each position
    flag_reward: float = 0.0003  # of notional, to who liquidates
    maker_fee: float = 0.0002
    taker_fee: float = 0.0008
    max_funding_velocity: float = 36.0  # a day, of the funding rate a day
    liquidation_multiplier: float = 1.5  # maxLiquidationLimitAccumulationMultiplier
    liquidation_window_seconds: float = 30.0
    max_liquidation_pd: float = 0.0005  # skew by skew scale under which one more liquidation fits in a full window
    spot_skew_scale: float = 0.0  # units of a collateral asset; 0: its discount is the lower one
    discount_scalar: float = 1.0
    discount_lower: float = 0.0
    discount_upper: float = 0.0

    liquidation: Liquidation = Liquidation(penalty=1.0, keeper_share=0.0003)
    backstop: Backstop = Backstop(fund_first=False)

    def __post_init__(self) -> None:
        LinearRules.__post_init__(self)
        parameters.shares(
            self, "min_initial_ratio", "maintenance_scalar", "flag_reward", "maker_fee", "taker_fee",
            "discount_lower", "discount_upper",
        )  # fmt: skip
        parameters.above_zero(self, "skew_scale", "liquidation_window_seconds")
        parameters.at_least_zero(
            self, "initial_ratio", "min_position_margin", "max_funding_velocity", "liquidation_multiplier",
            "max_liquidation_pd", "spot_skew_scale", "discount_scalar",
        )  # fmt: skip
        parameters.at_most(self, "discount_lower", "discount_upper")

    def rates_at(self, book: Book, price: Floats, state: VenueState) -> Rates:  # noqa: ARG002
        at = book.asset
        share = np.abs(book.size) / self.column(book, "skew_scale")[at]
        ratio = share * self.column(book, "initial_ratio")[at] + self.column(book, "min_initial_ratio")[at]
        reward = self.column(book, "flag_reward")[at]  # asked for with both margins
        least = self.column(book, "min_position_margin")[at]
        maintenance = ratio * self.column(book, "maintenance_scalar")[at] + reward
        return Rates.of_perpetuals(book, ratio + reward, maintenance, least, least)

    def weights(self, book: Book, state: VenueState) -> Floats:  # noqa: ARG002
        """(rows,) 1 less the discount, which grows with the amount of the collateral."""
        scale = self.column(book, "spot_skew_scale")[book.asset]
        with np.errstate(divide="ignore", invalid="ignore"):
            impact = np.where(scale > 0, np.abs(book.size) / scale * self.discount_scalar, 0.0)
        discount = np.clip(impact, self.discount_lower, self.discount_upper)
        return np.where(book.kind == Kind.COLLATERAL, 1 - discount, 1.0)

    def throughput(self, book: Book, prices: Floats, state: VenueState) -> Floats:  # noqa: ARG002
        """(assets,) quote a second, averaged over a window."""
        fees = self.column(book, "maker_fee") + self.column(book, "taker_fee")
        return fees * self.column(book, "skew_scale") * self.liquidation_multiplier * prices

    def window(self, book: Book) -> Floats:
        """(assets,) units of the asset that one window lets liquidate (maxLiquidationAmountInWindow)."""
        fees = self.column(book, "maker_fee") + self.column(book, "taker_fee")
        per_second = fees * self.column(book, "skew_scale") * self.liquidation_multiplier
        return per_second * self.liquidation_window_seconds

    def one_more(self, book: Book, state: VenueState) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """(assets,) where the skew is small enough for one more liquidation in a block after a window is full."""
        return np.abs(skew(book, state)) / self.column(book, "skew_scale") < self.max_liquidation_pd

    def funding_velocity(self, book: Book, state: VenueState) -> Floats:
        """(assets,) by how much the funding rate (a day) changes in a day."""
        share = np.clip(skew(book, state) / self.column(book, "skew_scale"), -1.0, 1.0)
        return share * self.column(book, "max_funding_velocity")


def fill_price(price: float, delta: float, skew_before: float, skew_scale: float) -> float:
    """What an order of ``delta`` fills at: the mean of the prices with the premium before it and after it."""
    before, after = skew_before / skew_scale, (skew_before + delta) / skew_scale
    return price * (1 + (before + after) / 2)


def funding_rate_after(rate: float, velocity: float, seconds: float) -> float:
    """Funding rate a day after so long at one velocity (currentFundingRate)."""
    return rate + velocity * seconds / _DAY
