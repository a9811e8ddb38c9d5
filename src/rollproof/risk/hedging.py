"""What a hedged book loses while it cannot rebalance.

An exposure is the hedged book's value to second order in the relative move r = S_T / S_0 - 1 of one asset:

    profit = delta r + gamma r^2 / 2 + carry T

with delta what is left unhedged, gamma Gamma S^2, and carry what time alone brings (of a delta-hedged option
-gamma volatility^2 / 2: Black and Scholes' equation). Losses have a closed form under the jump diffusion of
`risk.market`: 1 + r is a mixture of lognormals, and a quadratic exceeds a level outside or between two prices.
`risk.hedge_repricing` simulates and reprices instead; `risk.basis_trade` is about a perpetual held against spot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rollproof.errors import Malformed
from rollproof.risk.closed.log_price import NormalMixture, mixture
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
    parts = list(_parts(exposure, volatility, years, drift, _kinds(jumps)))
    mean = sum(weight * _moment(quadratic, law) for weight, quadratic, law in parts)
    square = sum(weight * _moment(np.convolve(quadratic, quadratic), law) for weight, quadratic, law in parts)
    deviation = float(np.sqrt(max(square - mean**2, 0.0)))
    tails = []
    for level in levels:
        if not 0 < level < 1:
            raise Malformed("a level must be above 0 and below 1")
        var = _value_at_risk(parts, level, mean, max(deviation, 1e-300))
        beyond = sum(weight * _excess(quadratic, law, var) for weight, quadratic, law in parts)
        tails.append(Tail(level, Estimate.of(var), Estimate.of(var + beyond / (1 - level))))
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


def _parts(
    exposure: Exposure, volatility: float, years: float | Duration, drift: float, jumps: Sequence[Jumps]
) -> Iterator[tuple[float, Floats, NormalMixture]]:
    """By duration: its weight, the loss as a polynomial in R = S_T / S_0 (rising powers), and the law of ln R."""
    if isinstance(years, Law):
        seconds, weights = nodes(years)
        times = seconds / YEAR
    else:
        times, weights = np.array([float(years)]), np.ones(1)
    half = exposure.gamma / 2
    for time, weight in zip(times, weights, strict=True):
        constant = exposure.delta - half - exposure.carry * time
        quadratic = np.array([constant, exposure.gamma - exposure.delta, -half])
        yield float(weight), quadratic, mixture(volatility, time, drift=drift, jumps=jumps)


def _moment(polynomial: Floats, law: NormalMixture) -> float:
    return float(sum(factor * float(law.moment(order)) for order, factor in enumerate(polynomial)))


def _intervals(quadratic: Floats, level: float) -> list[tuple[float, float]]:
    """Where the quadratic is above a level, for R above nothing."""
    constant, slope, square = float(quadratic[0]) - level, float(quadratic[1]), float(quadratic[2])
    if square == 0 and slope == 0:
        return [(0.0, np.inf)] if constant > 0 else []
    if square == 0:
        root = max(-constant / slope, 0.0)
        return [(root, np.inf)] if slope > 0 else [(0.0, root)]
    inner = slope**2 - 4 * square * constant
    if inner <= 0:
        return [(0.0, np.inf)] if square > 0 else []
    # the larger root in absolute value first, the other from their product: no cancellation
    far = -(slope + np.copysign(np.sqrt(inner), slope)) / 2
    roots = sorted((far / square, constant / far if far != 0 else 0.0))
    low, high = (max(root, 0.0) for root in roots)
    return [(0.0, low), (high, np.inf)] if square > 0 else [(low, high)]


def _within(law: NormalMixture, order: int, low: float, high: float) -> float:
    if low >= high:
        return 0.0
    with np.errstate(divide="ignore"):
        ends = np.log(np.array([low, high]))
    below = law.moment_below(order, ends)
    return float(below[1] - below[0])


def _exceeded(quadratic: Floats, law: NormalMixture, level: float) -> float:
    return sum(_within(law, 0, low, high) for low, high in _intervals(quadratic, level))


def _excess(quadratic: Floats, law: NormalMixture, level: float) -> float:
    """E[(loss - level)+]."""
    shifted = quadratic - np.array([level, 0.0, 0.0])
    total = sum(
        factor * _within(law, order, low, high)
        for low, high in _intervals(quadratic, level)
        for order, factor in enumerate(shifted)
    )
    return max(float(total), 0.0)


def _value_at_risk(
    parts: Sequence[tuple[float, Floats, NormalMixture]], level: float, mean: float, deviation: float
) -> float:
    def exceeded(loss: float) -> float:
        return sum(weight * _exceeded(quadratic, law, loss) for weight, quadratic, law in parts)

    # Cantelli's inequality bounds a quantile by mean and deviation
    reach = deviation * np.sqrt(max(level, 1 - level) / min(level, 1 - level)) * 1.01
    low, high = mean - reach, mean + reach
    for _ in range(90):
        middle = (low + high) / 2
        low, high = (middle, high) if exceeded(middle) > 1 - level else (low, middle)
    return float(high)


def _kinds(jumps: Jumps | Sequence[Jumps] | None) -> tuple[Jumps, ...]:
    chosen = (jumps,) if isinstance(jumps, Jumps) else tuple(jumps or ())
    return tuple(kind for kind in chosen if kind.intensity > 0)
