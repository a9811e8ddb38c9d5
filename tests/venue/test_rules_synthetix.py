"""Synthetix perpetuals v3's margin, against the examples in its contracts and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from rollproof.errors import Malformed
from rollproof.venue.rules.synthetix import Synthetix, fill_price, funding_rate_after
from rollproof.venue.state import VenueState
from venue.rule_books import Holder, at, book, one

STATE = VenueState()
SOL = {"initial_ratio": 24.39, "min_initial_ratio": 0.02, "maintenance_scalar": 0.33, "skew_scale": 1_406_250.0}


def test_fill_price_of_the_contract() -> None:
    """AsyncOrder.sol, calculateFillPrice: price 1200, an order of 100 into no skew, a scale of a million."""
    assert fill_price(1_200.0, 100.0, 0.0, 1_000_000.0) == pytest.approx(1_200.06, rel=1e-12)
    assert fill_price(1_200.0, -100.0, 100.0, 1_000_000.0) == pytest.approx(1_200.06, rel=1e-12)  # and back


def test_funding_of_the_contract() -> None:
    """PerpsMarket.sol, currentFundingRate: 0.0025 a day for 29,000 seconds; its test has a skew of 1,000 of 10,000."""
    state = VenueState(open_interest=at(1_000.0), skew=at(1_000.0))
    rules = Synthetix(skew_scale=10_000.0, max_funding_velocity=0.025)
    velocity = rules.funding_velocity(one("ETH", 100.0, 1.0, 100.0, 0.0), state)
    assert velocity == pytest.approx([0.0025], rel=1e-12)
    assert funding_rate_after(0.0, float(velocity[0]), 29_000) == pytest.approx(0.00083912, abs=5e-9)


def test_velocity_is_bounded() -> None:
    state = VenueState(open_interest=at(50_000.0), skew=at(-50_000.0))
    rules = Synthetix(skew_scale=10_000.0, max_funding_velocity=0.025)
    assert rules.funding_velocity(one("ETH", 100.0, 1.0, 100.0, 0.0), state) == pytest.approx([-0.025])


def test_margin_grows_with_size() -> None:
    """1,406.25 SOL are a thousandth of the scale: 2.439 % and 2 %; a third of that; 50 and 3 bp for the keeper."""
    held = one("SOL", 100.0, 1_406.25, 100.0, 10_000.0)
    rules = Synthetix(markets={"SOL": SOL})  # SCCP-316
    assert rules.initial(held, held.marks, STATE) == pytest.approx([140_625 * (0.04439 + 0.0003) + 50], rel=1e-12)
    assert rules.maintenance(held, held.marks, STATE) == pytest.approx(
        [140_625 * (0.04439 * 0.33 + 0.0003) + 50], rel=1e-12
    )


def test_collateral_is_discounted_by_its_amount() -> None:
    rules = Synthetix(
        spot_skew_scale=1_000.0, discount_scalar=2.0, discount_lower=0.005, discount_upper=0.05, min_position_margin=0.0
    )
    held = book({"ETH": 2_000.0}, *(Holder(0.0, held=[("ETH", amount)]) for amount in (1.0, 10.0, 100.0)))
    # 2 x 0.001 is below the lowest; 2 x 0.01; 2 x 0.1 is above the highest.
    assert rules.equity(held, held.marks, STATE) == pytest.approx([1_990.0, 19_600.0, 190_000.0])
    assert held.equity(held.marks) == pytest.approx([2_000.0, 20_000.0, 200_000.0])


def test_liquidation_price_counts_the_discount() -> None:
    """1 short at 2,000 backed by 1 ETH at 90 %: 0.9 p + 2000 - p = rate x p + 50, where rate = 0.0201 / 2 + 0.0003."""
    rules = Synthetix(
        initial_ratio=100.0, maintenance_scalar=0.5, spot_skew_scale=1.0, discount_upper=0.1, discount_lower=0.1
    )
    held = book({"ETH": 2_000.0}, Holder(0.0, [("ETH", -1.0, 2_000.0)], held=[("ETH", 1.0)]))
    expected = 1_950 / (0.1 + (100 / 1e6 + 0.02) * 0.5 + 0.0003)
    assert rules.liquidation_price(held, held.marks, STATE) == pytest.approx([expected] * 2, rel=1e-12)


def test_liquidation_window() -> None:
    """(2 bp + 8 bp) x a million x 1.5 a second, for 30 seconds."""
    rules, held = Synthetix(), one("ETH", 2_000.0, 1.0, 2_000.0, 0.0)
    assert rules.window(held) == pytest.approx([45_000.0])
    assert rules.throughput(held, held.marks, STATE) == pytest.approx([1_500 * 2_000.0])
    small, large = (VenueState(open_interest=at(each), skew=at(-each)) for each in (499.0, 501.0))
    assert rules.one_more(held, small).tolist() == [True]
    assert rules.one_more(held, large).tolist() == [False]


def test_a_market_has_its_own_scale() -> None:
    rules = Synthetix(markets={"SOL": SOL}, min_position_margin=0.0)
    held = book({"SOL": 100.0, "W": 1.0}, Holder(0.0, [("SOL", 1_406.25, 100.0)]), Holder(0.0, [("W", 1_000.0, 1.0)]))
    needed = rules.initial(held, held.marks, STATE)
    assert needed == pytest.approx([140_625 * 0.04469, 1_000 * (24.39 * 0.001 + 0.0203)], rel=1e-12)


def test_refused() -> None:
    with pytest.raises(Malformed, match=r"discount_lower is 0\.2"):
        Synthetix(discount_lower=0.2)
    with pytest.raises(Malformed, match="skew_scale is 0"):
        Synthetix(markets={"SOL": {"skew_scale": 0.0}})
    assert np.isfinite(Synthetix().skew_scale)
