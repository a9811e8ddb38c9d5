"""The law of the logarithm of a price that diffuses until an exponential time: Laplace's, asymmetric."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rollproof.risk.closed.normal_mixture import inside
from rollproof.venue.book import Floats


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
        p = inside(probability)
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


def stopped(volatility: Floats, mean_years: float, drift: Floats) -> Laplace:
    rate = 1 / mean_years
    nu = drift - volatility**2 / 2
    root = np.sqrt(nu**2 + 2 * rate * volatility**2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return Laplace((root - nu) / volatility**2, (root + nu) / volatility**2)
