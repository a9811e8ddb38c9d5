"""The debug namespace: witnesses that are enough, and tracers; their values against anvil are in tests/node."""

from __future__ import annotations

from typing import Any

import pytest

from rollproof import _core
from rollproof.chain import execution_witness, prestate
from rollproof.chain.header import seal
from rollproof.chain.node import Node as Client
from rollproof.chain.rpc import Limits, Rpc
from rollproof.lab import bytecode
from rollproof.replay.verify import verify_claim
from rollproof.types import Outcome
from unit.served_chain import TOKEN, Served, data, l1, l2, slot, word

CALLS = {"tracer": "callTracer", "tracerConfig": {"withLog": True}}
PRESTATE = {"tracer": "prestateTracer"}
DIFF = {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}}


@pytest.fixture(params=["l1", "l2"])
def either(request: pytest.FixtureRequest) -> Served:
    return {"l1": l1, "l2": l2}[request.param]()


def test_a_block_is_verified_from_its_execution_witness_alone(either: Served) -> None:
    for number in range(1, either.chain.head.number + 1):
        block, parent = either.chain.block(number), either.chain.block(number - 1)
        assert block is not None
        assert parent is not None
        answer = either.ask("debug_executionWitness", hex(number))
        assert answer == either.ask("debug_executionWitnessByBlockHash", data(block.hash))
        assert set(answer) == {"state", "codes", "keys", "headers"}
        witness = execution_witness.from_json(answer, "witness")
        assert seal(parent.header).hash in {_core.keccak256(each) for each in witness.headers}
        if TOKEN in witness.keys:
            assert bytecode.TOKEN in witness.codes
        verdict = verify_claim(
            either.chain.claim(block), witness.preimages(), config=either.chain.config, second_opinion="never"
        )
        assert (verdict.outcome, verdict.computed_hash) == (Outcome.HOLDS, block.hash)
    assert either.refused("debug_executionWitness", "0x0")[0] == -32001
    assert either.refused("debug_executionWitness", "0x99")[0] == -32001


def test_the_tracers_say_what_must_be_proven(either: Served) -> None:
    """Our client asks the prestate tracer what to prove; what it names holds all that a block's execution changes."""
    with Rpc(either.node, limits=Limits(attempts=1)) as rpc:
        for number in range(1, either.chain.head.number + 1):
            block = either.chain.block(number)
            assert block is not None
            touched = prestate.touched(Client(rpc), block.hash)
            for address, _, _, slots in either.chain.run(block).changes:
                changed_by_system = not any(address in (each["sender"], each["to"]) for each in block.outcomes)
                if address in touched:
                    assert {slot for slot, _, _ in slots} <= touched[address]
                else:
                    assert changed_by_system


def test_prestate_is_the_state_before_and_its_difference_leads_to_the_state_after(either: Served) -> None:
    for number in range(1, either.chain.head.number + 1):
        block, parent = either.chain.block(number), either.chain.block(number - 1)
        assert block is not None
        first = either.ask("debug_traceBlockByNumber", hex(number), PRESTATE)[:1]
        for each in first:
            for address, account in each["result"].items():
                held = either.chain.account(bytes.fromhex(address[2:]), parent)
                assert (account.get("nonce", 0), int(account["balance"], 16)) == held[:2]
                for at, value in account.get("storage", {}).items():
                    assert (
                        int(value, 16) == either.chain.storage(bytes.fromhex(address[2:]), int(at, 16), parent)
                        or address in SYSTEM
                    )
        last: dict[str, Any] = {}
        for each in either.ask("debug_traceBlockByHash", data(block.hash), DIFF):
            for address, account in each["result"]["post"].items():
                last.setdefault(address, {}).update({k: v for k, v in account.items() if k != "storage"})
        withdrawn = {data(each.address) for each in block.withdrawals or ()}
        for address, account in last.items():
            held = either.chain.account(bytes.fromhex(address[2:]), block)
            if "balance" in account and address not in withdrawn:
                assert int(account["balance"], 16) == held[1]
            if "nonce" in account:
                assert account["nonce"] == held[0]
            if "code" in account:
                assert account["code"] == data(either.chain.code(bytes.fromhex(address[2:]), block))


SYSTEM = {"0x000f3df6d732807ef1319fb7b8bb8522d0beac02", "0x0000f90827f1c53a10cb7a02335b175320002935"}


