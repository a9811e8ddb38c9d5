"""Variables drawn from a mixture by inversion, and the density of its components over the nominal law."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from rollproof.risk.compilation import njit
from rollproof.risk.terminal.mixture import Mixture
from rollproof.risk.terminal.shocks import Shocks
from rollproof.venue.book import Floats

NEGLIGIBLE = 1e-18  # probability at which a search for a count ends, whatever rounding has left to go
MANY = 500.0  # jumps expected: above, a count's search begins near its mean


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
