"""``debug_executionWitness``: all that executing a block again reads. Source: execution-apis, debug namespace."""

from __future__ import annotations

from typing import Any, Final

from rollproof import _core
from rollproof.chain.wire import to_data
from rollproof.lab.block import Block
from rollproof.lab.node.error import not_found
from rollproof.lab.node.method import Method
from rollproof.lab.node.node import Node
from rollproof.lab.node.params import Params
from rollproof.replay.header import encode_header


def execution_witness(node: Node, params: Params) -> dict[str, Any]:
    """Trie nodes, codes, touched addresses and slots, and ancestors as RLP, the parent's header among them."""
    return of_block(node, params.block(0, node))


def by_hash(node: Node, params: Params) -> dict[str, Any]:
    found = node.chain.block(params.hash(0))
    if found is None:
        raise not_found("block")
    return of_block(node, found)


def of_block(node: Node, block: Block) -> dict[str, Any]:
    """The witness of a block, as geth and reth shape it. Raises Missing for the genesis block."""
    done = node.chain.run(block)
    parent = node.chain.block(block.header.parent_hash)
    codes = _code_hashes(node, parent, done)
    headers: dict[bytes, bytes] = {}
    found: dict[str, list[str]] = {"state": [], "codes": [], "keys": []}
    for value in done.witness:
        digest = _core.keccak256(value)
        if node.chain.block(digest) is not None:
            headers[digest] = value
        else:
            found["codes" if digest in codes else "state"].append(to_data(value))
    for address, slots in done.touched:
        found["keys"] += [to_data(address), *(to_data(slot) for slot in slots)]
    if parent is not None:
        headers.pop(parent.hash, None)
        found["headers"] = [to_data(each) for each in (encode_header(parent.header), *headers.values())]
    return found


def _code_hashes(node: Node, parent: Block | None, done: _core.Done) -> set[bytes]:
    """Hashes of the codes that touched accounts had before the block: what is no trie node and no header."""
    return set() if parent is None else {node.chain.account(address, parent)[3] for address, _ in done.touched}


METHODS: Final = {
    "debug_executionWitness": Method(execution_witness, 1, 1),
    "debug_executionWitnessByBlockHash": Method(by_hash, 1, 1),
}
