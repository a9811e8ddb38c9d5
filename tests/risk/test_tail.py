"""Value at risk, expected shortfall and their intervals, against laws whose tails are known in closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from rollproof.risk.estimate import Losses
from rollproof.risk.tail import losses_of, mean_of

# VaR and ES. Normal: phi(z) / (1 - level). Student t: g(t) / (1 - level) * (v + t^2) / (v - 1), g its density.
NORMAL_999 = (3.090232, 3.367090)
T4_975 = (2.776445, 3.993557)
T4_999 = (7.173182, 9.686219)


def _at(losses: Losses, level: float) -> tuple[float, float, float, float]:
    tail = next(each for each in losses.tails if each.level == level)
    return tail.var.value, tail.var.standard_error, tail.es.value, tail.es.standard_error


@pytest.mark.parametrize(
    ("law", "level", "expected"),
    [
        (stats.norm, 0.999, NORMAL_999),
        (stats.t(4), 0.975, T4_975),
        (stats.t(4), 0.999, T4_999),
    ],
    ids=["normal 99.9", "t4 97.5", "t4 99.9"],
)
def test_known_tails_are_met_within_four_standard_errors(
    law: stats.rv_continuous, level: float, expected: tuple[float, float]
) -> None:
    sample = law.rvs(size=400_000, random_state=np.random.default_rng(7))
    var, var_error, es, es_error = _at(losses_of(sample, seed=7, method="plain"), level)
    assert abs(var - expected[0]) < 4 * var_error < 0.08 * expected[0]
    assert abs(es - expected[1]) < 4 * es_error < 0.12 * expected[1]


def test_weights_bring_the_tail_back() -> None:
    """A normal sample moved into its tail, with likelihood ratios; far fewer paths do than plain ones."""
    moved = np.random.default_rng(3).standard_normal(20_000) + 3
    losses = losses_of(moved, np.exp(4.5 - 3 * moved), seed=3, method="tilted")
    var, var_error, es, es_error = _at(losses, 0.999)
    assert abs(var - NORMAL_999[0]) < 4 * var_error < 0.03
    assert abs(es - NORMAL_999[1]) < 4 * es_error < 0.02
    assert losses.effective_paths > 50 * 20_000


def test_equal_weights_are_no_weights() -> None:
    sample = np.random.default_rng(1).exponential(size=5_000)
    plain, weighted = (losses_of(sample, each, seed=1, method="") for each in (None, np.ones(5_000)))
    assert [(each.var.value, each.es) for each in plain.tails] == [(each.var.value, each.es) for each in weighted.tails]
    assert plain.mean == weighted.mean
    assert plain.effective_paths == pytest.approx(5_000, rel=0.01)


def test_a_small_sample_by_hand() -> None:
    """Ten losses 1 to 10 at level 0.75: a quarter is two and a half of them, and the half is cut from the third."""
    losses = losses_of(np.arange(1.0, 11.0), seed=0, method="", levels=(0.75, 0.8))
    assert losses.tails[0].var.value == 8
    assert losses.tails[0].es.value == pytest.approx((10 + 9 + 0.5 * 8) / 2.5)
    assert losses.tails[1].var.value == 8
    assert losses.tails[1].es.value == pytest.approx(9.5)
    assert losses.mean.value == 5.5


def test_an_atom_at_nothing_is_split() -> None:
    """One path in two thousand loses 100: a thousandth is that path and as much again of nothing."""
    sample = np.zeros(20_000)
    sample[:10] = 100.0
    losses = losses_of(sample, seed=0, method="")
    assert _at(losses, 0.999)[0] == 0
    assert _at(losses, 0.999)[2] == pytest.approx(50)
    assert _at(losses, 0.975)[2] == pytest.approx(100 * 0.0005 / 0.025)
    low, high = stats.binomtest(10, 20_000).proportion_ci(method="exact")
    assert (losses.probability.low, losses.probability.high) == pytest.approx((low, high))


def test_nothing_seen_is_not_nothing_possible() -> None:
    losses = losses_of(np.zeros(1_000), seed=0, method="")
    assert losses.probability.value == 0
    assert losses.probability.high == pytest.approx(stats.binomtest(0, 1_000).proportion_ci(method="exact").high)
    assert losses.tails[0].es.high == 0  # 25 paths were beyond
    assert math.isinf(losses.tails[2].es.high)  # one was
    assert math.isinf(losses.tails[2].var.high)


def test_the_exceedance_curve_is_the_sample_s() -> None:
    sample = np.random.default_rng(5).exponential(size=50_000)
    at, exceeded = losses_of(sample, seed=5, method="").exceedance
    assert np.all(np.diff(at) > 0)
    assert np.all(np.diff(exceeded) < 0)
    counted = [(sample > each).mean() for each in at]
    np.testing.assert_allclose(exceeded, counted, rtol=1e-9)
    np.testing.assert_allclose(exceeded[:150], np.exp(-at[:150]), rtol=0.2)


@pytest.mark.parametrize("law", [stats.norm, stats.t(4)], ids=["normal", "t4"])
def test_intervals_of_plain_samples_cover(law: stats.rv_continuous) -> None:
    """95 % intervals cover in 95 % of 1,000 runs; heavy tails in few paths may cost them a little."""
    drawn = np.random.default_rng(11)
    var, es = float(law.ppf(0.975)), float(law.expect(lb=law.ppf(0.975))) / 0.025
    hits = np.zeros(2)
    for _ in range(400):
        tail = losses_of(law.rvs(size=4_000, random_state=drawn), seed=0, method="", levels=(0.975,)).tails[0]
        hits += (tail.var.low <= var <= tail.var.high, tail.es.low <= es <= tail.es.high)
    assert 0.92 <= hits[0] / 400 <= 0.98
    assert 0.90 <= hits[1] / 400 <= 0.98


def test_intervals_over_randomisations_cover() -> None:
    """Stratified samples: one randomisation is one observation, and an interval that ignored it would be too wide."""
    drawn = np.random.default_rng(13)
    groups = np.repeat(np.arange(16), 512)
    hits, wide = np.zeros(2), 0.0
    for _ in range(400):
        uniform = (np.arange(512) + drawn.random((16, 1))) / 512  # a shifted lattice each
        sample = -np.log1p(-uniform).ravel()
        tail = losses_of(sample, seed=0, method="", groups=groups, levels=(0.975,)).tails[0]
        var = -math.log(0.025)
        hits += (tail.var.low <= var <= tail.var.high, tail.es.low <= var + 1 <= tail.es.high)
        wide += (
            losses_of(sample, seed=0, method="", levels=(0.975,)).tails[0].es.standard_error / tail.es.standard_error
        )
    assert hits[0] / 400 >= 0.9
    assert 0.91 <= hits[1] / 400 <= 0.985
    assert wide / 400 > 3


def test_one_observation_a_randomisation() -> None:
    observed = np.array([1.0, 2.0, 3.0, 4.0])
    low, high = stats.t.interval(0.95, 3, loc=2.5, scale=stats.sem(observed))
    estimate = mean_of(observed)
    assert (estimate.low, estimate.high) == pytest.approx((low, high))


@pytest.mark.parametrize(
    ("sample", "weights", "groups"),
    [
        (np.zeros(0), None, None),
        (np.array([1.0, np.nan]), None, None),
        (np.array([1.0, 2.0]), np.array([1.0]), None),
        (np.array([1.0, 2.0]), np.array([1.0, -1.0]), None),
        (np.array([1.0, 2.0, 3.0]), None, np.array([0, 0, 1])),
        (np.array([1.0, 2.0, 3.0]), None, np.array([0, 1])),
    ],
    ids=["empty", "not a number", "too few weights", "negative weight", "uneven groups", "too few groups"],
)
def test_what_is_no_sample_is_refused(
    sample: np.ndarray, weights: np.ndarray | None, groups: np.ndarray | None
) -> None:
    with pytest.raises(ValueError, match=r"sample|randomisations|groups"):
        losses_of(sample, weights, seed=0, method="", groups=groups)
