"""The random variables that a path is made of, and how prices follow from them.

Standard normals: first the duration's score (the duration is its law's quantile at the score's probability), then for
each stage the common factor, the size of its common jumps, and one for each asset, which moves diffusion and own jumps
together: given how many own jumps there are, their sum is normal too. Counts: for each stage how many common jumps
come, and how many of each asset's own. One more variable says whether load caused the failure, and stresses the market.

A stage is an interval between two moments at which prices matter: the failure itself, and the grace period after it
where what is lost depends on prices at both ends. All this is one point of a cube, a number a variable; the order puts
variables of most effect first, where low-discrepancy points are best.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtr

from rollproof.risk.compilation import njit
from rollproof.risk.duration import Duration, Exponential, Lognormal
from rollproof.risk.failure import Load
from rollproof.risk.market import YEAR, Model
from rollproof.venue.book import Floats

COMPONENT = 0  # coordinate that chooses the component of a proposal
SCORE = 0  # normal variable that is the duration's
FACTOR, JUMP, OWN = 0, 1, 2  # normal variables of a stage, from its first


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """One market, calm or stressed; arrays are (assets,), rates annual."""

    log_drift: Floats
    systematic: Floats  # volatility by the common factor
    specific: Floats  # variance that is the asset's own
    beta: Floats
    own_mean: Floats
    own_variance: Floats
    common_mean: float
    common_deviation: float


@dataclass(frozen=True, slots=True, eq=False)
class Shocks:
    """The variables of one failure under one model."""

    law: Duration
    grace_years: float  # after the failure; added to the first stage, or the second stage
    stages: int
    assets: int
    marks: Floats
    load: float  # probability that the market is stressed
    markets: tuple[Market, Market]  # calm, stressed
    count_stage: NDArray[np.int64]  # (counts,)
    count_asset: NDArray[np.int64]  # (counts,) -1: common
    count_rate: Floats  # (2, counts) a year, calm and stressed
    coordinate_of_load: int
    normal_coordinates: NDArray[np.int64]
    count_coordinates: NDArray[np.int64]
    layout: tuple[object, ...]  # what the variables of the first stage are

    @property
    def normals(self) -> int:
        """How many standard normals there are."""
        return 1 + self.stages * (OWN + self.assets)

    @property
    def coordinates(self) -> int:
        """Numbers a path is made of, the choice of a component among them."""
        return 2 + self.normals + len(self.count_stage)

    def first(self, stage: int) -> int:
        """The first normal variable of a stage."""
        return 1 + stage * (OWN + self.assets)

    def years(self, normals: Floats) -> tuple[Floats, ...]:
        """(paths,) length of each stage, by ``normals`` (paths, normals)."""
        failed = seconds(self.law, normals[:, SCORE]) / YEAR
        if self.stages == 1:
            return (failed + self.grace_years,)
        return failed, np.full_like(failed, self.grace_years)

    def prices(
        self, normals: Floats, counts: NDArray[np.int64], stressed: NDArray[np.bool_], years: tuple[Floats, ...]
    ) -> tuple[Floats, ...]:
        """(assets, paths) at the end of each stage."""
        out: list[Floats] = []
        logs = np.zeros((self.assets, len(stressed)))
        for stage, length in enumerate(years):
            chosen = np.flatnonzero(self.count_stage == stage)
            own = np.full(self.assets, -1)
            at = self.count_asset[chosen]
            own[at[at >= 0]] = chosen[at >= 0]
            common = chosen[at < 0]
            _move(
                normals, counts, stressed, length, self.first(stage), int(common[0]) if len(common) else -1, own,
                *_columns(self.markets), logs,
            )  # fmt: skip
            out.append(self.marks[:, None] * np.exp(logs))
        return tuple(out)


def shocks_of(model: Model, marks: Floats, law: Duration, load: Load, grace_seconds: float, *, stages: int) -> Shocks:
    """Of ``model``, whose assets have ``marks``. Two stages if prices matter before and after the grace period."""
    stressed = model.stressed(load.volatility_multiplier, load.jump_multiplier)
    rates = [np.append(each.common.intensity, each.own_intensity) for each in (model, stressed)]
    rates = [each if load.probability > 0 else rates[0] for each in rates]
    if load.probability >= 1:
        rates = [rates[1], rates[1]]
    live = np.flatnonzero((rates[0] > 0) | (rates[1] > 0))
    stage = np.repeat(np.arange(stages), len(live))
    asset = np.tile(live - 1, stages)
    assets = len(model.assets)
    # by falling effect: the choice, the duration, load, what is common, each asset; then the same after the failure
    ranks: list[tuple[int, int, int, int]] = [(0, 0, 1, SCORE), (0, 1, 2, 0)]
    for each in range(stages):
        first = 1 + each * (OWN + assets)
        ranks += [(each, 2, 1, first + FACTOR), (each, 2, 1, first + JUMP)]
        ranks += [(each, 4, 1, first + OWN + index) for index in range(assets)]
    ranks += [(int(stage[k]), 2 if asset[k] < 0 else 5, 3, k) for k in range(len(stage))]
    normal, count, of_load = (
        np.zeros(1 + stages * (OWN + assets), dtype=np.int64),
        np.zeros(len(stage), dtype=np.int64),
        0,
    )
    for coordinate, (_, _, what, index) in enumerate(sorted(ranks), 1):
        if what == 1:
            normal[index] = coordinate
        elif what == 3:
            count[index] = coordinate
        else:
            of_load = coordinate
    return Shocks(
        law, grace_seconds / YEAR, stages, assets, marks, load.probability,
        (_market(model), _market(stressed)), stage, asset, np.array([np.tile(each[live], stages) for each in rates]),
        of_load, normal, count, (model.assets, tuple((live - 1).tolist())),
    )  # fmt: skip


def seconds(law: Duration, score: Floats) -> Floats:
    """The law's quantiles at Phi(score), exact far out, where the probability itself is 1 in 53 bits."""
    if isinstance(law, Lognormal):
        return np.asarray(law.median_seconds * np.exp(law.log_deviation * score))
    if isinstance(law, Exponential):
        return np.asarray(-law.mean_seconds * log_ndtr(-score))
    return law.quantile(np.clip(ndtr(score), 2.0**-53, 1 - 2.0**-53))


