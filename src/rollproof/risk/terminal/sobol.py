"""Scrambled Sobol points: one randomisation is one replicate.

Sobol's sequence with Joe and Kuo's directions and Matousek's linear scrambling with a digital shift, by SciPy.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import qmc

from rollproof.venue.book import Floats

HALF = 2.0**-31  # of the step between coordinates, which are multiples of 2 ** -30: none is 0 or 1


def points(power: int, coordinates: int, seed: np.random.SeedSequence) -> Floats:
    """(2 ** power, coordinates) in (0, 1), randomised by ``seed``."""
    seed = np.random.SeedSequence(seed.entropy, spawn_key=seed.spawn_key)  # SciPy spawns from what it is given
    sequence = qmc.Sobol(coordinates, scramble=True, rng=np.random.default_rng(seed))
    return np.asarray(sequence.random_base2(power) + HALF, dtype=np.float64)
