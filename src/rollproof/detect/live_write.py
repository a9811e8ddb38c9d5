"""What a transaction wrote to storage and did not undo, and the calls around one that share its storage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rollproof.detect.execution import Execution

WORD = 1 << 256
_SSTORE = 1


@dataclass(frozen=True, slots=True)
class LiveWrite:
    """One SSTORE that no revert took back, of ``context``'s storage."""

    row: int
    frame: int
    order: int
    context: bytes
    slot: bytes
    before: int
    after: int

    @property
    def rise(self) -> int:
        """How much the word rose, modulo 2**256: a fall by 5 is 2**256 - 5."""
        return (self.after - self.before) % WORD


def live_writes(execution: Execution) -> Sequence[LiveWrite]:
    """Its live writes in order, decoded once for all detectors that ask."""
    return execution.kept("live writes", _live_writes)


def _live_writes(execution: Execution) -> tuple[LiveWrite, ...]:
    trace, rows = execution.trace, execution.access_rows
    kinds, frames, orders = trace.column("access_write"), trace.column("access_frame"), trace.column("access_order")
    slots, values, olds = trace.column("access_slot"), trace.column("access_value"), trace.column("access_before")
    targets = trace.column("frame_target")
    found, live = [], {}
    for row in rows:
        if kinds[row] != _SSTORE:
            continue
        frame = int.from_bytes(frames[4 * row : 4 * row + 4], "little")
        if frame not in live:
            live[frame] = not trace.reverted(frame)
        if live[frame]:
            at = 32 * row
            found.append(
                LiveWrite(
                    row,
                    frame,
                    int.from_bytes(orders[4 * row : 4 * row + 4], "little"),
                    targets[20 * frame : 20 * frame + 20],
                    slots[at : at + 32],
                    int.from_bytes(olds[at : at + 32], "big"),
                    int.from_bytes(values[at : at + 32], "big"),
                )
            )
    return tuple(found)


def invocation(execution: Execution, row: int) -> range:
    """Rows of the call that a frame is part of (above it only frames of the same storage) and of all calls below."""
    trace = execution.trace
    top = trace.frames[row]
    while top.parent is not None and trace.frames[top.parent].target == top.target:
        top = trace.frames[top.parent]
    return subtree(execution, top.row)


def subtree(execution: Execution, row: int) -> range:
    """Rows of a frame and of all calls below it."""
    ends: dict[int, int] = execution.kept("subtree ends", _no_ends)
    if row not in ends:
        depths, last = execution.trace.column("frame_depth"), execution.frame_rows.stop
        own, end = _depth(depths, row), row + 1
        while end < last and _depth(depths, end) > own:
            end += 1
        ends[row] = end
    return range(row, ends[row])


def _no_ends(_: Execution) -> dict[int, int]:
    return {}


def _depth(depths: bytes, row: int) -> int:
    return int.from_bytes(depths[4 * row : 4 * row + 4], "little")
