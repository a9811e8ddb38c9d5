"""The shapes of ``debug_executionWitness``: preimages of the state trie, codes and headers, as each client writes them.

geth: lists of hex, headers as JSON objects. reth, Nethermind, Erigon and the execution-apis draft: headers as RLP.
Older reth: maps from hash to value. Nothing in an answer is believed: preimages are hashed where they are used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rollproof import _core
from rollproof.chain import header, wire
from rollproof.errors import Lying, Malformed

MAX_NODES = 4_000_000
MAX_CODES = 200_000
MAX_HEADERS = 1024
MAX_NODE = 1024  # bytes
MAX_CODE = 4 * 1024 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Witness:
    """What one answer holds. ``keys`` are addresses (20 bytes) and slots (32) the block touched, where served."""

    nodes: tuple[bytes, ...]
    codes: tuple[bytes, ...]
    headers: tuple[bytes, ...]
    keys: tuple[bytes, ...]

    def preimages(self) -> list[bytes]:
        """All that may be asked for by its hash."""
        return [*self.nodes, *self.codes, *self.headers]


def from_json(answer: Any, what: str) -> Witness:
    """A witness from any of the known shapes.

    Raises:
        Malformed: none of the known shapes, or a bound is passed.
        Lying: a map's value does not hash to its key, or a JSON header not to its hash.
    """
    record = {key.lower(): value for key, value in wire.mapping(answer, what).items()}
    if "state" not in record:
        raise Malformed(f"{what}: no state in the witness")
    headers = record.get("headers") or []
    return Witness(
        _values(record["state"], f"{what}: state", MAX_NODES, MAX_NODE),
        _values(record.get("codes"), f"{what}: codes", MAX_CODES, MAX_CODE),
        tuple(_header(item, f"{what}: header") for item in wire.sequence(headers, f"{what}: headers", MAX_HEADERS)),
        _values(record.get("keys"), f"{what}: keys", MAX_NODES, 32),
    )


def _values(value: Any, what: str, count: int, size: int) -> tuple[bytes, ...]:
    if value is None:
        return ()
    if not isinstance(value, dict):
        items = (wire.data(item, what, limit=size) for item in wire.sequence(value, what, count))
        return tuple(item for item in items if item)
    if len(value) > count:
        raise Malformed(f"{what}: {len(value)} items, more than {count}")
    out = []
    for key, item in value.items():
        raw = wire.data(item, what, limit=size)
        if _core.keccak256(raw) != wire.hash32(key, what):
            raise Lying(f"{what}: a value does not hash to its key {wire.short(key)}")
        out.append(raw)
    return tuple(out)


def _header(item: Any, what: str) -> bytes:
    if isinstance(item, str):  # a preimage like the others: of whatever fork, its hash is what counts
        return wire.data(item, what, limit=header.MAX_RLP)
    return header.encode(header.from_json(item, what).header)
