"""Rows of a whole trace that call a known function or say a known event, found in its columns without decoding rows."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

from rollproof.detect.protocols import Protocols
from rollproof.replay.trace import Trace

Rows = tuple[tuple[int, ...], tuple[int, ...]]

_KEPT: WeakKeyDictionary[Trace, dict[tuple[int, str], Rows]] = WeakKeyDictionary()


def named_rows(trace: Trace, protocols: Protocols, action: str) -> Rows:
    """Rows of frames, and rows of logs, whose selector or first topic a table gives this action. Made once a trace."""
    kept = _KEPT.setdefault(trace, {})
    key = (id(protocols), action)
    if key not in kept:
        kept[key] = (_frames(trace, protocols.selectors(action)), _logs(trace, protocols.topics(action)))
    return kept[key]


def between(rows: Sequence[int], within: range) -> list[int]:
    """Those of one transaction."""
    return [row for row in rows if row in within]


def _frames(trace: Trace, selectors: frozenset[bytes]) -> tuple[int, ...]:
    starts, data = memoryview(trace.column("frame_input_at")).cast("I"), trace.column("data")
    lengths = memoryview(trace.column("frame_input_kept")).cast("I")
    return tuple(row for row, at in enumerate(starts) if data[at : at + 4] in selectors and lengths[row] >= 4)


def _logs(trace: Trace, topics: frozenset[bytes]) -> tuple[int, ...]:
    column = trace.column("log_topics")
    if not any(topic in column for topic in topics):
        return ()
    found, at = [], 0
    for row, count in enumerate(trace.column("log_topic_count")):
        if count and column[32 * at : 32 * at + 32] in topics:
            found.append(row)
        at += count
    return tuple(found)
