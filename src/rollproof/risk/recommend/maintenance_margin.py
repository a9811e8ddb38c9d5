"""Maintenance margin: the least multiple of the family's rates that keeps the shortfall within the budget.

What moves. Maintenance margin decides who is liquidated before a failure and after it. Who is below it at the marks is
taken as closed there before the failure begins; the others go through the cascade, which liquidates them as soon as
liquidations are possible. While a halt lasts nobody is liquidated whatever the maintenance margin is: what protects
then is the margin that positions were opened with, the initial one, and `recommend.leverage` is the setting for it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import msgspec
import numpy as np

from rollproof.errors import Unsupported
from rollproof.risk.failure import BridgeDelay, Censorship, Halt, Ordering, Reorg, StaleOracle, Throughput
from rollproof.risk.recommend.question import Progress, Question
from rollproof.risk.recommend.result import Recommendation, recommendation
from rollproof.risk.recommend.search import Point, search
from rollproof.risk.recommend.shortfall import Sampled, Stepped
from rollproof.venue.book import Book, Floats, Kind
from rollproof.venue.rules.rules import LinearRules, Rates, Rules
from rollproof.venue.state import VenueState

NAME = "maintenance-margin"
STEPPED = (Halt, Throughput, StaleOracle, Reorg, BridgeDelay, Censorship, Ordering)
LEAST, MOST = 0.25, 40.0  # times the family's rates


def with_maintenance(rules: LinearRules, factor: float) -> LinearRules:
    """The same rules with maintenance margins times ``factor``."""
    kind = _raised(type(rules))
    fields = {name: getattr(rules, name) for name in rules.__struct_fields__}
    return kind(**fields, maintenance_factor=factor)  # type: ignore[call-arg]


@lru_cache(maxsize=32)
def _raised(kind: type[LinearRules]) -> type[LinearRules]:
    """A family with one parameter more: what its maintenance rates are multiplied with."""

    def rates_at(self: LinearRules, book: Book, price: Floats, state: VenueState) -> Rates:
        rates, factor = kind.rates_at(self, book, price, state), self.maintenance_factor  # type: ignore[attr-defined]
        return replace(
            rates, maintenance=rates.maintenance * factor, maintenance_fixed=rates.maintenance_fixed * factor
        )

    return msgspec.defstruct(
        f"{kind.__name__}WithMaintenance", [("maintenance_factor", float, 1.0)], bases=(kind,),
        namespace={"rates_at": rates_at}, frozen=True, kw_only=True, forbid_unknown_fields=True,
    )  # type: ignore[return-value]  # fmt: skip


def standing(book: Book, rules: Rules, state: VenueState) -> Book:
    """The book without who is below the maintenance margin: closed at the marks, with the equity that was left.

    Who has less than nothing stays: no margin rule cures that.
    """
    closed = _closed(book, rules, state)
    equity = book.equity(book.marks)
    return replace(
        book,
        size=np.where(closed[book.subaccount], 0.0, book.size),
        cash=np.where(closed, equity, book.cash),
    )


def _closed(book: Book, rules: Rules, state: VenueState) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.asarray(rules.liquidatable(book, book.marks, state) & (book.equity(book.marks) >= 0))


def maintenance_margin(question: Question, *, progress: Progress | None = None) -> Recommendation:
    """See the module's head. Raises Unsupported for rules that are not linear, and as the cascade does."""
    question.only_for(NAME, STEPPED, "the others have no steps in which anybody is liquidated")
    rules, book, state = question.rules, question.book, question.state
    if not isinstance(rules, LinearRules):
        raise Unsupported(f"{NAME}: {rules.family} margin is not linear in prices; only linear families are known")
    linear: LinearRules = rules
    price = Stepped(question)

    def at(factor: float) -> Sampled:
        raised = with_maintenance(linear, factor)
        return price(standing(book, raised, state), rules=raised)

    found = search(
        lambda factor: at(factor).priced, LEAST, MOST, question.budget, least=True, logarithmic=True, tolerance=0.01,
        points=8, progress=progress,
    )  # fmt: skip
    value = (found.point or found.best).value
    raised = with_maintenance(linear, value)
    closed = _closed(book, raised, state)
    return recommendation(
        NAME, "times the family's rates", question, found, current=Point(1.0, at(1.0).loss), binding=at(value).binding,
        details={
            "rates": _rates(raised, book, state),
            "rates_now": _rates(linear, book, state),
            "closed_before": int(closed.sum()),
            "notional_closed_before": float(book.summed(book.notional)[closed].sum()),
        },
        notes=_notes(question),
    )  # fmt: skip


def _rates(rules: LinearRules, book: Book, state: VenueState) -> dict[str, float]:
    """Maintenance rate by asset, mean over its notional."""
    rates = rules.rates(book, book.marks, state)
    needed = rates.maintenance * book.notional + rates.maintenance_fixed
    counted = np.where(book.kind == Kind.PERPETUAL, book.notional, 0.0) if rules.family != "lending" else book.notional
    notional = np.bincount(book.asset, counted, len(book.assets))
    total = np.bincount(book.asset, np.where(counted > 0, needed, 0.0), len(book.assets))
    return {asset: float(total[at] / notional[at]) for at, asset in enumerate(book.assets) if notional[at] > 0}


def _notes(question: Question) -> tuple[str, ...]:
    out = [
        "who is below the margin at the marks is closed there before the failure; initial margins are not raised",
    ]
    if isinstance(question.failure, Halt):
        out.append(
            "in a halt nobody is liquidated: maintenance margin acts before it and after it, initial margin during it"
        )
    return tuple(out)
