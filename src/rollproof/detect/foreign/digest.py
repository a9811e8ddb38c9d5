"""A trace's own hash, where it names no transaction: of what it says, however the JSON is spaced."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from rollproof import _core

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, check_circular=False)


def digest(values: Iterable[Any]) -> bytes:
    """keccak-256 over canonical JSON of the documents, in order. Deep call trees are hashed level by level."""
    return _core.keccak256(b"\n".join(_canonical(value) for value in values))


def _canonical(value: Any) -> bytes:
    if _shallow(value):
        return _ENCODER.encode(value).encode()
    parts: list[str] = []
    waiting: list[Any] = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            parts.append("{")
            for key in sorted(each, reverse=True):
                waiting += [each[key], key]
            parts.append(str(len(each)))
        elif isinstance(each, list):
            parts.append(f"[{len(each)}")
            waiting.extend(reversed(each))
        else:
            parts.append(_ENCODER.encode(each))
    return "".join(parts).encode()


def _shallow(value: Any, bound: int = 200) -> bool:
    level = [value]
    for _ in range(bound):
        level = [
            below
            for each in level
            if isinstance(each, (dict, list))
            for below in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return True
    return False
