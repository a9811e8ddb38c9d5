"""Receipts in their consensus encoding, read and made anew. Source: EIP-658, EIP-2718; OP Stack, deposit receipts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from rollproof import _core
from rollproof.lab.block import Log
from rollproof.replay.header import minimal


class Receipt(NamedTuple):
    """One receipt of after Byzantium; ``deposit`` is (nonce, version) of an OP Stack deposit's."""

    type: int
    status: int
    cumulative_gas_used: int
    logs: tuple[Log, ...]
    deposit: tuple[int, int] | None = None

    def encode(self) -> bytes:
        items: list[Any] = [minimal(self.status), minimal(self.cumulative_gas_used), bloom(self.logs)]
        items.append([[address, list(topics), data] for address, topics, data in self.logs])
        items += [minimal(each) for each in self.deposit or ()]
        body = _core.rlp_encode(items)
        return bytes([self.type]) + body if self.type else body


def decode(encoded: bytes) -> Receipt:
    """A receipt that the core encoded. Raises CoreError or ValueError for anything else."""
    kind = encoded[0] if encoded[0] < 0x80 else 0
    status, gas, _, logs, *rest = _core.rlp_decode(encoded[1:] if kind else encoded)
    deposit = (int.from_bytes(rest[0], "big"), int.from_bytes(rest[1], "big")) if rest else None
    listed = tuple((address, topics, data) for address, topics, data in logs)
    return Receipt(kind, int.from_bytes(status, "big"), int.from_bytes(gas, "big"), listed, deposit)


def bloom(logs: Iterable[Log]) -> bytes:
    """256 bytes with three bits set for every address and topic (yellow paper, section 4.4.1)."""
    bits = 0
    for address, topics, _ in logs:
        for item in (address, *topics):
            digest = _core.keccak256(item)
            for at in (0, 2, 4):
                bits |= 1 << (int.from_bytes(digest[at : at + 2], "big") & 2047)
    return bits.to_bytes(256, "big")


def bloom_of(receipts: Sequence[bytes]) -> bytes:
    """The block's bloom: the union of its receipts'."""
    return bloom(log for encoded in receipts for log in decode(encoded).logs)
