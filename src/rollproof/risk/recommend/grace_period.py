"""Grace period: how long after a halt nobody is liquidated, so that accounts can be topped up.

Longer is better where accounts are topped up and worse where prices go on moving: the loss need not be monotone, so the
whole range is searched for the least shortfall. An account below its maintenance margin is topped up in a grace period
of g seconds with probability 1 - exp(-g / mean): the scenario's own where it names a grace period and a probability,
else with a mean of half an hour, which nobody measured.
"""

from __future__ import annotations

import math
from dataclasses import replace

import msgspec

from rollproof.risk.failure import Halt, Reorg
from rollproof.risk.recommend.question import Progress, Question
from rollproof.risk.recommend.result import Recommendation, recommendation
from rollproof.risk.recommend.search import Point, minimise
from rollproof.risk.recommend.shortfall import Sampled, Stepped
from rollproof.venue.rules.rules import Rules

NAME = "grace-period"
LONGEST = 2 * 3_600.0  # seconds
AFTER = 3_600.0  # seconds that are looked at beyond the longest
ANSWER = 1_800.0  # mean seconds until an account is topped up: illustrative


def without_grace(rules: Rules) -> Rules:
    """The same rules, which leave the grace period to the failure."""
    return msgspec.structs.replace(rules, liquidation=msgspec.structs.replace(rules.liquidation, grace_seconds=0.0))


def answer_mean(question: Question) -> float | None:
    """Mean seconds until an account is topped up, as the scenario has it; None where it says nothing."""
    resume = question.failure.resume
    if resume.grace_seconds > 0 and 0 < resume.top_up_probability < 1:
        return -resume.grace_seconds / math.log1p(-resume.top_up_probability)
    return None


def grace_period(question: Question, *, progress: Progress | None = None) -> Recommendation:
    """See the module's head. Raises Unsupported for other failures than halts and reorganisations."""
    question.only_for(NAME, (Halt, Reorg), "in the others liquidations go on while the failure lasts")
    now = question.failure.grace_seconds(question.rules.liquidation.grace_seconds)
    longest = max(LONGEST, now)
    price = Stepped(question, longest + AFTER)
    known = answer_mean(question)
    mean = known or ANSWER
    rules = without_grace(question.rules)

    def at(seconds: float, *, answered: bool = True) -> Sampled:
        resume = msgspec.structs.replace(
            question.failure.resume, grace_seconds=seconds,
            top_up_probability=-math.expm1(-seconds / mean) if answered else 0.0,
        )  # fmt: skip
        return price(question.book, rules=rules, failure=msgspec.structs.replace(question.failure, resume=resume))

    found = minimise(lambda seconds: at(seconds).priced, 0.0, longest, question.budget, progress=progress)
    best = found.point or found.best
    table = [
        {
            "seconds": value,
            "topped_up": -math.expm1(-value / mean),
            "loss": next(each.loss.value for each in found.curve if each.value == value),
            "loss_without_top_ups": at(value, answered=False).loss.value,
        }
        for value in (0.0, longest / 8, longest / 4, longest / 2, longest)
    ]
    within = [each.value for each in found.curve if each.loss.value <= question.budget]
    notes = [
        "the value is the one with the least loss; interval: values whose loss cannot be told from it",
        f"of accounts below their maintenance margin 1 - exp(-seconds / {mean:g}) are topped up"
        + ("" if known else ": illustrative"),
    ]
    if within:
        notes.append(f"from {min(within):g} to {max(within):g} seconds some values keep the budget")
    answer = recommendation(
        NAME, "seconds", question, found, current=Point(now, at(now).loss),
        binding=at(best.value).binding, details={"trade_off": table, "mean_seconds_to_top_up": mean}, notes=notes,
    )  # fmt: skip
    return replace(answer, notes=tuple(each for each in answer.notes if not each.startswith("the budget does not")))
