"""Expectations over a random duration."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy.special import log_ndtr

from rollproof.errors import Malformed
from rollproof.risk.duration import Duration, Empirical, Exponential, Fixed
from rollproof.risk.market import YEAR
from rollproof.venue.book import Floats

POINTS = 96
FAR = 8.2  # standard normal: beyond it lies 2.4e-16, and 1 - P is no double above 0


def over_durations(function: Callable[[float], Floats], law: Duration, points: int = POINTS) -> Floats:
    """E[function(T)], where ``function`` takes years and ``law`` is of seconds."""
    total: Floats = np.zeros(())
    for seconds, weight in zip(*nodes(law, points), strict=True):
        total = total + weight * function(float(seconds) / YEAR)
    return total


def nodes(law: Duration, points: int = POINTS) -> tuple[Floats, Floats]:
    """Durations in seconds and their weights, which add up to 1: exact for fixed and empirical laws.

    For the others Gauss-Legendre over z in [-8.2, 8.2], where the duration is the quantile of Phi(z): what is asked
    about changes with the duration's logarithm, and in z neither end is steep. Raises Malformed.
    """
    if isinstance(law, Fixed):
        seconds, weights = np.array([law.seconds]), np.ones(1)
    elif isinstance(law, Empirical):
        seconds, counts = np.unique(np.asarray(law.seconds, dtype=np.float64), return_counts=True)
        weights = counts / max(counts.sum(), 1)
    else:
        z, weights = _normal_nodes(points)
        if isinstance(law, Exponential):
            seconds = -law.mean_seconds * log_ndtr(-z)
        else:
            seconds = law.median_seconds * np.exp(law.log_deviation * z)
    if not len(seconds) or not np.isfinite(seconds).all() or (seconds < 0).any():
        raise Malformed("a duration must be a number of seconds, at least 0, and there must be one")
    return seconds, weights


@lru_cache(maxsize=8)
def _normal_nodes(points: int) -> tuple[Floats, Floats]:
    x, weights = np.polynomial.legendre.leggauss(points)
    z = FAR * x
    density = weights * np.exp(-(z**2) / 2)
    return z, density / density.sum()
