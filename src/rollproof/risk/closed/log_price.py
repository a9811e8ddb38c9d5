"""The law of log(S_T / S_0): a mixture of normals, or Laplace's where a diffusion stops at an exponential time.

Given how many jumps came, a jump diffusion with normal jumps is normal: R. Merton, Option pricing when underlying
stock returns are discontinuous, JFE 3 (1976). A random duration mixes again (`closed.quadrature`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import eigh_tridiagonal
from scipy.special import gammaln, ndtr, ndtri, xlogy

from rollproof.errors import Malformed
from rollproof.risk.closed.quadrature import nodes
from rollproof.risk.duration import Duration, Exponential, Law
from rollproof.risk.market import YEAR, Jumps
from rollproof.venue.book import Floats

NEGLIGIBLE = 1e-16  # weight of a component that is left out
MOST_JUMPS = 10_000  # expected, in the whole time: more are a diffusion and should be given as one
_BLOCK = 131_072  # numbers worked on at a time
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


@dataclass(frozen=True, slots=True, eq=False)
class NormalMixture:
    """Components along the first axis of each array; a component's further axes broadcast with the arguments."""

    weight: Floats
    mean: Floats
    deviation: Floats

    def below(self, level: ArrayLike) -> Floats:
        return self._sum(level, lambda x, mean, deviation: ndtr(_standard(x - mean, deviation)))

    def above(self, level: ArrayLike) -> Floats:
        return self._sum(level, lambda x, mean, deviation: ndtr(_standard(mean - x, deviation)))

    def put(self, strike: ArrayLike) -> Floats:
        def component(k: Floats, mean: Floats, deviation: Floats) -> Floats:
            z = _standard(_log(k) - mean, deviation)
            forward = np.exp(mean + deviation**2 / 2)
            return np.asarray(np.maximum(np.maximum(k, 0.0) * ndtr(z) - forward * ndtr(z - deviation), 0.0))

        return self._sum(strike, component)

    def call(self, strike: ArrayLike) -> Floats:
        def component(k: Floats, mean: Floats, deviation: Floats) -> Floats:
            z = _standard(mean - _log(k), deviation)
            forward = np.exp(mean + deviation**2 / 2)
            return np.asarray(np.maximum(forward * ndtr(z + deviation) - k * ndtr(z), 0.0))

        return self._sum(strike, component)

    def moment(self, order: float) -> Floats:
        """E[e^(order x)]."""
        return np.asarray((self.weight * np.exp(order * self.mean + (order * self.deviation) ** 2 / 2)).sum(axis=0))

    def moment_below(self, order: float, level: ArrayLike) -> Floats:
        """E[e^(order x); x < level]."""

        def component(x: Floats, mean: Floats, deviation: Floats) -> Floats:
            factor = np.exp(order * mean + (order * deviation) ** 2 / 2)
            return np.asarray(factor * ndtr(_standard(x - mean, deviation) - order * deviation))

        return self._sum(level, component)

    def quantile(self, probability: ArrayLike, *, upper: bool = False) -> Floats:
        p = _inside(probability)
        if len(self.weight) == 1:  # one normal: exact
            z = ndtri(p)
            return np.asarray(self.mean[0] + (-z if upper else z) * self.deviation[0])
        low = np.broadcast_to(np.min(self.mean - 39 * self.deviation, axis=0), np.broadcast(p, self.mean[0]).shape)
        high = np.broadcast_to(np.max(self.mean + 39 * self.deviation, axis=0), low.shape)
        return bisect(lambda x: self.above(x) - p if upper else p - self.below(x), low, high)

    def _sum(self, argument: ArrayLike, component: Callable[[Floats, Floats, Floats], Floats]) -> Floats:
        at = np.asarray(argument, dtype=np.float64)
        own = self.mean.shape[1:]
        shape = np.broadcast_shapes(at.shape, own)
        aligned = (-1,) + (1,) * (len(shape) - len(own)) + own
        # some components at a time: a book's positions times all components need not fit in memory
        step = max(1, _BLOCK // max(int(np.prod(shape)), 1))
        total = np.zeros(shape)
        for start in range(0, len(self.weight), step):
            weight, mean, deviation = (
                column[start : start + step].reshape(aligned) for column in (self.weight, self.mean, self.deviation)
            )
            total += (weight * component(at, mean, deviation)).sum(axis=0)
        return total


@dataclass(frozen=True, slots=True, eq=False)
class Laplace:
    """Of a Brownian motion with drift that is stopped at an exponential time: density proportional to e^(-up x) above
    nothing and e^(down x) below. A. Borodin and P. Salminen, Handbook of Brownian Motion, part II, section 2.1.
    """

    up: Floats
    down: Floats

    def below(self, level: ArrayLike) -> Floats:
        x = np.asarray(level, dtype=np.float64)
        both = self.up + self.down
        left = self.up / both * np.exp(self.down * np.minimum(x, 0.0))
        return np.asarray(np.where(x <= 0, left, 1 - self.down / both * np.exp(-self.up * np.maximum(x, 0.0))))

    def above(self, level: ArrayLike) -> Floats:
        return Laplace(self.down, self.up).below(-np.asarray(level, dtype=np.float64))

    def put(self, strike: ArrayLike) -> Floats:
        k = np.asarray(strike, dtype=np.float64)
        small = np.clip(k, 0.0, 1.0)
        out = self.up / (self.up + self.down) * small ** (self.down + 1) / (self.down + 1)
        return np.asarray(np.where(k <= 1, out, k - self._expected() + self._far_call(np.maximum(k, 1.0))))

    def call(self, strike: ArrayLike) -> Floats:
        k = np.asarray(strike, dtype=np.float64)
        small = np.clip(k, 0.0, 1.0)
        put = self.up / (self.up + self.down) * small ** (self.down + 1) / (self.down + 1)
        return np.asarray(np.where(k >= 1, self._far_call(np.maximum(k, 1.0)), self._expected() - k + put))

    def quantile(self, probability: ArrayLike, *, upper: bool = False) -> Floats:
        p = _inside(probability)
        if upper:
            return np.asarray(-Laplace(self.down, self.up).quantile(p))
        both = self.up + self.down
        with np.errstate(divide="ignore"):
            left = np.log(p * both / self.up) / self.down
            right = -np.log((1 - p) * both / self.down) / self.up
        return np.asarray(np.where(p * both <= self.up, left, right))

    def _far_call(self, strike: Floats) -> Floats:
        with np.errstate(divide="ignore"):
            out = self.down / (self.up + self.down) * strike ** (1 - self.up) / (self.up - 1)
        return np.asarray(np.where(self.up > 1, out, np.inf))

    def _expected(self) -> Floats:
        with np.errstate(divide="ignore"):
            out = self.up * self.down / ((self.up - 1) * (self.down + 1))
        return np.asarray(np.where(self.up > 1, out, np.inf))


def log_price(
    volatility: ArrayLike,
    years: ArrayLike | Duration,
    *,
    drift: ArrayLike = 0.0,
    jumps: Jumps | Sequence[Jumps] | None = None,
) -> LogPrice:
    """The law at a time, or at a random one. Volatility and drift are annual, E[S_T / S_0] = e^(drift T).

    ``years`` may be a law of a duration; ``jumps`` several independent kinds (none and many are alike). Exact for
    durations that are fixed, empirical, and exponential without jumps; else 96 Gauss-Legendre nodes.
    Raises Malformed.
    """
    kinds = (jumps,) if isinstance(jumps, Jumps) else tuple(jumps or ())
    kinds = tuple(kind for kind in kinds if kind.intensity > 0)
    if isinstance(years, Exponential) and not kinds:
        return _stopped(_checked("volatility", volatility), years.mean_seconds / YEAR, _checked("drift", drift))
    if not isinstance(years, Law):
        return mixture(volatility, years, drift=drift, jumps=kinds)
    parts = []
    for seconds, weight in zip(*nodes(years), strict=True):
        part = mixture(volatility, seconds / YEAR, drift=drift, jumps=kinds, least=min(NEGLIGIBLE / weight, 1e-6))
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


def bisect(falling: Callable[[Floats], Floats], low: Floats, high: Floats, steps: int = 56) -> Floats:
    """Where a function that falls through nothing between ``low`` and ``high`` does so, element by element."""
    below, above = np.array(low, dtype=np.float64), np.array(high, dtype=np.float64)
    for _ in range(steps):
        middle = (below + above) / 2
        left = falling(middle) > 0
        below, above = np.where(left, middle, below), np.where(left, above, middle)
    return np.asarray((below + above) / 2)


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


def _stopped(volatility: Floats, mean_years: float, drift: Floats) -> Laplace:
    rate = 1 / mean_years
    nu = drift - volatility**2 / 2
    root = np.sqrt(nu**2 + 2 * rate * volatility**2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return Laplace((root - nu) / volatility**2, (root + nu) / volatility**2)


def _standard(distance: Floats, deviation: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        out = distance / deviation
    return np.where(deviation > 0, out, np.where(distance > 0, np.inf, -np.inf))


def _log(strike: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(strike > 0, np.log(np.where(strike > 0, strike, 1.0)), -np.inf)


def _inside(probability: ArrayLike) -> Floats:
    p = np.asarray(probability, dtype=np.float64)
    if not ((p > 0) & (p < 1)).all():
        raise Malformed("a probability must be above 0 and below 1")
    return p


def _checked(name: str, value: ArrayLike) -> Floats:
    out = np.asarray(value, dtype=np.float64)
    if not np.isfinite(out).all():
        raise Malformed(f"{name} is not a finite number")
    return out
