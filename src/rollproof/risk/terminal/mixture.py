"""Proposals: mixtures of components that shift a few variables and leave the others as they are.

A component moves some normals to another mean and deviation, gives some counts a law of its own (none with a given
probability, else Poisson without zero), and makes load likelier. The first component is always the nominal law: with
its weight a, no likelihood ratio exceeds 1 / a (Hesterberg, Weighted average importance sampling and defensive mixture
distributions, Technometrics 37 (1995)). Ratios are those of the whole mixture, whatever component a path came from
(Veach and Guibas, Optimally combining sampling techniques, SIGGRAPH 1995, the balance heuristic).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from rollproof.risk.terminal.shocks import Shocks
from rollproof.venue.book import Floats

NOMINAL = 0.1  # weight of the nominal component


@dataclass(frozen=True, slots=True, eq=False)
class Component:
    """What one component changes."""

    weight: float
    load: float  # probability that the market is stressed
    mean: dict[int, float] = field(default_factory=dict)  # normal variable -> its mean
    deviation: dict[int, float] = field(default_factory=dict)  # the same variables
    none: dict[int, float] = field(default_factory=dict)  # count -> probability that it is nothing
    rate: dict[int, float] = field(default_factory=dict)  # the same counts: Poisson rate where it is not

    def weighing(self, weight: float) -> Component:
        """The same with another weight."""
        return replace(self, weight=weight)


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """Components as the kernels read them. Weights add up to 1; the first is nominal."""

    components: tuple[Component, ...]
    weight: Floats
    load: Floats
    normal_start: NDArray[np.int64]
    normal: NDArray[np.int64]
    mean: Floats
    deviation: Floats
    count_start: NDArray[np.int64]
    count: NDArray[np.int64]
    none: Floats
    rate: Floats
    layout: tuple[object, ...]  # of the variables that it is for: `Shocks.layout`


def nominal(shocks: Shocks) -> Mixture:
    """The law itself: plain sampling."""
    return mixture_of([Component(1.0, shocks.load)], shocks.layout)


def adapted(mixture: Mixture, shocks: Shocks) -> Mixture | None:
    """The same proposal for the same assets under another failure or model; None for other assets or jumps.

    Variables that the failure has not are left out, and load is as likely as it can be.
    """
    if mixture.layout != shocks.layout:
        return None
    counts = len(shocks.count_stage)
    out = []
    for each in mixture.components:
        certain = shocks.load in (0.0, 1.0) or each.load in (0.0, 1.0) or each is mixture.components[0]
        out.append(
            Component(
                each.weight,
                shocks.load if certain else each.load,
                {index: value for index, value in each.mean.items() if index < shocks.normals},
                {index: value for index, value in each.deviation.items() if index < shocks.normals},
                {index: value for index, value in each.none.items() if index < counts},
                {index: value for index, value in each.rate.items() if index < counts},
            )
        )
    return mixture_of(out, shocks.layout)


def mixture_of(components: list[Component], layout: tuple[object, ...] = ()) -> Mixture:
    """The components packed."""
    total = math.fsum(each.weight for each in components)
    components = [each.weighing(each.weight / total) for each in components]
    normals = [sorted(each.mean.items()) for each in components]
    counts = [sorted(each.none.items()) for each in components]

    def start(rows: list[list[tuple[int, float]]]) -> NDArray[np.int64]:
        return np.cumsum([0, *map(len, rows)]).astype(np.int64)

    def floats(values: list[float]) -> Floats:
        return np.asarray(values, dtype=np.float64)

    return Mixture(
        components=tuple(components),
        weight=floats([each.weight for each in components]),
        load=floats([each.load for each in components]),
        normal_start=start(normals),
        normal=np.asarray([index for rows in normals for index, _ in rows], dtype=np.int64),
        mean=floats([value for rows in normals for _, value in rows]),
        deviation=floats([each.deviation[index] for each in components for index in sorted(each.mean)]),
        count_start=start(counts),
        count=np.asarray([index for rows in counts for index, _ in rows], dtype=np.int64),
        none=floats([value for rows in counts for _, value in rows]),
        rate=floats([each.rate[index] for each in components for index in sorted(each.none)]),
        layout=layout,
    )
