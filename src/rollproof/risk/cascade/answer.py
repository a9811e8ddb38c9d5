"""From what kernels noted of each path to figures with their errors."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from rollproof.risk.cascade import outcome
from rollproof.risk.cascade.block import Job, record
from rollproof.risk.cascade.conduct import Conduct
from rollproof.risk.cascade.plan import Plan
from rollproof.risk.cascade.result import Cascade, Path, Sample
from rollproof.risk.cascade.timing import MAX_STEPS
from rollproof.risk.estimate import Estimate
from rollproof.risk.failure import AnyFailure, BridgeDelay, Censorship
from rollproof.risk.tail import losses_of
from rollproof.risk.waterfall import layers
from rollproof.venue.book import Floats
from rollproof.venue.rules.rules import Rules

METHOD = "stepped Monte Carlo"
SHOWN = 0.99  # level of the path that is recorded


def answer(job: Job, does: Conduct, laid: Plan, rules: Rules, failure: AnyFailure, tally: Floats) -> Cascade:
    def mean(column: int) -> Estimate:
        return _mean(tally[:, column])

    bad = tally[:, outcome.BAD_DEBT]
    paid = layers(bad, tally[:, outcome.FUND_USED], tally[:, outcome.PROFITS], rules.backstop)
    crossed = tally[:, outcome.CROSSED]
    busy = tally[:, outcome.LIQUIDATED] > 0
    return Cascade(
        kind=str(failure.__struct_config__.tag),
        bad_debt=losses_of(bad, seed=job.seed, method=METHOD),
        liquidated=losses_of(tally[:, outcome.LIQUIDATED], seed=job.seed, method=METHOD),
        penalties=mean(outcome.PENALTIES),
        slippage=mean(outcome.SLIPPAGE),
        extracted=mean(outcome.EXTRACTED),
        wrongful=mean(outcome.WRONGFUL),
        undone=mean(outcome.UNDONE),
        topped_up=mean(outcome.TOPPED_UP),
        insurance_used=_mean(paid.insurance),
        adl=_mean(paid.adl),
        socialised=_mean(paid.socialised),
        providers=_mean(paid.providers),
        adl_haircut=_ratio(paid.haircut, paid.adl > 0),
        liquidation_failure=_ratio(tally[:, outcome.FAILED], crossed),
        refused=_ratio(tally[:, outcome.REFUSED], crossed),
        unpaid=_ratio(tally[:, outcome.UNPAID], crossed),
        cascade_multiplier=_ratio(tally[:, outcome.LIQUIDATED], tally[:, outcome.LIQUIDATED_FREE]),
        price_multiplier=_ratio(tally[:, outcome.MOVE] * busy, tally[:, outcome.MOVE_FREE] * busy),
        clear_seconds=_ratio(tally[:, outcome.CLEARED], tally[:, outcome.CLEARED] > 0),
        path=_shown(job, bad),
        sample=Sample(bad, np.ones(len(bad)), np.arange(len(bad))),
        paths=len(bad),
        seed=job.seed,
        kernel="isolated" if job.positions else "general",
        notes=tuple(_notes(job, does, laid, failure, tally)),
    )


def _mean(values: Floats) -> Estimate:
    error = float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.inf
    return Estimate.of(float(values.mean()), error)


def _ratio(above: Floats, below: NDArray[np.float64 | np.bool_]) -> Estimate:
    """Of two means, with the error of the delta method; NaN where there is nothing to divide by."""
    whole = float(np.mean(below))
    if whole <= 0:
        return Estimate(math.nan, math.inf, -math.inf, math.inf)
    ratio = float(np.mean(above)) / whole
    error = float(np.std(above - ratio * below, ddof=1)) / math.sqrt(len(above)) / whole if len(above) > 1 else math.inf
    return Estimate.of(ratio, error)


def _shown(job: Job, bad: Floats) -> Path:
    order = np.argsort(bad, kind="stable")
    chosen = int(order[min(math.ceil(SHOWN * len(bad)) - 1, len(bad) - 1)])
    trace, tally = record(job, chosen)
    return Path(
        seconds=trace[:, outcome.TIME],
        price=trace[:, outcome.PRICE],
        liquidated=trace[:, outcome.TRACE_LIQUIDATED],
        bad_debt=trace[:, outcome.TRACE_BAD_DEBT],
        queue=trace[:, outcome.QUEUE],
        insurance_fund=trace[:, outcome.TRACE_FUND],
        resumed=float(tally[outcome.SECONDS]),
        path=chosen,
    )


def _notes(job: Job, does: Conduct, laid: Plan, failure: AnyFailure, tally: Floats) -> list[str]:
    notes = []
    if bound := float(tally[:, outcome.BOUND].mean()):
        notes.append(f"cascade: on {bound:.2%} of paths liquidations moved a price more than {outcome.IMPACT_BOUND:g} "
                     "in the logarithm, the most that is counted")  # fmt: skip
    if coarse := float((tally[:, outcome.SECONDS] > MAX_STEPS * job.grid.step).mean()):
        notes.append(
            f"cascade: on {coarse:.2%} of paths the failure is longer than {MAX_STEPS} steps; those are longer"
        )
    if already := int((laid.subaccounts["reach"] <= 0).sum()):
        what = "near a margin call" if does.call else "below their maintenance margin"
        notes.append(f"cascade: {already} of {len(laid.subaccounts)} subaccounts are {what} at the marks")
    if failure.resume.top_up_probability and not does.grace and not isinstance(failure, Censorship | BridgeDelay):
        notes.append("cascade: nobody is topped up, because there is no grace period to do it in")
    if failure.resume.withdrawal_lock_seconds:
        notes.append("cascade: nobody withdraws on any path, so a withdrawal lock changes nothing")
    if does.stale_at_resume:
        notes.append("cascade: the venue's price is stale at the moment of the resume, and fresh a step later")
    if failure.load.probability:
        notes.append("cascade: a market stressed by load stays so until the end, and its depth is that of stress")
    return notes
