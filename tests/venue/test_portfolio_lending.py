"""Collateralised debt: health factors, close factors and prices by hand."""

from __future__ import annotations

import numpy as np
import pytest

from rollproof.errors import Malformed, Unsupported
from rollproof.venue.rules.lending import Lending, Reserve
from rollproof.venue.state import VenueState
from venue.option_books import Account, book, held, owed, perpetual

STATE = VenueState()
RULES = Lending()


def test_a_health_factor_by_hand() -> None:
    # 10 ether at 2,000 count 82.5 %: 16,500 for 15,000.
    of = book({"WETH": 2000.0}, Account(-15_000, [held(10, "WETH")]))
    assert RULES.health_factor(of, of.marks, STATE)[0] == pytest.approx(1.1)
    assert RULES.maintenance(of, of.marks, STATE)[0] == pytest.approx(0.175 * 20_000)
    assert RULES.initial(of, of.marks, STATE)[0] == pytest.approx(0.2 * 20_000)
    assert not RULES.liquidatable(of, of.marks, STATE)[0]
    assert RULES.liquidation_price(of, of.marks, STATE)[0] == pytest.approx(15_000 / 8.25)
    assert RULES.bankruptcy_price(of, of.marks, STATE)[0] == pytest.approx(1500)


def test_it_may_be_liquidated_exactly_where_the_health_factor_is_below_one() -> None:
    of = book({"WETH": 2000.0}, Account(-15_000, [held(10, "WETH")]))
    at = 15_000 / 8.25
    for price, wanted in ((at * 1.000001, False), (at * 0.999999, True)):
        prices = np.array([price])
        assert RULES.liquidatable(of, prices, STATE)[0] == wanted
        assert (RULES.equity(of, prices, STATE) < RULES.maintenance(of, prices, STATE))[0] == wanted


def test_debt_in_another_asset_and_several_collaterals() -> None:
    # (4 * 2000 * .825 + 5000 * .85) / (2 * 3000) with the debt in CBETH at 3,000
    marks = {"WETH": 2000.0, "USDC": 1.0, "CBETH": 3000.0}
    of = book(marks, Account(0, [held(4, "WETH"), held(5000, "USDC"), owed(2, "CBETH")]))
    assert RULES.health_factor(of, of.marks, STATE)[0] == pytest.approx((6600 + 4250) / 6000)
    price = RULES.liquidation_price(of, of.marks, STATE)
    assert price[2] == pytest.approx((6600 + 4250) / 2)  # of the debt's asset, above
    assert price[0] == pytest.approx((6000 - 4250) / 3.3)
    assert np.isnan(RULES.liquidation_price(of, np.array([2000.0, 1.0, 1500.0]), STATE)[0])  # USDC alone is enough


def test_cash_above_nothing_is_the_quote_currencys_reserve() -> None:
    of = book({"WETH": 2000.0}, Account(10_000, [owed(4, "WETH")]))
    assert RULES.health_factor(of, of.marks, STATE)[0] == pytest.approx(8500 / 8000)
    assert RULES.liquidation_price(of, of.marks, STATE)[0] == pytest.approx(8500 / 4)


def test_half_of_the_debt_or_all_of_it_is_repaid() -> None:
    # Health factors 0.99, 0.96, 0.95 and 0.9 at 16,500 counted; and a debt below 2,000.
    debts = [16_500 / each for each in (0.99, 0.96, 0.95, 0.9)]
    of = book({"WETH": 2000.0}, *(Account(-debt, [held(10, "WETH")]) for debt in debts))
    np.testing.assert_array_equal(RULES.closable(of, of.marks, STATE), [0.5, 0.5, 1, 1])
    small = book({"WETH": 2000.0}, Account(-1700, [held(1, "WETH")]))
    assert RULES.closable(small, small.marks, STATE)[0] == 1


def test_the_bonus_is_seized_too_and_never_more_than_is_there() -> None:
    debt = 16_500 / 0.96
    of = book({"WETH": 2000.0}, Account(-debt, [held(10, "WETH")]), Account(-30_000, [held(10, "WETH")]))
    step = RULES.liquidation_step(of, of.marks, STATE)
    assert step[0] == pytest.approx(0.5 * debt * 1.05 / 20_000)
    assert step[1] == 1.0
    rows = book({"WETH": 2000.0, "USDC": 1.0}, Account(0, [held(10, "WETH"), owed(debt, "USDC")]))
    assert RULES.liquidation_step(rows, rows.marks, STATE)[1] == 0.5


def test_without_collateral_there_is_nothing_to_liquidate() -> None:
    of = book({"WETH": 2000.0}, Account(0, [owed(1, "WETH")]))
    assert RULES.health_factor(of, of.marks, STATE)[0] == 0
    assert not RULES.liquidatable(of, of.marks, STATE)[0]
    free = book({"WETH": 2000.0}, Account(0, [held(1, "WETH")]))
    assert np.isinf(RULES.health_factor(free, free.marks, STATE)[0])


def test_unknown_reserves_and_kinds_are_refused() -> None:
    with pytest.raises(Unsupported, match="'PEPE'"):
        RULES.maintenance(book({"PEPE": 1.0}, Account(0, [held(1, "PEPE")])), np.ones(1), STATE)
    with pytest.raises(Unsupported, match="perpetual"):
        RULES.maintenance(book({"WETH": 1.0}, Account(0, [perpetual(1, 1, "WETH")])), np.ones(1), STATE)
    with pytest.raises(Malformed, match="loan_to_value"):
        Reserve(loan_to_value=0.9, threshold=0.8, bonus=0.05)
    # A debt's asset needs no reserve: it is not collateral.
    RULES.maintenance(book({"PEPE": 1.0}, Account(0, [owed(1, "PEPE")])), np.ones(1), STATE)
