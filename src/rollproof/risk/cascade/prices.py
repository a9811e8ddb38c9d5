"""A path of log prices under `risk.market`'s jump diffusion, in steps; exact in law at every step.

The normals of step k are the k-th of the path's diffusion stream, and jump times are real times: so two runs that
differ in rules, liquidity or failure see the same shocks.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from rollproof.risk.cascade import stream
from rollproof.risk.cascade.stream import COMMON, DIFFUSION, OWN, Words
from rollproof.risk.cascade.timing import Times, reached
from rollproof.risk.market import YEAR, Model
from rollproof.venue.book import Floats


class Market(NamedTuple):
    """A model in two states: calm, and stressed by load. Rates are per second."""

    # (2, assets)
    drift: Floats  # of the log price between jumps
    systematic: Floats  # volatility that all share, by the square root of a second
    idiosyncratic: Floats
    own_intensity: Floats
    # (2,)
    common_intensity: Floats
    # (assets,)
    beta: Floats
    own_mean: Floats
    own_deviation: Floats
    common: Floats  # (2,) mean and deviation of the log jump

    @classmethod
    def of(cls, calm: Model, stressed: Model) -> Market:
        """Both of the same assets."""
        both = (calm, stressed)
        root = math.sqrt(YEAR)
        apart = [model.volatility * np.sqrt(1 - model.loading**2) / root for model in both]
        return cls(
            drift=np.stack([model.log_drift / YEAR for model in both]),
            systematic=np.stack([model.volatility * model.loading / root for model in both]),
            idiosyncratic=np.stack(apart),
            own_intensity=np.stack([model.own_intensity / YEAR for model in both]),
            common_intensity=np.array([model.common.intensity / YEAR for model in both]),
            beta=calm.beta.astype(np.float64),
            own_mean=calm.own_mean.astype(np.float64),
            own_deviation=calm.own_deviation.astype(np.float64),
            common=np.array([calm.common.mean, calm.common.deviation]),
        )


@njit(cache=True, nogil=True)
def walk(streams: Words, market: Market, state: int, when: Times, normals: Floats, out: Floats) -> None:
    """Fills ``out`` (steps, assets): log prices, from 0, after each step.

    ``normals`` is room for one a step and asset, and one more a step where there are several assets.
    """
    assets, total = out.shape[1], when.steps + when.later
    if assets == 1:
        deviation = math.hypot(market.systematic[state, 0], market.idiosyncratic[state, 0])
        stream.normals(streams[DIFFUSION], normals[:total])
        _diffuse_one(normals, market.drift[state, 0], deviation, when.steps, when.step, total, when.later_step, out)
    else:
        stream.normals(streams[DIFFUSION], normals[: total * (assets + 1)])
        common, own = market.systematic[state], market.idiosyncratic[state]
        _diffuse(normals, market.drift[state], common, own, when.steps, when.step, total, when.later_step, out)
    if market.common_intensity[state] > 0.0:
        _common_jumps(streams[COMMON], market, market.common_intensity[state], when, out)
    rate = market.own_intensity[state].sum()
    if rate > 0.0:
        _own_jumps(streams[OWN], market, market.own_intensity[state], rate, when, out)


@njit(cache=True, nogil=True)
def _common_jumps(words: Words, market: Market, rate: float, when: Times, out: Floats) -> None:
    total = when.steps + when.later
    now = stream.exponential(words) / rate
    k = reached(when, now)
    while k < total:
        size = market.common[0] + market.common[1] * stream.normal(words)
        for a in range(out.shape[1]):
            out[k:total, a] += market.beta[a] * size
        now += stream.exponential(words) / rate
        k = reached(when, now)


@njit(cache=True, nogil=True)
def _own_jumps(words: Words, market: Market, rates: Floats, rate: float, when: Times, out: Floats) -> None:
    total = when.steps + when.later
    now = stream.exponential(words) / rate
    k = reached(when, now)
    while k < total:
        a = _chosen(rates, rate * stream.uniform(words))
        out[k:total, a] += market.own_mean[a] + market.own_deviation[a] * stream.normal(words)
        now += stream.exponential(words) / rate
        k = reached(when, now)


@njit(cache=True, nogil=True)
def _diffuse_one(
    normals: Floats, drift: float, deviation: float, steps: int, step: float, total: int, later_step: float, out: Floats
) -> None:  # fmt: skip
    log, mean, scale = 0.0, drift * step, deviation * math.sqrt(step)
    for k in range(steps):
        log += mean + scale * normals[k]
        out[k, 0] = log
    mean, scale = drift * later_step, deviation * math.sqrt(later_step)
    for k in range(steps, total):
        log += mean + scale * normals[k]
        out[k, 0] = log


@njit(cache=True, nogil=True)
def _diffuse(
    normals: Floats, drift: Floats, common: Floats, own: Floats, steps: int, step: float, total: int,
    later_step: float, out: Floats,
) -> None:  # fmt: skip
    assets = len(drift)
    for k in range(total):
        seconds = step if k < steps else later_step
        root, at = math.sqrt(seconds), k * (assets + 1)
        shared = normals[at]
        for a in range(assets):
            before = out[k - 1, a] if k > 0 else 0.0
            shock = common[a] * shared + own[a] * normals[at + 1 + a]
            out[k, a] = before + drift[a] * seconds + root * shock


@njit(cache=True, nogil=True)
def _chosen(rates: Floats, at: float) -> int:
    """The asset whose part of the summed ``rates`` holds ``at``."""
    total = 0.0
    for a in range(len(rates)):
        total += rates[a]
        if at < total:
            return a
    return len(rates) - 1
