"""Findings, and what stands beside them, as one JSON object a line: `record` names which it is.

Hashes, addresses and slots are 0x-hex; amounts are decimal strings, since they go beyond what JSON readers hold. The
token of an amount in wei is the word ``native``. Absent values are null.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from rollproof.types import Finding, Suppressed, Unjudged

NATIVE: Final = "native"
_EXACT: Final = 1 << 53  # integers beyond it are not safe in every JSON reader

Said = Finding | Suppressed | Unjudged


def record(said: Said, names: Mapping[bytes, str] | None = None) -> dict[str, Any]:
    """Plain values of a finding, of a suppressed one, or of what could not be judged; ``names`` are labels."""
    if isinstance(said, Finding):
        return _finding(said, names or {})
    if isinstance(said, Suppressed):
        return {
            "record": "suppressed",
            "detector": said.detector,
            "severity": said.severity.value,
            **_place(said),
            "title": said.title,
            "reason": said.reason,
        }
    return {"record": "unknown", "detector": said.detector, **_place(said), "reason": said.reason}


def line(values: Mapping[str, Any]) -> str:
    """A record on one line, ASCII only, without a final newline."""
    return json.dumps(plain(values), separators=(",", ":"), allow_nan=False)


def plain(value: Any) -> Any:
    """``value`` in JSON's types: bytes as 0x-hex, integers of 2**53 and more as decimal strings."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if -_EXACT < value < _EXACT else str(value)
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return value if isinstance(value, (str, float)) else str(value)


def _finding(finding: Finding, names: Mapping[bytes, str]) -> dict[str, Any]:
    values: dict[str, Any] = {
        "record": "finding",
        "id": finding.id,
        "detector": finding.detector,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        **_place(finding),
        "addresses": [_hex(each) for each in finding.addresses],
        "title": finding.title,
        "amounts": [
            {
                "token": NATIVE if each.token is None else _hex(each.token),
                "account": _hex(each.account),
                "amount": str(each.amount),
            }
            for each in finding.amounts
        ],
        "evidence": finding.evidence,
        "subject": finding.subject or None,
        "frames": list(finding.frames),
        "slots": [
            {
                "account": _hex(each.account),
                "slot": _hex(each.slot),
                "before": f"0x{each.before:064x}",
                "after": f"0x{each.after:064x}",
            }
            for each in finding.slots
        ],
        "counterfactual": plain(finding.counterfactual),
        "notes": list(finding.notes),
        "trace_hash": None if finding.trace_hash is None else _hex(finding.trace_hash),
    }
    known = {_hex(each): names[each] for each in _named(finding) if each in names}
    if known:
        values["labels"] = known
    return values


def _named(finding: Finding) -> dict[bytes, None]:
    """Every address that the finding speaks of, once, in order."""
    found = dict.fromkeys(finding.addresses)
    for each in finding.amounts:
        found[each.account] = None
        if each.token is not None:
            found[each.token] = None
    found.update(dict.fromkeys(each.account for each in finding.slots))
    return found


def _place(said: Said) -> dict[str, Any]:
    return {
        "chain_id": said.chain_id,
        "block": said.block,
        "transaction": None if said.transaction is None else _hex(said.transaction),
    }


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
