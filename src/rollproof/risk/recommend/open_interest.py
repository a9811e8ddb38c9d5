"""Open-interest caps: how large the book may be, and each asset's part of it, within the budget.

All subaccounts are made larger or smaller with the positions and the money in them, so nobody's leverage changes. Bad
debt at given prices is then proportional to the scale, which is checked; the cascade's is not, because impact is not.

A cap for each asset: what an asset may have is lowered where its part of the shortfall (what the shortfall falls by as
the asset's positions do, its Euler contribution: D. Tasche, Risk contributions and performance measurement, 1999) is
more than its part of open interest, until the shortfall of the whole is the budget. A subaccount with several assets
is made smaller by the mean over its notional.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from rollproof.errors import Malformed
from rollproof.risk.recommend.other_truths import PATHS, truths
from rollproof.risk.recommend.question import Progress, Question
from rollproof.risk.recommend.result import Other, Recommendation, recommendation
from rollproof.risk.recommend.search import Found, Point, search
from rollproof.risk.recommend.shortfall import AnyShortfall, Terminal, shortfall
from rollproof.venue.book import Book, Floats

NAME = "open-interest-cap"
LEAST, MOST = 0.01, 100.0  # times the book


def scaled(book: Book, factor: Floats | float) -> Book:
    """Positions, and the money behind them, times ``factor`` (assets,)."""
    rows = np.broadcast_to(np.asarray(factor, dtype=np.float64), (len(book.assets),))[book.asset]
    notional = book.summed(book.notional)
    weighed = book.summed(book.notional * rows)
    money = np.divide(weighed, notional, out=np.ones(book.subaccounts), where=notional > 0)
    return replace(book, size=book.size * rows, cash=book.cash * money)


def open_interest_cap(question: Question, *, progress: Progress | None = None) -> Recommendation:
    """See the module's head. Raises Malformed without open interest, Unsupported as the layer that prices."""
    book = question.book
    total = book.open_interest_value
    if not total > 0:
        raise Malformed(f"{NAME}: the book has no open interest")
    question = _whole(question)
    price = shortfall(question)
    now = price(book)
    found = search(
        lambda value: price(scaled(book, value / total)).priced, LEAST * total, MOST * total, question.budget,
        least=False, logarithmic=True, progress=progress,
    )  # fmt: skip
    at = found.point or found.best
    final = price(scaled(book, at.value / total))
    checks, details, notes = dict[str, float](), dict[str, Any](), list[str]()
    variants: tuple[Other, ...] = ()
    if isinstance(price, Terminal):
        half = price(scaled(book, 0.5)).loss.value
        checks["shortfall of half the book, of the whole"] = half / now.loss.value if now.loss.value > 0 else 0.5
        if abs(half - now.loss.value / 2) <= 1e-6 * now.loss.value:
            variants = _other_truths(question, price, total)
    if now.loss.value > 0 and question.budget > 0:
        checks["open interest by budget and shortfall"] = total * question.budget / now.loss.value
        marginal = _marginal(question, price, now.loss.value)
        if marginal is not None:
            details["by_asset"] = marginal
            notes.append("details: caps by asset that together keep the budget, lower where an asset costs more")
    details["uniform_by_asset"] = _named(book, book.open_interest * at.value / total)
    return recommendation(
        NAME, book.quote, question, found, current=Point(total, now.loss),
        binding=final.binding, variants=variants, checks=checks, details=details,
        notes=("everybody's positions and margin grow and shrink together: leverage stays as it is", *notes),
    )  # fmt: skip


def _whole(question: Question) -> Question:
    # a state that names the venue's open interest would not follow the book: let the book be all there is
    return replace(question, state=replace(question.state, open_interest=np.zeros(0), skew=np.zeros(0)))


def _marginal(question: Question, price: AnyShortfall, now: float) -> dict[str, float] | None:
    """Caps by asset, units of it, that keep the budget; None where no asset can be told apart or none do."""
    book = question.book
    interest = book.open_interest * book.marks
    live = np.flatnonzero(interest > 0)
    if len(live) < 2:
        return None
    part = contributions(question, price, now)
    with np.errstate(divide="ignore", invalid="ignore"):
        dear = np.where(interest > 0, part / np.where(interest > 0, interest, 1.0), 0.0)
    if not (dear > 0).any():
        return None
    # an asset that costs nothing here is bounded by the cheapest that does
    dear = np.where(dear > 0, dear, dear[dear > 0].min())
    mean = float(dear @ interest) / float(interest.sum())

    def factors(height: float) -> Floats:
        return np.asarray(height * mean / dear)

    found: Found = search(
        lambda height: price(scaled(book, factors(height))).priced, LEAST, MOST, question.budget, least=False,
        points=5, logarithmic=True, tolerance=5e-3,
    )  # fmt: skip
    if found.point is None:
        return None
    return _named(book, book.open_interest * factors(found.point.value))


def contributions(question: Question, price: AnyShortfall, now: float) -> Floats:
    """(assets,) of the shortfall, quote: how it falls as an asset's positions do, by a difference of a tenth."""
    book = question.book
    out = np.zeros(len(book.assets))
    for at in range(len(book.assets)):
        less = np.ones(len(book.assets))
        less[at] = 0.9
        out[at] = max((now - price(scaled(book, less)).loss.value) / 0.1, 0.0)
    return out


def _other_truths(question: Question, price: Terminal, total: float) -> tuple[Other, ...]:
    """By one shortfall each: the loss is proportional to the scale."""
    quick, out = Terminal(question, PATHS, price.proposal), []
    for each in truths(question):
        loss = quick(question.book, failure=each.failure, model=each.model).loss.value
        value = total * question.budget / loss if loss > 0 else MOST * total
        out.append(Other(each.kind, each.name, min(value, MOST * total) if value >= LEAST * total else None))
    return tuple(out)


def _named(book: Book, units: Floats) -> dict[str, float]:
    return dict(zip(book.assets, (float(each) for each in units), strict=True))
