"""Against a real foreign node: what anvil serves is read, rebuilt, proven and re-executed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from node import signing
from node.signing import SENDER
from rollproof import _core
from rollproof.chain import header, pinned
from rollproof.chain.claims import claims
from rollproof.chain.node import Block, Node
from rollproof.chain.pinned import Pinned
from rollproof.chain.preflight import preflight
from rollproof.chain.proof import Noncompliant
from rollproof.chain.rpc import Limits, Rpc
from rollproof.chain.synthetic import Synthetic
from rollproof.errors import Reset
from rollproof.types import Claim

PRAGUE = {"hardfork": "prague"}
CANCUN = {
    "hardfork": "cancun"
}  # anvil lacks the contracts of EIP-7002 and 7251, without which no Prague block is valid
SOMEBODY = b"\x5b" * 20
# Creation code of a contract that stores its calldata's first word at the slot of the second, and logs.
STORE = bytes.fromhex("600a8060095f395ff3" + "5f35602035555f5fa000")


@pytest.fixture
def node(anvil: str) -> Iterator[Node]:
    with Rpc(anvil, limits=Limits(attempts=3, timeout=10.0)) as rpc:
        yield Node(rpc)


def send(node: Node, raw: bytes) -> None:
    before = node.header("latest").header.number
    node.rpc.call("eth_sendRawTransaction", "0x" + raw.hex())
    deadline = time.monotonic() + 10
    # A block can be there before its transactions have left the pool, and the next one would replace them.
    while node.header("latest").header.number == before or int(node.rpc.call("txpool_status")["pending"], 16):
        assert time.monotonic() < deadline, "anvil did not mine"
        time.sleep(0.01)


def contract(nonce: int) -> bytes:
    return _core.keccak256(_core.rlp_encode([SENDER, signing.number(nonce)]))[12:]


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def sent_by_type() -> list[tuple[bytes, bytes]]:
    """(raw as in the block, raw as sent) of every Ethereum type, nonces from 0."""
    in_block, with_sidecar = signing.blob(4, SOMEBODY)
    plain = [
        signing.legacy(0, SOMEBODY),
        signing.legacy(1, SOMEBODY, chain=None),
        signing.access_list(2, SOMEBODY, b"\x01\x02"),
        signing.dynamic_fee(3, b"", STORE, value=0),
    ]
    return [
        *((raw, raw) for raw in plain),
        (in_block, with_sidecar),
        (late := signing.set_code(5, SOMEBODY, contract(3)), late),
    ]


@pytest.mark.parametrize("anvil", [PRAGUE], indirect=True)
def test_every_transaction_type_is_rebuilt_byte_for_byte(node: Node) -> None:
    sent = sent_by_type()
    for _, raw in sent:
        send(node, raw)
    assert not node.compliant()
    calls_before = node.rpc.usage.calls
    got = [node.block(number) for number in range(1, len(sent) + 1)]
    assert [block.transactions for block in got] == [(raw,) for raw, _ in sent]
    assert node.rpc.usage.calls - calls_before == len(sent)  # rebuilt from JSON: nothing was fetched raw
    for block, sealed in zip(got, node.headers(range(1, len(sent) + 1)), strict=True):
        assert block.hash == sealed.hash == _core.keccak256(header.encode(sealed.header))
        (receipt,) = node.receipts(block)
        assert receipt.status == 1


@pytest.mark.parametrize(
    "anvil", [{"network": "optimism", "hardfork": fork} for fork in ("canyon", "isthmus")], indirect=True
)
def test_deposits_of_the_op_stack_are_rebuilt(node: Node) -> None:
    sent = [
        signing.deposit(b"\x01" * 32, SOMEBODY, 10**18),
        signing.deposit(b"\x02" * 32, SOMEBODY, 0, b"\xaa"),
    ]
    for raw in sent:
        send(node, raw)
    got = [node.block(number) for number in range(1, len(sent) + 1)]
    assert [block.transactions for block in got] == [(raw,) for raw in sent]


@pytest.mark.parametrize("anvil", [PRAGUE], indirect=True)
def test_many_transactions_in_one_block(node: Node) -> None:
    node.rpc.call("evm_setAutomine", False)
    sent = [signing.dynamic_fee(n, bytes([n + 1]) * 20) for n in range(40)]
    node.rpc.many([("eth_sendRawTransaction", ["0x" + raw.hex()]) for raw in sent])
    node.rpc.call("evm_mine")
    block = node.block(1)
    assert sorted(block.transactions) == sorted(sent)
    receipts = node.receipts(block)
    assert [r.cumulative_gas_used for r in receipts] == [21000 * (n + 1) for n in range(40)]


def run(claim: Claim, source: Any, preimages: _core.Preimages, rounds: int = 12) -> tuple[_core.Done, int]:
    """What replay does, without its checks."""
    assert claim.header is not None
    assert claim.pre_state_root is not None
    assert claim.parent_hash is not None
    h = claim.header
    rules = _core.Rules(family="ethereum", chain_id=31337, fork="cancun", blob=(3, 6, 3338477))
    env = _core.Env(
        number=h.number,
        timestamp=h.timestamp,
        gas_limit=h.gas_limit,
        beneficiary=h.beneficiary,
        parent_hash=claim.parent_hash,
        prev_randao=h.mix_hash,
        base_fee=h.base_fee,
        excess_blob_gas=h.excess_blob_gas,
        parent_beacon_block_root=h.parent_beacon_block_root,
    )
    for taken in range(rounds):
        out = _core.run_block(preimages, claim.pre_state_root, rules, env, claim.transactions, [])
        if not isinstance(out, _core.Needs):
            assert isinstance(out, _core.Done), getattr(out, "reason", out)
            return out, taken
        assert preimages.add(source.fetch(out)), f"nothing new for {out.first}"
    raise AssertionError("too many rounds")


def traffic(node: Node) -> None:
    """A contract, writes of 30 slots, a failed call, plain transfers; nothing is deleted."""
    send(node, signing.dynamic_fee(0, SOMEBODY))
    send(node, signing.dynamic_fee(1, b"", STORE, value=0))
    for n in range(2, 32):
        send(node, signing.dynamic_fee(n, contract(1), word(n) + word(n * n), value=0))
    send(node, signing.dynamic_fee(32, contract(1), word(1) + word(99), gas=22_000, value=0))


@pytest.mark.parametrize("anvil", [CANCUN], indirect=True)
@pytest.mark.parametrize("traced", [True, False])
def test_blocks_are_re_executed_on_what_the_node_proves(node: Node, anvil: str, traced: bool) -> None:
    """Needs turned into proofs are enough for the core, and the results are anvil's: gas, receipts, bloom."""
    traffic(node)
    spent = []
    for claim, source, disagreements in claims([anvil], "3:34"):
        assert disagreements == ()
        preimages = _core.Preimages()
        if traced:
            preimages.add(source.begin())
        done, rounds = run(claim, source, preimages)
        assert claim.header is not None
        assert (done.gas_used, done.receipts_root) == (claim.header.gas_used, claim.header.receipts_root)
        assert done.transactions_root == claim.header.transactions_root
        assert done.state_root == claim.header.state_root  # right as long as nothing is deleted or left empty
        assert (source.method == "prestateTracer") is traced
        spent.append(rounds)
    assert len(spent) == 31
    assert max(spent) <= (4 if traced else 8)


