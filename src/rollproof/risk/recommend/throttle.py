"""Order throttle: new open interest a second, by the volatility that is realised, so that a halt from then on is borne.

Closed forms. A unit of new open interest is a long and a short position at the initial margin m; at the failure's end
they owe (1 - m - S)+ and (S - 1 - m)+. With x the value at risk of both together (P(S < 1 - m - x) + P(S > 1 + m + x)
is 1 - level; 0 where there is none) their expected shortfall is (Acerbi and Tasche 2002, definition 2.6)

    x + (put(1 - m - x) + call(1 + m + x)) / (1 - level)

Shortfalls of assets add up to at least that of their sum (subadditivity, ibid.). New interest is taken to stay for
``STAYS`` seconds, so a flow c holds c * STAYS of it (J. Little, Operations Research 9 (1961)), and the cap is the flow
whose shortfalls add up to the budget. Open interest that is there already is not in it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rollproof.errors import Malformed
from rollproof.risk.closed.log_price import LogPrice, log_price
from rollproof.risk.closed.normal_mixture import bisect
from rollproof.risk.closed.outage import asset_jumps
from rollproof.risk.duration import Duration
from rollproof.risk.estimate import Estimate
from rollproof.risk.failure import Halt, Reorg
from rollproof.risk.market import Model
from rollproof.risk.recommend.question import Progress, Question
from rollproof.risk.recommend.result import Recommendation, recommendation
from rollproof.risk.recommend.search import Found, Point
from rollproof.risk.recommend.shortfall import Terminal
from rollproof.venue.book import Book, Floats, Kind, Mode
from rollproof.venue.rules.rules import LinearRules

NAME = "order-throttle"
STAYS = 86_400.0  # seconds that new open interest stays
FACTORS = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0)  # of the model's volatility


def pair_shortfall(law: LogPrice, margin: float, level: float) -> float:
    """Expected shortfall at ``level`` of a long and a short position's bad debt, per unit of notional of each."""
    beyond = 1 - level

    def passed(x: Floats) -> Floats:
        with np.errstate(divide="ignore"):
            low = np.log(np.maximum(1 - margin - x, 0.0))
        return np.asarray(law.below(low) + law.above(np.log(1 + margin + x)) - beyond)

    x = 0.0
    if float(passed(np.zeros(()))) > 0:
        top = max(float(np.exp(law.quantile(beyond / 2, upper=True))), 1.0) + 1.0
        x = float(bisect(passed, np.zeros(()), np.asarray(top)))
    return x + float(law.put(1 - margin - x) + law.call(1 + margin + x)) / beyond


def order_throttle(question: Question, *, progress: Progress | None = None) -> Recommendation:
    """See the module's head. Raises Unsupported for other failures than halts and reorganisations."""
    question.only_for(NAME, (Halt, Reorg), "closed forms know only the price at the failure's end")
    margin, share = initial_margins(question)
    costs = []
    for index, factor in enumerate(FACTORS):
        costs.append(cost(question, question.model.stressed(volatility=factor), margin, share))
        if progress is not None:
            progress(index + 1, len(FACTORS) + 1)
    book = question.book
    now = costs[FACTORS.index(1.0)]
    if not now > 0:
        raise Malformed(f"{NAME}: a new position at the initial margin loses nothing, so nothing bounds the flow")
    value = question.budget / (now * STAYS)
    at = [each for each in (0.0, value / 2, value, 2 * value) if each == 0 or value > 0]
    curve = tuple(Point(each, Estimate.of(each * STAYS * now)) for each in dict.fromkeys(at))
    point = Point(value, Estimate.of(value * STAYS * now))
    found = Found(point, curve[0], (value, value), "closed form", monotone=True, monotone_paths=None, binds=True,
                  curve=curve)  # fmt: skip
    calm = replace(question, failure=_calm(question))
    drawn = Terminal(calm)(new_interest(book, margin, share, max(value, 1e-9) * STAYS))
    if progress is not None:
        progress(len(FACTORS) + 1, len(FACTORS) + 1)
    mean = float(question.model.only(book.assets).volatility @ share)
    return recommendation(
        NAME, f"{book.quote} a second", question, found,
        binding=drawn.binding,
        checks={"shortfall of a book at the cap, Monte Carlo": drawn.loss.value},
        details={
            "table": [
                {"volatility": factor * mean, "cap_per_second": question.budget / (each * STAYS) if each > 0 else None}
                for factor, each in zip(FACTORS, costs, strict=True)
            ],
            "stays_seconds": STAYS,
            "initial_margins": dict(zip(book.assets, margin.tolist(), strict=True)),
        },
        notes=(
            f"the budget is for new open interest, which stays for {STAYS:g} seconds; what is there comes on top",
            f"the value is for a volatility of {mean:g}, the model's; the table has others (annual, of the diffusion)",
            "new open interest is spread over assets as the book is, a long and a short position at the initial margin",
        ),
    )  # fmt: skip


def initial_margins(question: Question) -> tuple[Floats, Floats]:
    """(assets,) initial margin per unit of notional, and share of open interest. Raises Malformed without any."""
    book, state = question.book, question.state
    interest = book.open_interest * book.marks
    if not interest.sum() > 0:
        raise Malformed(f"{NAME}: the book has no open interest")
    traded = book.kind <= Kind.PUT
    notional = np.bincount(book.asset, np.where(traded, book.notional, 0.0), len(book.assets))
    if isinstance(question.rules, LinearRules):
        rates = question.rules.rates(book, book.marks, state)
        needed = np.where(traded, rates.initial * book.notional + rates.initial_fixed, 0.0)
        by_asset = np.bincount(book.asset, needed, len(book.assets))
        margin = np.divide(by_asset, notional, out=np.zeros(len(book.assets)), where=notional > 0)
    else:  # scenario margins have no rate by position: the venue's mean stands for each asset
        total = float(question.rules.initial(book, book.marks, state).sum())
        margin = np.full(len(book.assets), total / float(notional.sum()))
    return np.minimum(margin, 1.0), interest / interest.sum()


def cost(question: Question, model: Model, margin: Floats, share: Floats) -> float:
    """Shortfalls of a unit of new open interest, added up over all assets."""
    total = 0.0
    duration: Duration = question.failure.duration
    for at, asset in enumerate(question.book.assets):
        if share[at] <= 0:
            continue
        index = model.assets.index(asset)
        law = log_price(
            float(model.volatility[index]), duration, drift=float(model.drift[index]), jumps=asset_jumps(model, asset)
        )
        total += float(share[at]) * pair_shortfall(law, float(margin[at]), question.level)
    return total


def new_interest(book: Book, margin: Floats, share: Floats, interest: float) -> Book:
    """A book of new open interest alone: of each asset a long and a short position at the initial margin."""
    assets = np.flatnonzero(share > 0)
    count = 2 * len(assets)
    asset = np.repeat(assets, 2).astype(np.int32)
    sign = np.tile([1.0, -1.0], len(assets))
    notional = interest * share[asset]
    each, none = np.arange(count, dtype=np.int32), np.zeros(count)
    return Book(
        book.venue, book.quote, book.assets, book.marks, [f"new-{at}" for at in range(count)], each, asset,
        np.full(count, Kind.PERPETUAL, dtype=np.int8), sign * notional / book.marks[asset], book.marks[asset], none,
        none, none, each, np.full(count, Mode.ISOLATED, dtype=np.int8), margin[asset] * notional,
    )  # fmt: skip


def _calm(question: Question) -> Halt:
    failure = question.failure
    return Halt(intensity_per_year=failure.intensity_per_year, duration=failure.duration)
