"""What else it could have been: laws of duration and markets that the data do not rule out, each priced again.

The interval over these stands beside the Monte Carlo interval in every answer, because it is the larger one: fourteen
published outages fit an exponential and a lognormal law equally well, and their 99.9 % durations differ almost
four-fold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from rollproof.risk import prior
from rollproof.risk.duration import Duration
from rollproof.risk.estimate import Losses
from rollproof.risk.failure import AnyFailure, Halt
from rollproof.risk.market import Model
from rollproof.risk.settings import Markets
from rollproof.venue.book import Floats

DRAWS = 8  # of each law's parameters


@dataclass(frozen=True, slots=True, eq=False)
class Variant:
    """One other truth. ``kind`` is law, parameters or market."""

    kind: str
    name: str
    failure: AnyFailure
    model: Model


@dataclass(frozen=True, slots=True)
class VariantPrice:
    """A variant's figures: expected shortfall at each of `estimate.LEVELS`, and the mean, in the loss's unit."""

    kind: str
    name: str
    mean: float
    shortfalls: tuple[float, ...]


class PathSample(Protocol):
    """Losses path by path: what the year's loss is made of."""

    @property
    def losses(self) -> Floats: ...
    @property
    def weights(self) -> Floats: ...
    @property
    def groups(self) -> NDArray[np.int64]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Tried:
    """One variant as an engine priced it."""

    losses: Losses
    sample: PathSample


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """All variants, and the interval that they span together with the answer itself, at each level."""

    variants: tuple[VariantPrice, ...]
    shortfalls: tuple[tuple[float, float], ...]  # (low, high) at each of LEVELS
    mean: tuple[float, float]
    notes: tuple[str, ...]


def variants(failure: AnyFailure, model: Model, markets: Markets, *, seed: int) -> Iterator[Variant]:
    """Laws and parameters of the duration, then markets.

    A duration that is given, as an incident's is, is what happened once: for a halt, the laws of published outages say
    what the next one could be. A law of a duration is taken as known from as many outages as were published.
    """
    durations = np.maximum(_sample(failure.duration), 1.0)
    given = bool(durations.min() == durations.max())
    if given:
        durations = prior.seconds(prior.published())
    if not given or isinstance(failure, Halt):
        source = "published outages" if given else "the scenario's law"
        for candidate in prior.laws(durations):
            again = msgspec.structs.replace(failure, duration=candidate.law)
            yield Variant("law", f"{candidate.name} fitted to {source}", again, model)
        for index, (name, drawn) in enumerate(prior.draws(durations, DRAWS, seed)):
            again = msgspec.structs.replace(failure, duration=drawn)
            yield Variant("parameters", f"{name}, draw {index % DRAWS + 1}", again, model)
    for factor in markets.volatility:
        yield Variant("market", f"volatility x {factor:.3g}", failure, model.stressed(volatility=factor))
    for factor in markets.jumps:
        yield Variant("market", f"jump intensity x {factor:.3g}", failure, model.stressed(jumps=factor))


def _sample(law: Duration) -> Floats:
    """As many durations as were published, evenly spread over the law."""
    count = len(prior.published().outages)
    return np.asarray(law.quantile((np.arange(count) + 0.5) / count))


def uncertainty(
    variants: Sequence[Variant],
    price: Callable[[AnyFailure, Model], Tried],
    answer: Losses,
    *,
    notes: Sequence[str] = (),
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Uncertainty, list[PathSample]]:
    """Each variant priced by ``price``, beside the ``answer`` itself; and the samples, variant by variant.

    The caller prices all with the same random numbers, so that a difference is the variant's.
    """
    out: list[VariantPrice] = []
    samples: list[PathSample] = []
    for index, each in enumerate(variants):
        tried = price(each.failure, each.model)
        out.append(_figures(each.kind, each.name, tried.losses))
        samples.append(tried.sample)
        if progress is not None:
            progress(index + 1, len(variants))
    return spans([_figures("", "", answer), *out], out, notes), samples


def spans(spanned: Sequence[VariantPrice], variants: Sequence[VariantPrice], notes: Sequence[str]) -> Uncertainty:
    """The interval over ``spanned``, which is the answer and its ``variants``."""
    tails = zip(*(each.shortfalls for each in spanned), strict=True)
    means = [each.mean for each in spanned]
    return Uncertainty(
        tuple(variants), tuple((min(each), max(each)) for each in tails), (min(means), max(means)), tuple(notes)
    )


def _figures(kind: str, name: str, losses: Losses) -> VariantPrice:
    return VariantPrice(kind, name, losses.mean.value, tuple(tail.es.value for tail in losses.tails))
