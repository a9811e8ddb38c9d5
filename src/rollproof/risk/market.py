"""The market model: one common factor, diffusion and jumps (Merton 1976), some jumps common to all assets.

For asset i over T years, log S_T / S_0 =

    (drift_i - volatility_i^2 / 2 - compensator_i) T
    + volatility_i sqrt(T) (loading_i Z_0 + sqrt(1 - loading_i^2) Z_i)
    + beta_i * (sum of the common jumps) + (sum of the asset's own jumps)

with Z standard normal; common jumps come with Poisson intensity ``common.intensity`` and are normal in the logarithm
with ``common.mean`` and ``common.deviation``, own jumps likewise; the compensator keeps the expected price at
exp(drift T).
R. Merton, Option pricing when underlying stock returns are discontinuous, JFE 3 (1976), equations 2 and 3.

Diffusion alone is an oracle, not a model: over half an hour it gives probabilities of 1e-16 where prices that jump
give 1e-3. The default has jumps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rollproof.errors import Missing
from rollproof.venue.book import Floats

YEAR = 365 * 86_400  # seconds: crypto markets do not close


@dataclass(frozen=True, slots=True)
class Jumps:
    """Compound Poisson jumps of a log price that are normal."""

    intensity: float  # a year
    mean: float  # of the log jump
    deviation: float


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A joint law of the prices of ``assets``; see the module's head. Rates are annual."""

    assets: tuple[str, ...]
    volatility: Floats  # (assets,) of the diffusion
    loading: Floats  # (assets,) correlation with the common factor, -1 to 1
    drift: Floats  # (assets,) of the expected price
    common: Jumps
    beta: Floats  # (assets,) what a common jump's log size is multiplied with
    own_intensity: Floats  # (assets,)
    own_mean: Floats
    own_deviation: Floats

    @property
    def compensator(self) -> Floats:
        """(assets,) annual log drift that the jumps' expected effect on the price is worth."""
        common = np.exp(self.beta * self.common.mean + (self.beta * self.common.deviation) ** 2 / 2) - 1
        own = np.exp(self.own_mean + self.own_deviation**2 / 2) - 1
        return np.asarray(self.common.intensity * common + self.own_intensity * own)

    @property
    def log_drift(self) -> Floats:
        """(assets,) annual drift of the logarithm between jumps."""
        return np.asarray(self.drift - self.volatility**2 / 2 - self.compensator)

    def stressed(self, volatility: float = 1.0, jumps: float = 1.0) -> Model:
        """The market that holds while an outage is caused by load: volatilities and jump intensities multiplied."""
        common = replace(self.common, intensity=self.common.intensity * jumps)
        own = self.own_intensity * jumps
        return replace(self, volatility=self.volatility * volatility, common=common, own_intensity=own)

    def only(self, assets: Sequence[str]) -> Model:
        """The same law of some of the assets, in the order given. Raises Missing for one that is not in it."""
        if missing := [asset for asset in assets if asset not in self.assets]:
            raise Missing(f"the market model has no {', '.join(each[:40] for each in missing[:5])}")
        chosen = [self.assets.index(asset) for asset in assets]
        names = ("volatility", "loading", "drift", "beta", "own_intensity", "own_mean", "own_deviation")
        return replace(self, assets=tuple(assets), **{name: getattr(self, name)[chosen] for name in names})


def jump_diffusion(
    assets: Sequence[str],
    volatility: float | Sequence[float] = 0.8,
    *,
    loading: float = 0.7,
    drift: float = 0.0,
    common: Jumps = Jumps(50.0, -0.04, 0.05),
    beta: float = 1.0,
    own: Jumps = Jumps(0.0, 0.0, 0.0),
) -> Model:
    """The default market: illustrative, not calibrated; `risk.calibration` fits one to a series of prices."""
    count = len(assets)

    def column(value: float | Sequence[float]) -> Floats:
        return np.broadcast_to(np.asarray(value, dtype=np.float64), (count,)).copy()

    return Model(
        tuple(assets), column(volatility), column(loading), column(drift), common, column(beta),
        column(own.intensity), column(own.mean), column(own.deviation),
    )  # fmt: skip


def gbm(
    assets: Sequence[str], volatility: float | Sequence[float] = 0.8, *, loading: float = 0.7, drift: float = 0.0
) -> Model:
    """Diffusion alone: for closed forms to be checked by."""
    return jump_diffusion(assets, volatility, loading=loading, drift=drift, common=Jumps(0.0, 0.0, 0.0))
