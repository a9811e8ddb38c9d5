"""GMX v2's margin, against the examples of its README and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from rollproof.errors import Malformed
from rollproof.venue.book import Mode
from rollproof.venue.rules.gmx import Gmx, price_impact
from rollproof.venue.state import VenueState
from venue.rule_books import Holder, at, book, one

STATE = VenueState()


def test_price_impact_of_the_readme() -> None:
    """gmx-synthetics README, "Price Impact": exponent 2, factor 0.01 / 50,000."""
    factor, exponent = at(0.01 / 50_000), at(2.0)
    worse = price_impact(at(0.0), at(-50_000.0), factor, factor, exponent)
    better = price_impact(at(-50_000.0), at(-25_000.0), factor, factor, exponent)
    assert worse == pytest.approx([-500.0], rel=1e-12)
    assert better == pytest.approx([375.0], rel=1e-12)


def test_price_impact_across_balance_counts_each_way_by_its_factor() -> None:
    impact = price_impact(at(50_000.0), at(-20_000.0), at(1e-7), at(2e-7), at(2.0))
    assert impact == pytest.approx([1e-7 * 50_000**2 - 2e-7 * 20_000**2])


def test_funding_of_the_readme() -> None:
    """README, "Funding Fees": factor 1 / 50,000, 150,000 against 50,000: longs pay 0.001 %, shorts get 0.003 %."""
    held = book(
        {"ETH": 1.0},
        Holder(0.0, [("ETH", 150_000.0, 1.0)], mode=Mode.ISOLATED),
        Holder(0.0, [("ETH", -50_000.0, 1.0)], mode=Mode.ISOLATED),
    )
    rate = Gmx(funding_factor=1 / 50_000).funding_rate(held, held.marks, STATE)
    assert rate == pytest.approx([0.00001], rel=1e-12)
    longs, shorts = Gmx().sides(held, STATE)
    assert rate * longs / shorts == pytest.approx([0.00003], rel=1e-12)


def test_margin_is_of_the_size_at_entry() -> None:
    rules = Gmx(min_collateral_factor=0.02, position_fee=0.0007)
    held = one("ETH", 2_100.0, 1.0, 2_000.0, 100.0)
    assert rules.initial(held, held.marks, STATE) == pytest.approx([40.0])
    assert rules.maintenance(held, held.marks, STATE) == pytest.approx([20.0])
    assert rules.equity(held, held.marks, STATE) == pytest.approx([100 + 100 - 1.4])
    # 100 + (p - 2000) - 1.4 = 20
    assert rules.liquidation_price(held, held.marks, STATE) == pytest.approx([1_921.4], rel=1e-12)
    assert rules.bankruptcy_price(held, held.marks, STATE) == pytest.approx([1_900.0], rel=1e-12)
    short = one("ETH", 2_100.0, -1.0, 2_000.0, 100.0)
    assert rules.liquidation_price(short, short.marks, STATE) == pytest.approx([2_078.6], rel=1e-12)


def test_collateral_moves_with_its_price() -> None:
    """A long of 1 ETH at 2,000 backed by 0.05 ETH: 0.05 p + (p - 2000) - 1.4 = 20."""
    held = book({"ETH": 2_000.0}, Holder(0.0, [("ETH", 1.0, 2_000.0)], held=[("ETH", 0.05)], mode=Mode.ISOLATED))
    price = Gmx().liquidation_price(held, held.marks, STATE)
    assert price == pytest.approx([2_021.4 / 1.05] * 2, rel=1e-12)


def test_least_collateral() -> None:
    tiny = one("ETH", 2_000.0, 0.01, 2_000.0, 5.0)
    assert Gmx().maintenance(tiny, tiny.marks, STATE) == pytest.approx([1.0])  # 1 % of 20 is less than a dollar


def test_only_bad_impact_counts_up_to_its_cap() -> None:
    """A long of 50,000 against nothing: closing it is better. A short of 10,000 beside it: closing it is worse."""
    held = book(
        {"ETH": 1.0},
        Holder(5_000.0, [("ETH", 50_000.0, 1.0)], mode=Mode.ISOLATED),
        Holder(5_000.0, [("ETH", -10_000.0, 1.0)], mode=Mode.ISOLATED),
    )
    free = Gmx(negative_impact_factor=1e-7, positive_impact_factor=5e-8, position_fee=0.0)
    assert free.closing_impact(held, STATE) == pytest.approx(
        [5e-8 * 40_000**2 - 1e-7 * 10_000**2, 1e-7 * (40_000**2 - 50_000**2)]
    )
    assert free.equity(held, held.marks, STATE) == pytest.approx([5_000.0, 5_000.0])  # the published cap is 0
    capped = Gmx(negative_impact_factor=1e-7, position_fee=0.0, max_impact_for_liquidation=0.005)
    assert capped.equity(held, held.marks, STATE) == pytest.approx([5_000.0, 4_950.0])  # 90, but 0.5 % of 10,000
    wide = Gmx(negative_impact_factor=1e-7, position_fee=0.0, max_impact_for_liquidation=0.05)
    assert wide.equity(held, held.marks, STATE) == pytest.approx([5_000.0, 4_910.0])


def test_open_interest_beyond_the_book() -> None:
    held = one("ETH", 2_000.0, 1.0, 1_000.0, 100.0)
    state = VenueState(open_interest=at(3.0), skew=at(-1.0))  # 2 long, 3 short
    longs, shorts = Gmx().sides(held, state)
    assert longs == pytest.approx([1_000.0 + 1 * 2_000.0])
    assert shorts == pytest.approx([3 * 2_000.0])


def test_initial_margin_grows_with_open_interest() -> None:
    """config/markets.ts: 0.5 % at 83 million with a multiplier of 6e-11 (rounded there)."""
    rules = Gmx(
        min_collateral_factor=0.005, min_collateral_factor_for_liquidation=0.005, open_interest_multiplier=6e-11
    )
    held = one("BTC", 1.0, 1_000.0, 1.0, 100.0)
    low = VenueState(open_interest=at(50e6), skew=at(50e6))
    high = VenueState(open_interest=at(100e6), skew=at(100e6))
    assert rules.initial(held, held.marks, low) == pytest.approx([5.0])
    assert rules.initial(held, held.marks, high) == pytest.approx([6.0], rel=1e-9)


def test_profit_that_the_pool_cannot_pay_does_not_count() -> None:
    held = book(
        {"ETH": 3_000.0},
        Holder(100.0, [("ETH", 1.0, 2_000.0)], mode=Mode.ISOLATED),
        Holder(100.0, [("ETH", 1.0, 2_500.0)], mode=Mode.ISOLATED),
        Holder(900.0, [("ETH", -1.0, 2_500.0)], mode=Mode.ISOLATED),
    )
    rules = Gmx(position_fee=0.0)
    rich, poor = VenueState(pool=1e6), VenueState(pool=2_000.0)  # 1,000 behind longs, who made 1,500
    assert rules.equity(held, held.marks, rich) == pytest.approx([1_100.0, 600.0, 400.0])
    assert rules.profit_factor(held, held.marks, poor) == pytest.approx((1.5, 0.0))
    # 90 % of 1,000 is paid of 1,500: 600 of 1,000 and 300 of 500.
    assert rules.equity(held, held.marks, poor) == pytest.approx([700.0, 400.0, 400.0])
    assert rules.deleverages(held, held.marks, rich) == (False, False)
    assert rules.deleverages(held, held.marks, poor) == (True, False)
    assert rules.payable_share(held, held.marks, VenueState(pool=0.0)) == (0.0, 1.0)


def test_after_an_outage_nobody_is_liquidated_for_five_minutes() -> None:
    assert Gmx().liquidation.grace_seconds == 300.0
    assert not Gmx().backstop.fund_first


def test_refused() -> None:
    with pytest.raises(Malformed, match=r"min_collateral_factor_for_liquidation is 0\.02"):
        Gmx(min_collateral_factor_for_liquidation=0.02)
    with pytest.raises(Malformed, match="gmx: impact_exponent is 0"):
        Gmx(impact_exponent=0.0)
    assert np.isfinite(Gmx().adl_factor)
