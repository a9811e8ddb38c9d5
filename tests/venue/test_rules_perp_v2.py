"""Perpetual Protocol v2's margin, by hand; its own tests give the share of a partial liquidation."""

from __future__ import annotations

import numpy as np
import pytest

from rollproof.errors import Malformed
from rollproof.venue.rules.perp_v2 import PerpV2
from rollproof.venue.state import VenueState
from venue.rule_books import Holder, book, one

STATE = VenueState()


def test_ratios_are_of_all_positions() -> None:
    held = book({"ETH": 2_000.0, "BTC": 50_000.0}, Holder(5_000.0, [("ETH", 10.0, 2_000.0), ("BTC", -0.4, 50_000.0)]))
    rules = PerpV2()
    assert rules.initial(held, held.marks, STATE) == pytest.approx([4_000.0])
    assert rules.maintenance(held, held.marks, STATE) == pytest.approx([2_500.0])
    # 5,000 + 10 (p - 2,000) = 0.0625 (10 p + 20,000); 5,000 - 0.4 (p - 50,000) = 0.0625 (20,000 + 0.4 p)
    assert rules.liquidation_price(held, held.marks, STATE) == pytest.approx(
        [16_250 / 9.375, 23_750 / 0.425], rel=1e-12
    )


def test_collateral_counts_by_its_ratio() -> None:
    rules = PerpV2(collateral_ratio=0.7, markets={"OP": {"collateral_ratio": 0.6}})
    held = book({"WETH": 2_000.0, "OP": 1.5}, Holder(100.0, held=[("WETH", 1.0), ("OP", 100.0)]))
    assert rules.equity(held, held.marks, STATE) == pytest.approx([100 + 1_400 + 90])


def test_share_of_a_partial_liquidation() -> None:
    """perp-curie-contract, test/clearingHouse/ClearingHouse.liquidate: of 0.989984344318166945, half at a margin ratio
    between 3.125 % and 6.25 % (opened for 1,000, index price 900), all of it below.
    """
    size, entry = 0.989984344318166945, 1_000 / 0.989984344318166945
    rules = PerpV2()
    for cash, share in ((150.0, 0.494992172159083472 / size), (130.0, 1.0)):
        held = one("ETH", 900.0, size, entry, cash)
        ratio = rules.equity(held, held.marks, STATE)[0] / (900 * size)
        assert (0.03125 < ratio < 0.0625) == (share < 1)
        assert rules.liquidation_step(held, held.marks, STATE)[0] == pytest.approx(share, rel=1e-12)


def test_a_smaller_position_is_closed_as_a_whole() -> None:
    """Half of all positions' 40,000 is more than one of 10,000; a position of no more than 100 is always whole."""
    marks = {"ETH": 2_000.0, "BTC": 50_000.0, "OP": 1.0}
    positions = [("ETH", 5.0, 2_000.0), ("BTC", 0.598, 50_000.0), ("OP", -100.0, 1.0)]
    held = book(marks, Holder(2_000.0, positions))
    step = PerpV2().liquidation_step(held, held.marks, STATE)
    assert step == pytest.approx([1.0, 20_000 / 29_900, 1.0])


def test_penalty_and_fund() -> None:
    rules = PerpV2()
    assert (rules.liquidation.penalty, rules.liquidation.fund_must_cover) == (0.025, True)
    assert rules.keeper_share(np.array([10.0, 0.0, -1.0])).tolist() == [0.5, 0.5, 1.0]


def test_refused() -> None:
    with pytest.raises(Malformed, match=r"maintenance_ratio is 0\.2"):
        PerpV2(maintenance_ratio=0.2)
