"""The value under other truths: laws of duration and markets that the data do not rule out (`risk.uncertainty`).

Each is searched coarsely with fewer paths; the laws fitted to resampled outages are left out, which are many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rollproof.risk import uncertainty
from rollproof.risk.failure import AnyFailure
from rollproof.risk.market import Model
from rollproof.risk.recommend.question import Question
from rollproof.risk.recommend.result import Other
from rollproof.risk.recommend.search import Priced, search
from rollproof.risk.uncertainty import Variant

KINDS = ("law", "market")
PATHS = 8_192
POINTS = 4
TOLERANCE = 0.03


def truths(question: Question) -> Iterator[Variant]:
    """The ones that are tried; none where the settings ask for none."""
    settings = question.settings
    if settings.variant_paths:
        for each in uncertainty.variants(question.failure, question.model, settings.markets, seed=settings.seed):
            if each.kind in KINDS:
                yield each


def other_truths(
    question: Question,
    objective: Callable[[float, AnyFailure, Model], Priced],
    low: float,
    high: float,
    *,
    least: bool,
    logarithmic: bool = True,
) -> tuple[Other, ...]:
    """The value each of them asks for; nothing where the settings ask for no variants."""
    out = []
    for each in truths(question):
        found = search(
            lambda value, truth=each: objective(value, truth.failure, truth.model),  # type: ignore[misc]
            low, high, question.budget, least=least, points=POINTS, logarithmic=logarithmic, tolerance=TOLERANCE,
        )  # fmt: skip
        out.append(Other(each.kind, each.name, None if found.point is None else found.point.value))
    return tuple(out)
