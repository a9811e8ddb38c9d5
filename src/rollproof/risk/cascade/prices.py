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
def walk(
    streams: Words, market: Market, state: int, steps: int, step: float, later: int, later_step: float,
    normals: Floats, out: Floats,
) -> None:  # fmt: skip
    """Fills ``out`` (steps + later, assets): log prices, from 0, after each step.

    ``steps`` of ``step`` seconds, then ``later`` of ``later_step``; ``normals`` is room for (steps + later) *
    (assets + 1), or as many as there are steps where there is one asset.
    """
    assets = out.shape[1]
    width = assets + 1 if assets > 1 else 1
    total = steps + later
    stream.normals(streams[DIFFUSION], normals[: total * width])
    common_rate = market.common_intensity[state]
    own_rate = market.own_intensity[state].sum()
    next_common = stream.exponential(streams[COMMON]) / common_rate if common_rate > 0 else math.inf
    next_own = stream.exponential(streams[OWN]) / own_rate if own_rate > 0 else math.inf
    now = 0.0
    for k in range(total):
        seconds = step if k < steps else later_step
        root = math.sqrt(seconds)
        now += seconds
        at = k * width
        if assets == 1:
            deviation = math.sqrt(market.systematic[state, 0] ** 2 + market.idiosyncratic[state, 0] ** 2)
            before = out[k - 1, 0] if k > 0 else 0.0
            out[k, 0] = before + market.drift[state, 0] * seconds + deviation * root * normals[at]
        else:
            for a in range(assets):
                before = out[k - 1, a] if k > 0 else 0.0
                shock = market.systematic[state, a] * normals[at] + market.idiosyncratic[state, a] * normals[at + 1 + a]
                out[k, a] = before + market.drift[state, a] * seconds + root * shock
        while next_common <= now:
            size = market.common[0] + market.common[1] * stream.normal(streams[COMMON])
            for a in range(assets):
                out[k, a] += market.beta[a] * size
            next_common += stream.exponential(streams[COMMON]) / common_rate
        while next_own <= now:
            a = _chosen(market.own_intensity[state], own_rate * stream.uniform(streams[OWN]))
            out[k, a] += market.own_mean[a] + market.own_deviation[a] * stream.normal(streams[OWN])
            next_own += stream.exponential(streams[OWN]) / own_rate


@njit(cache=True, nogil=True)
def _chosen(rates: Floats, at: float) -> int:
    """The asset whose part of the summed ``rates`` holds ``at``."""
    total = 0.0
    for a in range(len(rates)):
        total += rates[a]
        if at < total:
            return a
    return len(rates) - 1
