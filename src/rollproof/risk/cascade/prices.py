"""A path of log prices under `risk.market`'s jump diffusion, in steps; exact in law at every step.

The normals of step k are the k-th of the path's diffusion stream, and jump times are real times: so two runs that
differ in rules, liquidity or failure see the same shocks.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from rollproof.risk.cascade import stream
from rollproof.risk.cascade.layout import JUMPS, LAW, Record, Records
from rollproof.risk.cascade.stream import COMMON, DIFFUSION, OWN, Words
from rollproof.risk.cascade.timing import Times, reached
from rollproof.risk.market import YEAR, Model
from rollproof.venue.book import Floats


def laws(calm: Model, stressed: Model) -> tuple[Records, Records]:
    """(2, assets) of the assets and (2,) of their common jumps, calm and stressed. Both models have the same assets."""
    out, jumps = np.zeros((2, len(calm.assets)), LAW), np.zeros(2, JUMPS)
    for state, model in enumerate((calm, stressed)):
        root = math.sqrt(YEAR)
        out[state]["drift"] = model.log_drift / YEAR
        out[state]["systematic"] = model.volatility * model.loading / root
        out[state]["idiosyncratic"] = model.volatility * np.sqrt(1 - model.loading**2) / root
        out[state]["own_intensity"] = model.own_intensity / YEAR
        out[state]["own_mean"], out[state]["own_deviation"] = model.own_mean, model.own_deviation
        out[state]["beta"] = model.beta
        jumps[state] = (model.common.intensity / YEAR, model.common.mean, model.common.deviation)
    return out, jumps


@njit(nogil=True)
def walk(streams: Words, law: Records, jumps: Record, when: Times, normals: Floats, out: Floats) -> None:
    """Fills ``out`` (steps, assets): log prices, from 0, after each step.

    ``normals`` is room for one a step and asset, and one more a step where there are several assets.
    """
    total = when.steps + when.later
    if len(law) == 1:
        stream.normals(streams[DIFFUSION], normals, total)
        deviation = math.hypot(law[0].systematic, law[0].idiosyncratic)
        _diffuse_one(normals, law[0].drift, deviation, when, out)
    else:
        stream.normals(streams[DIFFUSION], normals, total * (len(law) + 1))
        _diffuse(normals, law, when, out)
    if jumps.intensity > 0.0:
        _common_jumps(streams[COMMON], law, jumps, when, out)
    rate = 0.0
    for a in range(len(law)):
        rate += law[a].own_intensity
    if rate > 0.0:
        _own_jumps(streams[OWN], law, rate, when, out)


@njit(nogil=True)
def _common_jumps(words: Words, law: Records, jumps: Record, when: Times, out: Floats) -> None:
    total = when.steps + when.later
    now = stream.exponential(words) / jumps.intensity
    k = reached(when, now)
    while k < total:
        size = jumps.mean + jumps.deviation * stream.normal(words)
        for a in range(len(law)):
            _shift(out, k, total, a, law[a].beta * size)
        now += stream.exponential(words) / jumps.intensity
        k = reached(when, now)


@njit(nogil=True)
def _own_jumps(words: Words, law: Records, rate: float, when: Times, out: Floats) -> None:
    total = when.steps + when.later
    now = stream.exponential(words) / rate
    k = reached(when, now)
    while k < total:
        a = _chosen(law, rate * stream.uniform(words))
        _shift(out, k, total, a, law[a].own_mean + law[a].own_deviation * stream.normal(words))
        now += stream.exponential(words) / rate
        k = reached(when, now)


@njit(nogil=True)
def _shift(out: Floats, first: int, end: int, a: int, size: float) -> None:
    for k in range(first, end):
        out[k, a] += size


@njit(nogil=True)
def _diffuse_one(normals: Floats, drift: float, deviation: float, when: Times, out: Floats) -> None:
    log, mean, scale = 0.0, drift * when.step, deviation * math.sqrt(when.step)
    for k in range(when.steps):
        log += mean + scale * normals[k]
        out[k, 0] = log
    mean, scale = drift * when.later_step, deviation * math.sqrt(when.later_step)
    for k in range(when.steps, when.steps + when.later):
        log += mean + scale * normals[k]
        out[k, 0] = log


@njit(nogil=True)
def _diffuse(normals: Floats, law: Records, when: Times, out: Floats) -> None:
    width = len(law) + 1
    for a in range(len(law)):
        drift, common, own = law[a].drift, law[a].systematic, law[a].idiosyncratic
        log, root = 0.0, math.sqrt(when.step)
        for k in range(when.steps):
            log += drift * when.step + root * (common * normals[k * width] + own * normals[k * width + 1 + a])
            out[k, a] = log
        root = math.sqrt(when.later_step)
        for k in range(when.steps, when.steps + when.later):
            log += drift * when.later_step + root * (common * normals[k * width] + own * normals[k * width + 1 + a])
            out[k, a] = log


@njit(nogil=True)
def _chosen(law: Records, at: float) -> int:
    """The asset whose part of the summed intensities holds ``at``."""
    total = 0.0
    for a in range(len(law)):
        total += law[a].own_intensity
        if at < total:
            return a
    return len(law) - 1
