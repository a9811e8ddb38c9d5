"""Vega's margin, against its specification, its library's test values, and quadrature."""

from __future__ import annotations

import math

import pytest
from scipy.integrate import quad
from scipy.stats import lognorm, norm

from rollproof.errors import Malformed
from rollproof.venue.book import Mode
from rollproof.venue.rules.vega import Vega, price_band
from rollproof.venue.state import VenueState
from venue.rule_books import Holder, book, one

STATE = VenueState()


def test_risk_factors_of_the_library() -> None:
    """vegaprotocol/quant, riskmodelbs: sigma 1.5, a minute of a year of 365 days, lambda 0.01."""
    long, short = Vega(risk_aversion=0.01, horizon_years=1 / 365 / 24 / 60).risk_factors(0.0, 1.5)
    assert long == pytest.approx(5.5011137953e-3, abs=5e-14)
    assert short == pytest.approx(5.5276558362e-3, abs=5e-14)


@pytest.mark.parametrize(("drift", "volatility", "tail", "years"), [(0.0, 1.5, 0.01, 1e-3), (0.4, 0.8, 0.001, 0.02)])
def test_risk_factors_are_expected_shortfalls(drift: float, volatility: float, tail: float, years: float) -> None:
    deviation = volatility * math.sqrt(years)
    law = lognorm(deviation, scale=math.exp((drift - volatility**2 / 2) * years))
    z = norm.ppf(tail)

    def price(at: float) -> float:
        return float(law.median() * math.exp(deviation * at))

    low = quad(lambda at: (1 - price(at)) * norm.pdf(at), -12, z, epsabs=1e-14)[0] / tail
    high = quad(lambda at: (price(at) - 1) * norm.pdf(at), -z, 12, epsabs=1e-14)[0] / tail
    rules = Vega(risk_aversion=tail, horizon_years=years)
    assert rules.risk_factors(drift, volatility) == pytest.approx((low, high), rel=1e-9)


class Stated(Vega, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """With the risk factors that the specification's examples are given."""

    def risk_factors(self, drift: float, volatility: float) -> tuple[float, float]:
        return 0.1, 0.1


@pytest.mark.parametrize(
    ("slippage", "margin"),
    [
        (0.25, 5_565.0),
        # 0019-MCAL-211 prints 85690, which is not what its own formula, 15900 x 100 + 0.1 x 15900, gives.
        (100.0, 1_591_590.0),
    ],
)
def test_maintenance_margin_of_the_specification(slippage: float, margin: float) -> None:
    """0019-MCAL-210 and -211: short 1 at a mark price of 15,900 with a risk factor of 0.1."""
    held = one("BTC", 15_900.0, -1.0, 15_900.0, 0.0, Mode.CROSS)
    rules = Stated(slippage=slippage)
    assert rules.maintenance(held, held.marks, STATE) == pytest.approx([margin], rel=1e-12)
    assert rules.initial(held, held.marks, STATE) == pytest.approx([1.2 * margin], rel=1e-12)


def test_each_side_has_its_own_factor() -> None:
    rules = Vega(risk_aversion=0.01, volatility=1.5, slippage=0.0)
    held = book({"BTC": 1.0}, Holder(0.0, [("BTC", 1.0, 1.0)]), Holder(0.0, [("BTC", -1.0, 1.0)]))
    assert rules.maintenance(held, held.marks, STATE) == pytest.approx([5.5011137953e-3, 5.5276558362e-3], rel=1e-10)


def test_isolated_margin_is_of_the_entry() -> None:
    """0019-MCAL, isolated margin: average entry price x position x margin factor."""
    held = book(
        {"BTC": 16_000.0},
        Holder(0.0, [("BTC", 2.0, 15_900.0)], mode=Mode.ISOLATED),
        Holder(0.0, [("BTC", 2.0, 15_900.0)], mode=Mode.CROSS),
    )
    rules = Stated(slippage=0.25, isolated_factor=0.9)
    assert rules.initial(held, held.marks, STATE) == pytest.approx([15_900 * 2 * 0.9, 32_000 * 0.35 * 1.2])
    assert rules.maintenance(held, held.marks, STATE) == pytest.approx([32_000 * 0.35] * 2)


def test_price_band_holds_its_probability() -> None:
    """0032-PRIM: the band between quantiles of the lognormal law."""
    low, high = price_band(100.0, 0.95, 3_600.0, 0.8)
    years = 3_600 / (365 * 86_400)
    law = lognorm(0.8 * math.sqrt(years), scale=100 * math.exp(-0.32 * years))
    assert law.cdf(low) == pytest.approx(0.025, rel=1e-9)
    assert law.cdf(high) == pytest.approx(0.975, rel=1e-9)


def test_refused() -> None:
    with pytest.raises(Malformed, match="isolated_factor"):
        Vega(isolated_factor=0.1)
    with pytest.raises(Malformed, match="do not rise"):
        Vega(initial_scale=1.05)
    with pytest.raises(Malformed, match="risk_aversion is 1"):
        Vega(risk_aversion=1.0)
    with pytest.raises(Malformed, match="drift is nan, but has to be a finite number"):
        Vega(drift=math.nan)
    with pytest.raises(Malformed, match="volatility is 0"):
        Vega(markets={"BTC": {"volatility": 0.0}})
