"""A trace from a record that somebody else made: what makes no sense is refused by name."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollproof import _core

A, B = b"\xaa" * 20, b"\xbb" * 20
WORD = bytes(32)


def begun() -> _core.TraceBuilder:
    builder = _core.TraceBuilder()
    builder.begin(0)
    return builder


def entered() -> _core.TraceBuilder:
    builder = begun()
    builder.enter(0, A, B, B, 0, 0, b"")
    return builder


@pytest.mark.parametrize(
    ("do", "said"),
    [
        (lambda: _core.TraceBuilder().enter(0, A, B, B, 0, 0, b""), "before any transaction"),
        (lambda: begun().leave(True, 0, b""), "did not begin"),
        (lambda: begun().access(0, WORD, 0, 0), "outside any call"),
        (lambda: begun().log(A, [], b""), "outside any call"),
        (lambda: begun().selfdestruct(A, 0), "outside any call"),
        (lambda: begun().begin(0), "out of order"),
        (lambda: entered().begin(1), "inside a call"),
        (lambda: entered().finish(), "do not end"),
        (lambda: entered().enter(6, A, B, B, 0, 0, b""), "number 6"),
        (lambda: entered().enter(0, A[1:], B, B, 0, 0, b""), "19 bytes"),
        (lambda: entered().enter(0, A, B, B, -1, 0, b""), "not an integer"),
        (lambda: entered().enter(0, A, B, B, 1 << 256, 0, b""), "not an integer"),
        (lambda: entered().access(4, WORD, 0, 0), "number 4"),
        (lambda: entered().access(0, WORD[1:], 0, 0), "31 bytes"),
        (lambda: entered().log(A, [WORD] * 5, b""), "5 topics"),
        (lambda: entered().hashed(WORD, WORD, WORD), "not the hash"),
    ],
)
def test_refused(do: Callable[[], object], said: str) -> None:
    with pytest.raises(_core.CoreError, match=said):
        do()


def test_no_call_is_deeper_than_a_machine_allows() -> None:
    builder = begun()
    for _ in range(1025):
        builder.enter(0, A, B, B, 0, 0, b"")
    with pytest.raises(_core.CoreError, match="deeper"):
        builder.enter(0, A, B, B, 0, 0, b"")


@given(st.lists(st.sampled_from(["enter", "leave", "read", "write", "log"]), max_size=60))
def test_any_sequence_is_taken_or_refused(events: list[str]) -> None:
    builder, open_calls = begun(), 0
    for event in events:
        try:
            if event == "enter":
                builder.enter(len(events) % 6, A, B, B, 1, 0, b"abcd")
                open_calls += 1
            elif event == "leave":
                builder.leave(len(events) % 2 == 0, 0, b"")
                open_calls -= 1
            elif event == "log":
                builder.log(A, [], b"")
            else:
                builder.access(event == "write", WORD, 1, 0)
        except _core.CoreError:
            assert open_calls == 0
    assert builder.open == open_calls
    for _ in range(open_calls):
        builder.leave(True, 0, b"")
    trace = builder.finish()
    assert sum(end - start for start, end in (each.frames for each in trace.facts())) == trace.rows()[0]
