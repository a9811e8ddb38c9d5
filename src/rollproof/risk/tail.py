"""Value at risk, expected shortfall and their confidence intervals from a sample of losses.

With weights w (likelihood ratios of importance sampling, mean 1) the probability that a loss exceeds x is estimated as
the mean of w 1{L > x}. Value at risk is the smallest loss exceeded with at most 1 - level; expected shortfall is

    VaR + mean(w (L - VaR)+) / (1 - level)

which splits an atom at the quantile as it should be (Acerbi and Tasche, On the coherence of expected shortfall, Journal
of Banking and Finance 26 (2002), definition 2.6; Rockafellar and Uryasev, Conditional value-at-risk for general loss
distributions, same journal 26 (2002), theorem 10). Weights are not normalised: what they do below the quantile is not
the tail's business.

Intervals. Expected shortfall does not move with the quantile to first order, so its error is that of the mean above
with VaR held (the influence function). Value at risk's interval is that of the probability that it is exceeded, carried
to losses by the sample itself; for a plain sample these are order statistics. Where paths come in independent
randomisations of a low-discrepancy sequence, one randomisation is one observation and Student's t has their number
less one degrees of freedom; else paths are observations, and degrees of freedom are the effective paths in the tail.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, stdtrit

from rollproof.risk.estimate import LEVELS, Estimate, Losses, Tail
from rollproof.venue.book import Floats

POINTS = 200  # of an exceedance curve
SIDE = 0.975  # of a two-sided 95 % interval


def losses_of(
    sample: Floats,
    weights: Floats | None = None,
    *,
    seed: int,
    method: str,
    groups: NDArray[np.integer[Any]] | None = None,
    levels: Sequence[float] = LEVELS,
) -> Losses:
    """The law of a loss (any unit) from one loss a path, its weight, and the independent randomisation it is from.

    ``groups`` numbers randomisations from 0 and must have the same number of paths each.
    Raises ValueError for what is empty, not finite, of different lengths, or has uneven groups.
    """
    drawn = _Drawn(sample, weights, groups)
    tails = tuple(_tail(drawn, level) for level in levels)
    return Losses(
        mean=drawn.mean(drawn.losses),
        probability=_probability(drawn),
        tails=tails,
        exceedance=_exceedance(drawn),
        paths=len(drawn.losses),
        seed=seed,
        method=method,
        effective_paths=_effective_paths(drawn, max(tails, key=lambda tail: tail.level)),
    )


def mean_of(observed: Floats) -> Estimate:
    """Of independent observations, one for each randomisation."""
    error = float(observed.std(ddof=1)) / math.sqrt(len(observed))
    half = float(stdtrit(len(observed) - 1.0, SIDE)) * error
    mean = float(observed.mean())
    return Estimate(mean, error, mean - half, mean + half)


class _Drawn:
    """A sample in rising order of loss, with the probability that each loss is exceeded."""

    def __init__(self, sample: Floats, weights: Floats | None, groups: NDArray[np.integer[Any]] | None) -> None:
        losses = np.asarray(sample, dtype=np.float64)
        ratio = np.ones(len(losses)) if weights is None else np.asarray(weights, dtype=np.float64)
        if not len(losses) or losses.ndim != 1 or ratio.shape != losses.shape:
            raise ValueError(f"a sample of losses needs one weight a path: {losses.shape} and {ratio.shape}")
        if not (np.isfinite(losses).all() and np.isfinite(ratio).all()) or (ratio < 0).any():
            raise ValueError("a sample of losses has values that are not finite, or weights below zero")
        order = np.argsort(losses, kind="stable")
        self.unweighted = weights is None
        self.losses, self.weights = losses[order], ratio[order]
        self.groups, self.randomisations = _numbered(groups, order)
        above = np.cumsum(self.weights[::-1])[::-1] / len(losses)
        self.exceeded = np.append(above[1:], 0.0)  # ties count as above, so their last is exact

    def quantile(self, probability: float) -> float:
        """The smallest loss of the sample that is exceeded with at most this probability."""
        allowed = probability * (1 + 1e-12)  # 25 of 1000 are 0.025
        first = int(np.searchsorted(-self.exceeded, -allowed, side="left"))
        return float(self.losses[min(first, len(self.losses) - 1)])

    def mean(self, value: Floats) -> Estimate:
        """Of ``value`` (paths, rising in loss) under the weights."""
        weighted = self.weights * value
        observed = np.asarray(weighted, dtype=np.float64)
        if self.groups is not None:
            observed = np.asarray(np.bincount(self.groups, weighted) * (self.randomisations / len(value)))
        mean, count = float(weighted.mean()), len(observed)
        if count < 2:
            return Estimate(mean, math.inf, -math.inf, math.inf)
        error = float(observed.std(ddof=1)) / math.sqrt(count)
        half = self.student(value) * error
        return Estimate(mean, error, mean - half, mean + half)

    def student(self, value: Floats) -> float:
        """How many standard errors of the mean of ``value`` a 95 % interval goes to each side."""
        if self.groups is not None:
            freedom = self.randomisations - 1.0
        else:
            seen = self.weights[value != 0]
            squares = float(seen @ seen)
            freedom = float(seen.sum()) ** 2 / squares - 1 if squares > 0 else 1.0  # Kish (1965)
        return float(stdtrit(max(freedom, 1.0), SIDE))


def _numbered(
    groups: NDArray[np.integer[Any]] | None, order: NDArray[np.int64]
) -> tuple[NDArray[np.integer[Any]] | None, int]:
    if groups is None:
        return None, 0
    if groups.shape != order.shape:
        raise ValueError(f"{groups.shape} groups for {order.shape} paths")
    sizes = np.bincount(groups)
    if sizes.min() != sizes.max():
        raise ValueError(f"randomisations have {sizes.min()} to {sizes.max()} paths; all need the same number")
    return groups[order], len(sizes)


def _tail(drawn: _Drawn, level: float) -> Tail:
    if not 0 < level < 1:
        raise ValueError(f"level {level} of a tail is not between 0 and 1")
    beyond = 1.0 - level
    var = drawn.quantile(beyond)
    hit = (drawn.losses > var).astype(np.float64)
    exceeded = drawn.mean(hit)
    half = exceeded.high - exceeded.value
    low, high = drawn.quantile(min(beyond + half, 1.0)), drawn.quantile(max(beyond - half, 0.0))
    excess = drawn.mean(hit * (drawn.losses - var))
    beyond_sample = drawn.unweighted and _never_seen(len(hit)) > beyond  # too few paths to bound anything from above
    return Tail(
        level,
        var=Estimate(var, (high - low) / (2 * drawn.student(hit)), low, math.inf if beyond_sample else high),
        es=Estimate(
            var + excess.value / beyond,
            excess.standard_error / beyond,
            var + excess.low / beyond,
            math.inf if beyond_sample else var + excess.high / beyond,
        ),
    )


def _never_seen(paths: int) -> float:
    """What a probability may be of what none of so many paths saw (Clopper and Pearson 1934)."""
    return -math.expm1(math.log(1 - SIDE) / paths)


def _probability(drawn: _Drawn) -> Estimate:
    hit = (drawn.losses > 0).astype(np.float64)
    seen, paths = float(hit.sum()), len(hit)
    estimate = drawn.mean(hit)
    low, high = max(estimate.low, 0.0), min(estimate.high, 1.0)
    if seen in (0.0, float(paths)) or (drawn.unweighted and drawn.groups is None):
        # Clopper and Pearson (1934): exact, and not nothing where nothing was seen. A weight stands for so many paths.
        worth = max(float(drawn.weights.max()), 1.0)
        low = float(betaincinv(seen, paths - seen + 1, 1 - SIDE)) if seen else 0.0
        high = min(worth * float(betaincinv(seen + 1, paths - seen, SIDE)), 1.0) if seen < paths else 1.0
    return Estimate(min(estimate.value, 1.0), estimate.standard_error, low, high)


def _exceedance(drawn: _Drawn) -> tuple[Floats, Floats]:
    """At losses whose probabilities are even in the logarithm, as far as ten paths go beyond."""
    first = int(np.searchsorted(drawn.losses, 0.0, side="right")) if drawn.losses[0] >= 0 else 0
    last = max(len(drawn.losses) - 11, 0)
    if first >= last:
        return np.zeros(0), np.zeros(0)
    wanted = np.geomspace(drawn.exceeded[first], max(drawn.exceeded[last], 1e-300), POINTS)
    at = np.clip(np.searchsorted(-drawn.exceeded, -wanted), first, last)
    at = np.unique(np.searchsorted(drawn.losses, drawn.losses[at], side="right") - 1)
    return drawn.losses[at], drawn.exceeded[at]


def _effective_paths(drawn: _Drawn, tail: Tail) -> float:
    """Plain paths whose expected shortfall at this level would have the same standard error."""
    beyond = 1.0 - tail.level
    excess = np.maximum(drawn.losses - tail.var.value, 0.0)
    mean = float((drawn.weights * excess).mean())
    plain = float((drawn.weights * excess**2).mean()) - mean**2
    error = tail.es.standard_error * beyond
    return plain / error**2 if error > 0 and math.isfinite(error) else float(len(excess))
