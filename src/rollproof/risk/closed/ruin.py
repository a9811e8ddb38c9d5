"""Ruin of an insurance fund: losses arrive by Poisson, fees by the clock.

H. Cramer, On the mathematical theory of risk (1930); for losses with an exponential law e.g. S. Asmussen and H.
Albrecher, Ruin Probabilities, 2nd edition: exp(-loading fund / (mean (1 + loading))) / (1 + loading).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from rollproof.errors import Malformed
from rollproof.venue.book import Floats


def ruin_probability(fund: ArrayLike, mean_loss: ArrayLike, loading: ArrayLike) -> Floats:
    """P(a fund is ever below nothing). Fund and mean loss in one unit; fees come in at (1 + loading) times the expected
    losses. 1 where the loading is not above nothing.
    """
    u, mean, theta = (np.asarray(x, dtype=np.float64) for x in (fund, mean_loss, loading))
    if not (np.isfinite(u) & (u >= 0)).all() or (mean <= 0).any():
        raise Malformed("a fund must be at least 0 and a mean loss above 0")
    earned = np.maximum(theta, 0.0)
    return np.asarray(np.exp(-earned * u / (mean * (1 + earned))) / (1 + earned))


def fund_for(probability: ArrayLike, mean_loss: ArrayLike, loading: ArrayLike) -> Floats:
    """The fund with which ruin has that probability; 0 where less than nothing is needed, infinite without loading."""
    p, mean, theta = (np.asarray(x, dtype=np.float64) for x in (probability, mean_loss, loading))
    if not ((p > 0) & (p < 1)).all():
        raise Malformed("a probability must be above 0 and below 1")
    with np.errstate(divide="ignore"):
        out = -np.log(p * (1 + theta)) * mean * (1 + theta) / theta
    return np.asarray(np.where(theta > 0, np.maximum(out, 0.0), np.inf))
