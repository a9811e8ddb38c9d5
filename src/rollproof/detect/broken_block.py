"""A block that does not hold, told as a finding: what `rollproof verify` says in a verdict."""

from __future__ import annotations

from rollproof.types import Confidence, Difference, Finding, Outcome, Severity, Verdict

ID = "broken-block"
MAX_SHOWN = 16  # differences in the notes


def broken_block(verdict: Verdict) -> Finding | None:
    """The finding of a verdict that is `broken`, else None."""
    if verdict.outcome is not Outcome.BROKEN:
        return None
    keys = ", ".join(dict.fromkeys(each.key for each in verdict.differences[:4]))
    more = f" and {len(verdict.differences) - 4} more" if len(verdict.differences) > 4 else ""
    notes = [_said(each) for each in verdict.differences[:MAX_SHOWN]]
    if len(verdict.differences) > MAX_SHOWN:
        notes.append(f"{len(verdict.differences) - MAX_SHOWN} more differences: see rollproof verify")
    return Finding(
        detector=ID,
        severity=Severity.HIGH,
        confidence=Confidence.OBSERVED,
        chain_id=verdict.chain_id,
        block=verdict.number,
        transaction=None,
        title=f"The block is not what its transactions make it: {keys}{more}",
        notes=tuple(notes),
    )


def _said(each: Difference) -> str:
    claimed, computed = ("absent" if value is None else value for value in (each.claimed, each.computed))
    return f"{each.scope} {each.key}: claimed {claimed}, computed {computed}"
