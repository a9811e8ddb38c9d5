"""The lab's venue, by hand from its contracts' rules."""

from __future__ import annotations

import numpy as np
import pytest

from rollproof.errors import Malformed
from rollproof.venue.book import Mode
from rollproof.venue.rules.lab import Lab
from rollproof.venue.state import VenueState
from venue.rule_books import Holder, at, book, one

STATE = VenueState()


def test_ratios_are_of_the_mark() -> None:
    held = one("ETH-USD", 2_000.0, 10.0, 1_950.0, 500.0)
    rules = Lab()
    assert rules.initial(held, held.marks, STATE) == pytest.approx([400.0])
    assert rules.maintenance(held, held.marks, STATE) == pytest.approx([200.0])
    assert rules.equity(held, held.marks, STATE) == pytest.approx([1_000.0])
    # 500 + 10 (p - 1950) = 0.1 p
    assert rules.liquidation_price(held, held.marks, STATE) == pytest.approx([19_000 / 9.9], rel=1e-12)
    assert rules.bankruptcy_price(held, held.marks, STATE) == pytest.approx([1_900.0], rel=1e-12)


def test_premium_and_fill() -> None:
    """A skew of 5,000 of 500,000 (a thousand million dollars) is a premium of 1 %; it stops at 2 %."""
    held = one("ETH-USD", 2_000.0, 5_000.0, 2_000.0, 0.0)
    rules, oracle = Lab(), at(2_000.0)
    assert rules.mark_price(held, oracle, STATE) == pytest.approx([2_020.0])
    assert rules.fill_price(held, oracle, STATE, at(2_500.0)) == pytest.approx([2_025.0])
    assert rules.fill_price(held, oracle, STATE, at(50_000.0)) == pytest.approx([2_030.0])
    away = VenueState(open_interest=at(0.0), skew=at(-90_000.0))
    assert rules.mark_price(held, oracle, away) == pytest.approx([1_960.0])
    own = Lab(markets={"ETH-USD": {"skew_scale": 50_000.0, "max_premium": 0.2}})
    assert own.mark_price(held, oracle, STATE) == pytest.approx([2_200.0])


def test_funding_is_bounded() -> None:
    held = one("ETH-USD", 2_000.0, 5_000.0, 2_000.0, 0.0)
    assert Lab().funding_rate(held, held.marks, STATE) == pytest.approx([1e-7])
    most = VenueState(open_interest=at(0.0), skew=at(-400_000.0))
    assert Lab().funding_rate(held, held.marks, most) == pytest.approx([-1e-6])


def test_a_part_is_closed_while_half_the_margin_is_left() -> None:
    """Maintenance 20 for 2,000: equity 10 is enough for a part, 9.9 is not; of 19 nothing of 10 would be left."""
    holders = [Holder(cash, [("ETH-USD", size, 2_000.0)]) for cash, size in ((10.0, 1.0), (9.9, -1.0), (0.15, 0.0095))]
    held = book({"ETH-USD": 2_000.0}, *holders)
    assert Lab().liquidatable(held, held.marks, STATE).all()
    assert Lab().liquidation_step(held, held.marks, STATE).tolist() == [0.5, 1.0, 1.0]


def test_deleveraging_ranks_return_times_leverage() -> None:
    """Profit 200 by cost 1,800, times 2,000 by an equity of 1,200; a loss has no rank."""
    held = book(
        {"ETH-USD": 2_000.0},
        Holder(1_000.0, [("ETH-USD", 1.0, 1_800.0)], mode=Mode.ISOLATED),
        Holder(1_000.0, [("ETH-USD", 1.0, 2_100.0)], mode=Mode.ISOLATED),
        Holder(100.0, [("ETH-USD", -1.0, 2_400.0)], mode=Mode.ISOLATED),
    )
    scores = Lab().adl_score(held, held.marks, STATE)
    assert scores == pytest.approx([200 / 1_800 * 2_000 / 1_200, 0.0, 400 / 2_400 * 2_000 / 500])


def test_refused() -> None:
    with pytest.raises(Malformed, match=r"maintenance_ratio is 0\.03"):
        Lab(maintenance_ratio=0.03)
    assert np.isfinite(Lab().skew_value)
