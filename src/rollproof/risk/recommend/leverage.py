"""Maximum leverage: the highest cap on notional by equity that keeps the shortfall within the budget.

A subaccount above the cap is taken to have the margin that the cap asks for; its positions stay. Beside the answer
stands the closed form: the leverage at which one position is bankrupt after the failure with the probability that the
level leaves, 1 / (1 - q) with q the price's quantile (`closed.outage.safe_leverage`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rollproof.errors import Malformed
from rollproof.risk.closed import outage
from rollproof.risk.failure import AnyFailure, Halt, Reorg
from rollproof.risk.market import Model
from rollproof.risk.recommend.other_truths import PATHS, other_truths
from rollproof.risk.recommend.question import Progress, Question
from rollproof.risk.recommend.result import Other, Recommendation, recommendation
from rollproof.risk.recommend.search import Point, Priced, search
from rollproof.risk.recommend.shortfall import Terminal, shortfall
from rollproof.venue.book import Book, Floats, Kind

NAME = "maximum-leverage"
HIGHEST = 1_000.0


def exposure(book: Book) -> Floats:
    """(subaccounts,) quote: notional of derivatives and debts, and of collateral where anything is owed."""
    owing = (book.cash < 0) | (book.summed((book.kind == Kind.DEBT).astype(np.float64)) > 0)
    counted = (book.kind != Kind.COLLATERAL) | owing[book.subaccount]
    return book.summed(np.where(counted, book.notional, 0.0))


def leverage(book: Book) -> Floats:
    """(subaccounts,) exposure by equity at the marks; infinite where equity is not above nothing."""
    equity, exposed = book.equity(book.marks), exposure(book)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(exposed > 0, np.where(equity > 0, exposed / equity, np.inf), 0.0)


def capped(book: Book, most: float) -> Book:
    """The same positions, with the margin that a cap of ``most`` on leverage asks for."""
    lacking = exposure(book) / most - book.equity(book.marks)
    return replace(book, cash=book.cash + np.where(exposure(book) > 0, np.maximum(lacking, 0.0), 0.0))


def maximum_leverage(question: Question, *, progress: Progress | None = None) -> Recommendation:
    """See the module's head. Raises Malformed where nobody has leverage, Unsupported as the layer that prices."""
    book = question.book
    each = leverage(book)
    if not (each > 0).any():
        raise Malformed(f"{NAME}: no subaccount of the book has leverage")
    used = each[np.isfinite(each)].max(initial=1.0)
    high = HIGHEST if np.isinf(each).any() else min(float(used), HIGHEST)
    low = 1.0 if high > 1 else high / 100
    price = shortfall(question)
    now = price(book)
    found = search(
        lambda value: price(capped(book, value)).priced, low, high, question.budget, least=False, logarithmic=True,
        progress=progress,
    )  # fmt: skip
    at = found.point or found.best
    variants: tuple[Other, ...] = ()
    if isinstance(price, Terminal):
        quick = Terminal(question, PATHS, price.proposal)

        def other(value: float, failure: AnyFailure, model: Model) -> Priced:
            return quick(capped(book, value), failure=failure, model=model).priced

        variants = other_truths(question, other, low, high, least=False)
    raised = capped(book, at.value)
    return recommendation(
        NAME, "times equity", question, found,
        current=Point(float(each.max()), now.loss),
        binding=price(raised).binding,
        variants=variants,
        checks=_closed(question),
        details={
            "margin_to_add": float((raised.cash - book.cash).sum()),
            "subaccounts_above": int((each > at.value).sum()),
        },
        notes=(
            "who has more leverage is taken to add margin, with the same positions",
            "checks: leverage at which one position is bankrupt after the failure with probability 1 - level, in calm",
        ),
    )  # fmt: skip


def _closed(question: Question) -> dict[str, float]:
    if not isinstance(question.failure, Halt | Reorg):
        return {}
    out = {}
    model = question.model
    for asset in question.book.assets:
        at = model.assets.index(asset)
        for side, name in ((1.0, "long"), (-1.0, "short")):
            out[f"{asset} {name}"] = float(
                outage.safe_leverage(
                    1 - question.level, float(model.volatility[at]), question.failure.duration, side=side,
                    drift=float(model.drift[at]), jumps=outage.asset_jumps(model, asset),
                )
            )  # fmt: skip
    return out
