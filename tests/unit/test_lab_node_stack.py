"""The nodes of a whole lab: the rollup node's namespace, the clock and the faults, and what the follower refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rollproof import _core
from rollproof.chain.node import Node as Client
from rollproof.chain.rpc import Limits, Rpc
from rollproof.errors import Lying
from rollproof.lab.node.node import Node
from rollproof.lab.node.server import Server
from rollproof.lab.stack import Stack
from rollproof.replay.online import Options, verify_payload, verify_range
from rollproof.types import Outcome

STEPS = 24


class Lab:
    """A populated stack after some blocks, and its nodes."""

    def __init__(self) -> None:
        self.stack = stack = Stack(5)
        stack.populate()
        stack.run(STEPS)
        stack.follower.sync()
        self.l1 = Node(stack.l1, pool=stack.l1_pool, stack=stack, name="l1")
        self.l2 = Node(
            stack.l2, pool=stack.l2_pool, stack=stack, name="l2", lock=self.l1.lock, heads=stack.l2_heads, admin=True
        )
        self.follower = Node(stack.follower.chain, stack=stack, name="l2-follower", lock=self.l1.lock)

    def ask(self, method: str, *params: Any) -> Any:
        answer = self.l2.make_request(method, list(params))
        assert "error" not in answer, answer
        return answer["result"]

    def refused(self, method: str, *params: Any) -> tuple[int, str]:
        error = self.l2.make_request(method, list(params))["error"]
        return error["code"], error["message"]


@pytest.fixture
def lab() -> Lab:
    return Lab()


def test_the_output_of_a_block_is_that_of_its_proof(lab: Lab) -> None:
    number = lab.stack.l2.head.number - 2
    found = lab.ask("optimism_outputAtBlock", hex(number))
    block = lab.ask("eth_getBlockByNumber", hex(number), False)
    passer = lab.ask("eth_getProof", "0x4200000000000000000000000000000000000016", [], hex(number))
    parts = [bytes(32).hex(), block["stateRoot"][2:], passer["storageHash"][2:], block["hash"][2:]]
    # OP Stack specs, proposals: the four words, hashed.
    assert found["outputRoot"] == "0x" + _core.keccak256(bytes.fromhex("".join(parts))).hex()
    assert found["version"] == "0x" + bytes(32).hex()
    assert (found["stateRoot"], found["withdrawalStorageRoot"]) == (block["stateRoot"], passer["storageHash"])
    reference = found["blockRef"]
    assert (reference["hash"], reference["number"]) == (block["hash"], number)
    origin = lab.stack.l1.block(reference["l1origin"]["number"])
    assert origin is not None
    assert reference["l1origin"]["hash"] == "0x" + origin.hash.hex()
    assert origin.timestamp <= reference["timestamp"]
    assert (origin, reference["sequenceNumber"]) == lab.stack.sequencer.origins[number]
    assert lab.refused("optimism_outputAtBlock", "0x999")[0] == -32001


def test_sync_status_is_where_both_layers_are(lab: Lab) -> None:
    found = lab.ask("optimism_syncStatus")
    stack = lab.stack
    assert (found["head_l1"]["number"], found["unsafe_l2"]["number"]) == (stack.l1.head.number, stack.l2.head.number)
    assert found["unsafe_l2"]["hash"] == "0x" + stack.l2.head.hash.hex()
    assert (found["safe_l2"]["number"], found["finalized_l2"]["number"]) == stack.l2_heads()
    assert found["safe_l2"]["hash"] == lab.ask("eth_getBlockByNumber", "safe", False)["hash"]
    assert 0 < found["safe_l2"]["number"] < found["unsafe_l2"]["number"]
    assert found["safe_l2"]["l1origin"]["number"] <= found["current_l1"]["number"]


def test_the_rollup_configuration_is_the_chains(lab: Lab) -> None:
    found = lab.ask("optimism_rollupConfig")
    assert (found["l1_chain_id"], found["l2_chain_id"], found["block_time"]) == (1337, 1338, 2)
    assert found["genesis"]["l2"] == {"hash": lab.ask("eth_getBlockByNumber", "0x0", False)["hash"], "number": 0}
    origin = lab.l1.make_request("eth_getBlockByNumber", [hex(found["genesis"]["l1"]["number"]), False])["result"]
    assert found["genesis"]["l1"]["hash"] == origin["hash"]
    assert found["genesis"]["l2_time"] == lab.stack.l2.genesis.timestamp
    portal = found["deposit_contract_address"]
    assert len(lab.l1.make_request("eth_getCode", [portal])["result"]) > 2
    assert found["jovian_time"] == 0
    assert lab.ask("optimism_version").startswith("rollproof/l2/")


def test_every_block_of_both_chains_holds_over_http(lab: Lab) -> None:
    for node in (lab.l1, lab.l2, lab.follower):
        with Server(node) as server:
            options = Options(config=node.chain.config, second_opinion="never", limits=Limits(attempts=1))
            verdicts = list(verify_range([server.url], "-5:", options))
        assert [(each.outcome, each.reason) for each in verdicts] == [(Outcome.HOLDS, "")] * 5
        with Rpc(node, limits=Limits(attempts=1)) as rpc:
            block = Client(rpc).block("latest")
            assert len(Client(rpc).receipts(block)) == len(block.hashes)


def test_the_clock_steps_when_told(lab: Lab) -> None:
    before = int(lab.ask("lab_time"), 16)
    assert int(lab.ask("lab_step", 3), 16) == before + 6
    assert int(lab.ask("lab_step"), 16) == before + 8
    assert int(lab.ask("lab_time"), 16) == before + 8 == lab.stack.l2.head.timestamp
    assert lab.stack.follower.chain.head.hash == lab.stack.l2.head.hash
    assert lab.refused("lab_step", 1_001)[0] == -32602
    assert lab.refused("lab_step", -1)[0] == -32602
    assert lab.l1.make_request("lab_step", [1])["error"]["code"] == -32601  # not enabled there


def test_a_fault_is_injected_seen_and_lifted(lab: Lab) -> None:
    known = {each["id"] for each in lab.ask("lab_faults")["known"]}
    assert "state-balance" in known
    found = lab.ask("lab_inject", "state-balance", {})
    assert [each["id"] for each in lab.ask("lab_faults")["active"]] == ["state-balance"] == [found["id"]]
    lab.ask("lab_step", 4)
    [refused] = lab.ask("lab_refusedPayloads")
    assert refused["verdict"] == "broken"
    assert {each["key"] for each in refused["differences"]} >= {"state_root"}
    number = int(refused["payload"]["executionPayload"]["blockNumber"], 16)
    assert lab.stack.follower.chain.head.number == number - 1
    # Somebody else reads the payload as an engine would, and judges it on the honest node's state.
    options = Options(config=lab.l2.chain.config, second_opinion="never", limits=Limits(attempts=1))
    [verdict] = verify_payload([lab.follower], json.dumps(refused["payload"]).encode(), options)
    assert (verdict.outcome, verdict.number) == (Outcome.BROKEN, number)
    assert lab.ask("lab_lift", "state-balance") == 1
    assert lab.ask("lab_faults")["active"] == []
    assert lab.refused("lab_lift", "state-balance")[0] == -32001


def test_what_cannot_be_injected_is_refused_by_name(lab: Lab) -> None:
    assert "no-such" in lab.refused("lab_inject", "no-such")[1]
    assert "what" in lab.refused("lab_inject", "state-balance", {"what": 1})[1]
    assert lab.refused("lab_inject", 5)[0] == -32602
    assert lab.ask("lab_faults")["active"] == []


def test_a_node_that_lies_is_caught_by_its_own_hash(lab: Lab) -> None:
    lab.ask("lab_inject", "node-lies-block", {"node": "l2", "kind": "field", "at": lab.stack.l2.head.number})
    with Server(lab.l2) as server:
        options = Options(config=lab.l2.chain.config, second_opinion="never", limits=Limits(attempts=1))
        with pytest.raises(Lying, match="header hashes to"):
            list(verify_range([server.url], "latest", options))
