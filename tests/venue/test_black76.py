"""Black (1976): a textbook's number, parity, limits, and derivatives against differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollproof.venue import black76
from rollproof.venue.book import Floats, Kind
from venue.option_books import option_value

CALL, PUT = np.array([True]), np.array([False])


def one(forward: float, strike: float, volatility: float, years: float, *, call: bool) -> float:
    columns = (np.array([each]) for each in (forward, strike, volatility, years))
    return float(black76.value(*columns, call=np.array([call]))[0])


def test_hulls_put_on_crude_oil_futures() -> None:
    # J. Hull, Options, Futures, and Other Derivatives, "Black's model": futures 20, strike 20, 9 % a year, 25 %
    # volatility, four months: 1.12.
    discounted = np.exp(-0.09 * 4 / 12) * one(20, 20, 0.25, 4 / 12, call=False)
    assert round(float(discounted), 2) == 1.12


prices = st.floats(1, 1e5)
volatilities = st.floats(0.01, 4)
times = st.floats(1e-5, 3)


@given(prices, st.floats(0.2, 5), volatilities, times)
def test_parity_bounds_and_a_second_way(strike: float, moneyness: float, volatility: float, years: float) -> None:
    forward = strike * moneyness
    called, putted = (one(forward, strike, volatility, years, call=call) for call in (True, False))
    assert called - putted == pytest.approx(forward - strike, abs=1e-9 * (forward + strike))
    assert max(forward - strike, 0) - 1e-9 * forward <= called <= forward * (1 + 1e-12)
    assert max(strike - forward, 0) - 1e-9 * strike <= putted <= strike * (1 + 1e-12)
    assert called == pytest.approx(option_value(Kind.CALL, forward, strike, volatility, years), abs=1e-9 * forward)
    assert putted == pytest.approx(option_value(Kind.PUT, forward, strike, volatility, years), abs=1e-9 * strike)


@pytest.mark.parametrize(("volatility", "years"), [(0.0, 1.0), (0.5, 0.0)])
def test_without_time_or_volatility_it_is_the_payoff(volatility: float, years: float) -> None:
    assert one(110, 100, volatility, years, call=True) == 10
    assert one(90, 100, volatility, years, call=True) == 0
    assert one(90, 100, volatility, years, call=False) == 10
    greeks = black76.greeks(
        np.array([90.0, 100.0, 110.0]),
        np.full(3, 100.0),
        np.full(3, volatility),
        np.full(3, years),
        call=np.array(True),
    )
    np.testing.assert_array_equal(greeks.delta, [0, 0.5, 1])
    np.testing.assert_array_equal(greeks.gamma, 0)
    np.testing.assert_array_equal(greeks.vega, 0)


def test_an_endless_volatility_makes_a_call_worth_the_forward() -> None:
    assert one(100, 130, 50.0, 4.0, call=True) == pytest.approx(100, rel=1e-12)


def columns() -> tuple[Floats, Floats, Floats, Floats]:
    grid = np.meshgrid([70.0, 95.0, 100.0, 140.0], [0.2, 0.9, 2.0], [0.01, 0.2, 1.5], indexing="ij")
    forward, volatility, years = (each.ravel() for each in grid)
    return forward, np.full(forward.shape, 100.0), volatility, years


@pytest.mark.parametrize("call", [CALL, PUT])
def test_derivatives_are_what_differences_say(call: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> None:
    forward, strike, volatility, years = columns()
    greeks = black76.greeks(forward, strike, volatility, years, call=call)

    def value(forward: Floats = forward, volatility: Floats = volatility, years: Floats = years) -> Floats:
        return black76.value(forward, strike, volatility, years, call=call)

    step = 1e-3
    np.testing.assert_allclose(greeks.delta, (value(forward + step) - value(forward - step)) / (2 * step), atol=1e-6)
    second = (value(forward + 0.01) - 2 * value() + value(forward - 0.01)) / 1e-4
    np.testing.assert_allclose(greeks.gamma, second, atol=1e-5)
    small = 1e-5
    by_volatility = (value(volatility=volatility + small) - value(volatility=volatility - small)) / (2 * small)
    np.testing.assert_allclose(greeks.vega, by_volatility, atol=1e-4)
    by_time = -(value(years=years + small * years) - value(years=years - small * years)) / (2 * small * years)
    np.testing.assert_allclose(greeks.theta, by_time, rtol=1e-5, atol=1e-5)


def test_parity_of_derivatives() -> None:
    called, putted = (black76.greeks(*columns(), call=call) for call in (CALL, PUT))
    np.testing.assert_allclose(called.delta - putted.delta, 1, rtol=1e-14)
    np.testing.assert_array_equal(called.gamma, putted.gamma)
    np.testing.assert_array_equal(called.vega, putted.vega)
