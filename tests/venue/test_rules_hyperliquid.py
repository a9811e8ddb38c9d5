"""Hyperliquid's margin, against the formulas and tables of its documentation, and a root finder."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from rollproof.errors import Malformed
from rollproof.venue.book import Book, Mode
from rollproof.venue.rules.hyperliquid import Hyperliquid, Tier
from rollproof.venue.state import VenueState
from venue.rule_books import Holder, at, book, one

STATE = VenueState()
# Testnet's ETH, of the documentation: four tiers.
FOUR = (Tier(0.0, 25), Tier(20e3, 10), Tier(50e3, 5), Tier(200e3, 3))


def needed(rules: Hyperliquid, asset: str, notional: float) -> float:
    held = one(asset, 1.0, notional, 1.0, 0.0)
    return float(rules.maintenance(held, held.marks, STATE)[0])


@pytest.mark.parametrize(
    ("asset", "notional", "margin"),
    [
        ("BTC", 100e6, 1.25e6),  # 40 times: 1.25 %
        ("BTC", 200e6, 200e6 * 0.025 - 150e6 * 0.0125),
        ("ETH", 50e6, 1e6),  # 25 times: 2 %
        ("SOL", 10e6, 0.25e6),  # the documentation: 20 times is 2.5 %
        ("DOGE", 30e6, 30e6 * 0.1 - 20e6 * 0.05),
        ("HYPE", 1e6, 0.05e6),
        ("NEW", 4e6, 4e6 * 0.1 - 3e6 * 0.05),
        ("BTC-USD", 100e6, 1.25e6),
    ],
)
def test_maintenance_margin_of_the_mainnet_tables(asset: str, notional: float, margin: float) -> None:
    rules = Hyperliquid()
    assert needed(rules, asset, notional) == pytest.approx(margin, rel=1e-12)
    held = one(asset, 1.0, -notional, 1.0, 0.0)
    assert rules.initial(held, held.marks, STATE)[0] == pytest.approx(2 * margin, rel=1e-12)


@pytest.mark.parametrize("bound", [20e3, 50e3, 200e3])
def test_margin_is_continuous_between_tiers(bound: float) -> None:
    rules = Hyperliquid(tiers={"*": FOUR})
    below, above = needed(rules, "ETH", bound * (1 - 1e-9)), needed(rules, "ETH", bound * (1 + 1e-9))
    assert above == pytest.approx(below, rel=1e-8)


def test_deductions_follow_the_documented_recursion() -> None:
    bounds, rates, deductions = Hyperliquid(tiers={"*": FOUR}).table("ETH")
    expected = [0.0]
    for k in range(1, 4):
        expected.append(
            expected[-1] + FOUR[k].from_notional * (1 / FOUR[k].max_leverage - 1 / FOUR[k - 1].max_leverage)
        )
    assert deductions == pytest.approx(expected)
    assert rates == pytest.approx([0.04, 0.1, 0.2, 1 / 3])
    assert bounds.tolist() == [0.0, 20e3, 50e3, 200e3]


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("mode", [Mode.ISOLATED, Mode.CROSS])
def test_liquidation_price_of_the_documentation(side: int, mode: Mode) -> None:
    """price - side x margin available / size / (1 - l x side), l = 1 / maintenance leverage."""
    price, size, cash = 100_000.0, 10.0, 60_000.0
    held = one("BTC", price, side * size, price, cash, mode)
    level, available = 1 / 80, cash - price * size / 80
    expected = price - side * available / size / (1 - level * side)
    assert Hyperliquid().liquidation_price(held, held.marks, STATE)[0] == pytest.approx(expected, rel=1e-13)


def surplus(rules: Hyperliquid, held: Book, price: float) -> float:
    prices = np.concatenate([at(price), held.marks[1:]])
    return float(rules.equity(held, prices, STATE)[0] - rules.maintenance(held, prices, STATE)[0])


@pytest.mark.parametrize("size", [3.0, 30.0, 90.0, 400.0, -3.0, -9.0, -30.0, -90.0, -150.0])
@pytest.mark.parametrize("cushion", [0.001, 0.2, 0.6])
def test_liquidation_price_across_tiers(size: float, cushion: float) -> None:
    """The root of a bracketed search, with another position of the account in another asset."""
    rules = Hyperliquid(tiers={"*": FOUR})
    marks = {"ETH": 2_000.0, "BTC": 50_000.0}
    bare = book(marks, Holder(0.0, [("ETH", size, 2_000.0), ("BTC", 0.1, 50_000.0)]))
    cash = float(rules.maintenance(bare, bare.marks, STATE)[0]) + cushion * abs(size) * 2_000.0
    held = book(marks, Holder(cash, [("ETH", size, 2_000.0), ("BTC", 0.1, 50_000.0)]))
    found = rules.liquidation_price(held, held.marks, STATE)[0]
    low, high = (1e-6, 2_000.0) if size > 0 else (2_000.0, 200_000.0)
    if surplus(rules, held, low) * surplus(rules, held, high) > 0:
        assert np.isnan(found)
        return
    root = brentq(lambda price: surplus(rules, held, price), low, high, xtol=1e-12, rtol=1e-14)
    assert found == pytest.approx(root, rel=1e-11)


def test_large_positions_are_liquidated_in_part_first() -> None:
    held = book({"ETH": 2_000.0}, *(Holder(0.0, [("ETH", size, 2_000.0)]) for size in (50.0, 50.1, -1_000.0)))
    assert Hyperliquid().liquidation_step(held, held.marks, STATE).tolist() == [1.0, 0.2, 0.2]


def test_backstop_below_two_thirds_of_the_margin() -> None:
    """2 % of 100,000 is 2,000: between 2,000 and 1,333.33 it is the book's, below that the vault's."""
    held = book(
        {"ETH": 2_000.0}, *(Holder(cash, [("ETH", 50.0, 2_000.0)]) for cash in (2_001.0, 1_999.0, 1_334.0, 1_333.0))
    )
    rules = Hyperliquid()
    assert rules.liquidatable(held, held.marks, STATE).tolist() == [False, True, True, True]
    assert rules.backstopped(held, held.marks, STATE).tolist() == [False, False, False, True]


def test_deleveraging_rank() -> None:
    """(mark / entry) x (notional / account value): 1.25 x 1000/450, 2 x 1000/1000, a loss, and 1 x 1000/500."""
    held = book(
        {"ETH": 1_000.0},
        Holder(250.0, [("ETH", 1.0, 800.0)]),
        Holder(500.0, [("ETH", 1.0, 500.0)]),
        Holder(500.0, [("ETH", 1.0, 1_100.0)]),
        Holder(400.0, [("ETH", -1.0, 1_100.0)]),
    )
    scores = Hyperliquid().adl_score(held, held.marks, STATE)
    assert scores == pytest.approx([1.25 * 1_000 / 450, 2.0, 0.0, 1.1 * 1_000 / 500])


@pytest.mark.parametrize(
    ("tiers", "said"),
    [
        ({"BTC": FOUR}, "no entry"),
        ({"*": ()}, "does not rise from 0"),
        ({"*": (Tier(1.0, 3),)}, "does not rise from 0"),
        ({"*": (Tier(0.0, 10), Tier(0.0, 5))}, "does not rise from 0"),
        ({"*": (Tier(0.0, 5), Tier(10.0, 10))}, "a larger position has more leverage"),
        ({"*": (Tier(0.0, 0.5),)}, "below 1"),
        ({"*": (Tier(0.0, float("nan")),)}, "below 1"),
    ],
)
def test_tiers_are_checked(tiers: dict[str, tuple[Tier, ...]], said: str) -> None:
    with pytest.raises(Malformed, match=said):
        Hyperliquid(tiers=tiers)
