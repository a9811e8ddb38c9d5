"""What a recommender answers. `risk.record.plain` makes JSON of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rollproof.risk.estimate import Estimate
from rollproof.risk.recommend.question import Question
from rollproof.risk.recommend.search import Found, Point


@dataclass(frozen=True, slots=True)
class Binding:
    """A path that decides: what happened on it, and what it cost at the value recommended."""

    loss: float  # quote
    seconds: float
    moves: Mapping[str, float]  # asset -> price at the failure's end over price before, less 1; "book": all, weighed


@dataclass(frozen=True, slots=True)
class Other:
    """The value that another truth asks for (`risk.uncertainty`); None where no value in the range keeps the budget."""

    kind: str
    name: str
    value: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Recommendation:
    """A setting that keeps the expected shortfall at ``level`` within ``budget``. Money in the book's quote currency.

    ``value`` is None where no value in the range does; ``refused`` then says so, with the best that can be reached.
    """

    parameter: str
    unit: str
    value: float | None
    interval: tuple[float, float] | None  # of the value, from the Monte Carlo interval of the loss
    variants: tuple[Other, ...]
    variants_interval: tuple[float, float] | None  # of the value, over those and the answer itself
    budget: float
    level: float
    period: str  # what the loss is of: failure, year, interval
    loss: Estimate | None  # at the value
    current_value: float | None
    current_loss: Estimate | None
    binding: tuple[Binding, ...]  # at the value, or at the best one; the one at the level's value at risk first
    method: str
    monotone: bool
    monotone_paths: float | None
    evaluations: int
    seed: int
    curve: tuple[tuple[float, float, float, float], ...]  # value, loss, low, high; by rising value
    refused: str = ""
    best: Point | None = None  # the least loss that was seen
    checks: Mapping[str, float] = field(default_factory=dict)  # closed forms and the like, beside the answer
    details: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def recommendation(
    parameter: str,
    unit: str,
    question: Question,
    found: Found,
    *,
    current: Point | None = None,
    period: str = "failure",
    binding: Sequence[Binding] = (),
    variants: Sequence[Other] = (),
    checks: Mapping[str, float] | None = None,
    details: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
) -> Recommendation:
    """From what a search found."""
    point, said = found.point, list(notes)
    refused = ""
    if point is None:
        refused = (
            f"{parameter}: no value from {found.curve[0].value:g} to {found.curve[-1].value:g} keeps the "
            f"{question.level * 100:g} % shortfall within {question.budget:g} {question.book.quote}; the best is "
            f"{found.best.value:g}, with {found.best.loss.value:g}"
        )
        said.insert(0, refused)
    elif not found.binds:
        said.append("the budget does not bind: the value is the end of the range")
    known = [each.value for each in variants if each.value is not None]
    span = None
    if known:
        every = known + ([point.value] if point else [])
        span = min(every), max(every)
    if missing := [each.name for each in variants if each.value is None]:
        said.append(f"no value keeps the budget if: {'; '.join(missing)}")
    return Recommendation(
        parameter=parameter,
        unit=unit,
        value=None if point is None else point.value,
        interval=found.interval if point is not None else None,
        variants=tuple(variants),
        variants_interval=span,
        budget=question.budget,
        level=question.level,
        period=period,
        loss=None if point is None else point.loss,
        current_value=None if current is None else current.value,
        current_loss=None if current is None else current.loss,
        binding=tuple(binding),
        method=found.method,
        monotone=found.monotone,
        monotone_paths=found.monotone_paths,
        evaluations=found.evaluations,
        seed=question.settings.seed,
        curve=tuple((each.value, each.loss.value, each.loss.low, each.loss.high) for each in found.curve),
        refused=refused,
        best=found.best,
        checks=checks or {},
        details=details or {},
        notes=tuple(said),
    )
