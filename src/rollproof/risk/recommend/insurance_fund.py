"""Insurance fund: the least that keeps the shortfall of what it does not pay in a year within the budget.

The year's loss is the compound sum of `risk.annual`, exact for the sample, so a fund is found without further paths:
the expected shortfall of (loss - fund)+ falls as the fund grows. Beside it stand the year's value at risk (the fund
that is enough in a share ``level`` of years), and Cramer's fund for losses with an exponential law and fees that bring
a quarter more than the expected loss (`closed.ruin`): another question, for ever instead of a year.
"""

from __future__ import annotations

import numpy as np
from scipy.special import stdtrit

from rollproof.risk.annual import Annual, Severity, annual
from rollproof.risk.closed import ruin
from rollproof.risk.estimate import Estimate
from rollproof.risk.recommend.question import Progress, Question
from rollproof.risk.recommend.result import Recommendation, recommendation
from rollproof.risk.recommend.search import Point, Priced, search
from rollproof.risk.recommend.shortfall import Sampled, shortfall
from rollproof.venue.book import Floats

NAME = "insurance-fund"
LOADING = 0.25  # of the fees in the check
GROUPS = 16
ROUNDING = 1e-6  # of the shortfall without a fund: less is the transform's rounding


def uncovered(law: Annual, fund: float, level: float) -> float:
    """Expected shortfall at ``level`` of what a year's loss exceeds ``fund`` by, quote."""
    cumulative = np.cumsum(law.probability)
    at = min(int(np.searchsorted(cumulative, level, side="left")), len(cumulative) - 1)
    value = max(at * law.step - fund, 0.0)
    losses = np.arange(at + 1, len(cumulative)) * law.step
    beyond = np.maximum(losses - fund, 0.0) - value
    out = value + float(law.probability[at + 1 :] @ beyond) / (1 - level)
    return out if out > ROUNDING * law.tail(level)[1] else 0.0


def insurance_fund(question: Question, *, progress: Progress | None = None) -> Recommendation:
    """See the module's head. Raises Unsupported as the layer that prices."""
    often, level = question.failure.intensity_per_year, question.level
    drawn = shortfall(question)(question.book)
    law = annual([_severity(drawn, often, None)])
    end = law.step * max(len(law.probability) - 1, 1)
    groups = _groups(drawn)
    count = int(groups.max()) + 1
    each_law = [annual([_severity(drawn, often, groups == at)], largest=end) for at in range(count)]

    def objective(fund: float) -> Priced:
        return Priced(
            _estimate(uncovered(law, fund, level), np.array([uncovered(one, fund, level) for one in each_law])), None
        )

    value_at_risk, tail = law.tail(level)
    high = max(min(end, 4 * tail), 1.0)
    if uncovered(law, high, level) > question.budget:
        high = max(end, 1.0)
    found = search(objective, 0.0, high, question.budget, least=True, tolerance=1e-4, progress=progress)
    paid = question.state.insurance_fund
    mean = float(drawn.weights @ drawn.losses) / float(drawn.weights.sum())
    hit = float(drawn.weights @ (drawn.losses > 0)) / float(drawn.weights.sum())
    checks = {"value at risk of a year": value_at_risk, "expected shortfall of a year": tail}
    if hit > 0:
        wanted = float(ruin.fund_for(1 - level, mean / hit, LOADING))
        checks["ruin for ever, exponential losses, fees of 1.25 times the expected loss"] = wanted
    return recommendation(
        NAME, question.book.quote, question, found, current=Point(paid, objective(paid).loss), period="year",
        binding=drawn.binding, checks=checks,
        details={"failures_per_year": often, "mean_loss_of_failure": mean, "probability_of_loss": hit},
        notes=(
            "the loss is of a year, from the scenario's first failure alone, before deleveraging and socialised loss",
            "binding: paths of one failure",
        ),
    )  # fmt: skip


def _severity(drawn: Sampled, often: float, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]] | None) -> Severity:
    losses, weights = (drawn.losses, drawn.weights) if chosen is None else (drawn.losses[chosen], drawn.weights[chosen])
    return Severity(often, losses, weights / weights.sum())


def _groups(drawn: Sampled) -> Floats:
    """(paths,) which randomisation, or one of sixteen parts of a plain sample."""
    return np.arange(len(drawn.losses), dtype=np.float64) % GROUPS if drawn.groups is None else drawn.groups


def _estimate(value: float, drawn: Floats) -> Estimate:
    error = float(np.std(drawn, ddof=1)) / len(drawn) ** 0.5
    half = float(stdtrit(len(drawn) - 1, 0.975)) * error
    return Estimate(value, error, max(value - half, 0.0), value + half)
