"""The value under other truths: laws of duration and markets that the data do not rule out (`risk.uncertainty`).

Each is searched coarsely with fewer paths; the laws fitted to resampled outages are left out, which are many.
"""

from __future__ import annotations

from collections.abc import Callable

from rollproof.risk import uncertainty
from rollproof.risk.failure import AnyFailure
from rollproof.risk.market import Model
from rollproof.risk.recommend.question import Question
from rollproof.risk.recommend.result import Variant
from rollproof.risk.recommend.search import Priced, search

KINDS = ("law", "market")
PATHS = 8_192
POINTS = 4
TOLERANCE = 0.02


def other_truths(
    question: Question,
    objective: Callable[[float, AnyFailure, Model], Priced],
    low: float,
    high: float,
    *,
    least: bool,
    logarithmic: bool = True,
) -> tuple[Variant, ...]:
    """The value each of them asks for; nothing where the settings ask for no variants."""
    settings = question.settings
    if not settings.variant_paths:
        return ()
    out = []
    for each in uncertainty.variants(question.failure, question.model, settings.markets, seed=settings.seed):
        if each.kind not in KINDS:
            continue
        found = search(
            lambda value, truth=each: objective(value, truth.failure, truth.model),  # type: ignore[misc]
            low, high, question.budget, least=least, points=POINTS, logarithmic=logarithmic, tolerance=TOLERANCE,
        )  # fmt: skip
        out.append(Variant(each.kind, each.name, None if found.point is None else found.point.value))
    return tuple(out)
