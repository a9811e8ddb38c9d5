"""Variance to come under GARCH(1, 1): T. Bollerslev, Journal of Econometrics 31 (1986), by iterated expectation."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from rollproof.errors import Malformed
from rollproof.venue.book import Floats


def expected_variance(
    constant: ArrayLike, alpha: ArrayLike, beta: ArrayLike, next_variance: ArrayLike, steps: ArrayLike
) -> Floats:
    """Expected variance of the sum of the next ``steps`` returns.

    n V + (h - V) (1 - (alpha + beta)^n) / (1 - alpha - beta), where V = constant / (1 - alpha - beta) and h is the
    variance of the next return. Raises Malformed where alpha + beta is not below 1.
    """
    omega, a, b, h, n = (np.asarray(x, dtype=np.float64) for x in (constant, alpha, beta, next_variance, steps))
    persistence = a + b
    if (persistence >= 1).any() or (persistence < 0).any():
        raise Malformed("alpha + beta must be at least 0 and below 1")
    level = omega / (1 - persistence)
    return np.asarray(n * level + (h - level) * (1 - persistence**n) / (1 - persistence))
