"""Output roots, withdrawals and their proofs, and the calls that carry them to L1."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollproof import _core
from rollproof.chain import abi
from rollproof.errors import Lying, Malformed, Stop, Unsupported
from rollproof.rollup.op_stack import dispute_game, output_root, portal, trie_path, withdrawal
from rollproof.rollup.op_stack.dispute_game import GameStatus
from rollproof.rollup.op_stack.output_root import Output
from rollproof.rollup.op_stack.predeploys import L2_TO_L1_MESSAGE_PASSER as PASSER
from rollproof.rollup.op_stack.withdrawal import Withdrawal

ALICE, BOB = b"\xa1" * 20, b"\xb0" * 20
OUTPUT = Output(b"\x01" * 32, b"\x02" * 32, b"\x03" * 32)


def word(value: int | bytes) -> bytes:
    return value.rjust(32, b"\0") if isinstance(value, bytes) else value.to_bytes(32, "big")


def message(nonce: int, data: bytes = b"") -> Withdrawal:
    return Withdrawal(withdrawal.versioned(nonce), ALICE, BOB, 5, 100_000, data)


def state_of(messages: list[Withdrawal]) -> tuple[_core.State, bytes, bytes]:
    """(state, state root, storage root) of an L2 where these were sent."""
    slots = [(int.from_bytes(each.slot, "big"), 1) for each in messages]
    slots.append((withdrawal.NONCE_SLOT, len(messages)))
    root, nodes = _core.genesis([(PASSER, 0, 7, b"\xfe", slots), (ALICE, 1, 10**18, b"", [])])
    preimages = _core.Preimages()
    preimages.add(nodes)
    state = _core.State(preimages, root)
    account = state.account(PASSER)
    assert account is not None
    return state, root, account[2]


@cache
def close_pair() -> tuple[Withdrawal, Withdrawal]:
    """Two withdrawals whose trie keys begin with the same eight nibbles, so that their leaves have under 32 bytes."""
    seen: dict[bytes, Withdrawal] = {}
    for nonce in range(2**20):
        made = message(nonce)
        key = _core.keccak256(made.slot)[:4]
        if key in seen:
            return seen[key], made
        seen[key] = made
    raise AssertionError("no pair")


def test_names_that_others_gave() -> None:
    """Selectors and topics of contracts-bedrock 0.17.3; a sent message's slot as another chain has it."""
    first = {
        portal.PROVE: "4870496f", portal.FINALIZE: "8c3152e9", portal.FINALIZE_EXTERNAL: "43ca1c50",
        portal.CHECK: "71c1566e", withdrawal.TOPIC: "02a52367", portal.WITHDRAWAL_PROVEN: "67a6208c",
        portal.WITHDRAWAL_PROVEN_BY: "798f9f13", portal.WITHDRAWAL_FINALIZED: "db5c7652",
        dispute_game.CREATED: "5b565efe", dispute_game.RESOLVED: "5e186f09", dispute_game.MOVE: "9b324574",
    }  # fmt: skip
    assert {known: known[:4].hex() for known in first} == first
    sent = bytes.fromhex("e78b3f4d6f313300774677027a3a41540ab6eeaed0c3464d5865d53553fc2786")
    assert withdrawal.sent_slot(sent).hex() == "11621f5996455c272294d13d1550a2df7805c8ab70fbabdc9a540e260011c3c6"


def test_output_root() -> None:
    """Proposals: keccak256(version || state root || withdrawal storage root || latest block hash)."""
    assert OUTPUT.root == _core.keccak256(bytes(32) + b"\x01" * 32 + b"\x02" * 32 + b"\x03" * 32)
    assert output_root.decode(OUTPUT.encode()) == OUTPUT
    assert b"".join(OUTPUT.proof) == OUTPUT.encode()
    for bad, error in ((b"", Malformed), (OUTPUT.encode()[:-1], Malformed), (b"\x01" + bytes(127), Unsupported)):
        with pytest.raises(error):
            output_root.decode(bad)


def log(sent: Withdrawal, claimed: bytes) -> tuple[list[bytes], bytes]:
    topics = [withdrawal.TOPIC, word(sent.nonce), word(sent.sender), word(sent.target)]
    types = ["uint256", "uint256", "bytes", "bytes32"]
    return topics, abi.encode(types, [sent.value, sent.gas_limit, sent.data, claimed])


