"""The witness from nodes: proofs held against the root, siblings, shapes of debug_executionWitness, several nodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from rollproof import _core
from rollproof.chain import crosscheck, execution_witness, header
from rollproof.chain.header import EMPTY_ROOT, Sealed
from rollproof.chain.node import Node
from rollproof.chain.pinned import Pinned
from rollproof.chain.preflight import preflight
from rollproof.chain.proof import Noncompliant
from rollproof.chain.rpc import Limits, Rpc
from rollproof.chain.witness import NodeSource
from rollproof.errors import Lying, Malformed, Missing, Reset, RollproofError
from unit.fake_node import Chain, FakeNode, Refusal, State, header_json

CODE = bytes.fromhex("6001600055")
TOKEN = b"\x70" * 20
ALICE = b"\xa1" * 20
NOBODY = b"\x0e" * 20


@dataclass
class Needs:
    """What the core asks for; its own class cannot be made by hand."""

    first: str = "something"
    accounts: list[bytes] = field(default_factory=list)
    slots: list[tuple[bytes, bytes]] = field(default_factory=list)
    codes: list[tuple[bytes, bytes]] = field(default_factory=list)
    headers: list[tuple[int, bytes]] = field(default_factory=list)
    nodes: list[tuple[bytes | None, bytes, bytes]] = field(default_factory=list)


def slot(number: int) -> bytes:
    return number.to_bytes(32, "big")


def nibbles(raw: bytes) -> bytes:
    return bytes(int(c, 16) for c in raw.hex())


def state(storage: dict[int, int], extra: int = 40) -> State:
    people: dict[bytes, Any] = {bytes([n]) * 20: (n, n * 10**15, b"", {}) for n in range(100, 100 + extra)}
    return {**people, ALICE: (3, 10**18, b"", {}), TOKEN: (1, 0, CODE, storage)}


BEFORE = state({n: n + 1 for n in range(1, 60)})
AFTER = state({n: n + 2 for n in range(1, 50)})


class Served:
    """A fake node over a chain, and its client."""

    def __init__(self, states: list[State], salt: int = 0) -> None:
        self.chain = Chain(states, salt)
        self.fake = FakeNode(self.chain.methods())
        self.rpc = Rpc(self.fake.url, limits=Limits(attempts=1, timeout=5.0))
        self.node = Node(self.rpc)

    def sealed(self, number: int) -> Sealed:
        return Sealed(self.chain.hashes[number], self.chain.headers[number])

    def source(self, number: int = 2, **options: Any) -> NodeSource:
        return NodeSource([self.node], self.node.block(number), self.sealed(number - 1), **options)

    def close(self) -> None:
        self.rpc.close()
        self.fake.close()


@pytest.fixture
def served() -> Iterator[Served]:
    node = Served([BEFORE, BEFORE, AFTER])
    yield node
    node.close()


def holding(preimages: list[bytes], root: bytes) -> _core.State:
    held = _core.Preimages()
    held.add(preimages)
    return _core.State(held, root)


def test_needs_become_preimages_that_answer_them(served: Served) -> None:
    source = served.source()
    needs = Needs(
        accounts=[ALICE, NOBODY],
        slots=[(TOKEN, slot(5)), (TOKEN, slot(777))],
        codes=[(TOKEN, _core.keccak256(CODE))],
        headers=[(0, served.chain.hashes[0])],
    )
    got = source.fetch(needs)
    read = holding(got, served.chain.headers[1].state_root)
    assert read.account(ALICE) == (3, 10**18, EMPTY_ROOT, header.EMPTY_CODE)
    assert read.account(NOBODY) is None
    assert read.storage(TOKEN, slot(5)) == 6
    assert read.storage(TOKEN, slot(777)) == 0
    assert CODE in got
    assert header.encode(served.chain.headers[0]) in got
    assert source.usage.calls >= 5


def test_many_slots_go_in_few_calls_and_split_where_they_are_too_many(served: Served) -> None:
    honest = served.fake.methods["eth_getProof"]

    def small(params: list[Any]) -> Any:
        if len(params[1]) > 10:
            raise Refusal(-32000, "too many slots requested")
        return honest(params)

    needs = Needs(slots=[(TOKEN, slot(n)) for n in range(300)])
    served.source().fetch(needs)
    assert served.fake.calls.count("eth_getProof") == 3
    served.fake.methods["eth_getProof"] = small
    got = served.source().fetch(needs)
    read = holding(got, served.chain.headers[1].state_root)
    assert [read.storage(TOKEN, slot(n)) for n in range(70)] == [0, *range(2, 61), *[0] * 10]


def test_a_node_that_knows_no_hashes_is_asked_by_number(served: Served) -> None:
    honest = served.fake.methods["eth_getProof"]

    def by_number(params: list[Any]) -> Any:
        if isinstance(params[2], dict):
            raise Refusal(-32602, "invalid argument 2: json: cannot unmarshal object into Go value of type string")
        return honest(params)

    served.fake.methods["eth_getProof"] = by_number
    got = served.source().fetch(Needs(accounts=[ALICE]))
    assert holding(got, served.chain.headers[1].state_root).account(ALICE) is not None
    assert served.node.traits.by_hash is False
    served.fake.methods |= Chain([BEFORE, AFTER, AFTER], salt=1).methods()  # the chain moves under a read by number
    with pytest.raises(Reset, match="state of block 1: the block was replaced"):
        Pinned(served.node, served.sealed(1)).proofs({TOKEN: []})


@pytest.mark.parametrize(
    "lie",
    [
        lambda p: p["accountProof"].pop(),
        lambda p: p["accountProof"].__setitem__(0, p["accountProof"][0][:-2] + "00"),
        lambda p: p.__setitem__("balance", "0x1"),
        lambda p: p.__setitem__("nonce", "0x63"),
        lambda p: p.__setitem__("storageHash", "0x" + "11" * 32),
        lambda p: p.__setitem__("codeHash", "0x" + "11" * 32),
        lambda p: p["storageProof"][0].__setitem__("value", "0x63"),
        lambda p: p["storageProof"][0]["proof"].pop(),
        lambda p: p["storageProof"].clear(),
        lambda p: p["storageProof"][0].__setitem__("key", "0x7"),
        lambda p: p.__setitem__("address", "0x" + "22" * 20),
        lambda p: p.__setitem__("accountProof", []),
    ],
)
def test_an_answer_that_fails_its_own_proof_names_the_node(served: Served, lie: Any) -> None:
    honest = served.fake.methods["eth_getProof"]

    def lying(params: list[Any]) -> Any:
        answer = honest(params)
        lie(answer)
        return answer

    served.fake.methods["eth_getProof"] = lying
    with pytest.raises(Lying, match=rf"^{served.node.label}: state of block 1"):
        served.source().fetch(Needs(slots=[(TOKEN, slot(5))]))


def test_the_state_of_another_block_does_not_pass_for_this_one(served: Served) -> None:
    """What a node does that has dropped old states and answers from the newest."""
    honest = served.fake.methods["eth_getProof"]
    served.fake.methods["eth_getProof"] = lambda p: honest([p[0], p[1], "latest"])
    with pytest.raises(Lying, match="does not lead to state root"):
        served.source().fetch(Needs(accounts=[TOKEN]))


@pytest.mark.parametrize("garbage", [None, [], "0x", 5, {}, {"accountProof": {}}, {"storageProof": [1]}])
def test_proofs_that_are_none(served: Served, garbage: Any) -> None:
    served.fake.methods["eth_getProof"] = lambda _: garbage
    with pytest.raises((Malformed, Missing)):
        served.source().fetch(Needs(accounts=[ALICE]))


def test_a_wrong_code_or_ancestor_is_a_lie(served: Served) -> None:
    served.fake.methods["eth_getCode"] = lambda _: "0x6000"
    with pytest.raises(Lying, match=f"code of 0x{TOKEN.hex()}"):
        served.source().fetch(Needs(codes=[(TOKEN, _core.keccak256(CODE))]))
    with pytest.raises(Lying, match="is not the ancestor"):
        served.source().fetch(Needs(headers=[(1, b"\x11" * 32)]))


def test_ancestors_come_in_growing_steps() -> None:
    deep = Served([BEFORE] * 60)
    source = deep.source(59)
    number = 58
    rounds = 0
    while number > 0:
        got = source.fetch(Needs(headers=[(number, deep.chain.hashes[number])]))
        assert got == [header.encode(deep.chain.headers[n]) for n in range(number, number - len(got), -1)]
        number -= len(got)
        rounds += 1
    assert rounds == 3  # 8, 32, the rest
    deep.close()


def test_a_pruned_node_says_so_and_what_is_there_is_kept(served: Served) -> None:
    def pruned(_: list[Any]) -> Any:
        raise Refusal(-32000, "missing trie node 1234 (path )")

    served.fake.methods["eth_getProof"] = pruned
    source = served.source()
    with pytest.raises(Missing, match="missing trie node"):
        source.fetch(Needs(accounts=[ALICE]))
    assert source.fetch(Needs(accounts=[ALICE], headers=[(0, served.chain.hashes[0])]))


def sibling_needs(chain: Chain) -> list[tuple[int, tuple[bytes | None, bytes, bytes]]]:
    """Every (deleted slot, needed sibling) of the token's storage: branches of two children, one of them the slot."""
    tree = chain.trees[1]
    account = tree.account(TOKEN)
    assert account is not None
    out: list[tuple[int, tuple[bytes | None, bytes, bytes]]] = []
    for number in range(1, 60):
        nodes = tree.prove(TOKEN, slot(number))
        key = nibbles(_core.keccak256(slot(number)))
        depth = 0
        for raw in nodes:
            node = _core.rlp_decode(raw)
            if len(node) != 17:
                depth += len(node[0]) * 2 - (1 if node[0][0] >> 4 & 1 else 2)
                continue
            children = [i for i in range(16) if node[i]]
            if len(children) == 2 and raw is nodes[-2] and len(node[key[depth]]) == 32:
                other = next(i for i in children if i != key[depth])
                if len(node[other]) == 32:
                    out.append((number, (TOKEN, key[:depth] + bytes([other]), node[other])))
            depth += 1
    return out


