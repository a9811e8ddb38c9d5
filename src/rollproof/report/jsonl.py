"""One JSON object a line, as DESIGN.md section 3 names its keys; hashes are 0x-hex, absent values null."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rollproof.types import Verdict


def record(verdict: Verdict) -> dict[str, Any]:
    """A verdict as plain values: dict, list, str, int, float, bool and None."""
    return {
        "chain_id": verdict.chain_id,
        "number": verdict.number,
        "verdict": verdict.outcome.value,
        "reason": verdict.reason or None,
        "fork": verdict.fork,
        "checked": list(verdict.checked),
        "not_checked": list(verdict.not_checked),
        "assumes": list(verdict.assumes),
        "confirmed": verdict.confirmed,
        "claimed_hash": _plain(verdict.claimed_hash),
        "computed_hash": _plain(verdict.computed_hash),
        "differences": [
            {"scope": d.scope, "key": d.key, "claimed": d.claimed, "computed": d.computed} for d in verdict.differences
        ],
        "transactions": verdict.transactions,
        "gas_used": verdict.gas_used,
        "seconds": round(verdict.seconds, 6),
        "stages": {stage: round(seconds, 6) for stage, seconds in verdict.stages.items()},
        "second_opinion": _plain(verdict.second_opinion),
        "rpc": _plain(verdict.rpc),
        "source": verdict.source,
    }


def line(verdict: Verdict) -> str:
    """The JSON object of a verdict on one line, ASCII only, without a final newline."""
    return json.dumps(record(verdict), separators=(",", ":"), allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, Mapping):
        return {k if isinstance(k, str) else str(_plain(k)): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value
