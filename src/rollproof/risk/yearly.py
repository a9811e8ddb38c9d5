"""The year's loss with its Monte Carlo interval: the compound sum of each randomisation by itself, then over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from rollproof.risk import prior
from rollproof.risk.annual import Annual, Severity, annual
from rollproof.risk.estimate import LEVELS, Estimate
from rollproof.risk.result import YearlyLoss
from rollproof.risk.uncertainty import VariantPrice, spans
from rollproof.venue.book import Floats

POINTS = 120  # of the exceedance curve
FINE = 8  # steps of the grid: below, the curve would be a staircase
GROUPS = 16  # at most, that the interval rests on


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One failure's losses path by path, as an engine drew them."""

    intensity: float  # a year
    losses: Floats  # (paths,) quote
    weights: Floats  # (paths,) likelihood ratios, mean 1
    groups: NDArray[np.int64]  # (paths,) which independent randomisation, from 0; a plain sample numbers its paths


def yearly(samples: Sequence[Sample], variants: Sequence[tuple[str, str, Sequence[Sample]]] = ()) -> YearlyLoss | None:
    """The sum over all failures; None where there is none. ``variants`` are other truths: kind, name and samples.

    What the prior leaves open about the intensity is tried beside them: all failures as much rarer and more frequent as
    the 95 % interval of the published ones is wide.
    """
    if not samples:
        return None
    # One grid for all, so that a difference between randomisations is no rounding.
    law = annual([_severity(each, None, 1) for each in samples])
    end = law.step * max(len(law.probability) - 1, 1)
    count = min(GROUPS, *(int(each.groups.max()) + 1 for each in samples))
    each_law = [annual([_severity(each, at, count) for each in samples], largest=end) for at in range(count)]
    tails = []
    for level in LEVELS:
        value, shortfall = law.tail(level)
        drawn = [one.tail(level) for one in each_law]
        tails.append(
            (level, _estimate(value, [one[0] for one in drawn]), _estimate(shortfall, [one[1] for one in drawn]))
        )
    mean = _estimate(law.mean, [one.mean for one in each_law])
    top = law.tail(0.9999)[0]
    losses = np.geomspace(min(max(top * 1e-4, FINE * law.step), top), top, POINTS) if top > 0 else np.zeros(1)
    intensity = sum(each.intensity for each in samples)
    rate, low, high = prior.intensity(prior.published())
    for name, factor in (("intensity at the prior's low end", low / rate), ("at its high end", high / rate)):
        scaled = [replace(each, intensity=each.intensity * factor) for each in samples]
        variants = [*variants, ("intensity", name, scaled)]
    other = [
        _priced(kind, name, annual([_severity(each, None, 1) for each in drawn])) for kind, name, drawn in variants
    ]
    return YearlyLoss(
        mean,
        tuple(tails),
        (tuple(map(float, losses)), tuple(map(float, law.exceedance(losses)))),
        (intensity, low, high),
        spans([_priced("", "", law), *other], other, ()),
        ("failures are independent of each other and of the year's other losses, and no position changes in between",),
    )


def _priced(kind: str, name: str, law: Annual) -> VariantPrice:
    return VariantPrice(kind, name, law.mean, tuple(law.tail(level)[1] for level in LEVELS))


def _severity(sample: Sample, group: int | None, count: int) -> Severity:
    """What weights lack to be 1 on average goes to paths without a loss: the mean stays the sample's."""
    chosen = slice(None) if group is None else sample.groups % count == group
    losses = sample.losses[chosen]
    weights = sample.weights[chosen] / len(losses)
    none = losses <= 0
    rest, spare = 1.0 - float(weights[~none].sum()), float(weights[none].sum())
    weights = np.where(none, weights * (rest / spare), weights) if rest >= 0 and spare > 0 else weights / weights.sum()
    return Severity(sample.intensity, losses, weights)


def _estimate(value: float, drawn: Sequence[float]) -> Estimate:
    if len(drawn) < 2:
        return Estimate(value, float("inf"), float("-inf"), float("inf"))
    error = float(np.std(drawn, ddof=1)) / len(drawn) ** 0.5
    half = float(stdtrit(len(drawn) - 1, 0.975)) * error
    return Estimate(float(value), error, float(value) - half, float(value) + half)
