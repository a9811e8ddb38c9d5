"""dYdX v4's margin, against the numbers of its own tests and by hand.

dydxprotocol/v4-chain, protocol/x/clob/keeper/liquidations_test.go: TestGetBankruptcyPriceInQuoteQuantums and
TestGetFillablePrice. There a subaccount has a quote balance and positions; BTC is at 50,000 and ETH at 3,000, both with
an initial margin of 20 % and a maintenance margin of 10 %.
"""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from rollproof.errors import Malformed, Unsupported
from rollproof.venue.book import Book
from rollproof.venue.rules.dydx import Dydx
from rollproof.venue.state import VenueState
from venue.rule_books import Holder, at, book, one

MARKS = {"BTC": 50_000.0, "ETH": 3_000.0}
TESTED = Dydx(initial_fraction=0.2, maintenance_share=0.5)


def of(balance: float, **sizes: float) -> Book:
    """A subaccount with a quote balance, in a book: what was bought at the mark is not in the cash any more."""
    cash = balance + sum(size * MARKS[asset] for asset, size in sizes.items())
    return book(MARKS, Holder(cash, [(asset, size, MARKS[asset]) for asset, size in sizes.items()]))


@pytest.mark.parametrize(
    ("balance", "size", "quote"),
    [
        (-4_501, 0.1, 4_501.0),
        (5_499, -0.1, -5_499.0),
        (-5_000, 0.1, 5_000.0),
        (5_000, -0.1, -5_000.0),
        (-5_100, 0.1, 5_100.0),
        (4_900, -0.1, -4_900.0),
        (-13, 1.0, 13.0),
        (1, 1.0, -1.0),  # no price above zero
    ],
)
def test_bankruptcy_price_of_one_position(balance: float, size: float, quote: float) -> None:
    of_one = of(balance, BTC=size)
    rules, state = TESTED, VenueState()
    assert rules.closing_price(of_one, of_one.marks, state)[0] * size == pytest.approx(quote, rel=1e-12)
    alone = rules.bankruptcy_price(of_one, of_one.marks, state)[0]
    assert np.isnan(alone) if quote * size < 0 else alone * size == pytest.approx(quote, rel=1e-12)


@pytest.mark.parametrize(
    ("balance", "btc", "eth", "quote"),
    [(-490, 0.004, 0.1, 294.0), (510, -0.004, -0.1, -306.0), (110, 0.004, -0.1, -306.0)],
)
def test_bankruptcy_price_of_one_of_two_positions(balance: float, btc: float, eth: float, quote: float) -> None:
    both = of(balance, BTC=btc, ETH=eth)
    price = TESTED.closing_price(both, both.marks, VenueState())[1]
    assert price * eth == pytest.approx(quote, rel=1e-12)


@pytest.mark.parametrize(
    ("balance", "size", "adjustment", "spread", "price"),
    [
        (-4_501, 0.1, 1.0, 0.1, 49_999.0),
        (-4_501, 0.1, 2.0, 0.1, 49_998.0),
        (-4_501, 0.1, 1.0, 0.2, 49_998.0),
        (5_499, -0.1, 1.0, 0.1, 50_001.0),
        (5_499, -0.1, 2.0, 0.1, 50_002.0),
        (5_499, -0.1, 1.0, 0.2, 50_002.0),
        (-5_000, 0.1, 1.0, 0.1, 49_500.0),
        (5_000, -0.1, 1.0, 0.1, 50_500.0),
        (-5_500, 0.1, 1.0, 0.1, 49_500.0),
        (4_500, -0.1, 1.0, 0.1, 50_500.0),
        (-4_501, 0.1, 4_294.967295, 0.1, 49_500.0),
        (-4_501, 0.1, 1.0, 1e-6, 49_999.99999),
        (-4_501, 0.1, 1.0, 1.0, 49_990.0),
    ],
)
def test_fillable_price(balance: float, size: float, adjustment: float, spread: float, price: float) -> None:
    rules = replace(TESTED, bankruptcy_adjustment=adjustment, spread_to_maintenance=spread)
    of_one = of(balance, BTC=size)
    assert rules.fillable_price(of_one, of_one.marks, VenueState())[0] == pytest.approx(price, rel=1e-12)