def test_siblings_are_cut_out_of_the_post_state_or_proven_by_a_found_key() -> None:
    probe = Chain([BEFORE, BEFORE])
    cases = sibling_needs(probe)
    assert cases
    cut = 0
    for number, need in cases:
        left = {n: n + 1 for n in range(1, 60) if n != number}
        served = Served([BEFORE, BEFORE, state(left)])
        source = served.source()
        source.fetch(Needs(slots=[(TOKEN, slot(number))]))
        served.fake.bodies.clear()
        (found,) = source.fetch(Needs(nodes=[need]))
        assert _core.keccak256(found) == need[2]
        at = [call["params"][2]["blockHash"] for call in served.fake.bodies]
        assert at[0] == "0x" + served.chain.hashes[2].hex()
        if len(_core.rlp_decode(found)) == 2:
            assert len(at) == 1  # the cheap way was enough; only a branch is not held by the post-state's proof
            cut += 1
        fresh = served.source()  # knows nothing of the deleted slot: finds a key below the sibling instead
        (found,) = fresh.fetch(Needs(nodes=[need]))
        assert _core.keccak256(found) == need[2]
        served.close()
    assert cut >= 3


def test_a_sibling_that_is_not_there_is_missing_by_name(served: Served) -> None:
    source = served.source(budget=64)
    with pytest.raises(Missing, match=r"sibling node 0x1111.* at path 12345678: no key below it found within 64"):
        source.fetch(Needs(nodes=[(TOKEN, bytes(range(1, 9)), b"\x11" * 32)]))
    with pytest.raises(Missing, match="is not in the parent's state"):
        served.source().fetch(Needs(nodes=[(None, b"\x01", b"\x11" * 32)]))


