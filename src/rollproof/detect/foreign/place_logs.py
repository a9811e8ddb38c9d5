"""Logs of a receipt put back where they were emitted: a call tree without logs does not say in which call."""

from __future__ import annotations

from collections.abc import Sequence

from rollproof.detect.foreign.calls import Call, PlacedLog
from rollproof.detect.foreign.receipts import Log
from rollproof.errors import Malformed
from rollproof.replay.trace import Kind

_Segment = tuple[Call, int]  # a call, and how many of its children have been entered


def place(calls: Sequence[Call], logs: Sequence[Log] | None, where: str) -> bool:
    """Gives each log to the earliest stretch of a live call of its emitter that keeps their order.

    False where the receipt lists none. Raises Malformed where a log has no such place: the two contradict each other.
    """
    if logs is None:
        return False
    segments = _segments(calls) if logs else []
    at = 0
    for number, (address, topics, data) in enumerate(logs):
        while at < len(segments) and segments[at][0].target != address:
            at += 1
        if at == len(segments):
            raise Malformed(f"{where}: log {number} of its receipt, by 0x{address.hex()}, fits no call")
        call, position = segments[at]
        call.logs.append(PlacedLog(position, address, topics, data))
    return True


def _segments(calls: Sequence[Call]) -> list[_Segment]:
    """Stretches of live calls that may log, in time order."""
    found: list[_Segment] = []
    path: list[tuple[Call, bool]] = []
    seen: list[int] = []

    def now() -> None:
        if path and path[-1][1]:
            found.append((path[-1][0], seen[-1]))

    for call in calls:
        while len(path) > call.depth:
            path.pop()
            seen.pop()
            now()
        if path:
            seen[-1] += 1
        if call.kind is None:
            now()
            continue
        above = path[-1][1] if path else True
        path.append((call, above and call.success and call.kind is not Kind.STATICCALL))
        seen.append(0)
        now()
    while path:
        path.pop()
        seen.pop()
        now()
    return found
