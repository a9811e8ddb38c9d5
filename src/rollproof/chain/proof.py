"""``eth_getProof`` answers, held against the state root they are about.

Source: EIP-1186; yellow paper appendix D (the trie), section 4.1 (account and storage leaves).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rollproof import _core
from rollproof.chain import wire
from rollproof.chain.header import EMPTY_CODE, EMPTY_ROOT
from rollproof.errors import Lying

MAX_NODES = 128  # a path of 64 nibbles, and clients that list embedded nodes again
MAX_NODE = 1024  # bytes; a full branch has 532
ZERO = bytes(32)


class Noncompliant(Lying):
    """The node's own trie breaks a consensus rule, so its roots say nothing about execution."""


@dataclass(frozen=True, slots=True)
class Proof:
    """An account and some of its slots, with the trie nodes that show them. Values are as the node claims them."""

    address: bytes
    nonce: int
    balance: int
    storage_root: bytes
    code_hash: bytes
    account_nodes: tuple[bytes, ...]
    slots: Mapping[bytes, tuple[int, tuple[bytes, ...]]] = field(default_factory=dict)

    def nodes(self) -> list[bytes]:
        """All trie nodes, those of the account first."""
        return [*self.account_nodes, *(node for _, nodes in self.slots.values() for node in nodes)]


def from_json(record: Any, address: bytes, slots: list[bytes], what: str) -> Proof:
    """One answer, about the account and slots that were asked for.

    Raises:
        Malformed: a field is absent or not what it should be.
        Lying: it is about another account or other slots.
    """
    record = wire.mapping(record, what)
    if record.get("address") is not None and wire.address(record["address"], f"{what}: address") != address:
        raise Lying(f"{what}: the answer is about another account")
    entries = {}
    for item in wire.sequence(record.get("storageProof"), f"{what}: storageProof", max(1, len(slots))):
        entry = wire.mapping(item, f"{what}: storageProof")
        # The key comes back as it was sent, or as a quantity without its leading zeros.
        key = wire.quantity(wire.field(entry, "key", what), f"{what}: key").to_bytes(32, "big")
        value = wire.quantity(wire.field(entry, "value", what), f"{what}: value")
        entries[key] = value, _nodes(entry.get("proof"), f"{what}: proof")
    if set(entries) != set(slots):
        raise Lying(f"{what}: the answer is about other slots")
    return Proof(
        address,
        wire.quantity(wire.field(record, "nonce", what), f"{what}: nonce", 64),
        wire.quantity(wire.field(record, "balance", what), f"{what}: balance"),
        wire.hash32(wire.field(record, "storageHash", what), f"{what}: storageHash"),
        wire.hash32(wire.field(record, "codeHash", what), f"{what}: codeHash"),
        _nodes(record.get("accountProof"), f"{what}: accountProof"),
        entries,
    )


def check(proof: Proof, state_root: bytes, what: str, *, compliant: bool = True) -> None:
    """Hold every claimed value against the trie nodes, and those against the state root.

    Of a node that is known not to be ``compliant`` a slot kept with value zero is taken for the zero it reads as.

    Raises:
        Noncompliant: the trie is one that no rule of consensus allows.
        Lying: the nodes do not lead from the root to what is claimed. A node that has dropped the state and answers
            from another one is caught here too.
    """
    preimages = _core.Preimages()
    preimages.add(proof.nodes())
    state = _core.State(preimages, state_root)
    name = f"{what}: account 0x{proof.address.hex()}"
    if state_root == EMPTY_ROOT and (proof.nonce or proof.balance or proof.code_hash not in (EMPTY_CODE, ZERO)):
        raise Noncompliant(f"{name}: exists under a state root that says that there are no accounts")
    try:
        account = state.account(proof.address)
        shown = (0, 0, EMPTY_ROOT, EMPTY_CODE) if account is None else account
        root = EMPTY_ROOT if proof.storage_root == ZERO else proof.storage_root
        code = EMPTY_CODE if proof.code_hash == ZERO else proof.code_hash
        if shown != (proof.nonce, proof.balance, root, code):
            raise Lying(f"{name}: values differ from the proof beside them")
        for slot, (value, nodes) in proof.slots.items():
            if compliant and nodes and _zero_leaf(nodes[-1]):
                raise Noncompliant(f"{name}: slot 0x{slot.hex()} is kept as a leaf with value zero")
            if state.storage(proof.address, slot) != value:
                raise Lying(f"{name}: slot 0x{slot.hex()} differs from the proof beside it")
    except _core.Missing:
        raise Lying(f"{name}: the proof does not lead to state root 0x{state_root.hex()}") from None
    except _core.CoreError as error:
        raise Lying(f"{name}: the proof is damaged: {error}") from None


def _nodes(value: Any, what: str) -> tuple[bytes, ...]:
    return tuple(wire.data(item, what, limit=MAX_NODE) for item in wire.sequence(value, what, MAX_NODES))


def _zero_leaf(raw: bytes) -> bool:
    """A storage leaf that holds the RLP of zero: the rules delete such a leaf."""
    try:
        node = _core.rlp_decode(raw, 4, 64)
    except _core.CoreError:
        return False
    return isinstance(node, list) and len(node) == 2 and node[1] == b"\x80" and node[0][:1] >= b"\x20"