def test_a_withdrawal_from_its_log() -> None:
    sent = message(3, b"hello")
    assert sent.nonce >> 240 == 1
    assert withdrawal.from_log(*log(sent, sent.hash)) == sent
    with pytest.raises(Lying, match="not that of the withdrawal"):
        withdrawal.from_log(*log(sent, bytes(32)))
    later = Withdrawal(withdrawal.versioned(1, 2), ALICE, BOB, 0, 0)
    with pytest.raises(Unsupported, match="version 2"):
        withdrawal.from_log(*log(later, later.hash))
    topics, data = log(sent, sent.hash)
    bad: list[tuple[list[bytes], bytes]] = [
        ([], data), (topics[:3], data), ([bytes(32), *topics[1:]], data), (topics, data[:-32]),
        ([*topics[:2], b"\x01" * 32, topics[3]], data), ([*topics[:2], b"\x01", topics[3]], data),
    ]  # fmt: skip
    for wrong in bad:
        with pytest.raises(Malformed):
            withdrawal.from_log(*wrong)
    with pytest.raises(ValueError, match="message nonce"):
        withdrawal.versioned(2**240)


@pytest.mark.parametrize("count", [1, 2, 40])
def test_a_proof_is_taken_and_a_changed_one_is_not(count: int) -> None:
    messages = [message(n, bytes([n])) for n in range(count)]
    state, _, root = state_of(messages)
    for sent in messages:
        nodes = withdrawal.prove(state, sent)
        assert _core.keccak256(nodes[0]) == root
        withdrawal.check(root, sent, nodes)
        for wrong in spoilt(nodes):
            with pytest.raises(Lying):
                withdrawal.check(root, sent, wrong)
    absent = message(count)
    with pytest.raises(Lying, match="not in this state"):
        withdrawal.prove(state, absent)
    with pytest.raises(Lying):
        withdrawal.check(root, absent, withdrawal.prove(state, messages[0]))
    with pytest.raises(Lying):
        withdrawal.check(bytes(32), messages[0], withdrawal.prove(state, messages[0]))
    with pytest.raises(Lying, match="too many"):
        withdrawal.check(root, messages[0], [b"x"] * 129)


