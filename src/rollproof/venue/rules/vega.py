"""Vega: margin as the expected shortfall of a lognormal price over a short horizon, plus slippage.

vegaprotocol/specs@5fea1f3: protocol/0019-MCAL-margin_calculator.md, 0018-RSKM-quant_risk_models.ipynb,
0032-PRIM-price_monitoring.md; vegaprotocol/quant@afa0c5d, riskmodelbs. Scaling factors are the network's defaults.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy.special import ndtr, ndtri

from rollproof.errors import Malformed
from rollproof.venue.book import Book, Floats, Mode
from rollproof.venue.rules import parameters
from rollproof.venue.rules.rules import AdlRank, Backstop, LinearRules, Liquidation, Rates
from rollproof.venue.state import VenueState


class Vega(LinearRules, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Vega. Money in the market's settlement asset."""

    family: ClassVar[str] = "vega"
    source: ClassVar[str] = "vegaprotocol/specs@5fea1f3 (0019-MCAL, 0018-RSKM, 0032-PRIM), vegaprotocol/quant@afa0c5d"
    assumes: ClassVar[tuple[str, ...]] = (
        "no open orders: an order's margin is not asked for",
        "the funding component of a perpetual's margin is left out",
        "volatility and slippage are illustrative: each market sets its own",
        "loss socialisation takes from who gains, in proportion to the gain",
    )
    by_market: ClassVar[tuple[str, ...]] = ("drift", "volatility", "slippage")

    risk_aversion: float = 0.01  # lambda: the tail whose mean is asked for
    horizon_years: float = 1 / 365 / 24 / 60  # tau: a minute
    drift: float = 0.0  # mu
    volatility: float = 1.5  # sigma, by the square root of a year
    slippage: float = 0.1  # market.linearSlippageFactor
    search_scale: float = 1.1  # of the maintenance margin: below it collateral is searched for
    initial_scale: float = 1.2
    release_scale: float = 1.4
    isolated_factor: float = 0.0  # of the average entry notional, asked for isolated positions; 0: the initial scale

    liquidation: Liquidation = Liquidation()
    backstop: Backstop = Backstop(adl_rank=AdlRank.PRO_RATA, socialised=True)

    def __post_init__(self) -> None:
        LinearRules.__post_init__(self)
        parameters.above_zero(self, "risk_aversion", "horizon_years", "volatility")
        parameters.at_least_zero(self, "slippage", "isolated_factor")
        if not self.risk_aversion < 1:
            raise Malformed(f"vega: risk_aversion is {self.risk_aversion!r:.40}, but has to be below 1")
        if not 1 <= self.search_scale <= self.initial_scale <= self.release_scale:
            raise Malformed("vega: 1, search_scale, initial_scale and release_scale do not rise")
        long, short = self.risk_factors(self.drift, self.volatility)
        if self.isolated_factor and not self.isolated_factor > max(long, short) + self.slippage:
            raise Malformed(
                f"vega: isolated_factor is {self.isolated_factor!r:.40}, not above risk factor plus slippage"
            )

    def risk_factors(self, drift: float, volatility: float) -> tuple[float, float]:
        """Of longs and of shorts: expected shortfall of one unit's loss over the horizon, as a share of the price."""
        tail, years = self.risk_aversion, self.horizon_years
        deviation = volatility * years**0.5
        mean = np.exp((drift - volatility**2 / 2) * years + deviation**2 / 2)
        long = 1 - mean / tail * ndtr(ndtri(tail) - deviation)
        short = mean / tail * (1 - ndtr(ndtri(1 - tail) - deviation)) - 1
        return float(long), float(short)

    def rates_at(self, book: Book, price: Floats, state: VenueState) -> Rates:  # noqa: ARG002
        columns = (self.column(book, "drift"), self.column(book, "volatility"))
        factors = np.array([self.risk_factors(*each) for each in zip(*columns, strict=True)]).reshape(-1, 2)
        side = np.where(book.size > 0, factors[book.asset, 0], factors[book.asset, 1])
        rate, none = side + self.column(book, "slippage")[book.asset], np.zeros(book.rows)
        alone = (book.mode[book.subaccount] == Mode.ISOLATED) & (self.isolated_factor > 0)
        initial = np.where(alone, 0.0, rate * self.initial_scale)
        fixed = np.where(alone, self.isolated_factor * np.abs(book.size) * book.entry, 0.0)
        return Rates.of_perpetuals(book, initial, rate, fixed, none)


def price_band(
    price: float, probability: float, seconds: float, volatility: float, drift: float = 0.0
) -> tuple[float, float]:
    """Lowest and highest price that a lognormal move over ``seconds`` stays between with ``probability``.

    A trade outside it starts a price monitoring auction (0032-PRIM): quantiles of (1 -+ probability) / 2. Annual rates,
    years of 365 days.
    """
    years = seconds / (365 * 86_400)
    centre, deviation = (drift - volatility**2 / 2) * years, volatility * years**0.5
    reach = ndtri((1 + probability) / 2) * deviation
    return float(price * np.exp(centre - reach)), float(price * np.exp(centre + reach))
