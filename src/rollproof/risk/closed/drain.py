"""Variance drain: what constant leverage loses to movement alone.

Rebalanced always, leverage k turns S_T into L_T with ln L_T = k ln S_T - k (k - 1) / 2 volatility^2 T (M. Avellaneda
and S. Zhang, Path-dependence of leveraged ETF returns, SIAM J. Financial Math. 1, 2010, without fees and interest). A
jump of the price by e^y multiplies L by 1 + k (e^y - 1), and where that is not above nothing, ends it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from rollproof.risk.closed.log_price import mixture
from rollproof.risk.market import Jumps
from rollproof.venue.book import Floats


def drain(leverage: ArrayLike, volatility: ArrayLike, years: ArrayLike) -> Floats:
    """ln L_T - k ln S_T: what continuous rebalancing adds to the logarithm; below nothing but for k in [0, 1]."""
    k, sigma, time = (np.asarray(x, dtype=np.float64) for x in (leverage, volatility, years))
    return np.asarray(-k * (k - 1) / 2 * sigma**2 * time)


def wipe_out_probability(leverage: ArrayLike, jumps: Jumps | Sequence[Jumps], years: ArrayLike) -> Floats:
    """P(a jump ends a token of that leverage within ``years``): k (e^y - 1) <= -1 for one of them at least."""
    k = np.asarray(leverage, dtype=np.float64)
    rate = np.zeros_like(k)
    level = np.log(np.where((k > 1) | (k < 0), 1 - 1 / np.where(k == 0, 1.0, k), 1.0))
    for kind in (jumps,) if isinstance(jumps, Jumps) else jumps:
        with np.errstate(divide="ignore", invalid="ignore"):
            z = (level - kind.mean) / kind.deviation
        beyond = np.where(k > 1, ndtr(z), np.where(k < 0, ndtr(-z), 0.0))
        rate = rate + kind.intensity * beyond
    return np.asarray(-np.expm1(-rate * np.asarray(years, dtype=np.float64)))


def gap_wipe_out_probability(
    leverage: ArrayLike, volatility: float, years: float, *, drift: float = 0.0, jumps: Sequence[Jumps] = ()
) -> Floats:
    """P(1 + k (S_T / S_0 - 1) <= 0): that a token that could not be rebalanced for ``years`` is worth nothing."""
    k = np.asarray(leverage, dtype=np.float64)
    law = mixture(volatility, years, drift=drift, jumps=jumps)
    level = np.log(np.where((k > 1) | (k < 0), 1 - 1 / np.where(k == 0, 1.0, k), 1.0))
    return np.asarray(np.where(k > 1, law.below(level), np.where(k < 0, law.above(level), 0.0)))


def gap_growth(
    leverage: ArrayLike,
    volatility: float,
    years: float,
    *,
    drift: float = 0.0,
    jumps: Sequence[Jumps] = (),
    floor: float = 1e-6,
) -> Floats:
    """E[ln max(floor, 1 + k (S_T / S_0 - 1))]: expected log growth over one time without rebalancing.

    Divided by ``years`` it is the growth rate of a token that is rebalanced so often. Gauss-Hermite, 101 nodes in each
    component of the law. ``floor`` stands for the end.
    """
    k = np.asarray(leverage, dtype=np.float64)
    law = mixture(volatility, years, drift=drift, jumps=jumps)
    z, weights = np.polynomial.hermite_e.hermegauss(101)
    weights = weights / weights.sum()
    total = np.zeros_like(k)
    for weight, mean, deviation in zip(law.weight, law.mean, law.deviation, strict=True):
        growth = np.log(np.maximum(floor, 1 + k[..., None] * np.expm1(mean + deviation * z)))
        total = total + weight * (growth @ weights)
    return np.asarray(total)