def spoilt(nodes: list[bytes]) -> Iterator[list[bytes]]:
    for index, node in enumerate(nodes):
        yield [*nodes[:index], *nodes[index + 1 :]]
        for at in (0, len(node) // 2, len(node) - 1):
            changed = bytearray(node)
            changed[at] ^= 1
            yield [*nodes[:index], bytes(changed), *nodes[index + 1 :]]


def test_leaves_inside_their_parent_are_listed() -> None:
    """The on-chain verifier takes each node on the path as a step, also one that is part of another."""
    pair = close_pair()
    state, _, root = state_of(list(pair))
    for sent in pair:
        short = state.prove(PASSER, sent.slot)
        nodes = withdrawal.prove(state, sent)
        assert nodes[:-1] == short
        assert len(nodes[-1]) < 32
        assert nodes[-1] in short[-1]
        leaf = _core.rlp_decode(nodes[-1])
        assert leaf[1] == b"\x01"
        assert leaf[0].hex().endswith(_core.keccak256(sent.slot).hex()[9:])
        withdrawal.check(root, sent, nodes)
        withdrawal.check(root, sent, short)
        assert trie_path.complete(nodes, _core.keccak256(sent.slot)) == nodes


def answer(state: _core.State, sent: Withdrawal, **changes: Any) -> dict[str, Any]:
    """What a node says to eth_getProof."""
    account = state.account(PASSER)
    assert account is not None
    return {
        "address": "0x" + PASSER.hex(),
        "nonce": hex(account[0]),
        "balance": hex(account[1]),
        "storageHash": "0x" + account[2].hex(),
        "codeHash": "0x" + account[3].hex(),
        "accountProof": ["0x" + each.hex() for each in state.prove(PASSER)],
        "storageProof": [
            {
                "key": "0x" + sent.slot.hex(),
                "value": hex(state.storage(PASSER, sent.slot)),
                "proof": ["0x" + each.hex() for each in state.prove(PASSER, sent.slot)],
            }
        ],
    } | changes


def test_a_nodes_answer() -> None:
    pair = close_pair()
    state, root, storage_root = state_of([*pair, message(1, b"more")])
    for sent in pair:
        found = withdrawal.from_get_proof(answer(state, sent), sent, state_root=root)
        assert found == (storage_root, withdrawal.prove(state, sent))
    absent = message(9)
    wrong: list[tuple[Any, Withdrawal, bytes, type[Stop]]] = [
        (answer(state, pair[0]), pair[0], bytes(32), Lying),
        (answer(state, pair[0]), pair[1], root, Lying),
        (answer(state, absent), absent, root, Lying),
        (answer(state, pair[0], storageHash="0x" + "11" * 32), pair[0], root, Lying),
        (answer(state, pair[0], balance="0x8"), pair[0], root, Lying),
        (answer(state, pair[0], accountProof=[]), pair[0], root, Lying),
        (answer(state, pair[0], storageProof=[]), pair[0], root, Lying),
        (answer(state, pair[0], storageProof=7), pair[0], root, Malformed),
        (None, pair[0], root, Malformed),
    ]
    for record, sent, at, error in wrong:
        with pytest.raises(error):
            withdrawal.from_get_proof(record, sent, state_root=at)


@given(st.lists(st.binary(max_size=40), max_size=5), st.binary(min_size=32, max_size=32))
def test_noise_is_no_path(nodes: list[bytes], key: bytes) -> None:
    with pytest.raises(Lying):
        trie_path.complete(nodes, key)


def test_paths_that_cannot_be() -> None:
    key = bytes(32)
    branch: list[Any] = [b""] * 17
    odd: list[Any] = [[b"\x00", []], [[], b"\x01"], [b"\x40", b"\x01"], [b"", b"\x01"], [b"\x20", b"\x01"], branch,
                      [[b""] * 3, *branch[1:]], [b"\x00" * 33, branch]]  # fmt: skip
    for node in odd:
        with pytest.raises(Lying):
            trie_path.complete([_core.rlp_encode(node)], key)
    deep: Any = branch
    for _ in range(60):
        deep = [deep, *branch[1:]]
    with pytest.raises(Lying):
        trie_path.complete([_core.rlp_encode(deep)], key)


def test_calls_come_back() -> None:
    sent = message(4, b"data")
    call = portal.prove(sent, game_index=3, output=OUTPUT, nodes=[b"one", b"two"])
    assert portal.decode_prove(call) == portal.Proving(sent, 3, OUTPUT, (b"one", b"two"))
    with pytest.raises(Malformed):
        portal.decode_prove(portal.finalize(sent))
    assert portal.finalize(sent, submitter=BOB)[:4] == portal.FINALIZE_EXTERNAL
    game = dispute_game.create(1, OUTPUT.root, 77)
    assert dispute_game.decode_create(game) == (1, OUTPUT.root, 77)
    assert dispute_game.l2_block(dispute_game.extra_data(77)) == 77
    for bad in (b"", game[:-32], b"\0" * 4 + game[4:]):
        with pytest.raises(Malformed):
            dispute_game.decode_create(bad)
    with pytest.raises(Malformed, match="31 bytes"):
        dispute_game.l2_block(bytes(31))


def test_logs() -> None:
    topics = [dispute_game.CREATED, word(BOB), word(1), OUTPUT.root]
    assert dispute_game.created_from_log(topics) == dispute_game.Created(BOB, 1, OUTPUT.root)
    assert dispute_game.resolved_from_log([dispute_game.RESOLVED, word(2)]) is GameStatus.DEFENDER_WINS
    assert portal.finalized_from_log([portal.WITHDRAWAL_FINALIZED, bytes(32)], word(0)) == (bytes(32), False)
    proven = [portal.WITHDRAWAL_PROVEN, bytes(32), word(ALICE), word(BOB)]
    assert portal.proven_from_log(proven) == (bytes(32), ALICE, BOB)
    assert portal.decode_proven(word(BOB) + word(99)) == (BOB, 99)
    for status in (0, 3, 2**200):
        with pytest.raises(Malformed):
            dispute_game.resolved_from_log([dispute_game.RESOLVED, word(status)])
    with pytest.raises(Malformed):
        dispute_game.created_from_log(topics[:3])
    with pytest.raises(Malformed):
        portal.finalized_from_log([portal.WITHDRAWAL_FINALIZED, bytes(32)], word(2))
    with pytest.raises(Malformed):
        portal.proven_from_log(proven[:2])
