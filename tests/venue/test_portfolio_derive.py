"""Derive's portfolio and standard margin: numbers by hand, and the scenarios once more, one number at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rollproof.errors import Unsupported
from rollproof.venue.book import Book, Floats, Kind
from rollproof.venue.rules.derive_auction import auction_share, discount
from rollproof.venue.rules.derive_portfolio import DerivePortfolio
from rollproof.venue.rules.derive_shocks import SCENARIOS, SkewShock, StaticDiscount
from rollproof.venue.rules.derive_standard import DeriveStandard
from rollproof.venue.rules.expiry import Expiries
from rollproof.venue.rules.holding import Holdings
from rollproof.venue.rules.scenario import Scenario, Skew, Volatility
from rollproof.venue.state import VenueState
from venue.option_books import Account, Row, book, call, held, option_value, owed, perpetual, put

STATE = VenueState()
PORTFOLIO, STANDARD = DerivePortfolio(), DeriveStandard()


def margins(rules: DerivePortfolio | DeriveStandard, of: Book) -> tuple[float, float]:
    initial, maintenance = rules.initial(of, of.marks, STATE), rules.maintenance(of, of.marks, STATE)
    return float(initial.sum()), float(maintenance.sum())


def test_there_are_33_scenarios_and_tails_count_the_same_product() -> None:
    assert len(SCENARIOS) == 33
    tails = [each for each in SCENARIOS if each.weight < 1]
    assert len(tails) == 8
    for each in tails:
        assert each.weight * abs(each.move) == pytest.approx(0.1386, rel=1e-12)


def test_a_perpetual_by_hand() -> None:
    # 18 % of 2,000 is the worst; contingency 3 %, and 1 % more at first.
    of = book({"ETH": 2000.0}, Account(1000, [perpetual(1, 2000)]))
    assert margins(PORTFOLIO, of) == pytest.approx((360 + 60 + 20, 0.8 * 360 + 60))


def test_collateral_cancels_the_risk_of_its_own_asset_only() -> None:
    # 0.8 short against 1 held: 0.2 long, 18 % of 400. Haircuts 15 % and 5 % more, contingency on 1,600.
    of = book({"ETH": 2000.0, "BTC": 60_000.0}, Account(0, [perpetual(-0.8, 2000), held(1)]))
    initial, maintenance = margins(PORTFOLIO, of)
    assert maintenance == pytest.approx(0.8 * 72 + 0.03 * 1600 + 300)
    assert initial == pytest.approx(72 + 0.04 * 1600 + 400)
    # Bitcoin beside it has its haircut, and no scenario.
    more = book({"ETH": 2000.0, "BTC": 60_000.0}, Account(0, [perpetual(-0.8, 2000), held(1), held(1, "BTC")]))
    assert margins(PORTFOLIO, more)[1] == pytest.approx(maintenance + 0.02 * 60_000)


def test_a_depeg_and_an_unsure_oracle_raise_the_initial_margin_only() -> None:
    of = book({"ETH": 2000.0}, Account(1000, [perpetual(1, 2000)]))
    assert margins(DerivePortfolio(stable_price=0.94), of) == pytest.approx((360 * 1.2 + 80, 348))
    assert margins(DerivePortfolio(confidence=0.5), of) == pytest.approx((440 + 0.5 * 2000, 348))
    assert margins(DerivePortfolio(confidence=0.55), of) == pytest.approx((440, 348))


def scalar_volatility(volatility: float, days: float, change: float, floor: float) -> float:
    scale: float = (30 / max(days, 1)) ** (0.3 if days <= 30 else 0.13)
    moved: float = volatility * max(1 + change * scale, 0)
    return max(moved, floor) if change > 0 else moved


def scalar_tilt(strike: float, price: float, years: float, skew: Skew) -> float:
    root = math.sqrt(years)
    cap = 0.25 - 0.1 * root
    along = math.log(strike / price)
    if skew is Skew.ABSOLUTE:
        along = abs(along)
    reached = max(0.01, root * 4 * 0.6)
    return 1 + max(-cap, min(cap, along * cap / reached))


def scalar_profit(rows: list[Row], price: float, scenario: Scenario) -> float:
    total = sum(row.size * price * scenario.move for row in rows if row.kind in (Kind.PERPETUAL, Kind.COLLATERAL))
    for days in {row.days for row in rows if row.strike}:
        years, now, moved = days / 365, 0.0, 0.0
        for row in (row for row in rows if row.strike and row.days == days):
            if scenario.skew is Skew.NONE:
                volatility = scalar_volatility(row.volatility, days, scenario.volatility, 0.4)
            else:
                volatility = row.volatility * scalar_tilt(row.strike, price, years, scenario.skew)
            now += row.size * option_value(row.kind, price, row.strike, row.volatility, years)
            moved += row.size * option_value(row.kind, price * (1 + scenario.move), row.strike, volatility, years)
        factor = 0.95 * math.exp(-0.16 * years) if moved >= 0 else min(1.0, 1.05 * math.exp(0.16 * years))
        change = moved * factor - now
        total += -abs(change) if scenario.skew is not Skew.NONE else change
    return scenario.weight * total


ROWS = [
    [call(-2, 2200, 7, 0.7), put(-3, 1800, 7, 0.8), perpetual(1.5, 1900)],
    [call(5, 2500, 60, 0.6), call(-5, 3000, 60, 0.65), put(4, 1500, 90, 0.9), held(2)],
    [call(1, 2000, 30, 0.5), put(1, 2000, 30, 0.5), call(-2, 2000, 200, 0.55)],
    [put(-10, 900, 0.5, 1.5), put(10, 1900, 0.5, 0.7)],
]


def test_scenarios_are_those_of_a_scalar_calculation() -> None:
    of = book({"ETH": 2000.0}, *(Account(5000, rows) for rows in ROWS))
    found = PORTFOLIO.profits(of, of.marks, Holdings.of(of))
    wanted = [[scalar_profit(rows, 2000.0, scenario) for rows in ROWS] for scenario in SCENARIOS]
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-9)


def test_basis_contingency_by_hand() -> None:
    # One long call, 60 days: what it loses when the price falls 4.5 %, times 0.5 + 2 * 60 / 365.
    years = 60 / 365
    now, fallen = (option_value(Kind.CALL, price, 2000, 0.6, years) for price in (2000.0, 1910.0))
    of = book({"ETH": 2000.0}, Account(0, [call(1, 2000, 60, 0.6)]))
    assert PORTFOLIO.basis(of, of.marks, Holdings.of(of))[0] == pytest.approx((fallen - now) * (0.5 + 2 * years))


def test_shorts_are_netted_by_strike_and_expiry() -> None:
    rows = [call(-2, 2000, 7, 0.5), put(1, 2000, 7, 0.5), call(-1, 2100, 7, 0.5), call(9, 2100, 8, 0.5)]
    of = book({"ETH": 2000.0}, Account(0, rows), Account(0, [put(-4, 2000, 7, 0.5), call(-1, 2000, 7, 0.5)]))
    expiries = Expiries.of(of, Holdings.of(of))
    np.testing.assert_array_equal(expiries.naked_shorts(of), [2, 0, 5])


def test_an_interest_rate_discounts_options_in_equity_and_margin() -> None:
    rules = DerivePortfolio(rate=0.1, static_discount=StaticDiscount(short_rate_multiple=0.5))
    of = book({"ETH": 2000.0}, Account(0, [call(-1, 2000, 365, 0.5)]))
    value = option_value(Kind.CALL, 2000, 2000, 0.5, 1.0) * math.exp(-0.1)
    assert rules.equity(of, of.marks, STATE)[0] == pytest.approx(-value)
    moved = option_value(Kind.CALL, 2360, 2000, scalar_volatility(0.5, 365, 0.5, 0.4), 1.0) * math.exp(-0.1)
    factor = min(math.exp(0.1), 1.05 * math.exp(0.16 + 0.05))  # a debt never grows beyond what it is undiscounted
    assert rules.profits(of, of.marks, Holdings.of(of))[0, 0] == pytest.approx(value - moved * factor)


def test_a_smile_is_tilted_up_to_its_cap() -> None:
    shock = SkewShock()
    far, near = np.array([9.0, -9.0, 0.0]), np.full(3, 0.25)
    cap = 0.25 - 0.1 * 0.5
    np.testing.assert_allclose(shock.multiplier(far, near, Skew.LINEAR), [1 + cap, 1 - cap, 1])
    np.testing.assert_allclose(shock.multiplier(far, near, Skew.ABSOLUTE), [1 + cap, 1 + cap, 1])


def test_volatility_moves_by_hand() -> None:
    moves = Volatility(floor_up=0.4)
    years = np.array([30.0, 0.1, 365.0, 30.0]) / 365
    up = moves.moved(np.array([0.6, 0.6, 0.6, 0.1]), years, np.array(0.5))
    np.testing.assert_allclose(up, [0.9, 0.6 * (1 + 0.5 * 30**0.3), 0.6 * (1 + 0.5 * (30 / 365) ** 0.13), 0.4])
    down = moves.moved(np.array([0.6, 0.6]), years[:2], np.array(-0.9))
    np.testing.assert_allclose(down, [0.06, 0.0], atol=1e-15)


# The standard manager


def test_short_calls_by_hand() -> None:
    at, near, far = 2000.0, 2020.0, 2400.0
    values = [option_value(Kind.CALL, 2000, strike, 0.6, 30 / 365) for strike in (at, near, far)]
    rows = [call(-1, strike, 30, 0.6) for strike in (at, near, far)]
    of = book({"ETH": 2000.0}, *(Account(0, [row]) for row in rows))
    # initial: 15 % at the money, 15 - 1 % a little out of it, 13 % at least; maintenance 9 %. The value is equity's.
    np.testing.assert_allclose(STANDARD.initial(of, of.marks, STATE), [300, 280, 260])
    np.testing.assert_allclose(STANDARD.maintenance(of, of.marks, STATE), [180, 180, 180])
    np.testing.assert_allclose(STANDARD.equity(of, of.marks, STATE), [-value for value in values])


def test_short_puts_by_hand() -> None:
    value = option_value(Kind.PUT, 2000, 5000, 0.6, 30 / 365)
    of = book({"ETH": 2000.0}, Account(0, [put(-1, 5000, 30, 0.6)]), Account(0, [put(-1, 1900, 30, 0.6)]))
    maintenance = STANDARD.maintenance(of, of.marks, STATE)
    assert maintenance[0] == pytest.approx(0.09 * value)  # more than 9 % of 2,000
    assert maintenance[1] == pytest.approx(180)
    cheap = option_value(Kind.PUT, 2000, 1900, 0.6, 30 / 365)
    initial = STANDARD.initial(of, of.marks, STATE)
    assert initial[0] == pytest.approx(max(300, 1.05 * (1.09 * value) - value))
    assert initial[1] == pytest.approx(max(0.13 * 2000, 1.05 * (180 + cheap) - cheap))


def test_a_spread_needs_its_worst_payoff() -> None:
    of = book(
        {"ETH": 2000.0},
        Account(0, [call(-1, 2000, 30, 0.6), call(1, 2100, 30, 0.6)]),
        Account(0, [call(-2, 2000, 30, 0.6), call(1, 2100, 30, 0.6)]),
        Account(0, [call(1, 2000, 30, 0.6)]),
    )
    equity = STANDARD.equity(of, of.marks, STATE)
    surplus = equity - STANDARD.maintenance(of, of.marks, STATE)
    assert surplus[0] == pytest.approx(-100)
    naked = option_value(Kind.CALL, 2000, 2000, 0.6, 30 / 365)
    assert surplus[1] == pytest.approx(max(-2 * (naked + 180), -100 - 1.1 * 2000))
    assert surplus[2] == pytest.approx(0)  # a long option lends nothing


def test_perpetuals_and_collateral_by_hand() -> None:
    of = book({"ETH": 2000.0}, Account(0, [perpetual(-1, 2000), held(1)]))
    assert margins(STANDARD, of) == pytest.approx((200 + 2000 * (1 - 0.8 * 0.9375), 130 + 2000 * 0.2))


def worst_by_force(rows: list[Row]) -> float:
    def payoff(price: float) -> float:
        return sum(
            row.size * max(price - row.strike if row.kind == Kind.CALL else row.strike - price, 0) for row in rows
        )

    return min(0.0, payoff(0.0), *(payoff(row.strike) for row in rows))


def test_worst_payoffs_are_those_of_every_strike() -> None:
    random = np.random.default_rng(7)
    accounts = []
    for _ in range(40):
        rows = [
            (call if random.random() < 0.5 else put)(
                int(random.integers(-5, 6)), float(random.integers(10, 30)), 7, 0.5
            )
            for _ in range(int(random.integers(1, 7)))
        ]
        accounts.append(Account(0, rows))
    of = book({"ETH": 20.0}, *accounts)
    wanted = [worst_by_force(list(account.rows)) for account in accounts]
    np.testing.assert_allclose(Expiries.of(of, Holdings.of(of)).worst_payoff(of), wanted, atol=1e-12)


def test_unknown_assets_and_debts_are_refused_by_name() -> None:
    with pytest.raises(Unsupported, match=r"derive-standard.*'PEPE'"):
        margins(STANDARD, book({"PEPE": 1.0}, Account(0, [perpetual(1, 1, "PEPE")])))
    with pytest.raises(Unsupported, match=r"derive-pm.*'PEPE'"):
        margins(PORTFOLIO, book({"PEPE": 1.0}, Account(0, [held(1, "PEPE")])))
    for rules in (STANDARD, PORTFOLIO):
        with pytest.raises(Unsupported, match="debt"):
            margins(rules, book({"ETH": 1.0}, Account(0, [owed(1)])))


# The auction


def test_a_bid_restores_the_buffer_margin() -> None:
    value, margin, buffer, paid = 100.0, -50.0, 0.15, 0.95

    def left(share: float) -> float:
        return (1 - share) * (margin + buffer * (margin - value)) + share * paid * value

    share = float(auction_share(np.array([value]), np.array([margin]), buffer, paid)[0])
    assert 0 < share < 1
    assert left(share) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("value", "margin", "share"), [(-1.0, -60.0, 1.0), (0.0, -1.0, 1.0), (100.0, 30.0, 0.0)])
def test_an_insolvent_account_is_sold_whole_and_a_sound_one_not(value: float, margin: float, share: float) -> None:
    assert auction_share(np.array([value]), np.array([margin]), 0.15, 0.95)[0] == share


def test_an_auction_falls_fast_and_then_slowly() -> None:
    times: Floats = np.array([0.0, 450.0, 900.0, 900.0 + 21_600.0, 1e6])
    np.testing.assert_allclose(discount(times), [0.95, 0.825, 0.70, 0.35, 0.0])
