"""State that no transaction touched and that differs: found by the claimed trie, named where a node can."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import demonstration as demo
from rollproof import _core
from rollproof.chain import config as chains
from rollproof.lab import bytecode
from rollproof.lab.transaction import Account
from rollproof.replay.online import Options, verify_range
from rollproof.replay.verify import verify_file
from rollproof.types import Outcome, Verdict
from small_chain import Built, Chain, Holder
from unit.lab_node import LabNode, data

VICTIM = b"\x76" * 20  # a contract that no transaction of these blocks calls
OTHERS = [_core.keccak256(bytes([n]))[12:] for n in range(60)]
SLOT = (5).to_bytes(32, "big")


class Ledger:
    """A chain of 60 accounts and a contract with 40 slots, with one block whose claimed state has one slot changed."""

    def __init__(self, directory: Path) -> None:
        path = directory / "l1.toml"
        path.write_text(demo.ETHEREUM, encoding="utf-8")
        self.config = chains.from_file(path)
        alice = Account.named("alice", 1337)
        state = {address: Holder(balance=10**18) for address in (*OTHERS, alice.address)}
        state[VICTIM] = Holder(nonce=1, code=bytecode.TOKEN, storage={n.to_bytes(32, "big"): n for n in range(1, 41)})
        for address in (demo._BEACON_ROOTS, demo._HISTORY):
            state[address] = Holder(nonce=1, code=b"\x00")
        for address in (demo._WITHDRAWAL_REQUESTS, demo._CONSOLIDATION_REQUESTS):
            state[address] = Holder(nonce=1, code=bytecode.NO_REQUESTS)
        self.chain = Chain(self.config, state, timestamp=demo.GENESIS_TIME, gas_limit=36_000_000)
        self.built: list[Built] = [
            self.chain.build([alice.send(OTHERS[0], value=1)], seconds=12),
            self.chain.build([alice.send(OTHERS[1], value=1)], seconds=12, tampered={(VICTIM, SLOT): 10**27}),
        ]
        self.options = Options(config=self.config, second_opinion="never", witness_out=directory / "kept")
        self.kept = directory / "kept" / "1337-2.evidence"

    def again(self) -> Verdict:
        return verify_file(self.kept, config=self.config, second_opinion="never")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)


def listed(keys: list[bytes], start: str, most: int) -> list[bytes]:
    ordered = sorted(keys, key=_core.keccak256)
    return [key for key in ordered if _core.keccak256(key) >= bytes.fromhex(start[2:])][:most]


def account_range(ledger: Ledger) -> Callable[..., Any]:
    def serve(number: str, start: str, most: int, *_: Any) -> dict[str, Any]:
        found = listed(list(ledger.chain.state), start, most)
        return {"root": "00", "accounts": {data(each): {"balance": "1", "nonce": 0} for each in found}, "next": None}

    return serve


def storage_range(ledger: Ledger) -> Callable[..., Any]:
    def serve(block: str, at: int, address: str, start: str, most: int) -> dict[str, Any]:
        slots = list(ledger.chain.state[bytes.fromhex(address[2:])].storage)
        found = listed(slots, start, most)
        return {"storage": {data(_core.keccak256(s)): {"key": data(s), "value": "0x1"} for s in found}, "nextKey": None}

    return serve


def second(ledger: Ledger, node: LabNode) -> Verdict:
    (verdict,) = verify_range([node], "2", ledger.options)
    assert verdict.outcome is Outcome.BROKEN, verdict.reason
    assert [(d.scope, d.key) for d in verdict.differences[:1]] == [("header", "state_root")]
    offline = ledger.again()
    assert (offline.outcome, offline.differences) == (verdict.outcome, verdict.differences)
    return verdict


def test_an_untouched_slot_is_named_where_the_node_lists_accounts_and_slots(ledger: Ledger) -> None:
    node = LabNode(ledger.built)
    node.methods["debug_accountRange"] = account_range(ledger)
    node.methods["debug_storageRangeAt"] = storage_range(ledger)
    found = second(ledger, node).differences[1:]
    assert [(d.scope, d.key) for d in found] == [("storage", f"0x{VICTIM.hex()}[0x{SLOT.hex()}]")]
    assert (int(found[0].claimed or "", 16), int(found[0].computed or "", 16)) == (10**27, 5)


def test_without_slots_listed_the_slot_is_known_by_its_hash(ledger: Ledger) -> None:
    node = LabNode(ledger.built)
    node.methods["debug_accountRange"] = account_range(ledger)
    found = second(ledger, node).differences[1:]
    key = f"0x{VICTIM.hex()}[keccak 0x{_core.keccak256(SLOT).hex()}]"
    assert [(d.scope, d.key) for d in found] == [("storage", key)]
    assert (int(found[0].claimed or "", 16), int(found[0].computed or "", 16)) == (10**27, 5)


def test_with_proofs_alone_the_account_is_known_by_its_hash(ledger: Ledger) -> None:
    found = second(ledger, LabNode(ledger.built)).differences[1:]
    name = f"keccak 0x{_core.keccak256(VICTIM).hex()}"
    assert [(d.scope, d.key) for d in found] == [("account", f"{name}.storage_root")]
    assert found[0].claimed != found[0].computed


def test_a_node_that_proves_nothing_new_leaves_the_path(ledger: Ledger) -> None:
    node = LabNode(ledger.built)
    honest = node.methods["eth_getProof"]
    touched = {data(OTHERS[1]), data(Account.named("alice", 1337).address)}
    touched |= {data(a) for a in (b"\xfe" * 20, demo._BEACON_ROOTS, demo._HISTORY)}
    touched |= {data(a) for a in (demo._WITHDRAWAL_REQUESTS, demo._CONSOLIDATION_REQUESTS)}

    def proof(address: str, slots: list[str], at: Any) -> Any:
        if address not in touched and address != data(bytes(20)):
            raise IndexError
        return honest(address, slots, at)

    node.methods["eth_getProof"] = proof
    found = second(ledger, node).differences[1:]
    assert [d.scope for d in found] == ["trie"]
    prefix = found[0].key.removeprefix("account trie 0x")
    assert prefix
    assert _core.keccak256(VICTIM).hex().startswith(prefix)
