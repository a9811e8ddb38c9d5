"""A failure priced by terminal Monte Carlo: randomised Sobol points, and a proposal that the engine finds.

While nothing executes nothing is liquidated, so what is lost depends on the prices at which the layer comes back and on
nothing before them: one step a path, whatever the length. Replicates are independent randomisations: they are the work
items, and the observations that confidence intervals rest on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import numpy as np

from rollproof.errors import Missing
from rollproof.risk.estimate import LEVELS, Estimate, Losses
from rollproof.risk.failure import AnyFailure
from rollproof.risk.market import YEAR, Model
from rollproof.risk.tail import losses_of, mean_of
from rollproof.risk.terminal.answer import Sample, Terminal
from rollproof.risk.terminal.claim import Claim, claim_of, summed
from rollproof.risk.terminal.draw import draw
from rollproof.risk.terminal.event import Event, at_levels, beyond_level, events
from rollproof.risk.terminal.mixture import Mixture, adapted, nominal
from rollproof.risk.terminal.pilot import Found, find
from rollproof.risk.terminal.shocks import Shocks, seconds, shocks_of
from rollproof.risk.work import Engine, Progress, run
from rollproof.venue.book import Book, Floats
from rollproof.venue.rules.rules import Rules
from rollproof.venue.state import VenueState

WORST = 10  # events that the worst 0.1 % is shown by


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    shocks: Shocks
    claim: Claim
    mixture: Mixture
    power: int


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """One replicate."""

    bad_debt: Floats  # (paths,)
    taken: Floats
    weights: Floats
    shares: Floats  # (groups + 2,) of the 99.9 % shortfall; then what was taken, and what is owed already
    binding: tuple[Event, ...]  # at each of LEVELS
    worst: tuple[Event, ...]


def price(
    book: Book,
    rules: Rules,
    state: VenueState,
    model: Model,
    failure: AnyFailure,
    *,
    paths: int = 131_072,
    replicates: int = 16,
    seed: int,
    engine: Engine | str = Engine.THREADS,
    workers: int | None = None,
    progress: Progress | None = None,
    proposal: Mixture | None = None,
    importance: bool = True,
    claim: Claim | None = None,
) -> Terminal:
    """What ``failure`` costs the venue with ``book``, if it happens once.

    ``paths`` are rounded up to a power of two for each replicate; the pilot's come on top. With ``proposal`` of an
    earlier result for the same assets there is no pilot, and the same seed gives the same random numbers: results then
    differ by what was changed alone (for other assets it is not used). Without ``importance`` paths come from the
    model itself.
    ``claim`` is `claim.claim_of` these, if it is known already: it says nothing of durations, load and the market.
    Raises Unsupported for a kind of failure that terminal prices do not determine, Missing for an asset that the model
    has not, ValueError for fewer than two replicates or no paths.
    """
    if replicates < 2 or paths < 1:
        raise ValueError(f"{paths} paths in {replicates} replicates; an interval needs two replicates")
    claim = claim or claim_of(book, rules, state, failure)
    shocks = _shocks(claim, model, failure)
    root = np.random.SeedSequence(seed)
    pilot_seed, path_seed = root.spawn(2)
    found = _proposal(shocks, claim, pilot_seed, proposal, importance=importance)
    power = max(math.ceil(math.log2(paths / replicates)), 0)
    job = _Job(shocks, claim, found.mixture, power)
    parts = run(partial(_replicate, job), path_seed.spawn(replicates), engine, workers, progress)
    return _together(failure, claim, found, parts, seed)


def _shocks(claim: Claim, model: Model, failure: AnyFailure) -> Shocks:
    exposure = claim.exposure
    if missing := [asset for asset in exposure.assets if asset not in model.assets]:
        raise Missing(f"the market model has no {', '.join(missing[:5])}")
    return shocks_of(
        model.only(exposure.assets), exposure.marks, failure.duration, failure.load, claim.grace_seconds,
        stages=claim.stages,
    )  # fmt: skip


def _proposal(
    shocks: Shocks, claim: Claim, seed: np.random.SeedSequence, given: Mixture | None, *, importance: bool
) -> Found:
    if given is not None and (fits := adapted(given, shocks)) is not None:
        return Found(fits, 0)
    if not importance:
        return Found(nominal(shocks), 0, "paths come from the model itself, as asked")
    return find(shocks, claim.total, _dearest_moves(shocks, claim), seed)


def _dearest_moves(shocks: Shocks, claim: Claim) -> list[tuple[int, float]]:
    """(asset, sign) of moves of one asset alone, four deviations and its own jumps far, that cost something."""
    market = shocks.markets[1 if shocks.load > 0 else 0]
    years = seconds(shocks.law, np.array([1.645])) / YEAR + shocks.grace_years
    far = 4 * np.sqrt(market.specific * years) + np.abs(market.own_mean) + 2.5 * np.sqrt(market.own_variance)
    count = shocks.assets
    signs = np.repeat([-1.0, 1.0], count)
    asset = np.tile(np.arange(count), 2)
    ends = shocks.marks[:, None] * np.exp(far[:, None] * np.array([-1.0, 1.0]))  # (assets, 2)
    still = np.repeat(shocks.marks[:, None], 2, axis=1)
    cost = (claim.exposure.table.loss(ends) - claim.exposure.table.loss(still)).T.ravel()
    if claim.taken is not None:
        cost += (claim.taken.loss(ends) - claim.taken.loss(still)).T.ravel()
    if (revalued := claim.exposure.revalued) is not None:
        prices = np.repeat(shocks.marks[:, None], 2 * count + 1, axis=1)
        prices[asset, np.arange(2 * count)] = ends.T.ravel()
        debt = revalued.bad_debt(prices, np.full(2 * count + 1, float(years[0])))
        cost += debt[:-1] - debt[-1]
    order = np.argsort(-cost, kind="stable")
    return [(int(asset[each]), float(signs[each])) for each in order if cost[each] > 0]


def _replicate(job: _Job, seed: np.random.SeedSequence) -> _Part:
    paths = draw(job.shocks, job.mixture, job.power, seed)
    exposure = job.claim.exposure
    groups = job.claim.bad_debt(paths)
    bad_debt, taken = summed(groups) + exposure.owed, job.claim.taken_by(paths)
    loss = bad_debt + taken
    at = at_levels(loss, paths.weights, LEVELS)
    tail = beyond_level(loss, paths.weights, max(LEVELS), WORST)
    beyond = np.where(loss >= loss[at[-1]], paths.weights, 0.0)
    parts = np.array([float((beyond * row).sum()) for row in (*groups, taken, exposure.owed + 0.0 * taken)])
    return _Part(
        bad_debt,
        taken,
        paths.weights,
        parts / max(float(parts.sum()), 1e-300),
        events(paths, exposure.assets, job.shocks.marks, loss, at),
        events(paths, exposure.assets, job.shocks.marks, loss, tail),
    )


def _together(failure: AnyFailure, claim: Claim, found: Found, parts: list[_Part], seed: int) -> Terminal:
    weights = np.concatenate([each.weights for each in parts])
    groups = np.repeat(np.arange(len(parts)), [len(each.weights) for each in parts])
    components = len(found.mixture.components)
    method = "terminal, scrambled Sobol"
    if components > 1:
        method += f", importance sampling with {components} components"

    def law(sample: list[Floats]) -> Losses:
        return losses_of(np.concatenate(sample), weights, seed=seed, method=method, groups=groups)

    bad_debt = loss = law([each.bad_debt for each in parts])
    taken = None
    if claim.taken is not None or claim.taken_fixed > 0:
        taken = law([each.taken for each in parts])
        loss = law([each.bad_debt + each.taken for each in parts])
    mean_weight = mean_of(np.array([float(each.weights.mean()) for each in parts]))
    notes = [*claim.notes, *([found.reason] if found.reason else [])]
    if abs(mean_weight.value - 1) > 5 * max(mean_weight.standard_error, 1e-9):
        notes.append(f"likelihood ratios average {mean_weight.value:.4f} instead of 1: do not trust this sample")
    return Terminal(
        kind=str(failure.__struct_config__.tag),
        bad_debt=bad_debt,
        taken=taken,
        loss=loss,
        by_asset=_by_asset(claim, parts, loss.tails[-1].es),
        binding=_binding(parts, loss),
        worst=tuple(
            sorted((parts[k % len(parts)].worst[k] for k in range(WORST)), key=lambda event: -event.loss),
        ),
        mean_weight=mean_weight,
        proposal=found.mixture,
        components=components,
        pilot_paths=found.paths,
        replicates=len(parts),
        sample=Sample(np.concatenate([each.bad_debt + each.taken for each in parts]), weights, groups),
        notes=tuple(notes),
    )


def _by_asset(claim: Claim, parts: list[_Part], shortfall: Estimate) -> dict[str, Estimate]:
    names = (*claim.exposure.groups, "taken", "owed already")
    shares = np.array([each.shares for each in parts if each.shares.any()])  # (replicates, groups + 2)
    out = dict[str, Estimate]()
    if len(shares) < 2:
        return out
    for index, name in enumerate(names):
        if shares[:, index].any():
            share = mean_of(shares[:, index])
            error = math.hypot(share.standard_error * shortfall.value, share.value * shortfall.standard_error)
            out[name] = Estimate.of(share.value * shortfall.value, error)
    return out


def _binding(parts: list[_Part], loss: Losses) -> dict[float, Event]:
    return {
        tail.level: min((part.binding[index] for part in parts), key=lambda event: abs(event.loss - tail.var.value))
        for index, tail in enumerate(loss.tails)
    }
