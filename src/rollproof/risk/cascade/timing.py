"""The steps of a path: coarse while the failure lasts, finer once the venue is back."""

from __future__ import annotations

import math
from typing import NamedTuple

from numba import njit

MAX_STEPS = 4096  # while a failure lasts; a longer one has longer steps


class Grid(NamedTuple):
    """What is asked for, seconds."""

    step: float
    later_step: float
    horizon: float  # after the resume


class Times(NamedTuple):
    """One path's steps. Step ``steps - 1`` ends at the resume."""

    seconds: float  # that the failure lasts
    steps: int
    step: float
    later: int
    later_step: float


@njit(nogil=True)
def times(grid: Grid, seconds: float) -> Times:
    """Of a failure that lasts so long; both stretches end exactly where they should."""
    steps = min(max(math.ceil(seconds / grid.step - 1e-9), 1), MAX_STEPS)
    later = max(math.ceil(grid.horizon / grid.later_step - 1e-9), 0)
    later_step = grid.horizon / later if later > 0 else grid.later_step
    return Times(seconds, steps, seconds / steps, later, later_step)


@njit(nogil=True)
def resumes(when: Times, grace: float) -> int:
    """The first step after the resume at whose end somebody may be liquidated; as many as there are, where none is."""
    late = math.ceil(grace / when.later_step - 1e-9)
    return min(when.steps - 1 + late, when.steps + when.later)


@njit(nogil=True)
def ends(when: Times, k: int) -> float:
    """Seconds from the failure's start to the end of step ``k``."""
    if k < when.steps:
        return (k + 1) * when.step
    return when.seconds + (k - when.steps + 1) * when.later_step


@njit(nogil=True)
def reached(when: Times, now: float) -> int:
    """The first step that ends at ``now`` seconds or later; as many as there are, or more, where none does."""
    if now <= when.seconds:
        return min(max(math.ceil(now / when.step - 1e-9), 1), when.steps) - 1 if when.step > 0 else 0
    late = (now - when.seconds) / when.later_step
    if late > when.later + 1:
        return when.steps + when.later
    return when.steps - 1 + math.ceil(late)
