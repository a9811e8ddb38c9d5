"""A law that is a mixture of normals, of the logarithm of a price: probabilities, options, moments and quantiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from rollproof.errors import Malformed
from rollproof.venue.book import Floats

_BLOCK = 131_072  # numbers worked on at a time


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
        p = inside(probability)
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


def bisect(falling: Callable[[Floats], Floats], low: Floats, high: Floats, steps: int = 56) -> Floats:
    """Where a function that falls through nothing between ``low`` and ``high`` does so, element by element."""
    below, above = np.array(low, dtype=np.float64), np.array(high, dtype=np.float64)
    for _ in range(steps):
        middle = (below + above) / 2
        left = falling(middle) > 0
        below, above = np.where(left, middle, below), np.where(left, above, middle)
    return np.asarray((below + above) / 2)


def inside(probability: ArrayLike) -> Floats:
    p = np.asarray(probability, dtype=np.float64)
    if not ((p > 0) & (p < 1)).all():
        raise Malformed("a probability must be above 0 and below 1")
    return p


def _standard(distance: Floats, deviation: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        out = distance / deviation
    return np.where(deviation > 0, out, np.where(distance > 0, np.inf, -np.inf))


def _log(strike: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(strike > 0, np.log(np.where(strike > 0, strike, 1.0)), -np.inf)