def _market(model: Model) -> Market:
    return Market(
        log_drift=model.log_drift,
        systematic=model.volatility * model.loading,
        specific=model.volatility**2 * np.maximum(1 - model.loading**2, 0.0),
        beta=model.beta,
        own_mean=model.own_mean,
        own_variance=model.own_deviation**2,
        common_mean=model.common.mean,
        common_deviation=model.common.deviation,
    )


def _columns(markets: tuple[Market, Market]) -> tuple[Floats, Floats]:
    """(2, 6, assets) and (2, 2): what `_move` reads."""
    names = ("log_drift", "systematic", "specific", "beta", "own_mean", "own_variance")
    per_asset = np.array([[getattr(market, name) for name in names] for market in markets])
    return per_asset, np.array([[market.common_mean, market.common_deviation] for market in markets])


@njit(cache=True, nogil=True)
def _move(normals, counts, stressed, years, first, common, own, columns, jumps, logs):  # type: ignore[no-untyped-def]
    """Adds a stage's returns to ``logs`` (assets, paths); ``common`` and ``own`` are columns of ``counts`` or -1."""
    assets, paths = logs.shape
    for path in range(paths):
        market = 1 if stressed[path] else 0
        column = columns[market]
        time = years[path]
        root = np.sqrt(time)
        factor = root * normals[path, first + FACTOR]
        jump = 0.0
        if common >= 0:
            number = counts[path, common]
            if number > 0:
                jump = number * jumps[market, 0] + np.sqrt(number) * jumps[market, 1] * normals[path, first + JUMP]
        for asset in range(assets):
            number = counts[path, own[asset]] if own[asset] >= 0 else 0
            variance = column[2, asset] * time + number * column[5, asset]
            logs[asset, path] += (
                column[0, asset] * time
                + column[1, asset] * factor
                + column[3, asset] * jump
                + number * column[4, asset]
                + np.sqrt(variance) * normals[path, first + OWN + asset]
            )
