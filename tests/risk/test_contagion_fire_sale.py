"""Fire sales: a hand-made case and a scalar equation as oracles, a grid search for the greatest price, invariants."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from rollproof.risk.contagion.contagion import contagion
from rollproof.risk.contagion.fire_sale import equilibrium
from rollproof.risk.contagion.network import Network, NodeKind
from rollproof.risk.contagion.shock import Shock


def network(
    liquid: list[float],
    outside: list[float],
    units: list[float],
    *,
    depth: float,
    ratio: float = 0.0,
    called: float = 0.0,
    owed: dict[tuple[int, int], float] | None = None,
    issuer: int = -1,
) -> Network:
    count = len(liquid)
    liabilities = np.zeros((count, count))
    for pair, amount in (owed or {}).items():
        liabilities[pair] = amount
    return Network(
        "USD", tuple(f"n{index}" for index in range(count)), (NodeKind.OTHER,) * count, liabilities,
        np.array(outside), np.array(liquid), np.full(count, ratio), np.full(count, called),
        ("token",), np.array([1.0]), np.array([depth]), np.array([issuer]), np.array(units)[:, None],
    )  # fmt: skip


def test_a_ratio_is_regained_at_the_price_of_the_scalar_equation() -> None:
    # 100 tokens and 5 in cash for 98: net worth 7. It is to be 8 % of what stays, so 100 - (100 p - 93) / .08 / p are
    # sold, at p = exp(-sold / 5000).
    def gap(price: float) -> float:
        return float(np.exp(-(100 - (100 * price - 93) / 0.08 / price) / 5000) - price)

    wanted = brentq(gap, 0.98, 1.0, xtol=1e-15)
    result = equilibrium(network([5.0], [98.0], [100.0], depth=5000.0, ratio=0.08))
    assert result.prices[0] == pytest.approx(wanted, rel=1e-12)
    assert 0 < result.sold[0] < 0.3


def test_who_keeps_its_ratio_sells_nothing() -> None:
    assert equilibrium(network([10.0], [98.0], [100.0], depth=500.0, ratio=0.08)).prices[0] == 1.0


def test_cash_that_is_called_is_raised_by_selling() -> None:
    # 60 of 100 called, 40 in cash: 20 / p units at p = exp(-20 / p / 200).
    wanted = brentq(lambda price: np.exp(-20 / price / 200) - price, 0.5, 1.0, xtol=1e-15)
    result = equilibrium(network([40.0], [100.0], [150.0], depth=200.0, called=0.6))
    assert result.prices[0] == pytest.approx(wanted, rel=1e-12)
    assert result.sold[0] * 150 * result.prices[0] == pytest.approx(20.0, rel=1e-9)


def test_an_insolvent_node_sells_all_and_hurts_who_holds_the_same() -> None:
    # a: 50 units and 10 in cash for 80 due: sells all 50. b: 100 units for 70 due stays solvent at exp(-50 / 400).
    result = contagion(network([10.0, 0.0], [80.0, 70.0], [50.0, 100.0], depth=400.0))
    price = np.exp(-50 / 400)
    assert result.prices[0] == pytest.approx(price, rel=1e-12)
    assert [each.node for each in result.defaults] == ["n0"]
    assert result.recovery[0] == pytest.approx((10 + 50 * price) / 80, rel=1e-12)
    assert result.equity[1] == pytest.approx(100 * price - 70, rel=1e-12)
    assert result.sale_loss == pytest.approx(150 * (1 - price), rel=1e-12)


def test_a_price_can_make_another_default() -> None:
    # b would owe 90 against 100 units; a's sale of 50 leaves them at 88.2.
    result = contagion(network([10.0, 0.0], [80.0, 90.0], [50.0, 100.0], depth=400.0))
    assert {each.node for each in result.defaults} == {"n0", "n1"}
    assert result.prices[0] == pytest.approx(np.exp(-150 / 400), rel=1e-12)


def test_what_a_bridge_does_not_pay_its_token_loses() -> None:
    # An escrow of 100 stands behind 100 tokens; 25 are taken. The lender holds 40 tokens against 35 owed.
    net = network([100.0, 0.0], [100.0, 35.0], [0.0, 40.0], depth=float("inf"), issuer=0)
    result = contagion(net, Shock({"n0": 25.0}))
    assert result.prices[0] == pytest.approx(0.75)
    assert [(each.node, each.round) for each in result.defaults] == [("n0", 0), ("n1", 1)]
    assert result.recovery[1] == pytest.approx(30 / 35)
    # first 25, then 25 that token holders do not get, 5 that depositors do not, and 10 on the lender's tokens
    assert result.multiplier == pytest.approx((25 + 25 + 5 + 10) / 25)


def test_a_haircut_is_a_direct_loss_of_all_holders() -> None:
    net = network([0.0, 5.0], [30.0, 0.0], [40.0, 10.0], depth=float("inf"))
    result = contagion(net, Shock(haircuts={"token": 0.2}))
    assert result.direct_loss == pytest.approx(10.0)
    np.testing.assert_allclose(result.equity_loss, [8.0, 2.0])
    assert result.multiplier == pytest.approx(1.0)


def test_a_loss_beyond_what_is_there_is_told() -> None:
    net = network([20.0], [10.0], [0.0], depth=1.0)
    result = contagion(net, Shock({"n0": 50.0}))
    assert result.direct_loss == 20.0
    assert result.unborne == 30.0
    assert result.recovery[0] == 0.0


amounts = st.floats(0, 100).map(lambda value: round(value, 2))


@st.composite
def networks(draw: st.DrawFn) -> Network:
    count = draw(st.integers(1, 5))
    column = st.lists(amounts, min_size=count, max_size=count)
    pairs = [(a, b) for a in range(count) for b in range(count) if a != b]
    owed = {pair: draw(amounts) for pair in pairs}
    return network(
        draw(column), draw(column), draw(column), owed=owed, depth=draw(st.sampled_from([50.0, 300.0, 5000.0])),
        ratio=draw(st.sampled_from([0.0, 0.05])), called=draw(st.sampled_from([0.0, 0.4, 1.0])),
        issuer=draw(st.sampled_from([-1, 0])),
    )  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(networks())
def test_value_is_conserved_and_bounds_hold(net: Network) -> None:
    result = contagion(net)
    assert ((result.recovery >= 0) & (result.recovery <= 1)).all()
    assert (result.prices <= net.prices).all()
    have = net.liquid.sum() + (net.holdings @ result.prices).sum()
    assert result.equity.sum() + (result.recovery * net.outside).sum() == pytest.approx(have, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(networks(), st.integers(0, 4), st.floats(1, 50))
def test_more_means_never_lower_a_price_or_a_payment(net: Network, node: int, more: float) -> None:
    richer = net.liquid.copy()
    richer[node % len(richer)] += more
    poor, rich = equilibrium(net), equilibrium(replace(net, liquid=richer))
    assert (rich.prices >= poor.prices - 1e-9).all()
    assert (rich.paid >= poor.paid - 1e-7).all()


@settings(max_examples=30, deadline=None)
@given(networks())
def test_a_deeper_market_never_lowers_a_price(net: Network) -> None:
    deeper = equilibrium(replace(net, depth=net.depth * 3))
    assert (deeper.prices >= equilibrium(net).prices - 1e-9).all()


@settings(max_examples=30, deadline=None)
@given(networks())
def test_an_infinitely_deep_market_is_plain_clearing(net: Network) -> None:
    deep = replace(net, depth=np.array([np.inf]), issuer=np.array([-1]))
    plain = replace(
        net, liquid=net.liquid + net.holdings[:, 0], holdings=np.zeros_like(net.holdings), issuer=np.array([-1])
    )
    np.testing.assert_allclose(equilibrium(deep).paid, equilibrium(plain).paid, atol=1e-8)
