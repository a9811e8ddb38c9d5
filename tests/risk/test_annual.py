"""The year's loss against known laws of compound Poisson sums, and against plain simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import poisson

from rollproof.risk.annual import Severity, annual


def test_one_size_of_loss_is_a_poisson_count() -> None:
    law = annual([Severity(3.0, np.array([2.0]), np.array([1.0]))], largest=2.0 * 65_535 / 1_000)
    for count in (0, 1, 5, 9):
        assert law.exceedance(np.array([2.0 * count + 1]))[0] == pytest.approx(float(poisson.sf(count, 3.0)), rel=1e-6)
    assert law.mean == pytest.approx(6.0, rel=1e-9)


def test_mean_and_variance_are_the_compound_law_s() -> None:
    rng = np.random.default_rng(3)
    losses = rng.exponential(10.0, 4_000)
    weights = np.full(4_000, 1 / 4_000)
    law = annual([Severity(0.7, losses, weights)])
    points = np.arange(len(law.probability)) * law.step
    assert law.mean == pytest.approx(0.7 * losses.mean(), rel=1e-6)
    # Sharing a loss between two points adds at most a quarter of the step squared.
    variance = float(law.probability @ (points - law.mean) ** 2)
    assert variance == pytest.approx(0.7 * (losses**2).mean(), rel=1e-4)


def test_exponential_losses_have_the_known_tail() -> None:
    """P(S > x) of a compound Poisson sum of exponentials: sum of Poisson weights times gamma tails."""
    from scipy.stats import gamma

    count = 200_000
    losses = -np.log1p(-(np.arange(count) + 0.5) / count)
    law = annual([Severity(1.5, losses, np.full(count, 1 / count))])
    for x in (1.0, 4.0, 9.0):
        known = sum(float(poisson.pmf(n, 1.5) * gamma.sf(x, n)) for n in range(1, 60))
        assert law.exceedance(np.array([x]))[0] == pytest.approx(known, rel=2e-3)


def test_several_failures_agree_with_simulation() -> None:
    rng = np.random.default_rng(11)
    first, second = rng.lognormal(0, 1, 500), np.where(rng.uniform(size=500) < 0.8, 0.0, 20.0)
    even = np.full(500, 1 / 500)
    law = annual([Severity(0.5, first, even), Severity(2.0, second, even)])
    years = 200_000
    total = np.zeros(years)
    for losses, often in ((first, 0.5), (second, 2.0)):
        counts = rng.poisson(often, years)
        each = rng.choice(losses, counts.sum())
        total += np.bincount(np.repeat(np.arange(years), counts), each, years)
    for level in (0.975, 0.99):
        value, shortfall = law.tail(level)
        cut = np.quantile(total, level)
        beyond = np.sort(total)[-round(years * (1 - level)) :]  # the worst share, also where one loss has mass
        assert value == pytest.approx(cut, rel=0.02)
        assert shortfall == pytest.approx(beyond.mean(), abs=4 * beyond.std() / np.sqrt(len(beyond)) + 0.01 * cut)


def test_no_failure_is_no_loss_and_nonsense_is_refused() -> None:
    assert annual([]).tail(0.999) == (0.0, 0.0)
    with pytest.raises(ValueError, match="sum to 1"):
        annual([Severity(1.0, np.array([1.0]), np.array([0.5]))])
    with pytest.raises(ValueError, match="at least 0"):
        annual([Severity(1.0, np.array([-1.0]), np.array([1.0]))])
