"""The value of a setting that keeps a loss within a budget: bisection where allowed, else a bounded search.

Bisection needs a loss that only rises, or only falls, with the setting. That is checked, not assumed: the loss is
priced on a grid over the whole range with common random numbers, and each path's loss is compared from one grid value
to the next. Where the estimate turns anywhere on the grid the whole range is searched: the last grid value that keeps
the budget is refined, and where none does the least loss is looked for by golden section (J. Kiefer, Sequential minimax
search for a maximum, Proc. AMS 4 (1953)) before the budget is called out of reach.

Values are ordered from strict (what costs users most) to lax; the answer is the laxest that keeps the budget.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rollproof.risk.estimate import Estimate
from rollproof.risk.recommend.question import Progress
from rollproof.venue.book import Floats

SAME = 1e-9  # of the largest loss: differences below it are rounding
_GOLDEN = (math.sqrt(5) - 1) / 2
_GOLDEN_STEPS = 6
_STEPS = 20  # of a bisection, at most


@dataclass(frozen=True, slots=True, eq=False)
class Priced:
    """A loss at one value: the shortfall, and path by path where paths are common to all values."""

    loss: Estimate
    paths: Floats | None = None  # (paths,) quote
    tail: Floats | None = None  # (paths,) quote: their mean is the shortfall, value at risk held


@dataclass(frozen=True, slots=True)
class Point:
    """A value of the setting, and the loss there."""

    value: float
    loss: Estimate


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found; ``point`` is None where no value in the range keeps the budget."""

    point: Point | None
    best: Point  # the least loss that was seen
    interval: tuple[float, float] | None  # values at which the loss's upper and lower end meet the budget
    method: str
    monotone: bool  # on the grid, of the estimate
    monotone_paths: float | None  # share of paths whose own loss is; None where there are no common paths
    binds: bool  # the budget keeps the value from the lax end of the range
    curve: tuple[Point, ...]  # all that was priced, by rising value

    @property
    def evaluations(self) -> int:
        """How often the loss was priced."""
        return len(self.curve)


@dataclass(slots=True)
class _Asked:
    """The objective with what it was asked so far."""

    objective: Callable[[float], Priced]
    expected: int
    progress: Progress | None
    seen: dict[float, Point] = field(default_factory=dict)
    tails: dict[float, Floats] = field(default_factory=dict)

    def __call__(self, value: float) -> Priced:
        priced = self.objective(value)
        self.seen[value] = Point(value, priced.loss)
        if priced.tail is not None:
            self.tails[value] = priced.tail
        if self.progress is not None:
            self.progress(min(len(self.seen), self.expected), self.expected)
        return priced

    def loss(self, value: float) -> float:
        return self.seen[value].loss.value if value in self.seen else self(value).loss.value


def search(
    objective: Callable[[float], Priced],
    low: float,
    high: float,
    budget: float,
    *,
    least: bool,
    points: int = 9,
    logarithmic: bool = False,
    tolerance: float = 1e-3,
    progress: Progress | None = None,
) -> Found:
    """The largest value in [low, high] that keeps the loss within ``budget``; with ``least`` the smallest.

    ``tolerance`` is how near the answer is to where the budget is broken, relative to the value. Raises ValueError for
    a range that is none.
    """
    if not -math.inf < low < high < math.inf or points < 3 or (logarithmic and low <= 0):
        raise ValueError(f"no range to search: {low} to {high} with {points} points")
    asked = _Asked(objective, points + 12, progress)
    values = np.geomspace(low, high, points) if logarithmic else np.linspace(low, high, points)
    values[0], values[-1] = low, high
    grid = [float(value) for value in (values[::-1] if least else values)]  # strict first
    monotone, share = _checked(asked, grid)
    within = [asked.loss(value) <= budget for value in grid]
    method = "bisection" if monotone else "bounded search"
    at = _laxest(within)
    if at is None and not monotone:
        method += ", golden section"
        if (least_loss := _lowest(asked, grid, logarithmic)) is not None and asked.loss(least_loss) <= budget:
            order = grid if grid[0] < grid[-1] else grid[::-1]
            beyond = [value for value in order if (value < least_loss if least else value > least_loss)]
            grid, at = [least_loss, *(beyond[-1:] if least else beyond[:1])], 0
    point, binds = None, True
    if at is not None:
        inside = grid[at]
        if at + 1 < len(grid):
            inside = _bisected(asked, inside, grid[at + 1], budget, tolerance, logarithmic=logarithmic)
        else:
            binds = grid[at] != (low if least else high)
        point = asked.seen[inside]
    curve = tuple(sorted(asked.seen.values(), key=lambda each: each.value))
    return Found(
        point, min(curve, key=lambda each: each.loss.value), _interval(curve, point, budget, least=least),
        method, monotone, share, binds, curve,
    )  # fmt: skip


