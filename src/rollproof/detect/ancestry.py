"""Who is above and below a frame, read from the trace's columns without decoding the frames.

Everything here costs a logarithm at most, after one pass over the frames: traces can be 1,024 calls deep.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from struct import unpack_from

from rollproof.detect.execution import Execution
from rollproof.detect.shows import Trigger
from rollproof.replay.trace import Kind

_NONE = 0xFFFF_FFFF


def parent(execution: Execution, row: int) -> int | None:
    """The frame that entered a frame; None for the transaction's own call."""
    (found,) = unpack_from("<I", execution.trace.column("frame_parent"), 4 * row)
    return None if found == _NONE else found


def target(execution: Execution, row: int) -> bytes:
    """Whose storage a frame uses."""
    return execution.trace.column("frame_target")[20 * row : 20 * row + 20]


def caller(execution: Execution, row: int) -> bytes:
    """Who entered a frame."""
    return execution.trace.column("frame_caller")[20 * row : 20 * row + 20]


def entered(execution: Execution, row: int) -> int:
    """The order at which a frame was entered."""
    (found,) = unpack_from("<I", execution.trace.column("frame_order"), 4 * row)
    return int(found)


def line(execution: Execution, row: int) -> Iterator[int]:
    """A frame and those above it, innermost first."""
    at: int | None = row
    while at is not None:
        yield at
        at = parent(execution, at)


def below(execution: Execution, outer: int) -> range:
    """A frame and all below it."""
    ends = execution.kept("ancestry.ends", _ends)
    return range(outer, ends[outer - execution.frame_rows.start])


def inside(execution: Execution, row: int, outer: int) -> bool:
    """Whether a frame is another one or below it."""
    return row in below(execution, outer)


def outermost(execution: Execution, row: int, account: bytes) -> int | None:
    """The outermost frame of an account around a frame, or that frame itself; None where there is none."""
    calls = execution.kept("ancestry.outer", _outer).get(account, [])
    at = bisect_right(calls, row) - 1
    return calls[at] if at >= 0 and inside(execution, row, calls[at]) else None


def frames_of(execution: Execution, account: bytes) -> list[int]:
    """All frames of an account, in order."""
    return execution.kept("ancestry.frames", _frames).get(account, [])


def static(execution: Execution, row: int) -> bool:
    """Whether a frame is a static call or inside one: it can only look."""
    marks = execution.kept("ancestry.static", _static)
    return bool(marks[row - execution.frame_rows.start])


def called(execution: Execution) -> set[bytes]:
    """Every account that a frame of the execution was of."""
    rows, targets = execution.frame_rows, execution.trace.column("frame_target")
    return {targets[at : at + 20] for at in range(20 * rows.start, 20 * rows.stop, 20)}


def created(execution: Execution) -> set[bytes]:
    """Every account that a frame of the execution made, those that are gone too."""
    if not execution.flags & Trigger.CREATES:
        return set()
    rows = execution.frame_rows
    kinds = execution.trace.column("frame_kind")
    return {target(execution, row) for row in rows if kinds[row] >= Kind.CREATE and not execution.reverted(row)}


def _ends(execution: Execution) -> list[int]:
    rows = execution.frame_rows
    depths = unpack_from(f"<{len(rows)}I", execution.trace.column("frame_depth"), 4 * rows.start)
    ends = [rows.stop] * len(rows)
    open_frames: list[int] = []
    for at, depth in enumerate(depths):
        while open_frames and depths[open_frames[-1]] >= depth:
            ends[open_frames.pop()] = rows.start + at
        open_frames.append(at)
    return ends


def _outer(execution: Execution) -> dict[bytes, list[int]]:
    """Account -> its frames that are in no other frame of it, in order."""
    ends = execution.kept("ancestry.ends", _ends)
    rows = execution.frame_rows
    found: dict[bytes, list[int]] = {}
    for row in rows:
        calls = found.setdefault(target(execution, row), [])
        if not calls or row >= ends[calls[-1] - rows.start]:
            calls.append(row)
    return found


def _frames(execution: Execution) -> dict[bytes, list[int]]:
    found: dict[bytes, list[int]] = {}
    for row in execution.frame_rows:
        found.setdefault(target(execution, row), []).append(row)
    return found


def _static(execution: Execution) -> bytearray:
    rows = execution.frame_rows
    kinds = execution.trace.column("frame_kind")
    marks = bytearray(len(rows))
    for at, row in enumerate(rows):
        above = parent(execution, row)
        marks[at] = kinds[row] == Kind.STATICCALL or (above is not None and marks[above - rows.start])
    return marks