def witness_of(chain: Chain, number: int) -> list[bytes]:
    tree = chain.trees[number]
    return list(dict.fromkeys([*tree.prove(ALICE), *tree.prove(TOKEN), *tree.prove(TOKEN, slot(5))]))


def shapes(chain: Chain) -> dict[str, Any]:
    nodes = witness_of(chain, 1)
    data = [f"0x{n.hex()}" for n in nodes]
    rlp = [f"0x{header.encode(chain.headers[1]).hex()}"]
    code = f"0x{CODE.hex()}"
    hashed = {f"0x{_core.keccak256(n).hex()}": f"0x{n.hex()}" for n in nodes}
    return {
        "geth": {"state": data, "codes": [code], "headers": [header_json(chain.headers[1])], "keys": None},
        "reth": {"state": data, "codes": [code], "headers": rlp, "keys": [f"0x{ALICE.hex()}", f"0x{slot(5).hex()}"]},
        "old": {"state": hashed, "codes": {f"0x{_core.keccak256(CODE).hex()}": code}, "keys": {}},
        "Go": {"State": data, "Codes": [code, "0x"], "Headers": rlp},
    }


@pytest.mark.parametrize("shape", ["geth", "reth", "old", "Go"])
def test_execution_witness_shapes(served: Served, shape: str) -> None:
    served.fake.methods["debug_executionWitness"] = lambda _: shapes(served.chain)[shape]
    source = served.source()
    got = source.begin()
    assert source.method == "debug_executionWitness"
    assert holding(got, served.chain.headers[1].state_root).storage(TOKEN, slot(5)) == 6
    assert CODE in got
    assert header.encode(served.chain.headers[1]) in got
    assert source.notes == []


