"""What holds for all families that are linear in prices, whatever the book."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rollproof.venue.book import Book, Kind, Mode
from rollproof.venue.rules.drift import Drift
from rollproof.venue.rules.dydx import Dydx
from rollproof.venue.rules.gmx import Gmx
from rollproof.venue.rules.hyperliquid import Hyperliquid, Tier
from rollproof.venue.rules.lab import Lab
from rollproof.venue.rules.perp_v2 import PerpV2
from rollproof.venue.rules.rules import LinearRules
from rollproof.venue.rules.synthetix import Synthetix
from rollproof.venue.rules.vega import Vega
from rollproof.venue.state import VenueState
from venue.rule_books import Holder, book, one

STATE = VenueState()
TIERS = (Tier(0.0, 50), Tier(1e3, 20), Tier(1e4, 10), Tier(1e5, 5), Tier(1e6, 2))
RULES: dict[str, LinearRules] = {
    "dydx": Dydx(open_interest_lower=1e4, open_interest_upper=1e6),
    "gmx": Gmx(max_impact_for_liquidation=0.005, open_interest_multiplier=1e-9),
    "synthetix": Synthetix(spot_skew_scale=1e3, discount_upper=0.2),
    "hyperliquid": Hyperliquid(tiers={"*": TIERS}),
    "perp-v2": PerpV2(),
    "vega": Vega(),
    "lab": Lab(),
    "drift": Drift(),
}
MARKS = {"BTC": 50_000.0, "ETH": 2_000.0, "SOL": 100.0}
every = pytest.mark.parametrize("family", RULES)
quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def holders(draw: st.DrawFn, family: str, mode: Mode = Mode.CROSS) -> Holder:
    """A subaccount with at most one row in each asset, worth from near nothing to many times what it needs."""
    kinds = RULES[family].kinds
    assets = draw(st.lists(st.sampled_from(sorted(MARKS)), min_size=1, max_size=3, unique=True))
    positions, held, owed = [], [], []
    for number, asset in enumerate(assets):
        value = 10 ** draw(st.floats(1, 6))
        size = value / MARKS[asset] * draw(st.sampled_from([-1, 1]))
        what = draw(st.sampled_from(sorted(kinds))) if number else Kind.PERPETUAL
        if what == Kind.PERPETUAL:
            positions.append((asset, size, MARKS[asset] * draw(st.floats(0.7, 1.4))))
        elif what == Kind.COLLATERAL:
            held.append((asset, abs(size)))
        else:
            owed.append((asset, abs(size)))
    gross = sum(abs(size) * MARKS[asset] for asset, size, _ in positions)
    return Holder(gross * draw(st.floats(-0.05, 1.5)), positions, held, owed, mode)


def surplus_at(rules: LinearRules, of: Book, row: int, price: float) -> tuple[float, float]:
    """Equity less maintenance margin of the row's subaccount, its asset at ``price``, and the size of the amounts."""
    prices = of.marks.copy()
    prices[of.asset[row]] = price
    who = of.subaccount[row]
    equity, needed = rules.equity(of, prices, STATE)[who], rules.maintenance(of, prices, STATE)[who]
    gross = np.abs(of.size[of.subaccount == who]) @ prices[of.asset[of.subaccount == who]] + abs(of.cash[who])
    return float(equity - needed), float(gross + abs(equity) + needed)


@every
@quick
@given(data=st.data())
def test_bankruptcy_price_makes_equity_nothing(family: str, data: st.DataObject) -> None:
    of = book(MARKS, data.draw(holders(family)), data.draw(holders(family)))
    found = RULES[family].bankruptcy_price(of, of.marks, STATE)
    for row in np.flatnonzero(~np.isnan(found)).tolist():
        prices = of.marks.copy()
        prices[of.asset[row]] = found[row]
        assert found[row] > 0
        gross = np.abs(of.size) @ prices[of.asset] + np.abs(of.cash).sum()
        assert abs(of.equity(prices)[of.subaccount[row]]) <= 1e-9 * gross


@every
@quick
@given(data=st.data())
def test_liquidation_price_makes_equity_the_margin(family: str, data: st.DataObject) -> None:
    rules = RULES[family]
    of = book(MARKS, data.draw(holders(family)), data.draw(holders(family)))
    found = rules.liquidation_price(of, of.marks, STATE)
    for row in np.flatnonzero(~np.isnan(found)).tolist():
        left, gross = surplus_at(rules, of, row, found[row])
        assert found[row] > 0
        assert abs(left) <= 1e-9 * gross
        below, _ = surplus_at(rules, of, row, found[row] * (1 - 1e-5))
        above, _ = surplus_at(rules, of, row, found[row] * (1 + 1e-5))
        if max(abs(below), abs(above)) > 1e-9 * gross:
            assert below * above <= 0, "one side has to be healthy and the other not"


@every
@quick
@given(data=st.data())
def test_no_liquidation_price_means_none(family: str, data: st.DataObject) -> None:
    """With one position, no price up to a hundred times the mark changes who is liquidatable."""
    rules = RULES[family]
    size, share = 10 ** data.draw(st.floats(-3, 3)), data.draw(st.floats(0.0, 3.0))
    of = one("ETH", 2_000.0, size * data.draw(st.sampled_from([-1, 1])), 2_000.0, size * 2_000.0 * share)
    if not np.isnan(rules.liquidation_price(of, of.marks, STATE)[0]):
        return
    healthy = [surplus_at(rules, of, 0, price)[0] >= 0 for price in np.geomspace(1e-3, 2e5, 40)]
    assert len(set(healthy)) == 1


