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
from numba import njit
from numpy.typing import NDArray

from rollproof.risk.terminal.shocks import Shocks
from rollproof.venue.book import Floats

NOMINAL = 0.1  # weight of the nominal component
NEGLIGIBLE = 1e-18  # probability at which a search for a count ends, whatever rounding has left to go
MANY = 500.0  # jumps expected: above, a count's search begins near its mean


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


def place(
    mixture: Mixture, chosen: Floats, load: Floats, normals: Floats
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Moves standard ``normals`` (paths, normals) to where each path's component has them, in place.

    Returns each path's component, chosen by ``chosen`` (paths,) in (0, 1), and whether its market is stressed.
    """
    component = np.minimum(np.searchsorted(np.cumsum(mixture.weight), chosen), len(mixture.weight) - 1)
    stressed = load < mixture.load[component]
    _place(component, mixture.normal_start, mixture.normal, mixture.mean, mixture.deviation, normals)
    return component, stressed


def counts_of(
    mixture: Mixture,
    shocks: Shocks,
    component: NDArray[np.int64],
    stressed: NDArray[np.bool_],
    years: tuple[Floats, ...],
    uniform: Floats,
) -> NDArray[np.int64]:
    """(paths, counts) by inversion of ``uniform`` (paths, counts)."""
    out = np.zeros(uniform.shape, dtype=np.int64)
    _counts(
        component, stressed, np.array(years), shocks.count_stage, shocks.count_rate, mixture.count_start, mixture.count,
        mixture.none, mixture.rate, uniform, out,
    )  # fmt: skip
    return out


def ratios(
    mixture: Mixture,
    shocks: Shocks,
    normals: Floats,
    counts: NDArray[np.int64],
    stressed: NDArray[np.bool_],
    years: tuple[Floats, ...],
) -> Floats:
    """(paths, components) density of each component over the nominal one."""
    out = np.empty((len(stressed), len(mixture.weight)))
    _ratios(
        normals, counts, stressed, np.array(years), shocks.count_stage, shocks.count_rate, shocks.load, mixture.load,
        mixture.normal_start, mixture.normal, mixture.mean, mixture.deviation,
        mixture.count_start, mixture.count, mixture.none, mixture.rate, out,
    )  # fmt: skip
    return out


@njit(cache=True, nogil=True)
def _place(component, start, normal, mean, deviation, normals):  # type: ignore[no-untyped-def]
    for path in range(len(component)):
        for entry in range(start[component[path]], start[component[path] + 1]):
            variable = normal[entry]
            normals[path, variable] = mean[entry] + deviation[entry] * normals[path, variable]


@njit(cache=True, nogil=True)
def _poisson(uniform, rate):  # type: ignore[no-untyped-def]
    """The smallest number that a Poisson variable exceeds with at most 1 - ``uniform``."""
    if rate > MANY:
        number = max(math.floor(rate - 10 * math.sqrt(rate)), 0.0)
        term = math.exp(number * math.log(rate) - rate - math.lgamma(number + 1))
    else:
        number = 0.0
        term = math.exp(-rate)
    below = term
    while below < uniform and (number < rate or term > NEGLIGIBLE):
        number += 1
        term *= rate / number
        below += term
    return int(number)


@njit(cache=True, nogil=True)
def _positive_poisson(uniform, rate):  # type: ignore[no-untyped-def]
    """The same of a Poisson variable that is not nothing."""
    number = 1.0
    term = rate / math.expm1(rate)
    below = term
    while below < uniform and (number < rate or term > NEGLIGIBLE):
        number += 1
        term *= rate / number
        below += term
    return int(number)


@njit(cache=True, nogil=True)
def _counts(component, stressed, years, stage, nominal, start, count, none, rate, uniform, out):  # type: ignore[no-untyped-def]
    paths, counts = uniform.shape
    for path in range(paths):
        market = 1 if stressed[path] else 0
        entry, end = start[component[path]], start[component[path] + 1]
        for each in range(counts):
            if entry < end and count[entry] == each:  # entries rise
                left = uniform[path, each] - none[entry]
                if left > 0.0:
                    out[path, each] = _positive_poisson(left / (1.0 - none[entry]), rate[entry])
                entry += 1
            else:
                expected = nominal[market, each] * years[stage[each], path]
                if uniform[path, each] > 1.0 - expected:  # below, it is nothing: exp(-x) > 1 - x
                    out[path, each] = _poisson(uniform[path, each], expected)


@njit(cache=True, nogil=True)
def _ratios(normals, counts, stressed, years, stage, nominal, load, loads,  # type: ignore[no-untyped-def]
            normal_start, normal, mean, deviation, count_start, count, none, rate, out):  # fmt: skip
    inverse = 1.0 / deviation
    for path in range(len(stressed)):
        market = 1 if stressed[path] else 0
        for each in range(len(loads)):
            log = 0.0
            scale = 1.0
            if 0.0 < load < 1.0:
                scale = loads[each] / load if market else (1.0 - loads[each]) / (1.0 - load)
            for entry in range(normal_start[each], normal_start[each + 1]):
                value = normals[path, normal[entry]]
                standard = (value - mean[entry]) * inverse[entry]
                log += 0.5 * (value * value - standard * standard)
                scale *= inverse[entry]
            for entry in range(count_start[each], count_start[each + 1]):
                index = count[entry]
                expected = nominal[market, index] * years[stage[index], path]
                number = counts[path, index]
                log += expected
                if number == 0:
                    scale *= none[entry]
                elif expected == 0.0:
                    scale = math.inf  # the nominal law never has it
                else:
                    scale *= (1.0 - none[entry]) / math.expm1(rate[entry])
                    log += number * math.log(rate[entry] / expected)
            out[path, each] = scale * math.exp(min(log, 700.0))
