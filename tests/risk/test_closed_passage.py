"""First passage: Broadie, Glasserman and Kou's correction, simulated walks, and jumps against an exact simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_ndtr, ndtr

from rollproof.errors import Malformed
from rollproof.risk.closed.outage import shortfall_probability
from rollproof.risk.closed.passage import (
    CONTINUITY,
    crossing_probability,
    liquidation_distance,
    liquidation_failure,
)
from rollproof.risk.duration import Empirical, Exponential
from rollproof.risk.market import YEAR, Jumps
from rollproof.venue.book import Floats

MINUTE = 60 / YEAR
HALT = 116 * MINUTE
JUMPS = Jumps(50.0, -0.04, 0.05)


def test_reference_values() -> None:
    assert pytest.approx(0.5826, abs=5e-5) == CONTINUITY
    assert float(crossing_probability(1, 0.025, 0.8, HALT)) == pytest.approx(0.033571, abs=5e-7)
    assert float(crossing_probability(1, 0.025, 0.8, HALT, step_years=MINUTE)) == pytest.approx(0.029313, abs=5e-7)


@pytest.mark.parametrize(("side", "distance"), [(1, 0.025), (-1, 0.02)])
def test_a_walk_of_a_minute_a_step_passes_as_often_as_the_correction_says(side: int, distance: float) -> None:
    rng = np.random.default_rng(5)
    paths, steps = 60_000, 116
    shock = rng.standard_normal((paths, steps), dtype=np.float32)
    walk = np.cumsum(-0.32 * MINUTE + 0.8 * np.sqrt(MINUTE) * shock, axis=1)
    passed = (side * walk <= side * np.log(1 - side * distance)).any(axis=1)
    expected = float(crossing_probability(side, distance, 0.8, HALT, step_years=MINUTE))
    error = passed.std() / np.sqrt(paths)
    # the correction's own error is of order 1 / steps of the distance's effect
    assert abs(passed.mean() - expected) < 4 * error + 2e-4
    assert abs(passed.mean() - float(crossing_probability(side, distance, 0.8, HALT))) > 4 * error


def test_without_drift_passing_is_twice_being_beyond() -> None:
    # the reflection principle, for a logarithm that has no drift
    drift = 0.8**2 / 2
    beyond = shortfall_probability([1, -1], [0.02, 0.02], 0.8, HALT, drift=drift)
    passed = crossing_probability([1, -1], [0.02, 0.02], 0.8, HALT, drift=drift)
    assert passed == pytest.approx(2 * beyond, rel=1e-12)


def simulated(rng: np.random.Generator, side: int, distance: float, years: float, paths: int) -> Floats:
    """P(passing) of each of so many paths given the values at the jumps: Brownian bridges, so no steps in time."""
    drift = side * (-0.32 - JUMPS.intensity * np.expm1(JUMPS.mean + JUMPS.deviation**2 / 2))
    away = -side * np.log(1 - side * distance)
    count = rng.poisson(JUMPS.intensity * years, paths)
    out = np.empty(paths)
    spread = 0.8 * np.sqrt(years)
    calm = ndtr((-away - drift * years) / spread)
    calm += np.exp(-2 * drift * away / 0.64 + log_ndtr((-away + drift * years) / spread))
    out[count == 0] = calm
    for index in np.flatnonzero(count):
        times = np.concatenate([[0.0], np.sort(rng.random(count[index])) * years, [years]])
        position, alive = away, 1.0
        for number, time in enumerate(np.diff(times)):
            after = position + drift * time + 0.8 * np.sqrt(time) * rng.standard_normal()
            alive *= -np.expm1(-2 * max(position, 0.0) * max(after, 0.0) / (0.64 * time))
            if number < count[index]:
                after += side * rng.normal(JUMPS.mean, JUMPS.deviation)
            alive *= after > 0
            position = after
        out[index] = 1 - alive
    return out


@pytest.mark.parametrize(
    ("side", "distance", "years"), [(1, 0.0125, HALT), (1, 0.05, HALT), (-1, 0.025, HALT), (1, 0.05, 0.01)]
)
def test_with_jumps(side: int, distance: float, years: float) -> None:
    sample = simulated(np.random.default_rng(11), side, distance, years, 60_000 if years > HALT else 300_000)
    expected = float(crossing_probability(side, distance, 0.8, years, jumps=JUMPS))
    assert abs(sample.mean() - expected) < 4 * sample.std() / np.sqrt(len(sample)) + 1e-3 * expected


def test_rare_jumps_are_none() -> None:
    distance = [0.01, 0.02, 0.03]
    rare = crossing_probability(1, distance, 0.8, HALT, jumps=Jumps(1e-9, -0.04, 0.05))
    assert rare == pytest.approx(crossing_probability(1, distance, 0.8, HALT), rel=1e-7)


def test_passing_is_between_being_beyond_and_certain_and_falls_with_distance() -> None:
    distance = np.linspace(0.001, 0.3, 60)
    for side in (1, -1):
        for jumps in (None, JUMPS):
            passed = crossing_probability(side, distance, 0.8, HALT, jumps=jumps)
            beyond = shortfall_probability(side, distance, 0.8, HALT, jumps=jumps)
            assert (passed >= beyond * (1 - 1e-3)).all()
            assert (passed <= 1).all()
            assert (np.diff(passed) < 0).all()
    assert crossing_probability([1, -1, 1], [0.0, -0.1, 1.0], 0.8, HALT).tolist() == [1.0, 1.0, 0.0]


def test_a_random_halt_is_the_mean_over_its_lengths() -> None:
    law = Empirical((600.0, 6_960.0))
    for jumps in (None, JUMPS):
        mean = np.mean([crossing_probability(1, 0.02, 0.8, s / YEAR, jumps=jumps) for s in law.seconds])
        assert float(crossing_probability(1, 0.02, 0.8, law, jumps=jumps)) == pytest.approx(mean, rel=1e-12)
    # up to an exponential time the minimum is exponential (Borodin and Salminen, part II, section 2.1)
    rate, nu = YEAR / 3_600, -0.32
    root = (np.sqrt(nu**2 + 2 * rate * 0.64) + nu) / 0.64
    found = crossing_probability(1, 0.02, 0.8, Exponential(3_600.0))
    assert float(found) == pytest.approx(np.exp(root * np.log(0.98)), rel=1e-6)


def test_liquidation_failure_is_a_conditional_probability() -> None:
    margin, maintenance = 0.05, 0.03
    distance = liquidation_distance([1, -1], margin, maintenance)
    # equity at the level is the maintenance margin: long at (1 - m) / (1 - k), short at (1 + m) / (1 + k)
    level = 1 - np.array([1, -1]) * distance
    equity = margin + np.array([1, -1]) * (level - 1)
    assert equity == pytest.approx(maintenance * level, rel=1e-12)
    for jumps in (None, JUMPS):
        failed = liquidation_failure([1, -1], margin, distance, 0.8, HALT, jumps=jumps)
        passed = crossing_probability([1, -1], distance, 0.8, HALT, jumps=jumps)
        beyond = shortfall_probability([1, -1], margin, 0.8, HALT, jumps=jumps)
        assert failed * passed == pytest.approx(beyond, rel=1e-12)
    # with jumps a position that is liquidatable is far more often worthless
    assert (failed > liquidation_failure([1, -1], margin, distance, 0.8, HALT)).all()
    assert np.isnan(liquidation_failure(1, 2.0, 1.0, 0.8, HALT))


@pytest.mark.parametrize(("distance", "volatility", "years"), [(np.nan, 0.8, 1.0), (0.1, 0.0, 1.0), (0.1, 0.8, -1.0)])
def test_bad_input(distance: float, volatility: float, years: float) -> None:
    with pytest.raises(Malformed, match="must be numbers"):
        crossing_probability(1, distance, volatility, years)
    with pytest.raises(Malformed, match="single numbers"):
        crossing_probability(1, 0.1, [0.8, 0.9], HALT, jumps=JUMPS)
