"""The trace's lazily decoded view, over columns written by hand as rust/src/trace.rs lays them out."""

from __future__ import annotations

import struct

import pytest

from rollproof.replay.trace import Access, Kind, Log, Selfdestruct, Trace

NONE = 0xFFFF_FFFF


def u32(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def words(*values: int) -> bytes:
    return b"".join(value.to_bytes(32, "big") for value in values)


A, B, C = b"\xaa" * 20, b"\xbb" * 20, b"\xcc" * 20

# A system call; then a transaction: A calls B (fails), which delegates to C (fine by itself).
COLUMNS = {
    "frame_transaction": u32(NONE, 0, 0),
    "frame_parent": u32(NONE, NONE, 1),
    "frame_depth": u32(0, 0, 1),
    "frame_order": u32(0, 1, 3),
    "frame_kind": bytes([0, 0, 2]),
    "frame_status": bytes([1, 16, 2]),
    "frame_ran": bytes([1, 1, 0]),
    "frame_caller": A + A + B,
    "frame_target": B + B + B,
    "frame_code": B + B + C,
    "frame_value": words(0, 2**200, 5),
    "frame_gas_limit": struct.pack("<3Q", 1, 2**40, 3),
    "frame_gas_used": struct.pack("<3Q", 4, 5, 6),
    "frame_input_at": u32(0, 0, 3),
    "frame_input_kept": u32(0, 3, 2),
    "frame_input_length": u32(0, 3, 9000),
    "frame_output_at": u32(0, 5, 0),
    "frame_output_kept": u32(0, 1, 0),
    "frame_output_length": u32(0, 1, 0),
    "access_frame": u32(1, 2),
    "access_order": u32(2, 4),
    "access_write": bytes([0, 3]),
    "access_pc": u32(NONE, 77),
    "access_slot": words(7, 8),
    "access_value": words(9, 10),
    "access_before": words(0, 11),
    "log_frame": u32(1, 2, 2),
    "log_order": u32(5, 6, 7),
    "log_address": B + C + C,
    "log_topic_count": bytes([2, 0, 1]),
    "log_topics": words(1, 2, 3),
    "log_data_at": u32(0, 0, 3),
    "log_data_kept": u32(0, 2, 1),
    "log_data_length": u32(0, 2, 1),
    "selfdestruct_frame": u32(2),
    "selfdestruct_order": u32(8),
    "selfdestruct_beneficiary": A,
    "selfdestruct_value": words(12),
    "data": b"abcdef",
}


class Columns:
    def column(self, name: str) -> bytes:
        return COLUMNS[name]

    def columns(self) -> list[str]:
        return list(COLUMNS)


TRACE = Trace(Columns())  # type: ignore[arg-type]


def test_frames() -> None:
    system, outer, inner = TRACE.frames
    assert (system.transaction, system.parent, system.success) == (None, None, True)
    assert (outer.transaction, outer.parent, outer.success, outer.value) == (0, None, False, 2**200)
    assert (outer.gas_limit, outer.gas_used, outer.input, outer.output) == (2**40, 5, b"abc", b"f")
    assert (inner.kind, inner.parent, inner.depth, inner.code, inner.target) == (Kind.DELEGATECALL, 1, 1, C, B)
    assert (inner.input, inner.input_length) == (b"de", 9000)


def test_a_frame_below_a_failed_one_is_reverted() -> None:
    assert [TRACE.reverted(row) for row in range(3)] == [False, True, True]
    assert [TRACE.transaction_of(row) for row in range(3)] == [None, 0, 0]


def test_other_tables() -> None:
    assert list(TRACE.accesses) == [
        Access(1, 2, False, words(7), 9, 0, transient=False, pc=None),
        Access(2, 4, True, words(8), 10, 11, transient=True, pc=77),
    ]
    assert list(TRACE.logs) == [
        Log(1, 5, B, (words(1), words(2)), b"", 0),
        Log(2, 6, C, (), b"ab", 2),
        Log(2, 7, C, (words(3),), b"d", 1),
    ]
    assert list(TRACE.selfdestructs) == [Selfdestruct(2, 8, A, 12)]


def test_tables_are_sequences() -> None:
    assert TRACE.logs[-1] == TRACE.logs[2]
    assert TRACE.logs[1:] == [TRACE.logs[1], TRACE.logs[2]]
    assert len(TRACE.frames) == 3
    for row in (3, -4):
        with pytest.raises(IndexError):
            TRACE.frames[row]
    assert repr(TRACE) == "<Trace: 3 frames, 2 storage accesses, 3 logs, 1 self-destructs>"
