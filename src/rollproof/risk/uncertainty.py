"""What else it could have been: laws of duration and markets that the data do not rule out, each priced again.

The interval over these stands beside the Monte Carlo interval in every answer, because it is the larger one: fourteen
published outages fit an exponential and a lognormal law equally well, and their 99.9 % durations differ almost
four-fold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from rollproof.risk import prior
from rollproof.risk.duration import Duration, Fixed
from rollproof.risk.failure import AnyFailure, Halt
from rollproof.risk.market import Model

DRAWS = 8  # of each law's parameters
# What a market that nobody calibrated is tried with: no measurement, but days measured ranged over more than this.
VOLATILITIES = (0.6, 1.5)
JUMPS = (0.5, 2.0)


@dataclass(frozen=True, slots=True, eq=False)
class Variant:
    """One other truth. ``kind`` is law, parameters or market."""

    kind: str
    name: str
    failure: AnyFailure
    model: Model


@dataclass(frozen=True, slots=True)
class Priced:
    """A variant's figures: expected shortfall at each of `estimate.LEVELS`, and the mean, in the loss's unit."""

    kind: str
    name: str
    mean: float
    shortfalls: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """All variants, and the interval that they span together with the answer itself, at each level."""

    variants: tuple[Priced, ...]
    shortfalls: tuple[tuple[float, float], ...]  # (low, high) at each of LEVELS
    mean: tuple[float, float]
    notes: tuple[str, ...]


def variants(failure: AnyFailure, model: Model, *, seed: int, calibrated: bool = False) -> Iterator[Variant]:
    """Laws and parameters of the duration, then markets.

    A duration that is given, as an incident's is, is what happened once: for a halt, the laws of published outages say
    what the next one could be. A law of a duration is taken as known from as many outages as were published.
    """
    law = failure.duration
    given = isinstance(law, Fixed)
    durations = prior.seconds(prior.published()) if given else _sample(law)
    if not given or isinstance(failure, Halt):
        source = "published outages" if given else "the scenario's law"
        for candidate in prior.laws(durations):
            again = msgspec.structs.replace(failure, duration=candidate.law)
            yield Variant("law", f"{candidate.name} fitted to {source}", again, model)
        for index, (name, drawn) in enumerate(prior.draws(durations, DRAWS, seed)):
            again = msgspec.structs.replace(failure, duration=drawn)
            yield Variant("parameters", f"{name}, draw {index % DRAWS + 1}", again, model)
    if not calibrated:
        for factor in VOLATILITIES:
            yield Variant("market", f"volatility x {factor:g}", failure, model.stressed(volatility=factor))
        for factor in JUMPS:
            yield Variant("market", f"jump intensity x {factor:g}", failure, model.stressed(jumps=factor))


def _sample(law: Duration) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """As many durations as were published, evenly spread over the law."""
    count = len(prior.published().outages)
    return np.asarray(law.quantile((np.arange(count) + 0.5) / count))


def uncertainty(
    variants: Sequence[Variant],
    price: Callable[[AnyFailure, Model], tuple[float, Sequence[float]]],
    answer: tuple[float, Sequence[float]],
    *,
    notes: Sequence[str] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Uncertainty:
    """Each variant priced by ``price``, which gives a mean and expected shortfalls, as ``answer`` has them.

    The caller prices all with the same random numbers, so that a difference is the variant's.
    """
    out: list[Priced] = []
    for index, each in enumerate(variants):
        mean, shortfalls = price(each.failure, each.model)
        out.append(Priced(each.kind, each.name, mean, tuple(shortfalls)))
        if progress is not None:
            progress(index + 1, len(variants))
    means = [answer[0], *(each.mean for each in out)]
    tails = [tuple(answer[1]), *(each.shortfalls for each in out)]
    spans = tuple((min(column), max(column)) for column in zip(*tails, strict=True))
    return Uncertainty(tuple(out), spans, (min(means), max(means)), tuple(notes))
