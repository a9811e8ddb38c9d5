"""Who is above a frame, read from the trace's columns without decoding the frames."""

from __future__ import annotations

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


def inside(execution: Execution, row: int, outer: int) -> bool:
    """Whether a frame is another one or below it."""
    for at in line(execution, row):
        if at <= outer:  # what is above was entered before
            return at == outer
    return False


def outermost(execution: Execution, row: int, account: bytes) -> int | None:
    """The outermost frame of an account around a frame, or that frame itself; None where there is none."""
    found = None
    for at in line(execution, row):
        if target(execution, at) == account:
            found = at
    return found


def below(execution: Execution, outer: int) -> range:
    """A frame and all below it."""
    column = execution.trace.column("frame_depth")
    end = execution.frame_rows.stop
    depths = unpack_from(f"<{end - outer}I", column, 4 * outer)
    for at, depth in enumerate(depths):
        if at and depth <= depths[0]:
            return range(outer, outer + at)
    return range(outer, end)


def called(execution: Execution) -> set[bytes]:
    """Every account that a frame of the execution was of."""
    rows = execution.frame_rows
    column = execution.trace.column("frame_target")
    return {column[at : at + 20] for at in range(20 * rows.start, 20 * rows.stop, 20)}


def created(execution: Execution) -> set[bytes]:
    """Every account that a frame of the execution made, those that are gone too."""
    if not execution.flags & Trigger.CREATES:
        return set()
    rows = execution.frame_rows
    kinds = execution.trace.column("frame_kind")
    return {target(execution, row) for row in rows if kinds[row] >= Kind.CREATE and not execution.reverted(row)}