@pytest.mark.parametrize("anvil", [CANCUN], indirect=True)
def test_post_state_of_a_node_is_what_re_execution_writes(node: Node, anvil: str) -> None:
    traffic(node)
    ((claim, source, _),) = claims([anvil], "20")  # nonce 19
    done, _ = run(claim, source, _core.Preimages())
    slots = {address: [slot for slot, _, _ in changed] for address, _, _, changed in done.changes if changed}
    claimed = source.post_state([address for address, *_ in done.changes], slots)
    values = source.read_values([address for address, *_ in done.changes], slots, after=True)
    compared = 0
    for address, _, post, changed in done.changes:
        nonce, balance, _, code_hash = post or (0, 0, b"", header.EMPTY_CODE)
        if post is not None:
            assert (claimed[address]["nonce"], claimed[address]["balance"]) == (nonce, balance)
            assert claimed[address]["code_hash"] == code_hash
        assert (values[address].nonce, values[address].balance) == (nonce, balance)
        for slot, _, value in changed:
            assert values[address].storage[slot] == claimed[address]["storage"][slot]
            if address == contract(1):
                assert value == claimed[address]["storage"][slot] == 19
                compared += 1
    assert compared == 1


def store(nonce: int, slot: int, value: int, at: int) -> bytes:
    """A call that writes one slot of the contract that was created with nonce ``at``."""
    return signing.dynamic_fee(nonce, contract(at), word(value) + word(slot), value=0)