def minimise(
    objective: Callable[[float], Priced],
    low: float,
    high: float,
    budget: float,
    *,
    points: int = 9,
    progress: Progress | None = None,
) -> Found:
    """The value in [low, high] with the least loss, over a grid and by golden section about its lowest value.

    ``interval`` is from the first to the last value whose loss cannot be told from the least: it is less than two
    standard errors of their difference away, path by path where paths are common. Raises ValueError for a range that is
    none.
    """
    if not -math.inf < low < high < math.inf or points < 3:
        raise ValueError(f"no range to search: {low} to {high} with {points} points")
    asked = _Asked(objective, points + _GOLDEN_STEPS, progress)
    grid = [float(value) for value in np.linspace(low, high, points)]
    monotone, share = _checked(asked, grid)
    _lowest(asked, grid, logarithmic=False)
    curve = tuple(sorted(asked.seen.values(), key=lambda each: each.value))
    best = min(curve, key=lambda each: each.loss.value)
    alike = [each.value for each in curve if _alike(asked, each, best)]
    point = best if best.loss.value <= budget else None
    return Found(
        point, best, (min(alike), max(alike)), "bounded search, golden section for the least loss", monotone, share,
        best.value not in (low, high), curve,
    )  # fmt: skip


def _checked(asked: _Asked, grid: Sequence[float]) -> tuple[bool, float | None]:
    """Prices the grid; whether the estimate rises towards its lax end, and on which share of paths the loss does."""
    before: Floats | None = None
    turned: NDArray[np.bool_] | None = None
    losses: list[float] = []
    for value in grid:
        priced = asked(value)
        losses.append(priced.loss.value)
        if priced.paths is not None and before is not None and len(before) == len(priced.paths):
            slack = SAME * max(float(np.abs(before).max(initial=0.0)), 1e-300)
            fell = priced.paths < before - slack
            turned = fell if turned is None else turned | fell
        before = priced.paths
    slack = SAME * max(map(abs, losses))
    monotone = all(after >= earlier - slack for earlier, after in pairwise(losses))
    return monotone, None if turned is None else 1.0 - float(turned.mean())


def _alike(asked: _Asked, point: Point, best: Point) -> bool:
    if point.value in asked.tails and best.value in asked.tails:
        apart = asked.tails[point.value] - asked.tails[best.value]
        return bool(apart.mean() <= 2 * apart.std(ddof=1) / math.sqrt(len(apart)))
    return point.loss.low <= best.loss.high


def _laxest(within: Sequence[bool]) -> int | None:
    found = [index for index, inside in enumerate(within) if inside]
    return found[-1] if found else None


def _bisected(
    asked: _Asked, inside: float, outside: float, budget: float, tolerance: float, *, logarithmic: bool
) -> float:
    for _ in range(_STEPS):
        if abs(outside - inside) <= tolerance * max(abs(inside), abs(outside)):
            break
        middle = math.sqrt(inside * outside) if logarithmic else (inside + outside) / 2
        if asked.loss(middle) <= budget:
            inside = middle
        else:
            outside = middle
    return inside


def _lowest(asked: _Asked, grid: Sequence[float], logarithmic: bool) -> float | None:
    """The value of the least loss, by golden section between the neighbours of the grid's lowest value."""
    ordered = sorted(grid)
    at = min(range(len(ordered)), key=lambda index: asked.loss(ordered[index]))
    low, high = ordered[max(at - 1, 0)], ordered[min(at + 1, len(ordered) - 1)]
    to, back = (math.log, math.exp) if logarithmic else (float, float)
    a, b = to(low), to(high)
    c, d = b - _GOLDEN * (b - a), a + _GOLDEN * (b - a)
    for _ in range(_GOLDEN_STEPS):
        if asked.loss(back(c)) <= asked.loss(back(d)):
            b, d = d, c
            c = b - _GOLDEN * (b - a)
        else:
            a, c = c, d
            d = a + _GOLDEN * (b - a)
    return min(asked.seen.values(), key=lambda each: each.loss.value).value


def _interval(curve: Sequence[Point], point: Point | None, budget: float, *, least: bool) -> tuple[float, float] | None:
    """Where the upper and the lower end of the loss meet the budget, interpolated between what was priced."""
    if point is None:
        return None
    ordered = list(curve)[::-1] if least else list(curve)
    ends = (
        _crossing(ordered, [each.loss.high for each in ordered], budget),
        _crossing(ordered, [each.loss.low for each in ordered], budget),
    )
    return float(min(*ends, point.value)), float(max(*ends, point.value))


def _crossing(ordered: Sequence[Point], losses: Sequence[float], budget: float) -> float:
    at = _laxest([loss <= budget for loss in losses])
    if at is None:
        return ordered[0].value
    if at + 1 == len(ordered):
        return ordered[at].value
    here, there = losses[at], losses[at + 1]
    share = (budget - here) / (there - here) if here < there < math.inf else 0.0
    return ordered[at].value + share * (ordered[at + 1].value - ordered[at].value)
