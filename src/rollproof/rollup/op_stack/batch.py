"""Batches: what the sequencer put into one L2 block, as published on L1.

Source: OP Stack specification, derivation ("Batch Format").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rollproof import _core
from rollproof.errors import Malformed, Unsupported
from rollproof.rollup.op_stack import rlp

SINGULAR: Final = 0
SPAN: Final = 1


@dataclass(frozen=True, slots=True)
class SingularBatch:
    """One L2 block's batch (version 0): its parent, its L1 origin, its time in seconds, and its transactions as raw
    EIP-2718 bytes, without the deposits, which L1 itself gives.
    """

    parent_hash: bytes
    epoch_number: int
    epoch_hash: bytes
    timestamp: int
    transactions: tuple[bytes, ...] = ()

    def encode(self) -> bytes:
        """Version byte and content; in a channel, this stands inside an RLP string."""
        content = [
            self.parent_hash,
            rlp.integer(self.epoch_number),
            self.epoch_hash,
            rlp.integer(self.timestamp),
            list(self.transactions),
        ]
        return bytes([SINGULAR]) + _core.rlp_encode(content)


def decode(data: bytes) -> SingularBatch:
    """A batch from its encoding.

    Raises Unsupported for a span batch (Delta), which is not read yet; Malformed for any other version and for content
    that breaks the format: derivation ignores those.
    """
    if not data:
        raise Malformed("batch without a version")
    if data[0] == SPAN:
        raise Unsupported("span batch (version 1)")
    if data[0] != SINGULAR:
        raise Malformed(f"batch version {data[0]}")
    parent, number, epoch, timestamp, transactions = rlp.fields(data[1:], 5, "batch")
    if not isinstance(transactions, list):
        raise Malformed("batch: the transactions are no list")
    return SingularBatch(
        parent_hash=rlp.string(parent, "batch: parent hash", 32),
        epoch_number=rlp.number(number, "batch: epoch number", 64),
        epoch_hash=rlp.string(epoch, "batch: epoch hash", 32),
        timestamp=rlp.number(timestamp, "batch: timestamp", 64),
        transactions=tuple(rlp.string(each, "batch: transaction") for each in transactions),
    )
