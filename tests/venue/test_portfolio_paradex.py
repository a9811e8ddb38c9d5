"""Paradex's scans and minimum delta: numbers by hand."""

from __future__ import annotations

import numpy as np
import pytest

from rollproof.venue.book import Kind
from rollproof.venue.rules.holding import Holdings
from rollproof.venue.rules.paradex import SCENARIOS, Paradex
from rollproof.venue.state import VenueState
from venue.option_books import Account, book, call, held, option_value, perpetual, put

STATE = VenueState()
RULES = Paradex()


def test_there_are_24_scenarios() -> None:
    # docs.paradex.trade/risk/portfolio-margin: "24 scenarios"; the far ones count by 0.12 / |move|
    assert len(SCENARIOS) == 24
    for each in SCENARIOS[16:]:
        assert each.weight * abs(each.move) == pytest.approx(0.12, rel=0.01)


def test_a_perpetual_by_hand() -> None:
    of = book({"BTC": 100_000.0}, Account(20_000, [perpetual(-1, 100_000, "BTC")]))
    assert RULES.initial(of, of.marks, STATE)[0] == pytest.approx(16_000)
    assert RULES.maintenance(of, of.marks, STATE)[0] == pytest.approx(8_000)


def test_long_volatility_is_hurt_by_its_fall() -> None:
    # A straddle with 10 days left: nothing moves and volatility falls by 22 % * 3^0.3.
    years = 10 / 365
    down = 0.6 * (1 - 0.22 * 3**0.3)
    lost = sum(
        option_value(kind, 2000, 2000, 0.6, years) - option_value(kind, 2000, 2000, down, years)
        for kind in (Kind.CALL, Kind.PUT)
    )
    of = book({"ETH": 2000.0}, Account(0, [call(1, 2000, 10, 0.6), put(1, 2000, 10, 0.6)]))
    assert RULES.initial(of, of.marks, STATE)[0] == pytest.approx(lost, rel=1e-10)


def test_a_hedged_book_needs_the_minimum_delta() -> None:
    # A synthetic long forward against a short perpetual: no scan hurts. Delta 1 against 1 is hedged: 1 % of the price.
    legs = [call(1, 2000, 30, 0.6), put(-1, 2000, 30, 0.6), perpetual(-1, 2000)]
    of = book({"ETH": 2000.0}, Account(0, legs))
    assert RULES.profits(of, of.marks, Holdings.of(of)).min() == pytest.approx(0, abs=1e-9)
    assert RULES.initial(of, of.marks, STATE)[0] == pytest.approx(20, rel=1e-12)
    # With half the perpetual: 0.5 hedged and 0.5 not.
    half = book({"ETH": 2000.0}, Account(0, [*legs[:2], perpetual(-0.5, 2000)]))
    delta = RULES.minimum_delta(half, half.marks, Holdings.of(half))[0]
    assert delta == pytest.approx((0.5 * 0.01 + 0.5 * 0.02) * 2000, rel=1e-12)


def test_provisions_are_whole_in_both_margins() -> None:
    rules = Paradex(funding_rate_8h=0.0001, fee_rate=0.0003)
    long = book({"BTC": 100_000.0}, Account(0, [perpetual(1, 100_000, "BTC")]))
    assert rules.initial(long, long.marks, STATE)[0] == pytest.approx(16_000 + 10 + 30)
    assert rules.maintenance(long, long.marks, STATE)[0] == pytest.approx(8_000 + 10 + 30)
    short = book({"BTC": 100_000.0}, Account(0, [perpetual(-1, 100_000, "BTC")]))
    assert rules.maintenance(short, short.marks, STATE)[0] == pytest.approx(8_000 + 30)  # who gets funding needs none
    # An option's fee is at most an eighth of its value.
    cheap = book({"ETH": 2000.0}, Account(0, [call(1, 4000, 5, 0.6)]))
    value = option_value(Kind.CALL, 2000, 4000, 0.6, 5 / 365)
    plain = RULES.initial(cheap, cheap.marks, STATE)[0]
    assert rules.initial(cheap, cheap.marks, STATE)[0] - plain == pytest.approx(0.125 * value, abs=1e-15)


def test_other_collateral_lends_nothing() -> None:
    of = book({"ETH": 2000.0}, Account(50, [held(3), perpetual(1, 2000)]))
    surplus = RULES.equity(of, of.marks, STATE) - RULES.maintenance(of, of.marks, STATE)
    np.testing.assert_allclose(surplus, 50 - 160)
