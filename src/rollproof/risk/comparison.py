"""Published figures of an incident beside the model's: both are shown, also where they are far apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rollproof.risk.failure import Scenario
from rollproof.risk.result import Compared, FailurePrice

_NOT_ASKED = "the model has no such figure"
_BOOK = "the book priced here is not the venue's at the time"


def compared(scenario: Scenario, failures: Sequence[FailurePrice], open_interest: float) -> tuple[Compared, ...]:
    """One row for each published figure; ``open_interest`` is the book's, quote."""
    out = []
    for each in scenario.published:
        model, why = _figure(each.quantity, scenario, failures, open_interest)
        out.append(Compared(each.what, each.value, each.unit, each.source, model, why))
    return tuple(out)


def _figure(
    quantity: str, scenario: Scenario, failures: Sequence[FailurePrice], open_interest: float
) -> tuple[float | None, str]:
    if quantity == "duration_minutes":
        return scenario.failures[0].duration.mean / 60, "given to the model, not found by it"
    if quantity == "bad_debt_median":
        return _median(failures[0])
    if quantity in ("stale_oracle_loss", "stale_oracle_bp"):
        for each in failures:
            if each.kind == "stale-oracle" and each.users is not None:
                said = f"expected loss at stale prices; {_BOOK}"
                if quantity == "stale_oracle_loss":
                    return each.users.mean.value, said
                return (each.users.mean.value / open_interest * 1e4, said) if open_interest > 0 else (None, said)
    return None, _NOT_ASKED


def _median(failure: FailurePrice) -> tuple[float | None, str]:
    """The loss that one failure exceeds in half of all cases."""
    if failure.bad_debt is None:
        return None, "not priced"
    any_of_it = failure.bad_debt.probability.value
    said = f"median of one failure's bad debt; {any_of_it:.1%} of such failures leave any; {_BOOK}"
    if any_of_it <= 0.5:
        return 0.0, said
    losses, exceeded = failure.bad_debt.exceedance
    return float(np.interp(-0.5, -exceeded, losses)), said
