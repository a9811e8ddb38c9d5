"""Accounts, storage and proofs at a block. Source: execution-apis; EIP-1186 for proofs."""

from __future__ import annotations

from typing import Any, Final

from rollproof import _core
from rollproof.chain import wire
from rollproof.chain.header import EMPTY_ROOT
from rollproof.chain.wire import to_data, to_quantity
from rollproof.errors import Malformed
from rollproof.lab.node.method import Method
from rollproof.lab.node.node import Node
from rollproof.lab.node.params import Params

MAX_SLOTS: Final = 1_024  # of one proof


def balance(node: Node, params: Params) -> str:
    return to_quantity(node.chain.account(params.address(0), params.block(1, node))[1])


def code(node: Node, params: Params) -> str:
    return to_data(node.chain.code(params.address(0), params.block(1, node)))


def storage_at(node: Node, params: Params) -> str:
    """``eth_getStorageAt``: the word in a slot, 32 bytes."""
    slot, _ = params.read(1, _slot)
    value = node.chain.storage(params.address(0), slot, params.block(2, node))
    return to_data(value.to_bytes(32, "big"))


def nonce(node: Node, params: Params) -> str:
    """``eth_getTransactionCount``; pending counts what waits in the pool."""
    address, block = params.address(0), params.block(1, node)
    found = node.chain.account(address, block)[0]
    if params.raw(1) == "pending" and node.pool is not None:
        found = node.pool.next_nonce(address, found)
    return to_quantity(found)


def proof(node: Node, params: Params) -> dict[str, Any]:
    """``eth_getProof``: the account and slots with the trie nodes that show them; keys come back as they were sent."""
    address, block = params.address(0), params.block(2, node)
    slots = params.read(1, _slots)
    state = node.chain.state(block)
    own_nonce, wei, root, code_hash = node.chain.account(address, block)
    return {
        "address": to_data(address),
        "nonce": to_quantity(own_nonce),
        "balance": to_quantity(wei),
        "storageHash": to_data(root),
        "codeHash": to_data(code_hash),
        "accountProof": [to_data(each) for each in state.prove(address)],
        "storageProof": [_slot_proof(state, address, root, slot, key) for slot, key in slots],
    }


def _slot_proof(state: _core.State, address: bytes, root: bytes, slot: int, key: str) -> dict[str, Any]:
    word = slot.to_bytes(32, "big")
    nodes = [] if root == EMPTY_ROOT else state.prove(address, word)
    value = state.storage(address, word)
    return {"key": key, "value": to_quantity(value), "proof": [to_data(each) for each in nodes]}


def _slots(value: Any, what: str) -> list[tuple[int, str]]:
    return [_slot(each, what) for each in wire.sequence(value, what, MAX_SLOTS)]


def _slot(value: Any, what: str) -> tuple[int, str]:
    """A slot as 32 bytes or as a quantity; clients send both. With the key that an answer repeats."""
    if not isinstance(value, str) or not value.startswith("0x") or len(value) > 66:
        raise Malformed(f"{what}: expected a storage slot, got {wire.short(value)}")
    slot = 0 if value == "0x" else wire.quantity(value, what)
    return slot, value if len(value) == 66 else to_quantity(slot)


METHODS: Final = {
    "eth_getBalance": Method(balance, 1, 2),
    "eth_getCode": Method(code, 1, 2),
    "eth_getStorageAt": Method(storage_at, 2, 3),
    "eth_getTransactionCount": Method(nonce, 1, 2),
    "eth_getProof": Method(proof, 2, 3),
}
