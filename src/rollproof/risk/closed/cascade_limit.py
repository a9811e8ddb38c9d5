"""The limit of a cascade: a drop sets off liquidations, their selling drops the price further, and so on.

Where ``density`` notional is liquidated for each unit of log price that falls, at every level alike, and a unit of
notional sold moves the price by ``impact``, each round repeats ``impact density`` of the one before: a geometric series
(the same feedback as in S. Greenwood, A. Landier and D. Thesmar, Vulnerable banks, JFE 115, 2015).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from rollproof.venue.book import Floats


def total_drop(first: ArrayLike, impact: ArrayLike, density: ArrayLike) -> Floats:
    """Of the log price in all: first / (1 - impact density); infinite where the product reaches 1."""
    drop, strength = np.asarray(first, dtype=np.float64), _strength(impact, density)
    with np.errstate(divide="ignore", invalid="ignore"):
        out = drop / np.maximum(1 - strength, 0.0)
    return np.asarray(np.where(drop == 0, 0.0, out))


def multiplier(impact: ArrayLike, density: ArrayLike) -> Floats:
    """`total_drop` for each unit of the first drop."""
    return total_drop(1.0, impact, density)


def _strength(impact: ArrayLike, density: ArrayLike) -> Floats:
    return np.asarray(np.asarray(impact, dtype=np.float64) * np.asarray(density, dtype=np.float64))
