"""The law of log(S_T / S_0): a mixture of normals, or Laplace's where a diffusion stops at an exponential time.

Given how many jumps came, a jump diffusion with normal jumps is normal: R. Merton, Option pricing when underlying
stock returns are discontinuous, JFE 3 (1976). A random duration mixes again (`closed.quadrature`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import eigh_tridiagonal
from scipy.special import gammaln, xlogy

from rollproof.errors import Malformed
from rollproof.risk.closed.laplace import stopped
from rollproof.risk.closed.normal_mixture import NormalMixture
from rollproof.risk.closed.quadrature import nodes
from rollproof.risk.duration import Duration, Exponential, Law
from rollproof.risk.market import YEAR, Jumps
from rollproof.venue.book import Floats

NEGLIGIBLE = 1e-16  # weight of a component that is left out
MOST_JUMPS = 10_000  # expected, in the whole time: more are a diffusion and should be given as one
_MANY = 2.0  # expected jumps at one time: from here on their number is integrated over
_NODES = 12


class LogPrice(Protocol):
    """A law of x = log(S_T / S_0). Arguments and answers broadcast with the law's own shape."""

    def below(self, level: ArrayLike) -> Floats:
        """P(x < level)."""
        ...

    def above(self, level: ArrayLike) -> Floats:
        """P(x > level)."""
        ...

    def put(self, strike: ArrayLike) -> Floats:
        """E[(strike - e^x)+]; the strike is a share of S_0, of any sign."""
        ...

    def call(self, strike: ArrayLike) -> Floats:
        """E[(e^x - strike)+]."""
        ...

    def quantile(self, probability: ArrayLike, *, upper: bool = False) -> Floats:
        """Level that x is below (``upper``: above) with ``probability``, in (0, 1)."""
        ...


def log_price(
    volatility: ArrayLike,
    years: ArrayLike | Duration,
    *,
    drift: ArrayLike = 0.0,
    jumps: Jumps | Sequence[Jumps] | None = None,
    grace_years: float = 0.0,
) -> LogPrice:
    """The law at a time, or at a random one. Volatility and drift are annual, E[S_T / S_0] = e^(drift T).

    ``years`` may be a law of a duration; ``jumps`` several independent kinds (none and many are alike). Exact for
    durations that are fixed, empirical, and exponential without jumps; else 96 Gauss-Legendre nodes. ``grace_years``
    come on top of the duration.
    Raises Malformed.
    """
    kinds = (jumps,) if isinstance(jumps, Jumps) else tuple(jumps or ())
    kinds = tuple(kind for kind in kinds if kind.intensity > 0)
    sigma = _checked("volatility", volatility)
    if (
        isinstance(years, Exponential)
        and not kinds
        and (sigma > 0).all()
        and grace_years == 0
        and 0 < years.mean_seconds < np.inf
    ):
        return stopped(sigma, years.mean_seconds / YEAR, _checked("drift", drift))
    if not isinstance(years, Law):
        return mixture(volatility, np.asarray(years) + grace_years, drift=drift, jumps=kinds)
    parts = []
    for seconds, weight in zip(*nodes(years), strict=True):
        time = seconds / YEAR + grace_years
        part = mixture(volatility, time, drift=drift, jumps=kinds, least=min(NEGLIGIBLE / weight, 1e-6))
        parts.append(NormalMixture(part.weight * weight, part.mean, part.deviation))
    return NormalMixture(
        np.concatenate([part.weight for part in parts]),
        np.concatenate([part.mean for part in parts]),
        np.concatenate([part.deviation for part in parts]),
    )


def mixture(
    volatility: ArrayLike,
    years: ArrayLike,
    *,
    drift: ArrayLike = 0.0,
    jumps: Sequence[Jumps] = (),
    least: float = NEGLIGIBLE,
) -> NormalMixture:
    """Of log(S_T / S_0) at a time, by the number of jumps of each kind; weights below ``least`` left out."""
    sigma, time, mu = (_checked(n, v) for n, v in (("volatility", volatility), ("years", years), ("drift", drift)))
    if (sigma < 0).any() or (time < 0).any():
        raise Malformed("volatility and years must not be negative")
    compensator = sum(kind.intensity * np.expm1(kind.mean + kind.deviation**2 / 2) for kind in jumps)
    mean = (mu - sigma**2 / 2 - compensator) * time
    variance = sigma**2 * time
    mean, variance, time = np.broadcast_arrays(mean, variance, time)
    # of the jumps, by how many there were of each kind: weight, sum of their means and of their variances
    weight, moved, spread = np.ones((1, *time.shape)), np.zeros(1), np.zeros(1)
    for kind in jumps:
        count, probability = _poisson(kind.intensity * time, least)
        weight = (weight[:, None] * probability).reshape(-1, *time.shape)
        moved = (moved[:, None] + count * kind.mean).ravel()
        spread = (spread[:, None] + count * kind.deviation**2).ravel()
        kept = weight.max(axis=tuple(range(1, weight.ndim)), initial=0.0) >= least
        weight, moved, spread = weight[kept], moved[kept], spread[kept]
    shape = (-1,) + (1,) * time.ndim
    return NormalMixture(weight, mean + moved.reshape(shape), np.sqrt(variance + spread.reshape(shape)))


def _poisson(expected: Floats, least: float) -> tuple[Floats, Floats]:
    """(numbers,) of jumps and (numbers, times) their probabilities."""
    most = float(np.max(expected, initial=0.0))
    if most > MOST_JUMPS:
        raise Malformed(f"{most:.0f} jumps expected, more than {MOST_JUMPS}: use a diffusion")
    if expected.ndim == 0 and most > _MANY:
        return _charlier(most)
    count = np.arange(int(most + 12 * np.sqrt(most) + 30), dtype=np.float64)
    column = count.reshape((-1,) + (1,) * expected.ndim)
    probability = np.exp(xlogy(column, expected) - expected - gammaln(column + 1))
    kept = probability.max(axis=tuple(range(1, probability.ndim)), initial=0.0) >= least
    return count[kept], probability[kept]


def _charlier(expected: float) -> tuple[Floats, Floats]:
    """Gaussian quadrature for the Poisson law: what is asked of many jumps is smooth in their number.

    G. Golub and J. Welsch, Calculation of Gauss quadrature rules, Math. Comp. 23 (1969), with the recurrence of
    Charlier's polynomials.
    """
    index = np.arange(_NODES)
    nodes, vectors = eigh_tridiagonal(index + expected, np.sqrt(expected * index[1:]))
    return np.maximum(nodes, 0.0), np.asarray(vectors[0] ** 2)


def _checked(name: str, value: ArrayLike) -> Floats:
    out = np.asarray(value, dtype=np.float64)
    if not np.isfinite(out).all():
        raise Malformed(f"{name} is not a finite number")
    return out
