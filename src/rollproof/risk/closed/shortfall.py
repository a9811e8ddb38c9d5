"""Expected shortfall of the normal and Student's t, and tests of value at risk and expected shortfall on a record."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.special import ndtri, xlogy

from rollproof.errors import Malformed
from rollproof.venue.book import Floats


def normal_tail(level: ArrayLike) -> tuple[Floats, Floats]:
    """Value at risk and expected shortfall of a standard normal loss: phi(z) / (1 - level)."""
    p = _level(level)
    z = ndtri(p)
    return z, np.asarray(np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) / (1 - p))


def student_tail(level: ArrayLike, degrees: ArrayLike) -> tuple[Floats, Floats]:
    """Of a Student t loss, not scaled to variance 1; ``degrees`` above 1.

    A. McNeil, R. Frey and P. Embrechts, Quantitative Risk Management, 2nd edition, example 2.15.
    """
    p, n = _level(level), np.asarray(degrees, dtype=np.float64)
    if (n <= 1).any():
        raise Malformed("expected shortfall needs more than 1 degree of freedom")
    t = np.asarray(stats.t.ppf(p, n))
    return t, np.asarray(stats.t.pdf(t, n) / (1 - p) * (n + t**2) / (n - 1))


def z2(losses: ArrayLike, value_at_risk: ArrayLike, expected_shortfall: ArrayLike, level: float) -> float:
    """The second statistic of C. Acerbi and B. Szekely, Backtesting expected shortfall, Risk 27 (December 2014).

    1 - sum over the losses beyond value at risk of loss / ES, over what number of them is expected. Expected to be 0 if
    both are right, below it if the risk was understated.
    """
    loss, var, es = np.broadcast_arrays(
        *(np.asarray(x, dtype=np.float64) for x in (losses, value_at_risk, expected_shortfall))
    )
    if not len(loss) or (es <= 0).any():
        raise Malformed("at least one loss and an expected shortfall above 0 are needed")
    return float(1 - np.sum(np.where(loss > var, loss / es, 0.0)) / (len(loss) * (1 - float(_level(level)))))


def z2_critical(
    observations: int, level: float, significance: float, *, degrees: float | None = None, paths: int, seed: int
) -> float:
    """Value that `z2` is below with probability ``significance`` where the risk is right, by simulation.

    Losses are normal, or Student t. Only those beyond value at risk count, so only those are drawn.
    """
    tail = 1 - float(_level(level))
    es = float((normal_tail(level) if degrees is None else student_tail(level, degrees))[1])
    rng = np.random.default_rng(seed)
    counts = rng.binomial(observations, tail, paths)
    uniform = tail * rng.random(int(counts.sum()))
    loss = -ndtri(uniform) if degrees is None else stats.t.isf(uniform, degrees)
    total = np.bincount(np.repeat(np.arange(paths), counts), loss, paths)
    return float(np.quantile(1 - total / (observations * tail * es), significance))


def kupiec(exceptions: ArrayLike, observations: ArrayLike, level: float) -> tuple[Floats, Floats]:
    """Likelihood ratio that losses exceed value at risk as often as they should, and its p-value (chi-square, 1).

    P. Kupiec, Techniques for verifying the accuracy of risk measurement models, Journal of Derivatives 3 (1995).
    """
    x, n = np.asarray(exceptions, dtype=np.float64), np.asarray(observations, dtype=np.float64)
    if (x < 0).any() or (x > n).any() or (n <= 0).any():
        raise Malformed("exceptions must be between 0 and the number of observations")
    p = 1 - float(_level(level))
    likely = xlogy(x, x / n) + xlogy(n - x, 1 - x / n)
    ratio = 2 * (likely - x * np.log(p) - (n - x) * np.log1p(-p))
    return np.asarray(ratio), np.asarray(stats.chi2.sf(ratio, 1))


def _level(level: ArrayLike) -> Floats:
    p = np.asarray(level, dtype=np.float64)
    if not ((p > 0) & (p < 1)).all():
        raise Malformed("a level must be above 0 and below 1")
    return p
