"""Event traces: calls, accesses and logs in order, and what a trace that is cut or contradicts itself leads to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollproof.detect import foreign
from rollproof.detect.execution import ExecutedBlock
from rollproof.detect.foreign import event_trace
from rollproof.detect.foreign.assemble import assemble
from rollproof.detect.shows import Shows
from rollproof.errors import Malformed, RollproofError, Unsupported
from rollproof.replay.trace import Kind

S, A, B, C = ("0x" + letter * 40 for letter in "9abc")


def raw(address: str) -> bytes:
    return bytes.fromhex(address[2:])


def enter(
    target: str, *, kind: str = "CALL", code: str | None = None, value: str = "0x0", selector: str | None = None
) -> Any:
    return ["enter", kind, code or target, target, value, selector, None]


def block_of(events: list[Any], **other: Any) -> ExecutedBlock:
    record = {"id": "x", "from": S, "to": A, "events": events, **other}
    return assemble(event_trace.read(record, "t"))


def refused(events: list[Any], says: str, kind: type[Exception] = Malformed, **other: Any) -> None:
    with pytest.raises(kind, match=says) as caught:
        block_of(events, **other)
    assert str(caught.value).startswith("t")


def test_a_trace_may_begin_inside_the_target() -> None:
    [found] = block_of([["sload", "0x1", "0x5"], enter(B, selector="0x2e1a7d4d"), ["exit", 1]]).executions
    one, other = found.frames
    assert (one.caller, one.target, one.depth) == (raw(S), raw(A), 0)
    assert (other.caller, other.target, other.depth) == (raw(A), raw(B), 1)
    assert other.input == bytes.fromhex("2e1a7d4d")


def test_a_delegate_call_keeps_caller_and_storage() -> None:
    events = [enter(A), enter(A, kind="DELEGATECALL", code=B), enter(C), ["exit", 1], ["exit", 1], ["exit", 1]]
    [found] = block_of(events).executions
    root, delegated, below = found.frames
    assert (delegated.kind, delegated.caller, delegated.target, delegated.code) == (
        Kind.DELEGATECALL,
        root.caller,
        raw(A),
        raw(B),
    )
    assert below.caller == raw(A)


def test_the_value_before_a_write_is_the_last_known() -> None:
    events = [
        ["sload", "0x1", "0x5"],
        ["sstore", "0x1", "0x6"],
        enter(B),
        ["sstore", "0x1", "0x9"],  # another contract's slot: nothing known
        enter(A),
        ["sstore", "0x1", "0x7"],
        ["exit", 0],  # undone
        ["exit", 1],
        ["sstore", "0x1", "0x8"],
        ["tstore", "0x1", "0x2"],
        ["tstore", "0x1", "0x3"],
    ]
    [found] = block_of(events).executions
    writes = [(each.before, each.value) for each in found.accesses if each.write]
    assert writes == [(5, 6), (0, 9), (6, 7), (6, 8), (0, 2), (2, 3)]


def test_only_selectors_are_shown_of_call_data() -> None:
    shows = block_of([enter(A), ["exit", 1]]).shows
    assert Shows.SELECTOR | Shows.CALLS | Shows.STORAGE | Shows.LOGS in shows
    assert not shows & (Shows.INPUT | Shows.OUTPUT | Shows.GAS | Shows.HASHES | Shows.STEPS | Shows.STATE)


def test_where_only_topics_are_known_logs_are_not_shown() -> None:
    topic = "0x" + "dd" * 32
    found = block_of([["log1", topic], ["log3", topic, topic, topic]])
    assert Shows.LOGS not in found.shows
    assert Shows.TOPICS in found.shows
    assert [len(each.topics) for each in found.executions[0].logs] == [1, 3]


def test_a_read_without_its_value_takes_values_away() -> None:
    found = block_of([["sload", "0x1", None], ["sstore", "0x1", "0x2"]])
    assert Shows.VALUES not in found.shows


def test_a_call_without_code() -> None:
    [found] = block_of([["leafcall", "CALL", B, "0x10", 1], ["leafcall", "CALL", C, "0x10", 0]]).executions
    assert [(each.target, each.value, each.success) for each in found.frames][1:] == [
        (raw(B), 16, True),
        (raw(C), 16, False),
    ]
    assert [each.recipient for each in found.transfers] == [raw(B)]


@pytest.mark.parametrize(
    "events",
    [
        [["sload", "0x1", "0x5"], enter(B)],
        [enter(A), enter(B), ["sload", "0x1", "0x5"]],
        [enter(A), ["sload", "0x1", "0x5"]],
    ],
)
def test_a_trace_that_ends_early_is_judged_but_says_so(events: list[Any]) -> None:
    found = block_of(events)
    assert any("ends inside" in gap for gap in found.gaps)
    assert len(found.executions) == 1


def test_an_unsaid_outcome_is_a_gap() -> None:
    found = block_of([enter(A), enter(B), ["exit", None], ["exit", 1]])
    assert any("do not say whether they succeeded" in gap for gap in found.gaps)


def test_a_slot_that_changes_by_itself_is_a_gap() -> None:
    found = block_of([["sstore", "0x1", "0x5"], ["sload", "0x1", "0x6"]])
    assert any("another value" in gap for gap in found.gaps)


@pytest.mark.parametrize(
    ("events", "says"),
    [
        ([enter(A), ["exit", 1], ["sload", "0x1", "0x1"]], "event 2: it stands outside any call"),
        ([enter(A), ["exit", 1], ["exit", 1]], "event 2: a call ends that did not begin"),
        ([enter(A), ["exit", 1], enter(B), ["exit", 1]], "event 2: a second outermost call"),
        ([["exit", 1], ["sload", "0x1", "0x1"]], "event 0: a call ends"),
        ([enter(A), ["exit", 2]], "event 1: expected 1, 0 or null"),
        ([enter(A), ["sload", "0x1"]], "event 1: sload has 2 parts"),
        ([enter(A), ["sload", "0x" + "1" * 65, "0x1"]], "event 1: slot"),
        ([enter(A), ["sload", 5, "0x1"]], "event 1: slot"),
        ([enter(A), ["enter", "CALL", A, "zz", "0x0", None, None]], "event 1: storage address"),
        ([enter(A), enter(B, kind="DELEGATECALL", code=C)], "event 1: a delegate call on the storage of another"),
        ([enter(A), "sload"], "event 1: expected a list"),
        ([enter(A), []], "event 1: expected a list"),
        ([enter(A), ["log", B, ["0x1"] * 5, "0x"]], "event 1: topics"),
        ([enter(A)] * 1026, "nest"),
    ],
)
def test_what_cannot_be_is_refused(events: list[Any], says: str) -> None:
    refused([*events], says)


def test_an_event_that_is_not_known_is_a_gap() -> None:
    found = block_of([enter(A), ["gas", "0x5"], ["sload", "0x1", "0x2"], ["gas", "0x4"], ["exit", 1]])
    assert found.gaps == ("2 events are of a kind that is not known: gas",)
    assert len(list(found.executions[0].accesses)) == 1
    refused([enter(A), ["\x1b[2J"]], "control characters")


def test_a_kind_of_call_that_is_not_known_is_refused_by_name() -> None:
    refused([enter(A, kind="JUMP")], "JUMP is not known", Unsupported)


def test_other_keys_are_labels() -> None:
    assert not block_of([enter(A), ["exit", 1]], label=True, victims=[A], more={"x": 1}).gaps


def test_names_may_not_move_the_cursor() -> None:
    refused([enter(A), ["exit", 1]], "control characters", names={A: "\x1b[2Jbank"})
    refused([enter(A), ["exit", 1]], "control characters", names={A: "a\u202eb"})
    refused([enter(A), ["exit", 1]], "control characters", id="a\nb")
    refused([enter(A), ["exit", 1]], "more than 256 characters", names={A: "a" * 10_000})
    assert block_of([enter(A), ["exit", 1]], names={A: "Bank"}).executions[0].names == {raw(A): "Bank"}


def test_the_same_trace_has_the_same_hash_however_it_is_written(tmp_path: Path) -> None:
    record = {"id": "x", "from": S, "to": A, "events": [enter(A), ["exit", 1]]}
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    one.write_text(json.dumps(record))
    other.write_text(json.dumps(dict(reversed(record.items())), indent=1))
    [first], [second] = foreign.read(one), foreign.read(other)
    assert first.trace_hash == second.trace_hash
    assert first.trace_hash is not None
    record["events"] = [enter(A), ["exit", 0]]
    one.write_text(json.dumps(record))
    assert foreign.read(one)[0].trace_hash != second.trace_hash


PART = st.one_of(
    st.none(),
    st.integers(-1, 2),
    st.sampled_from([A, B, "0x", "0x0", "0x1", "0x2e1a7d4d", "CALL", "CREATE", "zz", "\x1b"]),
)
EVENT = st.one_of(
    st.builds(lambda kind, to, value: ["enter", kind, to, to, value, None, None],
              st.sampled_from(["CALL", "STATICCALL", "CREATE", "DELEGATECALL"]), st.sampled_from([A, B, C]),
              st.sampled_from(["0x0", "0x5"])),
    st.builds(lambda ok: ["exit", ok], st.sampled_from([0, 1, None])),
    st.builds(lambda name, slot, value: [name, slot, value], st.sampled_from(["sload", "sstore", "tload", "tstore"]),
              st.sampled_from(["0x0", "0x1"]), st.sampled_from(["0x0", "0x7"])),
    st.builds(lambda name, parts: [name, *parts],
              st.sampled_from(["enter", "exit", "sload", "log", "log1", "leafcall", "selfdestruct", "tstore"]),
              st.lists(PART, max_size=7)),
)  # fmt: skip


@given(st.lists(EVENT, max_size=25))
@settings(max_examples=300)
def test_any_events_are_read_or_refused(events: list[Any]) -> None:
    try:
        found = block_of(events)
    except RollproofError as error:
        assert str(error).startswith("t")  # noqa: PT017
        return
    opens = sum(event[0] == "enter" for event in events)
    leaves = sum(event[0] == "leafcall" for event in events)
    inside = not (events and events[0][0] == "enter")
    assert sum(len(each.frame_rows) for each in found.executions) == opens + leaves + inside


def test_every_shared_event_trace_is_read(shared_data: Path) -> None:
    for name, count in (("exploits-dvdefi", 15), ("reentrancy-labs", 20)):
        found = foreign.read(shared_data / "detection" / f"{name}.jsonl.gz")
        assert len(found) == count
        assert all(len(block.executions) == 1 and not block.gaps for block in found), name
