"""Jumps in a series of returns: which returns are jumps, and the law that they follow.

Which: S. Lee and P. Mykland, Jumps in financial markets, Review of Financial Studies 21 (2008), definition 1 and lemma
1: a return beyond what the largest of so many returns of a diffusion would be, measured by the local bipower
volatility. The law: jumps come at Poisson times and are normal in the logarithm; small ones are not seen. What is seen
is a marked Poisson process thinned by the threshold, and its likelihood is maximised, so that the intensity counts the
unseen ones and the mean and deviation are of all. Few jumps, or too many unseen ones, give plain moments instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammainccinv, ndtr

from rollproof.risk.estimate import Estimate
from rollproof.risk.market import Jumps
from rollproof.risk.realised import Returns
from rollproof.venue.book import Floats

SIGNIFICANCE = 0.01  # probability of calling anything a jump in a whole series without one
FEWEST = 8  # jumps that a likelihood is maximised over
LEAST_SEEN = 0.25  # of all jumps; where the fit says less, it is the threshold's law more than the jumps'
_BINS = 256

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class JumpFit:
    """A law of jumps and how sure it is. ``method``: likelihood, moments, or none where there were no jumps."""

    count: int  # jumps seen
    intensity: Estimate  # a year, unseen ones included
    mean: Estimate  # of the log jump
    deviation: Estimate
    seen: float  # share of jumps that the threshold lets through
    most_intensity: float  # that so few seen jumps do not rule out, at 95 %
    method: str

    @property
    def jumps(self) -> Jumps:
        """The law at its best estimates."""
        return Jumps(self.intensity.value, self.mean.value, self.deviation.value)


def threshold(count: int, significance: float = SIGNIFICANCE) -> float:
    """Standard deviations that a return must exceed to be a jump among ``count`` (Lee and Mykland 2008, lemma 1)."""
    root = math.sqrt(2 * math.log(count))
    centre = root - (math.log(math.pi) + math.log(math.log(count))) / (2 * root)
    return centre - math.log(-math.log1p(-significance)) / root


def local_deviation(returns: Returns) -> Floats:
    """(returns,) standard deviation that the diffusion gives each return, by bipower variation just before it.

    The window has as many returns as the paper advises (the root of the year's), at most a quarter of the series; the
    first window's returns get that window's.
    """
    count = len(returns.log)
    per_year = 1 / float(np.median(returns.years))
    window = int(max(16, min(math.ceil(math.sqrt(per_year)), count // 4)))
    time = np.where(returns.linked, np.sqrt(returns.years * np.concatenate([[0.0], returns.years[:-1]])), 0.0)
    products = np.concatenate([[0.0], np.cumsum(returns.products)])
    times = np.concatenate([[0.0], np.cumsum(time)])
    end = np.maximum(np.arange(count), min(window, count))
    start = np.maximum(end - window, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = math.pi / 2 * (products[end] - products[start]) / (times[end] - times[start])
    overall = math.pi / 2 * products[-1] / times[-1] if times[-1] else 0.0
    # Prices that stood still a whole window have no local volatility; a hundredth of the overall one keeps the
    # first move after it from being infinitely large, not from being a jump.
    rate = np.maximum(np.nan_to_num(rate), 1e-4 * overall)
    return np.asarray(np.sqrt(rate * returns.years))


def fit(sizes: Floats, noise: Floats, bounds: Floats, bound_noise: Floats, years: Floats) -> JumpFit:
    """The law of jumps whose log returns are ``sizes``.

    Args:
        sizes: (jumps,) log returns seen as jumps.
        noise: (jumps,) standard deviation of the diffusion in each.
        bounds: (returns,) size that a return had to exceed to be seen.
        bound_noise: (returns,) standard deviation of the diffusion in each.
        years: (returns,) that each took.
    """
    span, count = float(years.sum()), len(sizes)
    most = _most(count) / span
    if not count:
        nothing = Estimate.of(0.0)
        return JumpFit(0, Estimate(0.0, 0.0, 0.0, most), nothing, nothing, 1.0, most, "none")
    mean = float(sizes.mean())
    spread = max(float(sizes.var(ddof=1) if count > 1 else 0.0) - float((noise**2).mean()), 0.0)
    deviation = math.sqrt(spread)
    moments = JumpFit(
        count,
        Estimate.of(count / span, math.sqrt(count) / span),
        Estimate.of(mean, math.sqrt(float(sizes.var(ddof=1)) / count) if count > 1 else math.inf),
        Estimate.of(deviation, deviation / math.sqrt(2 * (count - 1)) if count > 1 else math.inf),
        1.0,
        most,
        "moments",
    )
    return _likeliest(moments, sizes, noise, *_binned(bounds, bound_noise, years)) if count >= FEWEST else moments


def _likeliest(moments: JumpFit, sizes: Floats, noise: Floats, bound: Floats, around: Floats, years: Floats) -> JumpFit:
    """The maximum of the thinned process's likelihood; ``moments`` where there is none inside."""
    span = float(years.sum())
    scale = float(np.abs(sizes).mean())

    def seen(mean: float, deviation: float) -> Floats:
        total = np.sqrt(deviation**2 + around**2)
        return np.asarray(ndtr((mean - bound) / total) + ndtr((-bound - mean) / total))

    def unlikelihood(at: Floats) -> float:
        intensity, mean, deviation = math.exp(at[0]), at[1] * scale, math.exp(at[2])
        total = deviation**2 + noise**2
        density = -((sizes - mean) ** 2) / (2 * total) - np.log(2 * math.pi * total) / 2
        return float(intensity * (years @ seen(mean, deviation)) - len(sizes) * at[0] - density.sum())

    begin = [
        math.log(moments.intensity.value),
        moments.mean.value / scale,
        math.log(max(moments.deviation.value, 0.1 * scale)),
    ]
    most = float(np.abs(sizes).max())
    ranges = [(math.log(0.5 / span), begin[0] + 5), (-4.0, 4.0), (math.log(scale * 1e-3), math.log(4 * most))]
    found = minimize(unlikelihood, begin, method="L-BFGS-B", bounds=ranges)
    at = np.asarray(found.x)
    inside = all(low + 1e-3 < value < high - 1e-3 for value, (low, high) in zip(at, ranges, strict=True))
    covariance = _covariance(unlikelihood, at) if found.success and inside else None
    intensity, mean, deviation = math.exp(at[0]), at[1] * scale, math.exp(at[2])
    share = float(years @ seen(mean, deviation)) / span
    if covariance is None or share < LEAST_SEEN:
        return moments
    error = np.sqrt(np.diag(covariance)).tolist()
    return JumpFit(
        moments.count,
        Estimate.of(intensity, intensity * error[0]),
        Estimate.of(mean, scale * error[1]),
        Estimate.of(deviation, deviation * error[2]),
        share,
        moments.most_intensity / share,
        "likelihood",
    )


def _covariance(function: Callable[[Floats], float], at: Floats) -> Floats | None:
    """Inverse of the Hessian by central differences; None where it is not a minimum."""
    step = 1e-3 * np.eye(len(at))
    hessian = np.array(
        [
            [
                (function(at + i + j) - function(at + i - j) - function(at - i + j) + function(at - i - j)) / 4e-6
                for j in step
            ]
            for i in step
        ]
    )
    if not np.isfinite(hessian).all() or np.linalg.eigvalsh(hessian).min() <= 0:
        return None
    return np.asarray(np.linalg.inv(hessian))


def _binned(bounds: Floats, noise: Floats, years: Floats) -> tuple[Floats, Floats, Floats]:
    """Bounds, noises and years of a few hundred groups of returns with like bounds: the integral need not be finer."""
    order = np.argsort(bounds)
    groups = np.array_split(order, min(_BINS, len(order)))
    means = [(float(bounds[group].mean()), float(noise[group].mean()), float(years[group].sum())) for group in groups]
    bound, around, time = np.array(means).T
    return bound, around, time


def _most(count: int) -> float:
    """Mean of a Poisson law that ``count`` or fewer have probability 5 % under: 3.0 for none."""

    return float(gammainccinv(count + 1, 0.05))
