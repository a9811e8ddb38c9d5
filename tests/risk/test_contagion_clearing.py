"""Clearing without fire sales: published and exact values, a linear programme as second opinion, and invariants."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from rollproof.risk.contagion.contagion import contagion
from rollproof.risk.contagion.fire_sale import equilibrium
from rollproof.risk.contagion.network import Network, NodeKind
from rollproof.venue.book import Floats

# Four nodes that owe only each other; the exact solution was found by hand with fractions.
LIABILITIES = np.array([[0, 50, 30, 20], [15, 0, 25, 20], [10, 20, 0, 20], [5, 10, 5, 0]], dtype=float)
MEANS = np.array([10.0, 8.0, 12.0, 5.0])


def network(liabilities: Floats, liquid: Floats, outside: Floats | None = None) -> Network:
    count = len(liquid)
    return Network(
        "USD", tuple(f"n{index}" for index in range(count)), (NodeKind.OTHER,) * count, liabilities,
        np.zeros(count) if outside is None else outside, liquid, np.zeros(count), np.zeros(count),
        (), np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.int64), np.zeros((count, 0)),
    )  # fmt: skip


def exact_payments() -> list[Fraction]:
    """Nodes 0 and 1 pay all they have: x0 = 10 + x1/4 + 10 + 5, x1 = 8 + x0/2 + 20 + 10; the others what is due."""
    x1 = (Fraction(38) + Fraction(25, 2)) / (1 - Fraction(1, 8))
    return [25 + x1 / 4, x1, Fraction(50), Fraction(20)]


def test_four_nodes_clear_at_the_exact_rationals() -> None:
    wanted = exact_payments()
    assert wanted == [Fraction(276, 7), Fraction(404, 7), 50, 20]
    result = contagion(network(LIABILITIES, MEANS))
    paid = result.recovery * np.array([100.0, 60.0, 50.0, 20.0])
    np.testing.assert_allclose(paid, [float(each) for each in wanted], rtol=1e-14)
    assert result.shortfall.sum() == pytest.approx(440 / 7, rel=1e-13)
    np.testing.assert_allclose(result.equity, [0, 0, 302 / 105, 3373 / 105], rtol=1e-12, atol=1e-12)


def test_who_defaults_because_of_another_defaults_a_round_later() -> None:
    result = contagion(network(LIABILITIES, MEANS))
    assert [(each.node, each.round) for each in result.defaults] == [("n0", 0), ("n1", 1)]
    assert result.defaults[0].recovery == pytest.approx(276 / 700, rel=1e-13)


def test_a_chain_falls_one_link_a_round() -> None:
    # Each owes 10 to the next and has nothing else; the first has only 4.
    owed = np.diag([10.0] * 4, 1)
    result = contagion(network(owed, np.array([4.0, 0, 0, 0, 0])))
    assert [(each.node, each.round) for each in result.defaults] == [("n0", 0), ("n1", 1), ("n2", 2), ("n3", 3)]
    np.testing.assert_allclose(result.recovery, [0.4, 0.4, 0.4, 0.4, 1.0], rtol=1e-14)


def test_a_circle_without_means_pays_what_circulates() -> None:
    owed = np.array([[0.0, 10, 0], [0, 0, 10], [10, 0, 0]])
    result = contagion(network(owed, np.zeros(3)))
    assert result.defaults == ()
    np.testing.assert_array_equal(result.recovery, 1.0)


def test_a_circle_that_cannot_pay_all_pays_the_same_share() -> None:
    owed = np.array([[0.0, 10], [10, 0]])
    result = contagion(network(owed, np.array([4.0, 0.0]), np.array([10.0, 0.0])))
    # Half of what a pays is b's: x_a = 4 + x_b and x_b = x_a / 2, so 8 of 20 and 4 of 10.
    np.testing.assert_allclose(result.recovery, [0.4, 0.4], rtol=1e-14)


def by_linear_programme(liabilities: Floats, liquid: Floats, outside: Floats) -> Floats:
    """Clearing payments maximise their sum (Eisenberg and Noe, lemma 4)."""
    due = liabilities.sum(axis=1) + outside
    shares = np.where(due[:, None] > 0, liabilities / np.where(due > 0, due, 1)[:, None], 0)
    bounds = [(0, each) for each in due]
    found = linprog(-np.ones(len(due)), A_ub=np.eye(len(due)) - shares.T, b_ub=liquid, bounds=bounds, method="highs")
    assert found.success
    return np.asarray(found.x)


sizes = st.integers(2, 7)


@st.composite
def networks(draw: st.DrawFn) -> tuple[Floats, Floats, Floats]:
    count = draw(sizes)
    amount = st.integers(0, 100)
    owed = np.array(draw(st.lists(amount, min_size=count * count, max_size=count * count)), dtype=float)
    owed = owed.reshape(count, count)
    np.fill_diagonal(owed, 0.0)
    columns = st.lists(st.integers(0, 120), min_size=count, max_size=count)
    return owed, np.array(draw(columns), dtype=float), np.array(draw(columns), dtype=float)


@settings(max_examples=60, deadline=None)
@given(networks())
def test_payments_are_those_of_the_linear_programme(case: tuple[Floats, Floats, Floats]) -> None:
    result = contagion(network(*case))
    paid = result.recovery * (case[0].sum(axis=1) + case[2])
    np.testing.assert_allclose(paid, by_linear_programme(*case), atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(networks())
def test_payments_are_a_fixed_point_within_bounds_and_value_is_conserved(case: tuple[Floats, Floats, Floats]) -> None:
    owed, liquid, outside = case
    net = network(owed, liquid, outside)
    found = equilibrium(net)
    paid, rounds = found.paid, found.rounds
    assert (paid >= 0).all()
    assert (paid <= net.due).all()
    np.testing.assert_allclose(paid, np.minimum(net.due, liquid + net.shares.T @ paid), atol=1e-9)
    np.testing.assert_array_equal(rounds >= 0, paid < net.due * (1 - 1e-11))
    result = contagion(net)
    to_outside = (result.recovery * outside).sum()
    assert result.equity.sum() + to_outside == pytest.approx(liquid.sum(), abs=1e-7)


@settings(max_examples=60, deadline=None)
@given(networks(), st.integers(0, 6), st.integers(1, 60))
def test_more_means_never_pay_less(case: tuple[Floats, Floats, Floats], node: int, more: int) -> None:
    owed, liquid, outside = case
    richer = liquid.copy()
    richer[node % len(liquid)] += more
    first, second = contagion(network(owed, liquid, outside)), contagion(network(owed, richer, outside))
    assert (second.recovery >= first.recovery - 1e-9).all()
    assert (second.equity >= first.equity - 1e-7).all()
    assert len(second.defaults) <= len(first.defaults)
