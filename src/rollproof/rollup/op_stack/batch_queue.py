"""Which batches derivation takes, by the rules of Holocene and later.

Source: OP Stack specification, derivation ("Batch Queue"); Holocene, derivation ("Batch Queue"); Fjord, derivation
(sequencer drift).

Not done: the batches that derivation makes itself when a sequencing window passes without any, and the deposit-only
block that takes the place of one which cannot be executed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from rollproof.rollup.op_stack.batch import SingularBatch
from rollproof.rollup.op_stack.deposit import TYPE as DEPOSIT

SEQUENCING_WINDOW: Final = 3600  # L1 blocks, the usual value
MAX_SEQUENCER_DRIFT: Final = 1800  # seconds, Fjord


class Validity(StrEnum):
    """What derivation does with a batch. From Holocene on there is no "future": a gap is dropped."""

    ACCEPT = "accept"
    DROP = "drop"
    PAST = "past"  # already derived: dropped, but its channel goes on
    UNDECIDED = "undecided"  # needs the next L1 block


@dataclass(frozen=True, slots=True)
class Origin:
    """An L1 block as batches refer to it; ``timestamp`` in seconds."""

    number: int
    hash: bytes
    timestamp: int


@dataclass(frozen=True, slots=True)
class SafeHead:
    """The last L2 block that is derived, and its L1 origin."""

    hash: bytes
    timestamp: int
    origin: Origin


def judge(
    batch: SingularBatch,
    included_in: int,
    safe: SafeHead,
    next_origin: Origin | None,
    *,
    block_time: int = 2,
    window: int = SEQUENCING_WINDOW,
    drift: int = MAX_SEQUENCER_DRIFT,
) -> tuple[Validity, str]:
    """What becomes of a batch on top of ``safe``, and why.

    ``next_origin`` is the L1 block after the safe head's origin, where it is known; ``included_in`` the L1 block that
    completed the batch; times in seconds.

    Its transactions are not executed, so an accepted batch may still turn out to make no valid block.
    """
    drop, due = Validity.DROP, safe.timestamp + block_time
    if batch.timestamp > due:
        return drop, f"a gap: timestamp {batch.timestamp}, {due} is due"
    if batch.timestamp < due:
        return Validity.PAST, f"timestamp {batch.timestamp} is derived already"
    if batch.parent_hash != safe.hash:
        return drop, f"its parent 0x{batch.parent_hash.hex()} is not the safe head 0x{safe.hash.hex()}"
    if batch.epoch_number + window < included_in:
        return drop, f"epoch {batch.epoch_number} is published too late, in L1 block {included_in}"
    if not safe.origin.number <= batch.epoch_number <= safe.origin.number + 1:
        return drop, f"epoch {batch.epoch_number} after epoch {safe.origin.number}"
    origin = safe.origin if batch.epoch_number == safe.origin.number else next_origin
    if origin is None:
        return Validity.UNDECIDED, f"L1 block {batch.epoch_number} is not known yet"
    if batch.epoch_hash != origin.hash:
        return drop, f"its L1 origin 0x{batch.epoch_hash.hex()} is not the canonical block {origin.number}"
    if batch.timestamp < origin.timestamp:
        return drop, f"timestamp {batch.timestamp} is before its L1 origin's"
    if batch.timestamp > origin.timestamp + drift:
        if batch.transactions:
            return drop, f"transactions more than {drift} seconds after the L1 origin"
        if origin is safe.origin:
            if next_origin is None:
                return Validity.UNDECIDED, f"L1 block {origin.number + 1} is not known yet"
            if batch.timestamp >= next_origin.timestamp:
                return drop, "it could have taken the next L1 origin"
    for index, raw in enumerate(batch.transactions):
        if not raw or raw[0] == DEPOSIT:
            return drop, f"transaction {index} is {'a deposit' if raw else 'empty'}"
    return Validity.ACCEPT, ""
