"""The year's loss from weighted samples in randomisations."""

from __future__ import annotations

import numpy as np
import pytest

from rollproof.risk.yearly import Sample, yearly


def sample(seed: int, *, weighted: bool, paths: int = 64_000, groups: int = 16) -> Sample:
    """Exponential losses of mean 100; weighted: drawn with mean 300, and their likelihood ratios."""
    rng = np.random.default_rng(seed)
    mean = 300.0 if weighted else 100.0
    losses = rng.exponential(mean, paths)
    weights = mean / 100.0 * np.exp(-losses / 100.0 + losses / mean)
    return Sample(0.6, losses, weights, np.arange(paths) % groups)


def known_shortfall(intensity: float, mean: float, level: float) -> float:
    """ES of a compound Poisson sum of exponentials, from a long simulation by another way."""
    rng = np.random.default_rng(99)
    counts = rng.poisson(intensity, 1_000_000)
    total = np.where(counts > 0, rng.gamma(np.maximum(counts, 1), mean), 0.0)
    return float(np.sort(total)[-round(len(total) * (1 - level)) :].mean())


@pytest.mark.parametrize("weighted", [False, True])
def test_weighted_and_plain_samples_give_the_year_s_tail(weighted: bool) -> None:
    year = yearly([sample(2, weighted=weighted)])
    assert year is not None
    assert year.mean.value == pytest.approx(60, abs=4 * year.mean.standard_error)
    level, _, shortfall = year.tails[1]
    assert level == 0.99
    assert shortfall.value == pytest.approx(known_shortfall(0.6, 100, 0.99), abs=4 * (shortfall.standard_error + 1.0))
    assert shortfall.low < shortfall.value < shortfall.high
    losses, exceeded = year.exceedance
    assert list(exceeded) == sorted(exceeded, reverse=True)
    assert len(losses) == len(exceeded)


def test_nothing_priced_is_no_answer_and_no_loss_is_one() -> None:
    assert yearly([]) is None
    zero = Sample(0.6, np.zeros(160), np.ones(160), np.arange(160) % 16)
    year = yearly([zero])
    assert year is not None
    assert year.tails[2][2].value == 0


def test_the_year_s_mean_is_intensity_times_the_failure_s_whatever_weights_average() -> None:
    rng = np.random.default_rng(4)
    losses = np.where(rng.random(1_600) < 0.3, rng.exponential(100, 1_600), 0.0)
    weights = np.where(losses > 0, 0.5, 1.3)  # 1.06 on average
    year = yearly([Sample(0.6, losses, weights, np.arange(1_600) % 16)])
    assert year is not None
    assert year.mean.value == pytest.approx(0.6 * (weights * losses).mean(), rel=1e-5)
