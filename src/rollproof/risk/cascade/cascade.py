"""The stepped layer: what happens while a failure lasts and in the wave of liquidations after it.

Prices move by `risk.market` and by the liquidations themselves; liquidations follow the rules, the failure, the queue
and the keepers (`cascade.conduct`). Where paths are not enough for a tail, the terminal layer is the better estimator
of what a halt costs before anybody reacts; this one says what reaction adds.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np

from rollproof.errors import Malformed, Missing
from rollproof.risk.cascade.answer import answer
from rollproof.risk.cascade.block import Job, simulate, spans
from rollproof.risk.cascade.conduct import Conduct, Funding, Keepers, conduct
from rollproof.risk.cascade.isolated import positions
from rollproof.risk.cascade.plan import Plan, plan
from rollproof.risk.cascade.prices import laws
from rollproof.risk.cascade.result import Cascade
from rollproof.risk.cascade.timing import MAX_STEPS, Grid
from rollproof.risk.failure import AnyFailure
from rollproof.risk.liquidity import Liquidity
from rollproof.risk.market import Model
from rollproof.risk.work import Engine, Progress, run
from rollproof.venue.book import Book, Floats
from rollproof.venue.rules.rules import Rules
from rollproof.venue.state import VenueState

MAX_PATHS = 1 << 26
_HOUR = 3_600.0
_PART = 4  # a step after the resume is this part of one before it


def cascade(
    book: Book,
    rules: Rules,
    state: VenueState,
    model: Model,
    failure: AnyFailure,
    liquidity: Liquidity,
    *,
    paths: int = 4_096,
    step_seconds: float = 60.0,
    resume_step_seconds: float | None = None,
    horizon_seconds: float | None = None,
    seed: int = 0,
    keepers: Keepers | None = None,
    funding: Funding | None = None,
    engine: Engine | str = Engine.THREADS,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Cascade:
    """One failure of ``book``, ``paths`` times. ``horizon_seconds`` are simulated after the venue resumes; if
    not given, an hour after the grace period.

    Steps are ``step_seconds`` while the failure lasts and ``resume_step_seconds`` (a quarter of that) afterwards. A
    path's shocks depend on ``seed`` and its number alone: results are bit-equal for any engine and number of workers,
    and calls that differ in rules, liquidity or failure compare the same markets.

    Raises:
        Unsupported: options, portfolio margin, rules that are not linear, or an invalid-state failure.
        Malformed: a mark, a number of paths or a time that makes no sense; a horizon shorter than the grace period.
        Missing: an asset that the market model or the liquidity says nothing of.
    """
    if horizon_seconds is None:
        horizon_seconds = _HOUR + failure.grace_seconds(rules.liquidation.grace_seconds)
    grid = Grid(step_seconds, resume_step_seconds or step_seconds / _PART, horizon_seconds)
    _sensible(paths, grid)
    job, does, laid = _prepared(book, rules, state, model, failure, liquidity, grid, seed, keepers, funding)
    tally = np.concatenate(run(partial(simulate, job), spans(paths), engine, workers, progress))
    return answer(job, does, laid, rules, failure, tally)


def outcomes(
    book: Book, rules: Rules, state: VenueState, model: Model, failure: AnyFailure, liquidity: Liquidity, *,
    paths: int, grid: Grid, seed: int, keepers: Keepers | None = None, funding: Funding | None = None,
    general: bool = False, compared: bool = True, workers: int | None = 1,
) -> Floats:  # fmt: skip
    """(paths, `outcome.WIDTH`) path by path. Raises as `cascade`.

    ``general`` keeps the fast kernel out; what would have been without the market's reaction is ``compared``.
    """
    _sensible(paths, grid)
    job, _, _ = _prepared(book, rules, state, model, failure, liquidity, grid, seed, keepers, funding, general)
    job = replace(job, compared=job.compared and compared)
    return np.concatenate(run(partial(simulate, job), spans(paths), Engine.THREADS, workers))


def _prepared(
    book: Book, rules: Rules, state: VenueState, model: Model, failure: AnyFailure, liquidity: Liquidity, grid: Grid,
    seed: int, keepers: Keepers | None, funding: Funding | None, general: bool = False,
) -> tuple[Job, Conduct, Plan]:  # fmt: skip
    for what, names in (("market model", model.assets), ("liquidity", liquidity.assets)):
        for asset in book.assets:
            if asset not in names:
                raise Missing(f"the {what} says nothing of asset {asset[:40]!r}")
    does = conduct(book, rules, state, failure, keepers or Keepers(), funding or Funding())
    if does.grace > grid.horizon:
        raise Malformed(f"cascade: a horizon of {grid.horizon:g} s ends before the grace period of {does.grace:g} s")
    laid = plan(book, rules, state, does, liquidity)
    calm = model.only(book.assets)
    law, jumps = laws(calm, calm.stressed(failure.load.volatility_multiplier, failure.load.jump_multiplier))
    job = Job(
        plan=laid,
        positions=None if general else positions(laid, does),
        laws=law,
        jumps=jumps,
        does=does.record(),
        failure=failure,
        grid=grid,
        seed=seed,
        compared=not liquidity.only(book.assets).infinite,
    )
    return job, does, laid


def _sensible(paths: int, grid: Grid) -> None:
    if not 0 < paths <= MAX_PATHS:
        raise Malformed(f"cascade: {paths} paths; 1 to {MAX_PATHS} can be simulated")
    for name, seconds in (("step_seconds", grid.step), ("resume_step_seconds", grid.later_step)):
        if not 0 < seconds < math.inf:
            raise Malformed(f"cascade: {name} {seconds} is not above zero")
    if not 0 <= grid.horizon < math.inf or grid.horizon / grid.later_step > MAX_STEPS * 16:
        raise Malformed(f"cascade: horizon_seconds {grid.horizon} is not from 0 to {MAX_STEPS * 16} steps")