@pytest.mark.parametrize(
    "garbage",
    [
        *(None, [], "0x", {}, {"state": 5}, {"state": ["0x0"]}, {"state": ["zz"]}, {"state": [None]}),
        *({"state": [], "codes": 7}, {"state": [], "headers": ["0x" + "c0" * 20_000]}, {"state": [], "headers": [{}]}),
        *({"state": ["0x" + "00" * 2000]}, {"state": {"0x1": "0x"}}),
    ],
)
def test_execution_witness_garbage(garbage: Any) -> None:
    with pytest.raises(Malformed):
        execution_witness.from_json(garbage, "here")


def test_a_witness_whose_map_lies_is_named() -> None:
    with pytest.raises(Lying, match="does not hash to its key"):
        execution_witness.from_json({"state": {"0x" + "11" * 32: "0x00"}}, "here")


def test_a_witness_of_another_block_is_not_used(served: Served) -> None:
    nodes = [f"0x{n.hex()}" for n in witness_of(served.chain, 2)]
    served.fake.methods["debug_executionWitness"] = lambda _: {"state": nodes, "codes": [], "headers": []}
    source = served.source()
    assert source.begin() == [header.encode(served.chain.headers[1])]
    assert "is not about its parent's state" in source.notes[0]


def test_without_a_witness_the_tracer_says_what_to_prove(served: Served) -> None:
    touched = {"balance": "0x0", "storage": {f"0x{slot(9).hex()}": "0x1"}}
    trace = [{"txHash": "0x", "result": {f"0x{TOKEN.hex()}": touched}}]
    served.fake.methods["debug_traceBlockByHash"] = lambda _: trace
    source = served.source()
    read = holding(source.begin(), served.chain.headers[1].state_root)
    assert source.method == "prestateTracer"
    assert read.storage(TOKEN, slot(9)) == 10
    assert read.account(b"\xbe" * 20) is None  # the beneficiary, which no tracer names
    served.fake.bodies.clear()
    served.source().begin()
    assert "debug_executionWitness" not in served.fake.calls  # learnt once for all blocks


def test_a_node_that_offers_nothing_still_begins(served: Served) -> None:
    source = served.source()
    assert source.begin() == [header.encode(served.chain.headers[1])]
    assert source.notes == []


def test_post_state_is_proven(served: Served) -> None:
    got = served.source().post_state([ALICE], {TOKEN: [slot(1), slot(55)]})
    assert got[ALICE] == {"nonce": 3, "balance": 10**18, "code_hash": header.EMPTY_CODE, "storage": {}}
    assert got[TOKEN]["storage"] == {slot(1): 3, slot(55): 0}
    assert got[TOKEN]["code_hash"] == _core.keccak256(CODE)


def test_plain_values_before_and_after(served: Served) -> None:
    source = served.source()
    before = source.read_values([ALICE, NOBODY], {TOKEN: [slot(1)]}, after=False)
    after = source.read_values([], {TOKEN: [slot(1), slot(55)]}, after=True)
    assert (before[ALICE].nonce, before[ALICE].balance, before[ALICE].code) == (3, 10**18, b"")
    assert (before[NOBODY].nonce, before[NOBODY].balance) == (0, 0)
    assert before[TOKEN].storage == {slot(1): 2}
    assert after[TOKEN].storage == {slot(1): 3, slot(55): 0}
    assert after[TOKEN].code == CODE


def test_a_trie_that_breaks_the_rules_is_told_from_a_lie() -> None:
    """anvil 1.7.1: accounts under the empty root, and a deleted slot kept as a leaf holding zero."""
    served = Served([BEFORE, BEFORE])
    honest = served.fake.methods["eth_getProof"]
    empty = Served([{}, BEFORE])
    empty.fake.methods["eth_getProof"] = lambda p: {**honest([p[0], p[1], "0x0"]), "accountProof": []}
    with pytest.raises(Noncompliant, match="says that there are no accounts"):
        empty.source(1).fetch(Needs(accounts=[ALICE]))
    leaf = _core.rlp_encode([b"\x20" + _core.keccak256(slot(5)), b"\x80"])
    account = _core.rlp_encode([b"\x01", b"", _core.keccak256(leaf), header.EMPTY_CODE])
    root = _core.rlp_encode([b"\x20" + _core.keccak256(TOKEN), account])
    poisoned = Chain([BEFORE])
    proof = {
        "accountProof": [f"0x{root.hex()}"],
        "nonce": "0x1",
        "balance": "0x0",
        "storageHash": f"0x{_core.keccak256(leaf).hex()}",
        "codeHash": f"0x{header.EMPTY_CODE.hex()}",
        "storageProof": [{"key": "0x5", "value": "0x0", "proof": [f"0x{leaf.hex()}"]}],
    }
    served.fake.methods["eth_getProof"] = lambda _: proof
    block = header.seal(replace(poisoned.headers[0], state_root=_core.keccak256(root)))
    with pytest.raises(Noncompliant, match="kept as a leaf with value zero"):
        Pinned(served.node, block).proofs({TOKEN: [slot(5)]})
    served.close()
    empty.close()


