"""Leverage against length of an outage: where a position of a given leverage is lost, by closed form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rollproof.risk.closed import outage
from rollproof.risk.market import YEAR, Model
from rollproof.venue.book import Floats

LEVERAGES = (2.0, 3.0, 5.0, 8.0, 10.0, 15.0, 20.0, 30.0, 50.0)
MINUTES = (5.0, 15.0, 30.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1_440.0)


@dataclass(frozen=True, slots=True, eq=False)
class HeatMap:
    """For one asset and the worse of the two sides, (leverages, minutes)."""

    asset: str
    leverages: tuple[float, ...]
    minutes: tuple[float, ...]
    probability: Floats  # that equity is below nothing at resume
    bad_debt: Floats  # expected, of notional


def heat_map(
    model: Model, asset: str, leverages: Sequence[float] = LEVERAGES, minutes: Sequence[float] = MINUTES
) -> HeatMap:
    """Raises Unsupported for an asset that the model does not have."""
    jumps = outage.asset_jumps(model, asset)
    at = model.assets.index(asset)
    margin = 1 / np.asarray(leverages)[:, None]
    years = np.asarray(minutes)[None, :] * 60 / YEAR
    volatility, drift = float(model.volatility[at]), float(model.drift[at])
    both = [
        (
            outage.shortfall_probability(side, margin, volatility, years, drift=drift, jumps=jumps),
            outage.bad_debt(side, margin, volatility, years, drift=drift, jumps=jumps),
        )
        for side in (1, -1)
    ]
    worse = [np.maximum(long, short) for long, short in zip(*both, strict=True)]
    return HeatMap(asset, tuple(leverages), tuple(minutes), worse[0], worse[1])