@pytest.mark.parametrize("anvil", [CANCUN], indirect=True)
def test_its_trie_is_known_to_break_the_rules_and_is_not_taken_for_a_lie(node: Node, anvil: str) -> None:
    assert not node.compliant()
    with pytest.raises(Noncompliant, match="says that there are no accounts"):
        Pinned(node, node.header(0)).proofs({SENDER: []})
    send(node, signing.dynamic_fee(0, b"", STORE, value=0))
    for n in range(1, 9):
        send(node, store(n, n, 7, at=0))
    send(node, store(9, 5, 0, at=0))
    send(node, store(10, 5, 0, at=0))
    ((_, source, _),) = claims([anvil], "1")
    with pytest.raises(Noncompliant, match="state root of block 0 is empty, its state is not"):
        source.begin()
    at = Pinned(node, node.header("latest"))
    assert at.proofs({contract(0): [word(5)]})[contract(0)].slots[word(5)][0] == 0
    node.traits.compliant = True  # had we not known, it would be told from a lie all the same
    with pytest.raises(Noncompliant, match="kept as a leaf with value zero"):
        at.proofs({contract(0): [word(5)]})
    values = at.values([], {contract(0): [word(5), word(6)]})
    assert values[contract(0)].storage == {word(5): 0, word(6): 7}
    assert values[contract(0)].code == STORE[9:]


@pytest.mark.parametrize("anvil", [CANCUN], indirect=True)
@pytest.mark.parametrize("traced", [True, False])
def test_a_state_made_of_plain_values_runs_every_block(
    node: Node, anvil: str, traced: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Block 1 included, deletions included, and a trie that anvil itself has spoilt by a write from outside."""
    if not traced:
        monkeypatch.setattr("rollproof.chain.prestate.touched", lambda *_: {})
    send(node, signing.dynamic_fee(0, b"", STORE, value=0))
    for n in range(1, 6):
        send(node, store(n, n, 7, at=0))
    send(node, store(6, 5, 0, at=0))
    node.rpc.call("anvil_setStorageAt", "0x" + contract(0).hex(), "0x4", "0x" + bytes(32).hex())
    send(node, store(7, 4, 9, at=0))
    send(node, signing.dynamic_fee(8, SOMEBODY, value=10**18))
    seen = []
    for claim, source, _ in claims([anvil], "1:10", witness=False):
        made = Synthetic(source)
        while True:
            preimages = _core.Preimages()
            preimages.add(made.preimages)
            done, _ = run(replace(claim, pre_state_root=made.root), source, preimages)
            if not made.learn(done.touched):
                break
        assert claim.header is not None
        assert (done.gas_used, done.receipts_root) == (claim.header.gas_used, claim.header.receipts_root)
        slots = {address: [slot for slot, _, _ in changed] for address, _, _, changed in done.changes}
        after = source.read_values(slots, slots, after=True)
        for address, _, post, changed in done.changes:
            nonce, balance, _, code_hash = post or (0, 0, b"", header.EMPTY_CODE)
            assert (after[address].nonce, after[address].balance) == (nonce, balance)
            assert pinned.code_hash(after[address].code) == code_hash
            assert dict(after[address].storage) == {slot: value for slot, _, value in changed}
        seen.append(claim.number)
    assert seen == list(range(1, 10))


def test_preflight_of_anvil(node: Node) -> None:
    send(node, signing.dynamic_fee(0, SOMEBODY))
    send(node, signing.dynamic_fee(1, SOMEBODY))
    found = preflight(node)
    assert found.client.startswith("anvil/v1.7.1")
    assert (found.chain_id, found.head, found.compliant) == (31337, 2, False)
    assert (found.execution_witness, found.prestate_trace, found.receipts) == (False, True, True)
    assert found.proof_depths == {1: True}


def test_a_reorganisation_is_noticed(node: Node, anvil: str) -> None:
    for n in range(6):
        send(node, signing.dynamic_fee(n, SOMEBODY))
    served = claims([anvil], "1:7", ahead=1)
    assert [next(served).claim.number for _ in range(3)] == [1, 2, 3]
    before = node.rpc.call("eth_getBlockByNumber", "0x6", False)["hash"]
    node.rpc.call("anvil_reorg", 5, [])
    for _ in range(400):  # anvil answers before it has made the blocks anew
        now = node.rpc.call("eth_getBlockByNumber", "0x6", False)
        if now is not None and now["hash"] != before:
            break
        time.sleep(0.02)
    with pytest.raises(Reset, match="the chain reorganised"):
        list(served)


def test_a_claim_is_about_a_block_with_its_parent(node: Node, anvil: str) -> None:
    send(node, signing.dynamic_fee(0, SOMEBODY))
    block: Block = node.block("latest")
    ((claim, source, _),) = claims([anvil], "latest")
    assert claim.claimed_hash == block.hash
    assert claim.parent == node.header(0).header
    assert claim.parent_hash == node.header(0).hash
    assert source.receipts() is not None
    assert source.usage.calls >= 3
