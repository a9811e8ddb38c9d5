"""One step of expectation and maximisation: a mixture nearer to a weighted sample of the best proposal."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rollproof.risk.compilation import njit
from rollproof.risk.terminal.draw import weighed
from rollproof.risk.terminal.mixture import NOMINAL, Component, Mixture, mixture_of
from rollproof.risk.terminal.sampling import ratios
from rollproof.risk.terminal.shocks import Shocks
from rollproof.venue.book import Floats

MOST = 16  # components beside the nominal one
SHARE = 0.005  # of the sample: a component that explains less is dropped
FLOOR = 0.01  # weight that a component is given at least: it is there because something was lost there
FEW = 12.0  # effective paths that a component is fitted to; fewer leave it as it is
SURE = 3.5  # standard errors that a parameter must be away from its nominal value
SPREAD = 1.1  # deviations are this much wider than the sample's: light tails are what weights suffer from
DEVIATIONS = (0.35, 2.0)
RATES = (0.02, 50.0)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Paths of the best proposal, equally weighted; one may be there several times."""

    normals: Floats
    counts: NDArray[np.int64]
    stressed: NDArray[np.bool_]
    years: tuple[Floats, ...]
    effective: float  # different paths that are worth as much


def fitted(sample: Sample, mixture: Mixture, shocks: Shocks) -> Mixture:
    """The mixture after a step."""
    ratio = ratios(mixture, shocks, sample.normals, sample.counts, sample.stressed, sample.years)
    # The nominal component has no part in it: its weight is insurance, and what it explains others should.
    weight = mixture.weight.copy()
    weight[0] = 0.0
    density = np.maximum(weighed(ratio, weight), 1e-300)
    shares = [
        (
            float((part := weight[each] * ratio[:, each] / density / len(density)).sum()),
            part,
            mixture.components[each],
        )
        for each in range(1, len(weight))
    ]
    shares.sort(key=lambda share: -share[0])
    kept = [share for share in shares[:MOST] if share[0] >= min(SHARE, shares[0][0])]
    total = math.fsum(max(share, FLOOR) for share, _, _ in kept)
    out = [Component(NOMINAL, shocks.load)]
    for share, part, component in kept:
        effective = share * share / float(np.square(part).sum()) * sample.effective / len(density)
        new = component if effective < FEW else _moved(sample, part / share, effective, shocks)
        out.append(new.weighing((1 - NOMINAL) * max(share, FLOOR) / total))
    return mixture_of(out, shocks.layout)


def _moved(sample: Sample, part: Floats, effective: float, shocks: Shocks) -> Component:
    """The component that fits the sample as ``part`` (paths, adding up to 1) weighs it."""
    mean, square = _moments(sample.normals, part)
    deviation = np.sqrt(np.maximum(square - mean * mean, 0.0) * (1 + 1 / effective))
    wide = np.abs(deviation**2 - 1) > SURE * math.sqrt(2 / effective)
    used = np.where(wide, np.clip(deviation * SPREAD, *DEVIATIONS), 1.0)
    shifted = np.abs(mean) > SURE * np.maximum(deviation, 0.5) / math.sqrt(effective)
    moved = np.flatnonzero(shifted | wide).tolist()
    none, rate = _counted(sample, part, effective, shocks)
    load = shocks.load
    if 0 < load < 1:
        load = min(max(float(part[sample.stressed].sum()), 0.05, load / 4), 0.95)
    return Component(
        1.0,
        load,
        {each: float(mean[each]) if shifted[each] else 0.0 for each in moved},
        {each: float(used[each]) for each in moved},
        none,
        rate,
    )


def _counted(
    sample: Sample, part: Floats, effective: float, shocks: Shocks
) -> tuple[dict[int, float], dict[int, float]]:
    """Counts that are nothing more or less often than nominal, and their rate where they are something."""
    none, rate = dict[int, float](), dict[int, float]()
    for each in range(sample.counts.shape[1]):
        number = sample.counts[:, each]
        expected = shocks.count_rate[sample.stressed.astype(np.int64), each] * sample.years[shocks.count_stage[each]]
        nothing = float(part[number == 0].sum())
        nominally = float((part * np.exp(-expected)).sum())
        error = math.sqrt(max(nothing * (1 - nothing), nominally * (1 - nominally), 1 / effective) / effective)
        if abs(nothing - nominally) > SURE * error:
            none[each] = min(max(nothing, 0.02), 0.98)
            rate[each] = _rate(float((part * number).sum()) / max(1 - nothing, 1e-12))
    return none, rate


def _rate(mean: float) -> float:
    """Of a Poisson law without zero that has this mean: x / (1 - exp(-x))."""
    low, high = RATES
    for _ in range(50):
        middle = (low + high) / 2
        if middle / -math.expm1(-middle) < mean:
            low = middle
        else:
            high = middle
    return (low + high) / 2


@njit(cache=True, nogil=True)
def _sums(normals, part, mean, square):  # type: ignore[no-untyped-def]
    for path in range(normals.shape[0]):
        for each in range(normals.shape[1]):
            value = normals[path, each]
            mean[each] += part[path] * value
            square[each] += part[path] * value * value


def _moments(normals: Floats, part: Floats) -> tuple[Floats, Floats]:
    mean, square = np.zeros(normals.shape[1]), np.zeros(normals.shape[1])
    _sums(normals, part, mean, square)
    return mean, square
