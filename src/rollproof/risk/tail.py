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

from collections.abc import Sequence
from typing import cast

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
    groups: NDArray[np.integer] | None = None,
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
        effective_paths=_effective_paths(drawn, tails[-1]),
    )


class _Drawn:
    """A sample in rising order, with the probability that each loss, or the one before it, is exceeded."""

    def __init__(self, sample: Floats, weights: Floats | None, groups: NDArray[np.integer] | None) -> None:
        losses = np.asarray(sample, dtype=np.float64)
        ratio = np.ones(len(losses)) if weights is None else np.asarray(weights, dtype=np.float64)
        if not len(losses) or losses.ndim != 1 or ratio.shape != losses.shape:
            raise ValueError(f"a sample of losses needs one weight a path: {losses.shape} and {ratio.shape}")
        if not (np.isfinite(losses).all() and np.isfinite(ratio).all()) or (ratio < 0).any():
            raise ValueError("a sample of losses has values that are not finite, or weights below zero")
        order = np.argsort(losses, kind="stable")
        self.plain = weights is None and groups is None
        self.losses, self.weights = losses[order], ratio[order]
        self.groups, self.randomisations = _numbered(groups, order)
        above = np.cumsum(self.weights[::-1])[::-1] / len(losses)
        self.reached = above  # P(L >= this one), ties by their order
        self.exceeded = np.append(above[1:], 0.0)

    def quantile(self, exceeded: float) -> float:
        """The smallest loss of the sample that is exceeded with at most this probability."""
        fits = int(np.searchsorted(-self.exceeded, -exceeded, side="left"))  # `exceeded` falls
        return float(self.losses[min(fits, len(self.losses) - 1)])

    def mean(self, value: Floats, freedom: float | None = None) -> Estimate:
        """Of ``value`` (paths in rising order of loss) under the weights."""
        weighted = self.weights * value
        observed = weighted
        if self.groups is not None:
            observed = np.bincount(self.groups, weighted) * (self.randomisations / len(value))
            freedom = None
        count = len(observed)
        if count < 2:
            return Estimate(float(weighted.mean()), np.inf, -np.inf, np.inf)
        error = float(observed.std(ddof=1)) / count**0.5
        half = _student(count - 1 if freedom is None else freedom) * error
        mean = float(weighted.mean())
        return Estimate(mean, error, mean - half, mean + half)


def _numbered(
    groups: NDArray[np.integer] | None, order: NDArray[np.int64]
) -> tuple[NDArray[np.integer] | None, int]:
    if groups is None:
        return None, 0
    if groups.shape != order.shape:
        raise ValueError(f"{groups.shape} groups for {order.shape} paths")
    sizes = np.bincount(groups)
    if len(set(sizes.tolist())) != 1:
        raise ValueError(f"randomisations have {sizes.min()} to {sizes.max()} paths; all need the same number")
    return groups[order], len(sizes)


def _student(freedom: float) -> float:
    return float(stdtrit(max(freedom, 1.0), SIDE))


def _tail(drawn: _Drawn, level: float) -> Tail:
    beyond = 1.0 - level
    var = drawn.quantile(beyond)
    hit = drawn.losses > var
    freedom = _kish(drawn.weights[hit]) - 1
    exceeded = drawn.mean(hit.astype(np.float64), freedom)
    half = max(exceeded.high - exceeded.value, 0.0)
    low, high = drawn.quantile(min(beyond + half, 1.0)), drawn.quantile(max(beyond - half, 0.0))
    # the upper end is never inside what the sample reached when it should be beyond
    error = (high - low) / (2 * _student(drawn.randomisations - 1 if drawn.groups is not None else freedom))
    mean = drawn.mean(np.where(hit, drawn.losses - var, 0.0), freedom)
    es = Estimate(*(var + each / beyond for each in (mean.value,)), mean.standard_error / beyond, 0.0, 0.0)
    half = (mean.high - mean.value) / beyond
    return Tail(level, Estimate(var, error, low, high), Estimate(es.value, es.standard_error, es.value - half, es.value + half))


def _kish(weights: Floats) -> float:
    """How many equal weights are worth as much (Kish 1965)."""
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0