@every
@quick
@given(data=st.data())
def test_maintenance_is_at_most_initial(family: str, data: st.DataObject) -> None:
    rules = RULES[family]
    of = book(MARKS, data.draw(holders(family)), data.draw(holders(family)))
    prices = of.marks * data.draw(st.floats(0.1, 10))
    initial, maintenance = rules.initial(of, prices, STATE), rules.maintenance(of, prices, STATE)
    assert (maintenance <= initial * (1 + 1e-12)).all()
    assert (maintenance >= 0).all()
    step = rules.liquidation_step(of, prices, STATE)
    assert ((step >= 0) & (step <= 1)).all()
    assert (rules.throughput(of, prices, STATE) > 0).all()


@every
@quick
@given(data=st.data())
def test_one_position_is_margined_alike_in_both_modes(family: str, data: st.DataObject) -> None:
    rules = RULES[family]
    size, cash = 10 ** data.draw(st.floats(-3, 3)), 10 ** data.draw(st.floats(0, 6))
    alone, crossed = (one("ETH", 2_000.0, size, 1_900.0, cash, mode) for mode in (Mode.ISOLATED, Mode.CROSS))
    for asked in (rules.equity, rules.initial, rules.maintenance, rules.liquidation_price, rules.liquidation_step):
        assert asked(alone, alone.marks, STATE) == pytest.approx(asked(crossed, crossed.marks, STATE), nan_ok=True)


@pytest.mark.parametrize("family", sorted(set(RULES) - {"vega"}))  # a short's tail is longer than a long's
@quick
@given(data=st.data())
def test_longs_and_shorts_need_the_same(family: str, data: st.DataObject) -> None:
    holder = data.draw(holders(family))
    turned = Holder(holder.cash, [(a, -size, entry) for a, size, entry in holder.positions], holder.held, holder.owed)
    of, other = book(MARKS, holder), book(MARKS, turned)
    rules = RULES[family]
    assert rules.maintenance(of, of.marks, STATE) == pytest.approx(rules.maintenance(other, other.marks, STATE))
    assert rules.initial(of, of.marks, STATE) == pytest.approx(rules.initial(other, other.marks, STATE))


def money(of: Book, unit: float) -> Book:
    """The same book in a quote currency of which one is worth ``1 / unit`` of the old."""
    return replace(of, marks=of.marks * unit, entry=of.entry * unit, cash=of.cash * unit)


# Families without an amount of money among their parameters, or with those that there are turned off or scaled.
IN_MONEY: dict[str, Callable[[float], LinearRules]] = {
    "dydx": lambda unit: Dydx(open_interest_lower=1e4 * unit, open_interest_upper=1e6 * unit),
    "gmx": lambda unit: Gmx(min_collateral=unit),
    "synthetix": lambda unit: Synthetix(min_position_margin=50 * unit),
    "hyperliquid": lambda unit: Hyperliquid(
        tiers={"*": tuple(Tier(t.from_notional * unit, t.max_leverage) for t in TIERS)}
    ),
    "perp-v2": lambda unit: PerpV2(),
    "vega": lambda unit: Vega(),
    "lab": lambda unit: Lab(),
    "drift": lambda unit: Drift(),
}


@every
@quick
@given(data=st.data())
def test_margin_does_not_depend_on_the_unit_of_money(family: str, data: st.DataObject) -> None:
    of, unit = book(MARKS, data.draw(holders(family))), 10 ** data.draw(st.floats(-3, 3))
    other, before, after = money(of, unit), IN_MONEY[family](1.0), IN_MONEY[family](unit)
    for name in ("equity", "initial", "maintenance", "liquidation_price", "bankruptcy_price"):
        old, new = (getattr(r, name)(b, b.marks, STATE) for r, b in ((before, of), (after, other)))
        scale = float(np.abs(of.size) @ of.marks[of.asset]) * unit
        assert new == pytest.approx(old * unit, rel=1e-6, abs=1e-9 * scale, nan_ok=True), name


@pytest.mark.parametrize("family", ["perp-v2", "vega", "lab"])
@quick
@given(data=st.data())
def test_margin_is_proportional_to_size(family: str, data: st.DataObject) -> None:
    """Where no parameter is an amount."""
    rules, holder, times = RULES[family], data.draw(holders(family)), data.draw(st.floats(1e-3, 1e3))
    large = Holder(
        holder.cash * times,
        [(asset, size * times, entry) for asset, size, entry in holder.positions],
        [(asset, size * times) for asset, size in holder.held],
    )
    of, other = book(MARKS, holder), book(MARKS, large)
    for asked in (rules.equity, rules.initial, rules.maintenance):
        assert asked(other, of.marks, STATE) == pytest.approx(times * asked(of, of.marks, STATE), rel=1e-9, abs=1e-6)


@every
def test_nothing_open_needs_nothing(family: str) -> None:
    rules, of = RULES[family], book(MARKS, Holder(100.0))
    assert rules.maintenance(of, of.marks, STATE).tolist() == [0.0]
    assert rules.liquidatable(of, of.marks, STATE).tolist() == [False]
    assert rules.liquidation_price(of, of.marks, STATE).shape == (0,)
    assert rules.bankruptcy_price(of, of.marks, STATE).shape == (0,)


@every
@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("cash", [1e6, 1e-13])
def test_a_perfect_hedge_has_no_bankruptcy_price(family: str, side: int, cash: float) -> None:
    """Also where 0.3 - 0.1 - 0.2 is not nothing in the numbers of a computer."""
    sizes = (0.3 * side, -0.1 * side, -0.2 * side)
    of = book(MARKS, Holder(cash, [("ETH", size, 2_000.0) for size in sizes]))
    assert np.isnan(RULES[family].bankruptcy_price(of, of.marks, STATE)).all()
