"""The trace's lazily decoded view, over a trace put together event by event."""

from __future__ import annotations

import pytest

from rollproof import _core
from rollproof.replay.trace import Access, Kind, Log, Selfdestruct, Trace


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


A, B, C = b"\xaa" * 20, b"\xbb" * 20, b"\xcc" * 20


def build() -> Trace:
    """A transaction that calls A. Another: A calls B (which fails), which delegates to C (fine by itself)."""
    builder = _core.TraceBuilder()
    builder.begin(0)
    builder.enter(0, A, B, B, 0, 1, b"")
    builder.leave(True, 4, b"")
    builder.begin(7)
    builder.enter(0, A, B, B, 2**200, 2**40, b"abc")
    builder.access(0, word(7), 9, 9)
    builder.enter(2, B, B, C, 5, 3, b"de" * 70_000)
    builder.access(3, word(8), 10, 11, 77)
    builder.log(B, [word(1), word(2)], b"")
    builder.log(C, [], b"ab")
    builder.log(C, [word(3)], b"d")
    builder.selfdestruct(A, 12)
    builder.leave(True, 6, b"")
    builder.leave(False, 5, b"f")
    return Trace(builder.finish())


TRACE = build()


def test_frames() -> None:
    first, outer, inner = TRACE.frames
    assert (first.transaction, first.parent, first.success) == (0, None, True)
    assert (outer.transaction, outer.parent, outer.success, outer.value) == (7, None, False, 2**200)
    assert (outer.gas_limit, outer.gas_used, outer.input, outer.output) == (2**40, 5, b"abc", b"f")
    assert (inner.kind, inner.parent, inner.depth, inner.code, inner.target) == (Kind.DELEGATECALL, 1, 1, C, B)
    assert (inner.input, inner.input_length) == ((b"de" * 70_000)[: 128 << 10], 140_000)
    assert TRACE.frames[1] is TRACE.frames[1]


def test_a_frame_below_a_failed_one_is_reverted() -> None:
    assert [TRACE.reverted(row) for row in range(3)] == [False, True, True]
    assert [TRACE.transaction_of(row) for row in range(3)] == [0, 7, 7]


def test_other_tables() -> None:
    assert list(TRACE.accesses) == [
        Access(1, 2, False, word(7), 9, 9, transient=False, pc=None),
        Access(2, 4, True, word(8), 10, 11, transient=True, pc=77),
    ]
    assert list(TRACE.logs) == [
        Log(2, 5, B, (word(1), word(2)), b"", 0),
        Log(2, 6, C, (), b"ab", 2),
        Log(2, 7, C, (word(3),), b"d", 1),
    ]
    assert list(TRACE.selfdestructs) == [Selfdestruct(2, 8, A, 12)]


def test_tables_are_sequences() -> None:
    assert TRACE.logs[-1] == TRACE.logs[2]
    assert TRACE.logs[1:] == [TRACE.logs[1], TRACE.logs[2]]
    assert len(TRACE.frames) == 3
    for row in (3, -4):
        with pytest.raises(IndexError):
            TRACE.frames[row]
