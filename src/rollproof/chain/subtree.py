"""What lies below a path of the state trie that no proof has touched: nodes of it, before and after a block.

A key below the path is taken from ``debug_accountRange`` or ``debug_storageRangeAt`` where a node offers them (it then
also has a name), else found by brute force; either is proven by ``eth_getProof``, so nobody needs to be trusted.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from rollproof import _core
from rollproof.chain import wire
from rollproof.chain.header import Sealed
from rollproof.chain.node import Node
from rollproof.chain.nodes import Nodes
from rollproof.chain.pinned import Pinned, Wanted
from rollproof.chain.proof import Proof
from rollproof.chain.sibling import nibbles
from rollproof.errors import RollproofError

MAX_RANGE = 32  # keys asked for in one go
MAX_PREFIX = 6  # nibbles; beyond that a key is not found by brute force
MAX_ITEMS = 4096


class Subtree:
    """Looks below paths of the states before and after ``block``; ``budget`` and ``seed`` as for `_core.find_key`."""

    def __init__(self, nodes: Nodes, parent: Sealed, block: Sealed, *, budget: int, seed: int) -> None:
        self._nodes, self._states = nodes, (block, parent)
        self._budget, self._seed = budget, seed

    def below(self, address: bytes | None, path: bytes, transactions: int) -> list[bytes]:
        """Trie nodes below ``path`` (one nibble a byte) of the account trie or of an account's storage, and names.

        A name is an address or a slot whose hash begins with the path. Empty where nothing can be had.
        """
        keys = self._listed(address, path, transactions)
        if not keys and len(path) <= MAX_PREFIX:
            key = _core.find_key(path, 20 if address is None else 32, self._budget, self._seed)
            return [] if key is None else self._proven(address, [key])
        return keys + self._proven(address, keys) if keys else []

    def _proven(self, address: bytes | None, keys: Sequence[bytes]) -> list[bytes]:
        asked: dict[bytes, list[bytes]] = {key: [] for key in keys} if address is None else {address: list(keys)}
        out: list[bytes] = []
        for state in self._states:
            try:
                proofs = self._nodes.ask(partial(_prove, state, asked))
            except RollproofError as error:
                self._nodes.notes.append(str(error))
                continue
            out += [raw for proof in proofs.values() for raw in proof.nodes()]
        return out

    def _listed(self, address: bytes | None, path: bytes, transactions: int) -> list[bytes]:
        """Keys that the node lists from the path on, as far as they are below it."""
        start = bytes(a << 4 | b for a, b in zip(*[iter(path.ljust(64, b"\0"))] * 2, strict=True))

        def ask(node: Node) -> list[bytes]:
            block = wire.to_data(self._states[0].hash)
            try:
                if address is None:
                    number = wire.to_quantity(self._states[0].header.number)
                    answer = node.rpc.call(
                        "debug_accountRange", number, wire.to_data(start), MAX_RANGE, True, True, True
                    )
                    return _accounts(answer, node.label)
                at = max(0, transactions - 1)
                name = wire.to_data(address)
                answer = node.rpc.call("debug_storageRangeAt", block, at, name, wire.to_data(start), MAX_RANGE)
                return _slots(answer, node.label)
            except RollproofError as error:
                self._nodes.notes.append(str(error))
                return []

        found = self._nodes.ask(ask)
        below = [key for key in found if nibbles(_core.keccak256(key))[: len(path)] == path]
        return below[:MAX_RANGE]


def _prove(state: Sealed, asked: Wanted, node: Node) -> dict[bytes, Proof]:
    return Pinned(node, state).proofs(asked)


def _accounts(answer: Any, label: str) -> list[bytes]:
    """Addresses of a ``debug_accountRange`` answer: keys of its accounts, or a field of them."""
    what = f"{label}: debug_accountRange"
    out = []
    accounts = wire.mapping(wire.mapping(answer, what).get("accounts"), what)
    for key, account in list(accounts.items())[:MAX_ITEMS]:
        given = wire.mapping(account, what).get("address") or key
        if isinstance(given, str) and len(given) == 42:  # an address that the node has no name for is given otherwise
            out.append(wire.address(given, what))
    return out


def _slots(answer: Any, label: str) -> list[bytes]:
    what = f"{label}: debug_storageRangeAt"
    storage = wire.mapping(wire.mapping(answer, what).get("storage"), what)
    keys = [wire.mapping(entry, what).get("key") for entry in list(storage.values())[:MAX_ITEMS]]
    return [wire.hash32(key, what) for key in keys if key is not None]
