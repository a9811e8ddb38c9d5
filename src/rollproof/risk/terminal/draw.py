"""Paths drawn from a proposal: their variables, likelihood ratios and prices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from rollproof.risk.terminal.chance import keys
from rollproof.risk.terminal.mixture import Mixture
from rollproof.risk.terminal.sampling import counts_of, place, ratios
from rollproof.risk.terminal.shocks import COMPONENT, Shocks
from rollproof.risk.terminal.sobol import points
from rollproof.venue.book import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """One randomisation's paths."""

    normals: Floats  # (paths, normals)
    counts: NDArray[np.int64]  # (paths, counts)
    stressed: NDArray[np.bool_]
    component: NDArray[np.int64]
    years: tuple[Floats, ...]  # (paths,) length of each stage
    prices: tuple[Floats, ...]  # (assets, paths) at the end of each stage
    weights: Floats  # likelihood ratio of the nominal law over the proposal
    keys: NDArray[np.uint64]  # of accounts' own chances: `chance.uniform`


def draw(shocks: Shocks, mixture: Mixture, power: int, seed: np.random.SeedSequence) -> Paths:
    """2 ** power paths from ``mixture``."""
    uniform = points(power, shocks.coordinates, seed)
    normals = ndtri(np.take(uniform, shocks.normal_coordinates, axis=1))
    component, stressed = place(mixture, uniform[:, COMPONENT], uniform[:, shocks.coordinate_of_load], normals)
    years = shocks.years(normals)
    counts = counts_of(mixture, shocks, component, stressed, years, np.take(uniform, shocks.count_coordinates, axis=1))
    density = weighed(ratios(mixture, shocks, normals, counts, stressed, years), mixture.weight)
    prices = shocks.prices(normals, counts, stressed, years)
    return Paths(normals, counts, stressed, component, years, prices, 1.0 / density, keys(1 << power, seed))


def weighed(ratio: Floats, weight: Floats) -> Floats:
    """(paths,) sums of (paths, components) by weight, term after term: the same bits with any linear algebra."""
    out = np.zeros(len(ratio))
    for each, share in enumerate(weight):
        out += share * ratio[:, each]
    return out
