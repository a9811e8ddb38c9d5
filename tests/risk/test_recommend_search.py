"""The search by itself: known functions, of which the answer is calculated by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rollproof.risk.estimate import Estimate
from rollproof.risk.recommend.search import Priced, minimise, search


def exact(value: float) -> Priced:
    return Priced(Estimate.of(value))


def test_the_largest_value_within_the_budget_is_bisected() -> None:
    found = search(lambda x: exact(x * x), 0.0, 10.0, 20.0, least=False, tolerance=1e-9)
    assert found.monotone
    assert found.method == "bisection"
    assert found.point is not None
    assert found.point.value == pytest.approx(math.sqrt(20), rel=1e-5)
    assert found.point.loss.value <= 20.0
    assert min(each.value for each in found.curve if each.loss.value > 20.0) - found.point.value < 1e-4
    assert found.evaluations == len({each.value for each in found.curve})


def test_the_smallest_value_within_the_budget_is_bisected() -> None:
    found = search(lambda x: exact(100 / x), 1.0, 100.0, 7.0, least=True, logarithmic=True)
    assert found.monotone
    assert found.point is not None
    assert found.point.value == pytest.approx(100 / 7, rel=2e-3)
    assert found.point.loss.value <= 7.0


def test_a_loss_that_turns_is_found_to_turn_and_searched_over_the_whole_range() -> None:
    """sin has its last crossing of 1/2 below 4 pi at 2 pi + 5 pi / 6 ... 4 pi; bisection alone could miss it."""

    def objective(x: float) -> Priced:
        return exact(1 + math.sin(x))

    found = search(objective, 0.0, 3.5 * math.pi, 1.5, least=False, points=15, tolerance=1e-6)
    assert not found.monotone
    assert found.method.startswith("bounded search")
    assert found.point is not None
    assert found.point.value == pytest.approx(3.5 * math.pi)  # sin(3.5 pi) = -1: the end of the range keeps it
    assert not found.binds
    found = search(objective, 0.0, 2.5 * math.pi, 1.5, least=False, points=15, tolerance=1e-6)
    assert found.point is not None
    assert found.point.value == pytest.approx(2 * math.pi + math.pi / 6, abs=1e-4)
    assert found.binds


def test_a_dip_between_grid_values_is_found_by_golden_section() -> None:
    """(x - 3.3)^2 + 1 keeps 1.01 only from 3.2 to 3.4, where a grid of step 1.25 has no value."""
    found = search(lambda x: exact((x - 3.3) ** 2 + 1), 0.0, 10.0, 1.01, least=False, tolerance=1e-6)
    assert not found.monotone
    assert "golden" in found.method
    assert found.point is not None
    assert found.point.value == pytest.approx(3.4, abs=1e-3)
    least = search(lambda x: exact((x - 3.3) ** 2 + 1), 0.0, 10.0, 1.01, least=True, tolerance=1e-6)
    assert least.point is not None
    assert least.point.value == pytest.approx(3.2, abs=1e-3)


def test_a_budget_out_of_reach_has_no_value_and_names_the_best() -> None:
    found = search(lambda x: exact(5 + x), 1.0, 4.0, 3.0, least=False)
    assert found.point is None
    assert found.interval is None
    assert (found.best.value, found.best.loss.value) == (1.0, 6.0)
    turning = search(lambda x: exact(5 + (x - 2) ** 2), 1.0, 4.0, 3.0, least=False)
    assert turning.point is None
    assert turning.best.value == pytest.approx(2.0, abs=0.05)


def test_a_path_that_turns_is_counted_although_the_estimate_does_not() -> None:
    def objective(x: float) -> Priced:
        return Priced(Estimate.of(3 * x), np.array([4 * x, -x, x, 2 * x]))

    found = search(objective, 1.0, 2.0, 5.0, least=False)
    assert found.monotone
    assert found.monotone_paths == pytest.approx(0.75)


def test_the_interval_is_where_the_ends_of_the_loss_meet_the_budget() -> None:
    """Loss x with an interval of x - 1 to x + 1: the budget 5 is met at 6 and at 4."""

    def objective(x: float) -> Priced:
        return Priced(Estimate(x, 0.5, x - 1, x + 1))

    found = search(objective, 0.0, 10.0, 5.0, least=False, points=11)
    assert found.interval == pytest.approx((4.0, 6.0))
    endless = search(lambda x: Priced(Estimate(x, 0.5, x - 1, math.inf)), 0.0, 10.0, 5.0, least=False, points=11)
    assert endless.interval is not None
    assert endless.interval[0] == 0.0


def test_the_least_loss_of_a_trade_off() -> None:
    """e^-x + x / 10 is least at ln 10, with (1 + ln 10) / 10."""
    found = minimise(lambda x: exact(math.exp(-x) + x / 10), 0.0, 10.0, 1.0)
    assert not found.monotone
    assert found.point is not None
    assert found.point.value == pytest.approx(math.log(10), abs=0.1)
    assert found.point.loss.value == pytest.approx((1 + math.log(10)) / 10, rel=1e-3)
    assert minimise(lambda x: exact(math.exp(-x) + x / 10), 0.0, 10.0, 0.1).point is None


def test_values_are_told_apart_path_by_path() -> None:
    """Losses of common paths that differ by exactly 0.1 x are told apart, however wide the interval of each."""
    noise = np.random.default_rng(5).normal(0.0, 100.0, 400)

    def objective(x: float) -> Priced:
        tail = noise + 0.1 * x
        return Priced(Estimate.of(float(tail.mean()), 5.0), tail, tail)

    found = minimise(objective, 0.0, 8.0, 1e9)
    assert found.interval == (0.0, 0.0)


def test_the_grid_is_told_about() -> None:
    seen: list[tuple[int, int]] = []
    search(exact, 0.0, 1.0, 0.5, least=False, progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert all(done <= total for done, total in seen)


@pytest.mark.parametrize(("low", "high", "logarithmic"), [(1.0, 1.0, False), (2.0, 1.0, False), (0.0, 1.0, True)])
def test_no_range_is_refused(low: float, high: float, logarithmic: bool) -> None:
    with pytest.raises(ValueError, match="no range"):
        search(exact, low, high, 1.0, least=False, logarithmic=logarithmic)
