"""Oracle staleness: the oldest price that may be traded at.

Two limits, the lower one is the answer. What trading against a price of that age takes, with the bad debt of it, has an
expected shortfall within the budget (terminal layer, `failure.StaleOracle` of fixed length). And the option that the
price gives away is worth no more than the fee that trades pay: E[(S_t / S_0 - 1)+] <= fee (`closed.stale`).
"""

from __future__ import annotations

from dataclasses import replace

from rollproof.risk.closed.outage import asset_jumps
from rollproof.risk.closed.stale import stale_value, staleness_limit
from rollproof.risk.duration import Fixed
from rollproof.risk.failure import AnyFailure, StaleOracle
from rollproof.risk.market import YEAR, Model
from rollproof.risk.recommend.grace_period import without_grace
from rollproof.risk.recommend.other_truths import PATHS, other_truths, truths
from rollproof.risk.recommend.question import Progress, Question
from rollproof.risk.recommend.result import Other, Recommendation, recommendation
from rollproof.risk.recommend.search import Point, Priced, search
from rollproof.risk.recommend.shortfall import Sampled, Terminal

NAME = "oracle-staleness"
YOUNGEST, OLDEST = 1.0, 6 * 3_600.0  # seconds


def oracle_staleness(question: Question, *, progress: Progress | None = None) -> Recommendation:
    """See the module's head. Raises as `risk.terminal.price`."""
    asked, book = question.failure, question.book
    given = asked if isinstance(asked, StaleOracle) else None
    share, fee = (given.share, given.fee) if given else (1.0, StaleOracle.__struct_defaults__[-1])

    def stale(seconds: float) -> StaleOracle:
        return StaleOracle(
            intensity_per_year=asked.intensity_per_year, duration=Fixed(seconds), load=asked.load, share=share, fee=fee
        )

    # a stale price is no outage: no grace period follows
    price = Terminal(replace(question, failure=stale(OLDEST), rules=without_grace(question.rules)))

    def at(seconds: float, *, model: Model | None = None, estimator: Terminal = price) -> Sampled:
        return estimator(book, failure=stale(seconds), model=model)

    at(600.0)  # its proposal is everybody's
    found = search(
        lambda seconds: at(seconds).priced, YOUNGEST, OLDEST, question.budget, least=False, logarithmic=True,
        progress=progress,
    )  # fmt: skip
    limits = option_limits(question.model, book.assets, fee)
    limit = min(limits.values())
    notes = [
        "the loss is of trades against a price of that age, and the bad debt that is left, at the moment it is renewed",
    ]
    if given is None:
        notes.append(
            f"{question.kind} failures say nothing of trades: all open interest is taken to trade, fee {fee:g}"
        )
    if found.point is not None and limit < found.point.value:
        point = Point(limit, at(limit).loss)
        curve = tuple(sorted((*found.curve, point), key=lambda each: each.value))
        found = replace(found, point=point, interval=(limit, limit), method="closed form", binds=True, curve=curve)
        notes.append("the fee binds: an older price is an option worth more than the fee; the budget allows more")
    elif found.point is not None:
        notes.append("the budget binds before the option's value reaches the fee")
    quick = Terminal(price.question, PATHS, price.proposal)

    def other(seconds: float, failure: AnyFailure, model: Model) -> Priced:  # noqa: ARG001 the age is the duration
        return at(seconds, model=model, estimator=quick).priced

    again = replace(question, failure=stale(600.0))
    models = {each.name: each.model for each in truths(again)}
    variants = tuple(
        each if each.value is None
        else replace(each, value=min(each.value, *option_limits(models[each.name], book.assets, fee).values()))
        for each in other_truths(again, other, YOUNGEST, OLDEST, least=False)
    )  # fmt: skip
    end = found.point or found.best
    return recommendation(
        NAME, "seconds", question, found,
        current=None if given is None else Point(given.duration.mean, price(book, failure=given).loss),
        binding=at(end.value).binding, variants=_told(variants),
        checks={f"option worth the fee, {asset}": seconds for asset, seconds in limits.items()},
        details={"fee": fee, "share": share}, notes=notes,
    )  # fmt: skip


def option_limits(model: Model, assets: tuple[str, ...], fee: float) -> dict[str, float]:
    """Seconds at which the option that a stale price gives away is worth the fee, by asset."""
    out = {}
    for asset in assets:
        at = model.assets.index(asset)
        years = staleness_limit(float(model.volatility[at]), fee, both=False, jumps=asset_jumps(model, asset))
        out[asset] = float(years) * YEAR
    return out


def option_value(model: Model, asset: str, seconds: float) -> float:
    """Of a price so old, per unit of notional: a buyer's, without a fee."""
    at = model.assets.index(asset)
    return float(stale_value(float(model.volatility[at]), seconds / YEAR, jumps=asset_jumps(model, asset)))


def _told(variants: tuple[Other, ...]) -> tuple[Other, ...]:
    return tuple(each for each in variants if each.kind == "market")  # the age is asked for: no law of it matters