def test_fillable_price_of_one_of_two_positions() -> None:
    both = of(-490, BTC=0.004, ETH=0.1)
    rules = replace(TESTED, spread_to_maintenance=0.1)
    assert rules.fillable_price(both, both.marks, VenueState())[1] == pytest.approx(2_976.0, rel=1e-12)


@pytest.mark.parametrize(
    ("interest", "fraction"), [(0.0, 0.1), (20e6, 0.1), (35e6, 0.55), (50e6, 1.0), (80e6, 1.0), (26e6, 0.28)]
)
def test_initial_margin_grows_with_open_interest(interest: float, fraction: float) -> None:
    rules = Dydx(initial_fraction=0.1, maintenance_share=0.5, open_interest_lower=20e6, open_interest_upper=50e6)
    state = VenueState(open_interest=at(interest / 2_000), skew=at(0.0))
    eth = one("ETH", 2_000.0, 10.0, 1_900.0, 5_000.0)
    assert rules.initial(eth, eth.marks, state)[0] == pytest.approx(20_000 * fraction, rel=1e-12)
    assert rules.maintenance(eth, eth.marks, state)[0] == pytest.approx(20_000 * 0.05, rel=1e-12)  # base fraction


def test_insurance_fund_gets_a_bounded_fee_or_pays() -> None:
    filled, bankruptcy = np.array([50_000.0, 45_200.0, 44_000.0]), np.full(3, 45_000.0)
    delta = Dydx(max_fee=0.015).insurance_delta(filled, bankruptcy, np.full(3, 0.1))
    # 500 above bankruptcy, but 1.5 % of 5,000; 20 above it; 100 below.
    assert delta == pytest.approx([75.0, 20.0, -100.0])
    short = Dydx(max_fee=0.015).insurance_delta(at(46_000.0), at(45_000.0), at(-0.1))
    assert short == pytest.approx([-100.0])


def test_limits_of_a_block() -> None:
    rules = Dydx()
    held = book({"BTC": 50_000.0}, Holder(0.0, [("BTC", size, 50_000.0) for size in (0.01, 0.1, 1.0, 100.0)]))
    # 500 is less than the least; 1,000 of 5,000; a tenth of 50,000; 100,000 of 5 million.
    assert rules.liquidation_step(held, held.marks, VenueState()) == pytest.approx([1.0, 0.2, 0.1, 0.02])
    assert rules.throughput(held, held.marks, VenueState()) == pytest.approx([50 * 100_000.0])


def test_withdrawals_are_locked_after_five_minutes() -> None:
    assert Dydx().withdrawal_lock(299.0) == 0.0
    assert Dydx().withdrawal_lock(300.0) == 50.0


def test_a_market_has_its_own_tier() -> None:
    rules = Dydx(markets={"ETH": {"initial_fraction": 0.1, "maintenance_share": 0.5}})
    two = book({"BTC-USD": 50_000.0, "ETH-USD": 3_000.0}, Holder(0.0, [("BTC-USD", 1, 1), ("ETH-USD", 1, 1)]))
    assert rules.maintenance(two, two.marks, VenueState())[0] == pytest.approx(50_000 * 0.012 + 3_000 * 0.05)


def test_refused_by_name() -> None:
    with pytest.raises(Unsupported, match=r"dydx: markets\.ETH\.initial is not known"):
        Dydx(markets={"ETH": {"initial": 0.1}})
    with pytest.raises(Malformed, match=r"initial_fraction is 1\.5, but has to be between 0 and 1"):
        Dydx(markets={"ETH": {"initial_fraction": 1.5}})
    with pytest.raises(Malformed, match="open_interest_lower is 2"):
        Dydx(open_interest_lower=2.0, open_interest_upper=1.0)
    with pytest.raises(Malformed, match="max_fee is nan"):
        Dydx(max_fee=float("nan"))
    called = book({"ETH": 3_000.0}, Holder(0.0, [("ETH", 1.0, 3_000.0)], calls=[("ETH", 1.0, 3_000.0)]))
    with pytest.raises(Unsupported, match="dydx: position 2 is a call: not margined"):
        Dydx().maintenance(called, called.marks, VenueState())
    with pytest.raises(Malformed, match="open interest has 2 assets, its book 1"):
        Dydx().initial(one("ETH", 1.0, 1.0, 1.0, 1.0), at(1.0), VenueState(open_interest=np.zeros(2)))