def test_a_call_trace_agrees_with_the_receipt(either: Served) -> None:
    for number in range(1, either.chain.head.number + 1):
        receipts = either.ask("eth_getBlockReceipts", hex(number))
        for traced, receipt in zip(either.ask("debug_traceBlockByNumber", hex(number), CALLS), receipts, strict=True):
            found = traced["result"]
            assert traced["txHash"] == receipt["transactionHash"]
            assert found == either.ask("debug_traceTransaction", traced["txHash"], CALLS)
            assert (found["from"], found["gasUsed"]) == (receipt["from"], receipt["gasUsed"])
            assert found.get("to") == (receipt["to"] or receipt["contractAddress"])
            assert ("error" in found) == (receipt["status"] == "0x0")
            logs = [(each["address"], each["topics"], each["data"], each["index"]) for each in found.get("logs", [])]
            assert logs == [(e["address"], e["topics"], e["data"], e["logIndex"]) for e in receipt["logs"]]


def test_a_call_is_traced_without_a_transaction() -> None:
    served = l1()
    call = {"from": data(served.bob.address), "to": data(TOKEN), "data": data(word(slot(served.alice)) + word(7))}
    found = served.ask("debug_traceCall", call, "latest", CALLS)
    [log] = found["logs"]
    assert (found["type"], log["data"]) == ("CALL", data(word(7)))
    failed = served.ask("debug_traceCall", call | {"gas": hex(30_000)}, "latest", CALLS)
    assert (failed["error"], failed["gasUsed"]) == ("out of gas", hex(30_000))
    assert "calls" not in failed


@pytest.mark.parametrize(
    ("config", "code", "named"),
    [
        (None, -32000, "struct logger"),
        ({}, -32000, "struct logger"),
        ({"enableMemory": True}, -32000, "struct logger"),
        ({"tracer": "4byteTracer"}, -32000, "4byteTracer"),
        ({"tracer": "{result: function() {}}"}, -32000, "is not served"),
        ({"tracer": 5}, -32000, "is not served"),
        ({"tracer": "callTracer", "tracerConfig": {"diffMode": True}}, -32602, "diffMode"),
        ({"tracer": "callTracer", "tracerConfig": {"withLog": 1}}, -32602, "withLog"),
        ({"tracer": "callTracer", "tracerConfig": []}, -32602, "tracerConfig"),
        ({"tracer": "callTracer", "enableMemory": True}, -32602, "enableMemory"),
    ],
)
def test_tracers_that_are_not_there_are_refused_by_name(config: Any, code: int, named: str) -> None:
    served = l1()
    block = served.chain.block(1)
    assert block is not None
    found, message = served.refused("debug_traceTransaction", data(block.hashes[0]), config)
    assert found == code
    assert named in message


def test_what_is_not_there_cannot_be_traced() -> None:
    served = l1()
    assert served.refused("debug_traceTransaction", "0x" + "11" * 32, CALLS)[0] == -32001
    assert served.refused("debug_traceBlockByNumber", "0x99", CALLS)[0] == -32001
    assert served.ask("debug_traceBlockByNumber", "0x3", PRESTATE) == []
    assert served.refused("debug_traceCall", {}, "latest", PRESTATE)[0] == -32000


def test_data_that_the_trace_does_not_hold_is_refused_and_not_cut() -> None:
    """An inner call with more data than is kept; the outermost one's comes from the transaction and is whole."""
    served = l1()
    # Copies 140,000 bytes of call data and passes them on to the address in the first word.
    proxy = bytes.fromhex("620222e05f5f37" + "5f5f620222e05f5f5f355af1" + "00")
    served.bob.nonce = served.chain.account(served.bob.address)[0]
    block = served.mine(served.bob.send(None, data=bytecode.deployment(proxy)))
    body = word(slot(served.alice)).ljust(140_000, b"\1")
    assert block.outcomes[0]["created"] is not None
    block = served.mine(served.bob.send(block.outcomes[0]["created"], data=body, gas=8_000_000))
    code, message = served.refused("debug_traceTransaction", data(block.hashes[0]), CALLS)
    assert (code, "140000 bytes of call data" in message) == (-32000, True)
    top = {"tracer": "callTracer", "tracerConfig": {"onlyTopCall": True}}
    assert served.ask("debug_traceTransaction", data(block.hashes[0]), top)["input"] == data(body)
