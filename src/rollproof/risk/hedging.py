"""What a hedged book loses while it cannot rebalance.

An exposure is the hedged book's value to second order in the relative move r = S_T / S_0 - 1 of one asset:

    profit = delta r + gamma r^2 / 2 + carry T

with delta what is left unhedged, gamma Gamma S^2, and carry what time alone brings (of a delta-hedged option
-gamma volatility^2 / 2: Black and Scholes' equation). Losses have a closed form under the jump diffusion of
`risk.market`: 1 + r is a mixture of lognormals, and a quadratic exceeds a level outside or between two prices.
`risk.hedge_repricing` simulates and reprices instead; `risk.basis_trade` is about a perpetual held against spot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from rollproof.errors import Malformed
from rollproof.risk.closed.log_price import mixture
from rollproof.risk.closed.quadrature import nodes
from rollproof.risk.duration import Duration, Law
from rollproof.risk.estimate import LEVELS, Estimate, Tail
from rollproof.risk.execution_cost import Curve
from rollproof.risk.market import YEAR, Jumps
from rollproof.venue.book import Floats


@dataclass(frozen=True, slots=True)
class Exposure:
    """A hedged book to second order in one asset's relative move; all in quote."""

    delta: float = 0.0  # value of a move by 100 %, to first order
    gamma: float = 0.0  # Gamma S^2
    carry: float = 0.0  # a year


@dataclass(frozen=True, slots=True)
class Gap:
    """What one gap in hedging loses, quote. Exact for the second-order exposure, so the errors are 0."""

    mean: float
    deviation: float
    tails: tuple[Tail, ...]


def hedge_gap(
    exposure: Exposure,
    volatility: float,
    years: float | Duration,
    *,
    drift: float = 0.0,
    jumps: Jumps | Sequence[Jumps] | None = None,
    levels: Sequence[float] = LEVELS,
) -> Gap:
    """The loss's mean, standard deviation, value at risk and expected shortfall after ``years`` without hedging."""
    law = _Loss.of(exposure, volatility, years, drift, _kinds(jumps))
    mean, deviation = law.mean_and_deviation()
    tails = []
    for level in levels:
        if not 0 < level < 1:
            raise Malformed("a level must be above 0 and below 1")
        # Cantelli's inequality bounds a quantile by mean and deviation
        reach = deviation * np.sqrt(max(level, 1 - level) / min(level, 1 - level)) * 1.01
        low, high = mean - reach, mean + reach
        for _ in range(64):
            middle = (low + high) / 2
            low, high = (middle, high) if law.exceeded(middle) > 1 - level else (low, middle)
        tails.append(Tail(level, Estimate.of(high), Estimate.of(high + law.excess(high) / (1 - level))))
    return Gap(mean, deviation, tuple(tails))


def catch_up_cost(
    exposure: Exposure,
    curve: Curve,
    volatility: float,
    years: float,
    *,
    drift: float = 0.0,
    jumps: Jumps | Sequence[Jumps] | None = None,
    depth: float = 1.0,
) -> float:
    """Expected quote that it costs to be neutral again: |delta + gamma r| is traded at the price at resume.

    Gauss-Hermite, 201 nodes in each component of the law. Raises Malformed where the curve cannot fill a size
    that has more than a negligible probability (1e-9 in all): a partial cost is not shown as the whole.
    """
    law = mixture(volatility, years, drift=drift, jumps=_kinds(jumps))
    z, weights = np.polynomial.hermite_e.hermegauss(201)
    weights = weights / weights.sum()
    total, unfilled = 0.0, 0.0
    for weight, mean, deviation in zip(law.weight, law.mean, law.deviation, strict=True):
        r = np.expm1(float(mean) + float(deviation) * z)
        trade = (exposure.delta + exposure.gamma * r) * (1 + r)  # above nothing: too long, to be sold
        for side in (-1.0, 1.0):
            size = np.where(np.sign(trade) == -side, np.abs(trade), 0.0)
            cost = curve.cost(size, side=side, depth=depth)
            total += float(weight) * float(cost.quote @ weights)
            unfilled += float(weight) * float((cost.filled < size * (1 - 1e-12)) @ weights)
    if unfilled > 1e-9:
        raise Malformed(f"with probability {unfilled:.3g} the hedge's size is beyond the depth that is given")
    return total


