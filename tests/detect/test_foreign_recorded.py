"""What anvil's tracers said about a block of ours, read, is what our own execution of that block shows."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from detect import rows
from detect.recorded import TRACES, load, scene
from rollproof.detect import foreign
from rollproof.detect.execution import ExecutedBlock, Execution
from rollproof.detect.shows import Shows
from rollproof.errors import Malformed

CALLS = Shows.CALLS | Shows.SELECTOR | Shows.INPUT | Shows.OUTPUT | Shows.ETHER | Shows.GAS | Shows.SENDER
NAMES = scene().names
ATTACK, REFUSED = NAMES.index("attack"), NAMES.index("refused")


def file(name: str) -> Path:
    return TRACES / f"{name}.json.gz"


def only(*paths: Path) -> ExecutedBlock:
    [block] = foreign.read(*paths)
    assert not block.gaps
    return block


def written(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value))
    return path


def hashes(block: ExecutedBlock) -> list[bytes | None]:
    return [each.transaction for each in block.executions]


def reentered(execution: Execution) -> list[tuple[object, ...]]:
    return [
        (each.rule, each.context, each.slot, each.before, each.after, each.outer_selector, each.inner_selector)
        for each in execution.reentries
    ]


def test_struct_logs_show_what_we_executed() -> None:
    own, found = scene().executed, only(file("struct"), file("block"), file("receipts"))
    assert found.shows == CALLS | (
        Shows.TOPICS | Shows.LOGS | Shows.STORAGE | Shows.VALUES | Shows.TRANSIENT | Shows.HASHES
    )
    assert (found.number, found.chain_id, found.timestamp) == (own.number, own.chain_id, own.timestamp)
    assert hashes(found) == hashes(own)
    for name, ours, theirs in zip(NAMES, own.executions, found.executions, strict=True):
        assert rows.frames(theirs) == rows.frames(ours), name
        assert rows.accesses(theirs) == rows.accesses(ours), name
        assert rows.logs(theirs) == rows.logs(ours), name
        assert rows.ends(theirs) == rows.ends(ours), name
        assert rows.transfers(theirs) == rows.transfers(ours), name
        assert (theirs.sender, theirs.to, theirs.success) == (ours.sender, ours.to, ours.success), name
        assert reentered(theirs) == reentered(ours), name
    assert found.executions[ATTACK].reentries  # and there is something to compare


def test_call_trees_with_logs_show_the_calls_and_logs() -> None:
    own, found = scene().executed, only(file("calls"), file("block"), file("receipts"))
    assert found.shows == CALLS | Shows.TOPICS | Shows.LOGS
    assert hashes(found) == hashes(own)
    for name, ours, theirs in zip(NAMES, own.executions, found.executions, strict=True):
        # The outermost call's gas is the transaction's.
        assert rows.frames(theirs, gas=False) == rows.frames(ours, gas=False), name
        assert rows.logs(theirs) == rows.logs(ours), name
        assert rows.order(theirs) == rows.order(ours), name
        assert rows.transfers(theirs) == rows.transfers(ours), name


def test_a_tree_without_logs_takes_them_from_the_receipts(tmp_path: Path) -> None:
    bare = load("calls")
    for entry in bare:
        waiting = [entry["result"]]
        while waiting:
            call = waiting.pop()
            call.pop("logs", None)
            waiting += call.get("calls", ())
    own, found = scene().executed, only(written(tmp_path / "calls.json", bare), file("receipts"))
    assert Shows.LOGS in found.shows
    for ours, theirs in zip(own.executions, found.executions, strict=True):
        assert [log[1:] for log in rows.logs(theirs)] == [log[1:] for log in rows.logs(ours)]
        assert sorted(map(str, rows.transfers(theirs))) == sorted(map(str, rows.transfers(ours)))
        for log in theirs.logs:
            assert theirs.frame(log.frame).target == log.address
    [alone] = foreign.read(tmp_path / "calls.json")
    assert Shows.LOGS not in alone.shows
    swap = NAMES.index("swap")  # its tokens emit nothing that a call does not say
    ours, theirs = own.executions[swap], alone.executions[swap]
    assert sorted(map(str, rows.transfers(theirs))) == sorted(map(str, rows.transfers(ours)))


def test_parity_traces_show_the_calls() -> None:
    own, found = scene().executed, only(file("parity"))
    assert found.shows == CALLS
    assert found.number == own.number
    for name, ours, theirs in zip(NAMES, own.executions, found.executions, strict=True):
        assert rows.frames(theirs, gas=False) == rows.frames(ours, gas=False), name
        assert rows.ends(theirs) == rows.ends(ours), name
    assert _ran(found) == _ran(own)


def test_everything_about_a_block_is_one_recording() -> None:
    names = ("difference", "receipts", "calls", "block")
    [recording] = foreign.recordings([file(name) for name in names])
    found = recording.read()
    assert Shows.NET_STORAGE in found.shows
    assert all(f"{name}.json.gz" in recording.source for name in names)
    assert found.beneficiary == bytes.fromhex(load("block")["miner"][2:])


@pytest.mark.parametrize("name", ["calls", "struct"])
def test_a_block_with_traces_gone_says_so(tmp_path: Path, name: str) -> None:
    most = written(tmp_path / "most.json", load(name)[:-1])
    [cut] = foreign.read(most, file("block"), file("receipts"))
    assert cut.gaps == (f"1 of the block's {len(NAMES)} transactions have no trace",)
    alone = written(tmp_path / "one.json", load(name)[ATTACK : ATTACK + 1])
    assert only(alone, file("block")).executions[0].transaction == scene().executed.executions[ATTACK].transaction


def test_parity_traces_with_a_transaction_gone_say_so(tmp_path: Path) -> None:
    inner = [each for each in load("parity") if each["transactionPosition"] != ATTACK]
    [cut] = foreign.read(written(tmp_path / "parity.json", inner))
    assert cut.gaps == ("1 transactions between those that are shown have no trace",)
    last = [each for each in load("parity") if each["transactionPosition"] != len(NAMES) - 1]
    [cut] = foreign.read(written(tmp_path / "parity.json", last), file("receipts"))
    assert cut.gaps == (f"1 of the block's {len(NAMES)} transactions have no trace",)


def test_one_file_a_transaction_is_one_block(tmp_path: Path) -> None:
    paths = [written(tmp_path / f"{at}.json", [entry]) for at, entry in enumerate(load("calls"))]
    found = only(*reversed(paths), file("block"), file("receipts"))
    assert hashes(found) == hashes(scene().executed)
    alone = foreign.read(*paths)  # nothing says that these are of one block
    assert len(alone) == len(NAMES)


def test_two_records_of_one_block_are_two_recordings() -> None:
    found = foreign.read(file("calls"), file("parity"), file("receipts"))
    assert [hashes(each) for each in found] == [hashes(scene().executed)] * 2
    assert all(Shows.LOGS in each.shows for each in found)


def test_the_plain_prestate_says_who_has_code() -> None:
    own, found = scene().executed, only(file("calls"), file("prestate"), file("block"))
    ran = _ran(found)
    assert ran == _ran(own)
    assert 0 < sum(ran) < len(ran)


def _ran(block: ExecutedBlock) -> list[int]:
    column = block.trace.column("frame_ran")
    return [column[row] for execution in block.executions for row in execution.frame_rows]


def test_what_is_saved_reads_the_same(tmp_path: Path) -> None:
    for names in (["parity"], ["calls", "receipts", "block"], ["struct", "block", "receipts"]):
        [recording] = foreign.recordings([file(name) for name in names])
        first, again = recording.read(), only(recording.save(tmp_path, "-".join(names)))
        assert hashes(again) == hashes(first)
        for one, other in zip(first.executions, again.executions, strict=True):
            assert rows.frames(one) == rows.frames(other)


def _drop_receipt(answers: dict[str, Any]) -> None:
    answers["receipts"].pop()


def _fail(answers: dict[str, Any]) -> None:
    answers["receipts"][ATTACK]["status"] = "0x0"


def _foreign_log(answers: dict[str, Any]) -> None:
    for entry in answers["calls"]:
        entry["result"].pop("logs", None)
        for call in entry["result"].get("calls", ()):
            call.pop("logs", None)
            for below in call.get("calls", ()):
                below.pop("logs", None)
    answers["calls"] = answers["calls"][:1]
    answers["receipts"] = answers["receipts"][:1]
    answers["block"]["transactions"] = answers["block"]["transactions"][:1]
    answers["difference"] = answers["difference"][:1]
    log = {"address": "0x" + "77" * 20, "topics": [], "data": "0x"}
    answers["receipts"][0]["logs"] = [log]


def _other_balance(answers: dict[str, Any]) -> None:
    paid = answers["calls"][0]["result"]["to"]
    answers["difference"][0]["result"]["post"][paid]["balance"] = "0x1"


def _twice(answers: dict[str, Any]) -> None:
    answers["calls"].append(answers["calls"][0])


def _unknown(answers: dict[str, Any]) -> None:
    answers["calls"][0]["txHash"] = "0x" + "99" * 32


def _sender(answers: dict[str, Any]) -> None:
    answers["block"]["transactions"][0]["from"] = "0x" + "99" * 20


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_drop_receipt, "receipts of 1 transactions are missing"),
        (_fail, "disagree on whether it succeeded"),
        (_foreign_log, "fits no call"),
        (_other_balance, "its state difference"),
        (_twice, "two traces of one transaction"),
        (_unknown, "are missing|which its block does not have"),
        (_sender, "another account sent it"),
    ],
)
def test_parts_that_contradict_each_other_are_refused(
    tmp_path: Path, spoil: Callable[[dict[str, Any]], None], says: str
) -> None:
    answers = {name: load(name) for name in ("calls", "receipts", "block", "difference")}
    spoil(answers)
    paths = [written(tmp_path / f"{name}.json", value) for name, value in answers.items()]
    recordings = list(foreign.recordings(paths))
    with pytest.raises(Malformed, match=says):
        list(map(foreign.Recording.read, recordings))


def _steps() -> list[Any]:
    steps: list[Any] = load("struct")[ATTACK]["result"]["structLogs"]
    return steps


def read_struct(tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> ExecutedBlock:
    result = load("struct")[ATTACK]["result"]
    change(result)
    transaction = load("block")["transactions"][ATTACK]
    [block] = foreign.read(written(tmp_path / "one.json", {"transaction": transaction, "result": result}))
    return block


def test_a_cut_struct_log_says_so(tmp_path: Path) -> None:
    whole = read_struct(tmp_path, lambda result: None)
    assert not whole.gaps
    steps = _steps()
    for end in (0, 1, len(steps) // 3, len(steps) // 2, len(steps) - 1):
        cut = read_struct(tmp_path, lambda result, end=end: result["structLogs"].__delitem__(slice(end, None)))  # type: ignore[misc]
        assert cut.gaps, end
        assert len(cut.executions) == 1


def test_struct_logs_with_a_step_gone_or_moved_are_refused(tmp_path: Path) -> None:
    steps = _steps()
    deep = next(at for at, step in enumerate(steps) if step["depth"] == 3)
    for drop in (3, len(steps) // 2, deep):
        with pytest.raises(Malformed, match=r"one\.json"):
            read_struct(tmp_path, lambda result, drop=drop: result["structLogs"].__delitem__(drop))  # type: ignore[misc]

    def swap(result: dict[str, Any]) -> None:
        listed = result["structLogs"]
        listed[10], listed[11] = listed[11], listed[10]

    with pytest.raises(Malformed):
        read_struct(tmp_path, swap)

    def jump(result: dict[str, Any]) -> None:
        for step in result["structLogs"][deep:]:
            step["depth"] += 2

    with pytest.raises(Malformed, match="follows depth"):
        read_struct(tmp_path, jump)

    def claim(result: dict[str, Any]) -> None:
        result["failed"] = True

    with pytest.raises(Malformed, match="it says that the transaction failed"):
        read_struct(tmp_path, claim)


def test_without_memory_or_stack_less_is_shown(tmp_path: Path) -> None:
    def no_memory(result: dict[str, Any]) -> None:
        for step in result["structLogs"]:
            step["memory"] = None

    shown = read_struct(tmp_path, no_memory).shows
    assert not shown & (Shows.INPUT | Shows.SELECTOR | Shows.OUTPUT | Shows.LOGS | Shows.HASHES)
    assert Shows.STORAGE | Shows.VALUES | Shows.CALLS | Shows.TOPICS in shown

    def no_stack(result: dict[str, Any]) -> None:
        for step in result["structLogs"]:
            step["stack"] = None

    with pytest.raises(Exception, match="disableStack"):
        read_struct(tmp_path, no_stack)


def test_struct_logs_alone_find_out_what_is_called(tmp_path: Path) -> None:
    own = scene().executed.executions[ATTACK]
    [block] = foreign.read(written(tmp_path / "bare.json", load("struct")[ATTACK]["result"]))
    [found] = block.executions
    assert found.root is not None
    assert own.root is not None
    assert found.root.target == own.root.target
    assert Shows.SENDER not in block.shows
    assert Shows.INPUT not in block.shows  # of the transaction's own call nothing says it
    assert block.trace_hash is not None
    assert [each[:5] for each in rows.accesses(found)] == [each[:5] for each in rows.accesses(own)]


def test_words_may_be_written_with_or_without_prefix(tmp_path: Path) -> None:
    def other(result: dict[str, Any]) -> None:
        for step in result["structLogs"]:
            step["stack"] = [f"{int(word, 16):064x}" for word in step["stack"]]
            step["memory"] = [f"0x{word.removeprefix('0x')}" for word in step["memory"] or ()]

    one, two = read_struct(tmp_path, lambda result: None), read_struct(tmp_path, other)
    assert rows.frames(one.executions[0]) == rows.frames(two.executions[0])
    assert rows.accesses(one.executions[0]) == rows.accesses(two.executions[0])


def test_the_fixtures_are_what_they_say() -> None:
    for path in TRACES.glob("*.json.gz"):
        assert gzip.decompress(path.read_bytes()), path
