"""Blocks that delete slots and accounts, re-executed by the core from nothing but what a node proves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from node.signing import SENDER, dynamic_fee, legacy
from rollproof import _core
from rollproof.chain.header import EMPTY_ROOT, Sealed, seal
from rollproof.chain.node import Block, Node
from rollproof.chain.rpc import Limits, Rpc
from rollproof.chain.witness import NodeSource
from unit.fake_node import Chain, FakeNode, State

# SELFDESTRUCT to the caller.
GOODBYE = bytes.fromhex("33ff")


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def eraser() -> bytes:
    """PUSH0; loop: DUP1 CALLDATASIZE GT ISZERO end JUMPI; SSTORE(CALLDATALOAD(i), 0); i += 32; JUMP loop; end: STOP."""
    return bytes.fromhex("5f5b803611156013575f8135556020016001565b00")


class Deleting:
    """A served chain whose block 2 holds ``transactions`` over ``state``; the core makes the block's state."""

    def __init__(self, state: State, transactions: list[bytes]) -> None:
        self.chain = Chain([state, state])
        parent = self.chain.headers[1]
        _, full = _core.genesis([(a, n, b, c, list(s.items())) for a, (n, b, c, s) in state.items()])
        held = _core.Preimages()
        held.add(full)
        header = replace(parent, parent_hash=self.chain.hashes[1], number=2, timestamp=parent.timestamp + 12)
        self.rules = _core.Rules(family="ethereum", chain_id=31337, fork="shanghai")
        self.env = _core.Env(
            number=2,
            timestamp=header.timestamp,
            gas_limit=header.gas_limit,
            beneficiary=header.beneficiary,
            parent_hash=header.parent_hash,
            prev_randao=header.mix_hash,
            base_fee=7,
        )
        done = _core.build_block(held, parent.state_root, self.rules, self.env, transactions, [])
        assert isinstance(done, _core.Done)
        self.root = done.state_root
        header = replace(header, state_root=self.root, withdrawals_root=EMPTY_ROOT)
        self.chain.headers.append(header)
        self.chain.hashes.append(seal(header).hash)
        self.chain.trees.append(_core.State(held, self.root))
        self.transactions = transactions
        self.fake = FakeNode(self.chain.methods())
        self.rpc = Rpc(self.fake.url, limits=Limits(attempts=1, timeout=5.0))

    def source(self) -> NodeSource:
        header = self.chain.headers[2]
        block = Block(self.chain.hashes[2], header, tuple(self.transactions), (), (), 0)
        return NodeSource([Node(self.rpc)], block, Sealed(self.chain.hashes[1], self.chain.headers[1]))

    def run(self) -> tuple[_core.Done, NodeSource, int]:
        """From an empty witness to the end; (result, source, nodes that had to be asked for as siblings)."""
        source, preimages, siblings = self.source(), _core.Preimages(), 0
        for _ in range(30):
            out = _core.run_block(
                preimages, self.chain.headers[1].state_root, self.rules, self.env, self.transactions, []
            )
            if isinstance(out, _core.Needs):
                siblings += len(out.nodes)
                assert preimages.add(source.fetch(out)), f"nothing new for {out.first}"
                continue
            assert isinstance(out, _core.Done), getattr(out, "reason", out)
            return out, source, siblings
        raise AssertionError("too many rounds")

    def close(self) -> None:
        self.rpc.close()
        self.fake.close()


@pytest.fixture
def opened() -> Iterator[list[Deleting]]:
    made: list[Deleting] = []
    yield made
    for each in made:
        each.close()


def crowd(count: int) -> State:
    return {_core.keccak256(bytes([n]))[:20]: (1, 10**15, b"", {}) for n in range(count)}


CONTRACT = b"\xc0" * 20


@pytest.mark.parametrize("kept", [0, 1, 2, 5, 30])
def test_deleted_slots(opened: list[Deleting], kept: int) -> None:
    state = {
        **crowd(20),
        SENDER: (0, 10**20, b"", {}),
        CONTRACT: (1, 0, eraser(), {n: n * 7 for n in range(1, 61)}),
    }
    data = b"".join(word(n) for n in range(1, 61 - kept))
    block = Deleting(state, [dynamic_fee(0, CONTRACT, data, value=0, gas=2_000_000)])
    opened.append(block)
    done, source, siblings = block.run()
    assert done.outcomes[0]["status"] == 1
    assert done.state_root == block.root
    claimed = source.post_state([CONTRACT], {CONTRACT: [word(n) for n in range(1, 61)]})
    assert [n for n in range(1, 61) if claimed[CONTRACT]["storage"][word(n)]] == list(range(61 - kept, 61))
    assert siblings > 0 or kept == 0


def test_one_slot_at_a_time(opened: list[Deleting]) -> None:
    """Each of 40 slots alone, so that every shape of branch is met: leaf, extension and branch beside it."""
    found = 0
    for n in range(1, 41):
        state = {SENDER: (0, 10**20, b"", {}), CONTRACT: (1, 0, eraser(), {k: k for k in range(1, 41)})}
        block = Deleting(state, [dynamic_fee(0, CONTRACT, word(n), value=0)])
        opened.append(block)
        done, _, siblings = block.run()
        assert done.state_root == block.root
        found += siblings
    assert found > 5


def test_deleted_accounts(opened: list[Deleting]) -> None:
    doomed = [_core.keccak256(b"doomed" + bytes([n]))[:20] for n in range(12)]
    state = {**crowd(30), SENDER: (0, 10**20, b"", {}), **{a: (1, 5, GOODBYE, {}) for a in doomed}}
    block = Deleting(state, [legacy(n, address, value=0) for n, address in enumerate(doomed)])
    opened.append(block)
    done, source, siblings = block.run()
    assert [o["status"] for o in done.outcomes] == [1] * 12
    assert done.state_root == block.root
    assert siblings > 0
    assert all(v["balance"] == 0 and v["nonce"] == 0 for v in source.post_state(doomed, {}).values())


@pytest.mark.parametrize(
    "junk", ["0xff", "0xc1", "0x", "0x80", "0xc20101", "0x" + "d1" + "80" * 17, "0x" + "00" * 1000]
)
def test_proofs_that_carry_more_than_they_show(opened: list[Deleting], junk: str) -> None:
    state: State = {SENDER: (0, 10**20, b"", {}), CONTRACT: (1, 0, eraser(), {k: k for k in range(1, 41)})}
    block = Deleting(state, [dynamic_fee(0, CONTRACT, b"".join(word(n) for n in range(1, 30)), value=0, gas=10**6)])
    opened.append(block)
    honest = block.fake.methods["eth_getProof"]

    def padded(params: list[Any]) -> Any:
        answer = honest(params)
        for nodes in (answer["accountProof"], *(entry["proof"] for entry in answer["storageProof"])):
            nodes[:] = [junk, *nodes, junk]
        return answer

    block.fake.methods["eth_getProof"] = padded
    done, _, siblings = block.run()
    assert done.state_root == block.root
    assert siblings > 0
