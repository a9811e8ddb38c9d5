"""Drift v2's margin, against the numbers of its own tests and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from rollproof.errors import Malformed
from rollproof.venue.rules.drift import Drift, units_to_cover
from rollproof.venue.state import VenueState
from venue.rule_books import Holder, at, book, one

STATE = VenueState()


@pytest.mark.parametrize(("fee", "insurance", "units"), [(0.0, 0.0, 1.0), (0.01, 0.0, 10 / 9), (0.01, 0.01, 1.25)])
def test_units_that_cover_a_shortage(fee: float, insurance: float, units: float) -> None:
    """protocol-v2, math/liquidation/tests.rs: a shortage of 10 at a price of 100 and a ratio of 10 %."""
    found = units_to_cover(at(10.0), at(0.1), at(fee), at(insurance), at(100.0))
    assert found == pytest.approx([units], rel=1e-12)


def test_fees_that_eat_the_margin_take_everything() -> None:
    assert units_to_cover(at(10.0), at(0.02), at(0.01), at(0.01), at(100.0)) == [np.inf]
    assert units_to_cover(at(0.0), at(0.02), at(0.01), at(0.01), at(100.0)) == [0.0]


def test_loss_is_socialised_by_open_interest() -> None:
    """math/liquidation/tests.rs, total_base_asset_amount_not_zero: 100 among 7 long and 4 short: 9.09091 each."""
    state = VenueState(open_interest=at(7.0), skew=at(3.0))
    share = Drift().socialised_per_unit(one("SOL", 100.0, 1.0, 100.0, 0.0), state, at(100.0))
    assert share == pytest.approx([9.09091], abs=5e-6)


def test_ratio_grows_with_the_root_of_size() -> None:
    """max(5 %, 4 % + 0.0003 x sqrt(size)): 1,600 units give 4 % + 1.2 %; 100 give 5 %."""
    rules = Drift(imf_factor=0.0003)
    held = book({"SOL": 100.0}, Holder(0.0, [("SOL", 1_600.0, 100.0)]), Holder(0.0, [("SOL", -100.0, 100.0)]))
    assert rules.maintenance(held, held.marks, STATE) == pytest.approx([160_000 * 0.052, 10_000 * 0.05])
    assert rules.initial(held, held.marks, STATE) == pytest.approx([160_000 * 0.1, 10_000 * 0.1])
    # Of the mean ratio, 7.5 %: 6 % + 1.2 % is less.
    assert rules.fill_margin(held, held.marks) == pytest.approx([160_000 * 0.075, 10_000 * 0.075])
    flat = Drift(imf_factor=0.0)
    assert flat.maintenance(held, held.marks, STATE) == pytest.approx([8_000.0, 500.0])


def test_weights_of_deposits_and_borrows() -> None:
    held = book({"SOL": 100.0, "ETH": 2_000.0}, Holder(1_000.0, held=[("SOL", 10.0)], owed=[("ETH", 0.5)]))
    assert Drift().equity(held, held.marks, STATE) == pytest.approx([1_000 + 0.9 * 1_000 - 1.1 * 1_000])
    # 1,000 + 900 = 0.55 p; 1,000 + 9 p = 1,100
    assert Drift().maintenance(held, held.marks, STATE) == pytest.approx([0.0])
    prices = Drift().liquidation_price(held, held.marks, STATE)
    assert prices == pytest.approx([100 / 9, 1_900 / 0.55], rel=1e-12)


def test_liquidation_frees_a_growing_share_of_the_shortage() -> None:
    """100,000 at 5 % and 2 % buffer with 4,000 of equity: 3,000 short, a tenth at once: 300 / 4 = 75 units."""
    rules = Drift(imf_factor=0.0)
    held = one("SOL", 100.0, 1_000.0, 100.0, 4_000.0)
    assert rules.shortage(held, held.marks, STATE) == pytest.approx([3_000.0])
    assert rules.liquidation_step(held, held.marks, STATE) == pytest.approx([0.075])
    short = np.array([3_000.0, 49.0])
    assert rules.freeable_share(short, 0) == pytest.approx([0.1, 1.0])
    assert rules.freeable_share(short, 75) == pytest.approx([0.6, 1.0])
    assert rules.freeable_share(short, 150) == pytest.approx([1.0, 1.0])


def test_liquidators_fee_grows_after_ten_minutes() -> None:
    """0.01 bp a slot after 1,500 slots, at most three times the fee and no more than the maintenance ratio."""
    rules = Drift(liquidator_fee=0.01, maintenance_ratio=0.05)
    assert rules.liquidator_fee_after(1_499) == pytest.approx(0.01)
    assert rules.liquidator_fee_after(1_500) == pytest.approx(0.0115)
    assert rules.liquidator_fee_after(100_000) == pytest.approx(0.03)
    assert Drift(liquidator_fee=0.02, maintenance_ratio=0.05).liquidator_fee_after(1e6) == pytest.approx(0.05)


def test_refused() -> None:
    with pytest.raises(Malformed, match=r"maintenance_ratio is 0\.2"):
        Drift(maintenance_ratio=0.2)
    with pytest.raises(Malformed, match="ramp_slots is 0"):
        Drift(ramp_slots=0)