def test_anvil_is_known_to_break_the_rules(served: Served) -> None:
    assert served.source().compliant
    other = Served([BEFORE, BEFORE])
    other.fake.methods["web3_clientVersion"] = lambda _: "anvil/v1.7.1"
    assert not other.source(1).compliant
    other.close()


@pytest.fixture
def pair() -> Iterator[tuple[Served, Served]]:
    nodes = (Served([BEFORE, BEFORE, AFTER]), Served([BEFORE, BEFORE, AFTER]))
    yield nodes
    for node in nodes:
        node.close()


def test_the_second_node_serves_what_the_first_cannot(pair: tuple[Served, Served]) -> None:
    first, second = pair
    first.fake.methods["eth_getProof"] = lambda _: {"accountProof": []}
    source = NodeSource([first.node, second.node], first.node.block(2), first.sealed(1))
    got = source.fetch(Needs(accounts=[ALICE]))
    assert holding(got, first.chain.headers[1].state_root).account(ALICE) is not None
    assert source.notes[0].startswith(first.node.label)
    second.fake.methods["eth_getProof"] = lambda _: None
    with pytest.raises(RollproofError):
        source.fetch(Needs(accounts=[ALICE]))


def test_nodes_that_agree_have_no_disagreement(pair: tuple[Served, Served]) -> None:
    nodes = [node.node for node in pair]
    block = nodes[0].block(2)
    assert crosscheck.headers(nodes, 2) == ()
    assert crosscheck.receipts(nodes, block) == ()
    assert crosscheck.proofs(nodes, pair[0].sealed(2), {ALICE: [], TOKEN: [slot(5)]}) == ()


def test_a_disagreement_names_who_said_what() -> None:
    a, b = Served([BEFORE, BEFORE]), Served([BEFORE, AFTER], salt=1)
    nodes = [a.node, b.node]
    (hashes,) = crosscheck.headers(nodes, 1)
    assert hashes.contradiction
    assert hashes.answers == tuple((s.node.label, f"0x{s.chain.hashes[1].hex()}") for s in (a, b))
    assert a.node.label in str(hashes)
    (silent,) = crosscheck.proofs(nodes, a.sealed(1), {TOKEN: [slot(5)]})
    assert not silent.contradiction  # the other chain's node has no such block: it keeps silent, and that is said
    assert [label for label, _ in silent.silent] == [b.node.label]
    a.close()
    b.close()


def test_preflight_says_what_is_served_and_how_far_back(served: Served) -> None:
    found = preflight(served.node)
    assert (found.chain_id, found.head, found.client) == (1337, 2, "Fake/v1")
    assert found.proof_depths == {1: True}
    assert found.method == "eth_getProof"
    assert found.receipts
    assert [found.execution_witness, found.prestate_trace, found.raw_blocks, found.eth_config] == [False] * 4
    assert "debug_executionWitness" in found.refusals["debug_executionWitness"]
    served.fake.methods["debug_executionWitness"] = lambda _: shapes(served.chain)["geth"]
    assert preflight(served.node).method == "debug_executionWitness"


def test_preflight_of_a_node_that_keeps_only_new_states() -> None:
    old = Served([BEFORE] * 131)
    honest = old.fake.methods["eth_getProof"]

    def pruned(params: list[Any]) -> Any:
        if old.chain.number(params[2]) < 128:
            raise Refusal(-32000, "missing trie node")
        return honest(params)

    old.fake.methods["eth_getProof"] = pruned
    found = preflight(old.node)
    assert found.proof_depths == {1: True, 128: False}
    assert found.proof_depth == 1
    assert "missing trie node" in found.refusals["eth_getProof at -128"]
    assert "-1 yes, -128 no" in str(found)
    old.close()
