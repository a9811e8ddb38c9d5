"""A uniform number for each account on each path, by the mixing function of SplitMix64.

Steele, Lea and Flood, Fast splittable pseudorandom number generators, OOPSLA 2014: the n-th output of a generator that
begins at a path's own key is account n's. Nothing is stored, and who is asked about when does not matter.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rollproof.risk.compilation import njit

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_30, _27, _31, _11, _1 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11), np.uint64(1)


def keys(paths: int, seed: np.random.SeedSequence) -> NDArray[np.uint64]:
    """(paths,) one a path; not those of the paths' other numbers."""
    own = np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, 1 << 31))
    return np.random.default_rng(own).integers(0, 1 << 64, paths, dtype=np.uint64)


@njit(cache=True, nogil=True)
def uniform(key, account):  # type: ignore[no-untyped-def]
    """In [0, 1) for ``account`` (counted from 0) on the path with ``key``."""
    mixed = key + (np.uint64(account) + _1) * _GAMMA
    mixed = (mixed ^ (mixed >> _30)) * _FIRST
    mixed = (mixed ^ (mixed >> _27)) * _SECOND
    return float((mixed ^ (mixed >> _31)) >> _11) * 2.0**-53
