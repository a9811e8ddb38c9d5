"""Call trees and Parity's traces: what a tree has to be, and what is told of calls that failed or ran no code."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rollproof.detect import foreign
from rollproof.detect.execution import ExecutedBlock
from rollproof.detect.foreign.combine import group
from rollproof.detect.foreign.source import TraceFile
from rollproof.detect.shows import Shows
from rollproof.errors import Malformed, RollproofError, Unsupported
from rollproof.replay.trace import Kind

S, A, B, C = ("0x" + letter * 40 for letter in "9abc")
T1, T2, BLOCK = "0x" + "11" * 32, "0x" + "22" * 32, "0x" + "bb" * 32


def raw(address: str) -> bytes:
    return bytes.fromhex(address[2:])


def read(value: Any) -> ExecutedBlock:
    [recording] = group([TraceFile("t.json", json.dumps(value).encode())])
    return recording.read()


def refused(value: Any, says: str, kind: type[RollproofError] = Malformed) -> None:
    with pytest.raises(kind, match=says) as caught:
        read(value)
    assert str(caught.value).startswith("t.json")


def call(kind: str, origin: str, to: str, *below: Any, **other: Any) -> dict[str, Any]:
    return {
        "type": kind, "from": origin, "to": to, "value": "0x0", "gas": "0x100", "gasUsed": "0x10", "input": "0x",
        "calls": list(below), **other,
    }  # fmt: skip


def test_kinds_of_calls_and_whose_storage_they_use() -> None:
    tree = call(
        "CALL", S, A,
        call("DELEGATECALL", A, B, call("CALL", A, C), value="0x7"),
        call("CALLCODE", A, C, value="0x5"),
        call("STATICCALL", A, B),
        call("CREATE2", A, C, input="0x6001", output="0x60"),
        {"type": "SELFDESTRUCT", "from": A, "to": S, "value": "0x9"},
        value="0x7",
    )  # fmt: skip
    [found] = read(tree).executions
    rows = [(each.kind, each.caller, each.target, each.code, each.value, each.depth) for each in found.frames]
    a, b, c, s = raw(A), raw(B), raw(C), raw(S)
    assert rows == [
        (Kind.CALL, s, a, a, 7, 0),
        (Kind.DELEGATECALL, s, a, b, 7, 1),
        (Kind.CALL, a, c, c, 0, 2),
        (Kind.CALLCODE, a, a, c, 5, 1),
        (Kind.STATICCALL, a, b, b, 0, 1),
        (Kind.CREATE2, a, c, c, 0, 1),
    ]
    [ended] = found.selfdestructs
    assert (ended.beneficiary, ended.value, ended.frame) == (s, 9, found.frame_rows.start)
    moved = [(each.sender, each.recipient, each.amount) for each in found.transfers]
    assert moved == [(s, a, 7), (a, s, 9)]  # a delegate call's value is not sent


def test_a_failed_call_and_what_is_below_it() -> None:
    tree = call("CALL", S, A, call("CALL", A, B, call("CALL", B, C, value="0x5"), error="out of gas"))
    [found] = read(tree).executions
    one, other, below = found.frames
    assert (one.success, other.success, below.success) == (True, False, True)
    assert found.reverted(below.row)
    assert found.transfers == ()
    assert found.success is True
    assert read(call("CALL", S, A, error="execution reverted")).executions[0].success is False


def test_logs_stand_between_the_calls() -> None:
    logs = [{"address": A, "topics": [T1], "data": "0x", "position": hex(at)} for at in (0, 1, 1, 2)]
    [found] = read(call("CALL", S, A, call("CALL", A, B), call("CALL", A, C), logs=logs)).executions
    rows = sorted([(each.order, "call") for each in found.frames] + [(each.order, "log") for each in found.logs])
    assert [kind for _, kind in rows] == ["call", "log", "call", "log", "log", "call", "log"]


def test_whether_a_call_ran_code() -> None:
    quiet = {"gasUsed": "0x0"}
    tree = call(
        "CALL", S, A,
        call("CALL", A, B, **quiet),
        call("CALL", A, C, **quiet, output="0x01"),
        call("STATICCALL", A, "0x" + "0" * 39 + "4"),
        call("CALL", A, B),
    )  # fmt: skip
    block = read(tree)
    assert list(block.trace.column("frame_ran")) == [1, 0, 1, 0, 1]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda tree: tree["calls"][0].update({"from": C}), "stands in one of"),
        (lambda tree: tree["calls"][0].pop("to"), "to is missing"),
        (lambda tree: tree["calls"][0].update(to="0x12345"), None),
        (lambda tree: tree["calls"][0].update(to="0x" + "1" * 41), "t.json: call 0: to"),
        (lambda tree: tree["calls"][0].update(input="0x123"), "input"),
        (lambda tree: tree["calls"][0].update(value="0x" + "f" * 65), "value"),
        (lambda tree: tree["calls"][0].update(gas=2**64), "gas"),
        (lambda tree: tree["calls"][0].update(gas=True), "gas"),
        (lambda tree: tree.update(calls={}), "calls"),
        (lambda tree: tree.update(calls=[[]]), "expected a JSON object"),
        (lambda tree: tree.update(logs=[{"address": B, "topics": [], "data": "0x"}]), "a log of 0x"),
        (lambda tree: tree.update(logs=[{"address": A, "topics": [T1] * 5, "data": "0x"}]), "topics"),
        (lambda tree: tree.update(error="\x1b[2J"), "control characters"),
        (lambda tree: tree.update(type="DELEGATECALL"), "cannot begin with a delegate call"),
        (lambda tree: tree.update(type="SELFDESTRUCT"), "cannot begin with a self-destruct"),
    ],
)
def test_a_tree_that_cannot_be_is_refused(spoil: Callable[[dict[str, Any]], None], says: str | None) -> None:
    tree = call("CALL", S, A, call("CALL", A, B))
    spoil(tree)
    if says is None:
        read(tree)  # a short address is minimal hex
    else:
        refused(tree, says)


def test_a_kind_of_call_that_is_not_known() -> None:
    refused(call("CALL", S, A, call("TELEPORT", A, B)), "call type TELEPORT is not known", Unsupported)


def parity(
    origin: str, to: str, address: list[int], subtraces: int = 0, *, sent: str = T1, position: int = 0
) -> dict[str, Any]:
    return {
        "action": {"from": origin, "to": to, "callType": "call", "gas": "0x10", "input": "0x", "value": "0x0"},
        "result": {"gasUsed": "0x1", "output": "0x"}, "subtraces": subtraces, "traceAddress": address, "type": "call",
        "blockHash": BLOCK, "blockNumber": 5, "transactionHash": sent, "transactionPosition": position,
    }  # fmt: skip


def traces() -> list[dict[str, Any]]:
    return [
        parity(S, A, [], 2),
        parity(A, B, [0], 1),
        parity(B, C, [0, 0]),
        parity(A, C, [1]),
        parity(S, B, [], sent=T2, position=1),
        {
            "action": {"author": S, "rewardType": "block", "value": "0x1"}, "result": None, "subtraces": 0,
            "traceAddress": [], "type": "reward", "blockHash": BLOCK, "blockNumber": 5, "transactionHash": None,
            "transactionPosition": None,
        },
    ]  # fmt: skip


def snake(value: dict[str, Any]) -> dict[str, Any]:
    names = {"traceAddress": "trace_address", "blockHash": "block_hash", "blockNumber": "block_number"}
    names |= {"transactionHash": "transaction_hash", "transactionPosition": "transaction_position"}
    return {names.get(key, key): each for key, each in value.items()}


@pytest.mark.parametrize(
    "shape",
    [
        lambda given: given,
        lambda given: [snake(each) for each in given],
        lambda given: {"jsonrpc": "2.0", "id": 1, "result": given},
        lambda given: {"block_number": 5, "miner": S, "base_fee_per_gas": 1, "traces": given, "receipts": []},
    ],
)
def test_every_shape_of_parity_traces(shape: Callable[[list[Any]], Any]) -> None:
    block = read(shape(traces()))
    assert (block.number, len(block.executions)) == (5, 2)
    assert [each.depth for each in block.executions[0].frames] == [0, 1, 2, 1]
    assert [each.transaction for each in block.executions] == [raw(T1), raw(T2)]


def test_replayed_transactions() -> None:
    plain = [{key: each[key] for key in ("action", "result", "subtraces", "traceAddress", "type")} for each in traces()]
    entries = [
        {"output": "0x", "stateDiff": None, "vmTrace": None, "trace": plain[:4], "transactionHash": T1},
        {"output": "0x", "stateDiff": None, "vmTrace": None, "trace": plain[4:5], "transactionHash": T2},
    ]
    block = read(entries)
    assert [len(each.frame_rows) for each in block.executions] == [4, 1]
    assert [each.transaction for each in block.executions] == [raw(T1), raw(T2)]
    single = read({"output": "0x", "stateDiff": None, "vmTrace": None, "trace": plain[:4]})
    assert [len(each.frame_rows) for each in single.executions] == [4]


def _spoiled(change: Callable[[list[dict[str, Any]]], Any]) -> list[dict[str, Any]]:
    given = copy.deepcopy(traces())
    change(given)
    return given


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda given: given.pop(2), "1 traces below it are announced, 0 are there"),
        (lambda given: given.pop(1), "no trace above it|does not follow"),
        (lambda given: given.pop(0), "no trace above it|another transaction"),
        (lambda given: given.insert(1, given.pop(3)), "does not follow"),
        (lambda given: given.insert(2, given.pop(4)), "are announced"),
        (lambda given: given.append(given.pop(0)), "no trace above it|another transaction|begins twice"),
        (lambda given: given[2].update(traceAddress=[0, 1]), "does not follow"),
        (lambda given: given[2].update(traceAddress=[0, 0, 0]), "no trace above it"),
        (lambda given: given[3].update(traceAddress=[2]), "does not follow"),
        (lambda given: given[0].update(subtraces=3), "3 traces below it are announced, 2 are there"),
        (lambda given: given[1].update(transactionHash=T2), "another transaction"),
        (lambda given: given[4].update(transactionHash=T1), "begins twice"),
        (lambda given: given[4].update(transactionPosition=0), "transaction 0 follows transaction 0"),
        (lambda given: given[3].update(blockHash=T1), "block hash"),
        (lambda given: given[3].update(blockNumber=6), "block number 6"),
        (lambda given: given[3].update(block_number=7), "differ"),
        (
            lambda given: given[2].update(action={"from": S, "to": C, "callType": "call", "value": "0x0"}),
            "stands in one of",
        ),
        (lambda given: given[2].update(type="create", result={}), "without address or error"),
        (lambda given: given[2].update(traceAddress=["x"]), "traceAddress"),
        (lambda given: given[2].update(traceAddress=5), "traceAddress"),
        (lambda given: given[2].update(traceAddress=[0] * 1025), "nest deeper"),
    ],
)
def test_parity_traces_that_are_no_tree_are_refused(change: Callable[[list[dict[str, Any]]], Any], says: str) -> None:
    refused(_spoiled(change), says)


def test_what_parity_shows_that_is_not_known() -> None:
    refused(_spoiled(lambda given: given[2].update(type="teleport")), "trace type teleport is not known", Unsupported)
    given = _spoiled(lambda given: given[2]["action"].update(callType="warp"))
    refused(given, "call type warp is not known", Unsupported)


def test_every_shared_block_is_read(shared_data: Path) -> None:
    paths = sorted((shared_data / "detection" / "mev-blocks").iterdir())
    assert len(paths) == 13
    for path in paths:
        [block] = foreign.read(path)
        assert block.number == int(path.name.split(".")[0])
        assert Shows.LOGS not in block.shows
        assert not block.gaps
    [whole] = foreign.read(*sorted((shared_data / "traced-blocks").glob("*.json.gz")))
    assert (whole.number, whole.chain_id, len(whole.executions)) == (19299001, 1, 155)
    assert Shows.LOGS | Shows.NET_STORAGE in whole.shows