@dataclass(frozen=True, slots=True, eq=False)
class _Loss:
    """constant + slope R + square R^2 with R = S_T / S_0; all but slope and square by component of the law of ln R."""

    weight: Floats
    mean: Floats
    deviation: Floats
    constant: Floats
    slope: float
    square: float

    @classmethod
    def of(
        cls, exposure: Exposure, volatility: float, years: float | Duration, drift: float, jumps: Sequence[Jumps]
    ) -> _Loss:
        """What time brings depends on the halt's length, which components tell apart."""
        lengths = nodes(years) if isinstance(years, Law) else (np.array([float(years) * YEAR]), np.ones(1))
        half = exposure.gamma / 2
        columns = []
        for seconds, weight in zip(*lengths, strict=True):
            time = float(seconds) / YEAR
            part = mixture(volatility, time, drift=drift, jumps=jumps)
            constant = np.full(len(part.weight), exposure.delta - half - exposure.carry * time)
            columns.append((part.weight * weight, part.mean, part.deviation, constant))
        weights, means, deviations, constants = (np.concatenate(column) for column in zip(*columns, strict=True))
        return cls(weights, means, deviations, constants, exposure.gamma - exposure.delta, -half)

    def mean_and_deviation(self) -> tuple[float, float]:
        c, b, a = self.constant, self.slope, self.square
        moment = [np.exp(k * self.mean + (k * self.deviation) ** 2 / 2) for k in range(5)]
        mean = float(self.weight @ (c + b * moment[1] + a * moment[2]))
        c = c - mean  # squares of what is left: no cancellation of the mean's square
        square = (
            c**2 + 2 * b * c * moment[1] + (b**2 + 2 * a * c) * moment[2] + 2 * a * b * moment[3] + a**2 * moment[4]
        )
        return mean, float(np.sqrt(max(float(self.weight @ square), 0.0)))

    def exceeded(self, level: float) -> float:
        """P(loss > level)."""
        return sum(float(self.weight @ self._within(0, *ends)) for ends in self._intervals(level))

    def excess(self, level: float) -> float:
        """E[(loss - level)+]."""
        total = 0.0
        for ends in self._intervals(level):
            inside = (self.constant - level) * self._within(0, *ends) + self.slope * self._within(1, *ends)
            total += float(self.weight @ (inside + self.square * self._within(2, *ends)))
        return max(total, 0.0)

    def _intervals(self, level: float) -> list[tuple[Floats, Floats]]:
        """Where the loss is above a level, for R above nothing, by component; empty ones have equal ends."""
        c = self.constant - level
        none, all_of_it = np.zeros_like(c), np.full_like(c, np.inf)
        if self.square == 0 and self.slope == 0:
            return [(none, np.where(c > 0, np.inf, 0.0))]
        if self.square == 0:
            root = np.maximum(-c / self.slope, 0.0)
            return [(root, all_of_it)] if self.slope > 0 else [(none, root)]
        inner = np.maximum(self.slope**2 - 4 * self.square * c, 0.0)  # without roots: two that are the same
        # the larger root in absolute value first, the other from their product: no cancellation
        far = -(self.slope + np.copysign(np.sqrt(inner), self.slope)) / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            first = far / self.square
            roots = np.stack([first, np.where(inner == 0, first, np.where(far != 0, c / far, 0.0))])
        low, high = np.maximum(roots.min(axis=0), 0.0), np.maximum(roots.max(axis=0), 0.0)
        return [(none, low), (high, all_of_it)] if self.square > 0 else [(low, high)]

    def _within(self, order: int, low: Floats, high: Floats) -> Floats:
        """E[R^order; low < R < high] of each component."""
        factor = np.exp(order * self.mean + (order * self.deviation) ** 2 / 2)
        with np.errstate(divide="ignore", invalid="ignore"):
            near, far = ((np.log(end) - self.mean) / self.deviation - order * self.deviation for end in (low, high))
        # by whichever tail is small
        upper = near > 0
        inside = np.where(upper, ndtr(-near) - ndtr(-far), ndtr(far) - ndtr(near))
        return np.asarray(np.where(high > low, factor * inside, 0.0))


def _kinds(jumps: Jumps | Sequence[Jumps] | None) -> tuple[Jumps, ...]:
    chosen = (jumps,) if isinstance(jumps, Jumps) else tuple(jumps or ())
    return tuple(kind for kind in chosen if kind.intensity > 0)
