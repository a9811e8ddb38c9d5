"""Blocks of paths: the unit of work. A path's numbers depend on the seed and its own place alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rollproof.risk.cascade import outcome, stream
from rollproof.risk.cascade.compiled import compiled
from rollproof.risk.cascade.layout import ACCOUNT, CURSOR, PRICE, QUOTE, Records
from rollproof.risk.cascade.plan import Plan
from rollproof.risk.cascade.stream import Words
from rollproof.risk.cascade.timing import MAX_STEPS, Grid, times
from rollproof.risk.failure import AnyFailure
from rollproof.venue.book import Floats

BLOCK = 1024  # paths
_ISOLATED, _GENERAL = compiled()


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """All that blocks have in common."""

    plan: Plan
    positions: tuple[Records, Records] | None  # for the fast kernel, where it will do
    laws: Records
    jumps: Records
    does: Records
    failure: AnyFailure
    grid: Grid
    seed: int
    compared: bool  # also without impact


@dataclass(frozen=True, slots=True)
class Span:
    """The paths of a block."""

    block: int
    paths: int


def spans(paths: int) -> list[Span]:
    """Blocks for so many paths."""
    return [Span(first // BLOCK, min(BLOCK, paths - first)) for first in range(0, paths, BLOCK)]


def starts(job: Job, span: Span) -> tuple[Words, Floats, Records]:
    """(paths,) streams, the failure's seconds, and whether load stresses the market."""
    words = stream.words(job.seed, span.block, BLOCK)[: span.paths]
    drawn = np.random.Generator(np.random.SFC64(np.random.SeedSequence(job.seed, spawn_key=(span.block, 1))))
    uniforms = drawn.random((BLOCK, 2))[: span.paths]
    seconds = np.asarray(job.failure.duration.quantile(np.maximum(uniforms[:, 0], 2.0**-53)), dtype=np.float64)
    return words, seconds, (uniforms[:, 1] < job.failure.load.probability).astype(np.int64)


def simulate(job: Job, span: Span) -> Floats:
    """(paths, `outcome.WIDTH`) of a block."""
    words, seconds, stressed = starts(job, span)
    plan, count = job.plan, job.plan.assets.shape[1]
    out = np.zeros((span.paths, outcome.WIDTH))
    room = _room(job, float(seconds.max()), count)
    if job.positions:
        book, sides = job.positions
        cursor = np.zeros(count, CURSOR)
        _ISOLATED(words, seconds, stressed, job.laws, job.jumps, plan.assets, book, sides, job.does, job.grid, cursor,
                  *room, out)  # fmt: skip
        return out
    accounts, opened = _fresh(plan)
    arguments = (
        plan.subaccounts, plan.rows, job.does, job.grid, accounts, opened, np.zeros(count, PRICE), np.zeros(1, QUOTE),
    )  # fmt: skip
    nothing = np.zeros((0, outcome.TRACE_WIDTH))
    again = words.copy()
    _GENERAL(words, seconds, stressed, job.laws, job.jumps, plan.assets, *arguments, True, *room, out, nothing)
    if job.compared:
        free = np.zeros_like(out)
        _GENERAL(again, seconds, stressed, job.laws, job.jumps, plan.free, *arguments, False, *room, free, nothing)
        out[:, outcome.LIQUIDATED_FREE] = free[:, outcome.LIQUIDATED]
        out[:, outcome.MOVE_FREE] = free[:, outcome.MOVE]
    else:
        out[:, outcome.LIQUIDATED_FREE] = out[:, outcome.LIQUIDATED]
        out[:, outcome.MOVE_FREE] = out[:, outcome.MOVE]
    return out


def record(job: Job, path: int) -> tuple[Floats, Floats]:
    """(steps, `outcome.TRACE_WIDTH`) of one path, and its tally, by the general kernel."""
    span = Span(path // BLOCK, path % BLOCK + 1)
    words, seconds, stressed = starts(job, span)
    words, seconds, stressed = words[-1:], seconds[-1:], stressed[-1:]
    plan, count = job.plan, job.plan.assets.shape[1]
    when = times(job.grid, float(seconds[0]))
    trace, out = np.zeros((when.steps + when.later, outcome.TRACE_WIDTH)), np.zeros((1, outcome.WIDTH))
    accounts, opened = _fresh(plan)
    _GENERAL(words.copy(), seconds, stressed, job.laws, job.jumps, plan.assets, plan.subaccounts, plan.rows, job.does,
             job.grid, accounts, opened, np.zeros(count, PRICE), np.zeros(1, QUOTE), True,
             *_room(job, float(seconds[0]), count), out, trace)  # fmt: skip
    return trace, out[0]


def _room(job: Job, longest: float, assets: int) -> tuple[Floats, Floats]:
    """For the log prices and the normals of any path of a block."""
    when = times(job.grid, longest)
    steps = min(when.steps, MAX_STEPS) + when.later
    return np.zeros((steps, assets)), np.zeros(steps * (assets + 1))


def _fresh(plan: Plan) -> tuple[Records, Floats]:
    accounts = np.zeros(len(plan.subaccounts), ACCOUNT)
    accounts["cash"] = plan.subaccounts["cash"]
    return accounts, np.ones(len(plan.rows))
