"""Where a book loses, found by the engine: a proposal fitted to what a pilot's paths lost.

The pilot begins with a wide proposal that knows nothing of the book but which assets can cost it anything: components
that go far in one direction each (long outage, factor up and down, common jumps up and down, each asset on its own up
and down). Its paths, weighted by likelihood ratio times what they lose in the tails asked about, are a sample of the
best proposal there is. A mixture is fitted to them by expectation and maximisation, components that explain next to
nothing are dropped, and a few rounds are drawn from the fit of the round before. This is population Monte Carlo with
the mixture that minimises the Kullback-Leibler divergence from the best proposal (Cappé, Douc, Guillin, Marin and
Robert, Adaptive importance sampling in general mixture classes, Statistics and Computing 18 (2008), section 3).

Where too few paths lose anything, their moves are stretched until enough do, and the fit to those is where the next
round begins: the levels of the cross-entropy method (de Boer, Kroese, Mannor and Rubinstein, A tutorial on the
cross-entropy method, Annals of Operations Research 134 (2005), section 3.1).

A parameter leaves its nominal value only where the sample is sure that it should: of some forty variables a component
moves the few that its losses come from, and the others cost no variance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rollproof.risk.terminal.draw import Paths, draw
from rollproof.risk.terminal.fit import Sample, fitted
from rollproof.risk.terminal.mixture import NOMINAL, Component, Mixture, mixture_of, nominal
from rollproof.risk.terminal.shocks import FACTOR, JUMP, OWN, SCORE, Shocks
from rollproof.venue.book import Floats

POWER = 13  # of two: paths of a round
ROUNDS = 3  # with losses as they are
MOST_ROUNDS = 12
STRETCHES = tuple(1.12**step for step in range(17))  # of log prices
REPEATS = 4  # of expectation and maximisation in a round
OWN_DIRECTIONS = 64  # of single assets that the first proposal tries, those that cost most
DRAWN = 2048  # paths that a proposal is fitted to
LEAST = 16.0  # effective paths with a loss that a fit needs
# What the proposal is for: shares of effort for the mean and for the shortfall at each level.
EFFORT = ((0.0, 0.1), (0.975, 0.15), (0.99, 0.2), (0.999, 0.55))

Loss = Callable[[Paths], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A proposal, and how it was found; ``reason`` says why it is the nominal law where it is."""

    mixture: Mixture
    paths: int
    reason: str | None = None


def find(shocks: Shocks, loss: Loss, worst: Sequence[tuple[int, float]], seed: np.random.SeedSequence) -> Found:
    """A proposal for ``loss`` (of paths, quote).

    ``worst`` are moves of single assets that cost something, (asset, sign), the dearest first.
    """
    mixture = mixture_of(wide(shocks, worst[:OWN_DIRECTIONS]), shocks.layout)
    used = settled = 0
    for each in seed.spawn(MOST_ROUNDS):
        paths = draw(shocks, mixture, POWER, each)
        used += len(paths.weights)
        stretch, importance = _losing(shocks, loss, paths)
        if importance is None:
            return Found(nominal(shocks), used, f"none of the pilot's {used:,} paths lost anything")
        sample = _resampled(paths, importance)
        for _ in range(REPEATS):
            mixture = fitted(sample, mixture, shocks)
        settled += stretch == 1.0
        if settled == ROUNDS:
            return Found(mixture, used)
    return Found(mixture, used, "the pilot found too few losses to fit a proposal to; the nearest one it has is used")


def _losing(shocks: Shocks, loss: Loss, paths: Paths) -> tuple[float, Floats | None]:
    """Each path's importance, and by how much moves had to be stretched for enough of them to lose something."""
    for stretch in STRETCHES:
        moved = paths
        if stretch != 1.0:
            marks = shocks.marks[:, None]
            moved = replace(paths, prices=tuple(marks * (prices / marks) ** stretch for prices in paths.prices))
        importance = paths.weights * wanted(loss(moved), paths.weights)
        if (total := float(importance.sum())) > 0:
            importance /= total
            if 1 / float(importance @ importance) >= LEAST:
                return stretch, importance
    return stretch, None


def _resampled(paths: Paths, importance: Floats) -> Sample:
    """Equally weighted paths instead of weighted ones: they say as much about the best proposal."""
    effective = 1 / float(importance @ importance)
    count = min(int(2 * effective), DRAWN)
    drawn = np.searchsorted(np.cumsum(importance), (np.arange(count) + 0.5) / count)
    drawn = np.minimum(drawn, len(importance) - 1)
    return Sample(
        paths.normals[drawn], paths.counts[drawn], paths.stressed[drawn], tuple(years[drawn] for years in paths.years),
        min(effective, count),
    )  # fmt: skip


def wanted(losses: Floats, weights: Floats) -> Floats:
    """(paths,) what a path adds to the figures asked for, each in units of its own estimate."""
    order = np.argsort(-losses, kind="stable")
    beyond = np.cumsum(weights[order]) / len(losses)
    out = np.zeros(len(losses))
    for level, effort in EFFORT:
        at = int(np.searchsorted(beyond, 1.0 - level)) if level else len(losses)
        threshold = float(losses[order[at]]) if at < len(losses) else 0.0
        excess = np.maximum(losses - threshold, 0.0)
        if (mean := float((weights * excess).sum())) > 0:
            out += effort * excess / mean
    return out


def wide(shocks: Shocks, worst: Sequence[tuple[int, float]]) -> list[Component]:
    """The first proposal: the nominal law, and components that go far in one direction each."""
    load = shocks.load if shocks.load in (0.0, 1.0) else 0.5
    common = [k for k in range(len(shocks.count_asset)) if shocks.count_asset[k] < 0]
    out = [Component(NOMINAL, shocks.load)]
    each = (1 - NOMINAL) / 2 / 6
    for stage in range(shocks.stages):
        first = shocks.first(stage)
        jumps = [k for k in common if shocks.count_stage[k] == stage]
        for sign in (-1.0, 1.0):
            for score in (0.5, 2.0):
                moved = {SCORE: (score, 1.2), first + FACTOR: (2.0 * sign, 1.3)}
                out.append(_component(each, load, moved))
            for k in jumps:
                moved = {SCORE: (0.5, 1.3), first + FACTOR: (0.0, 1.3), first + JUMP: (1.5 * sign, 1.3)}
                out.append(_component(each, load, moved, {k: (0.05, 1.0)}))
    for asset, sign in worst:
        for stage in range(shocks.stages):
            own = [
                k
                for k in range(len(shocks.count_asset))
                if shocks.count_asset[k] == asset and shocks.count_stage[k] == stage
            ]
            moved = {SCORE: (1.0, 1.3), shocks.first(stage) + OWN + asset: (2.0 * sign, 1.3)}
            out.append(_component((1 - NOMINAL) / 2 / len(worst), load, moved, dict.fromkeys(own, (0.3, 1.0))))
    return out


def _component(
    weight: float,
    load: float,
    moved: dict[int, tuple[float, float]],
    counted: dict[int, tuple[float, float]] | None = None,
) -> Component:
    counted = counted or {}
    return Component(
        weight,
        load,
        {index: mean for index, (mean, _) in moved.items()},
        {index: deviation for index, (_, deviation) in moved.items()},
        {index: none for index, (none, _) in counted.items()},
        {index: rate for index, (_, rate) in counted.items()},
    )
