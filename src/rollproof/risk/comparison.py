"""Published figures of an incident beside the model's: both are shown, also where they are far apart."""

from __future__ import annotations

from collections.abc import Sequence

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
    if quantity == "stale_oracle_bp":
        for each in failures:
            if each.kind == "stale-oracle" and each.users is not None and open_interest > 0:
                return each.users.mean.value / open_interest * 1e4, f"expected loss at stale prices; {_BOOK}"
    return None, _NOT_ASKED
