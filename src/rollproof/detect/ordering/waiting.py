"""Transactions that wait in a pool, as somebody outside has seen them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rollproof.detect.execution import ExecutedBlock


@dataclass(frozen=True, slots=True)
class Waiting:
    """A transaction that was seen in a pool. ``block`` is the first one that it could have been in and was not.

    ``seen`` is when it was first there, unix seconds. Fees in wei a gas; ``tip`` is the priority fee at most.
    ``next``: its sender's earlier transactions are all included, and it can pay. ``overtaken``: how many blocks before
    this one left it out in the sense of `passed_over`.
    """

    hash: bytes
    sender: bytes
    to: bytes | None
    nonce: int
    gas_limit: int
    fee: int
    tip: int
    block: int
    seen: int
    next: bool = True
    overtaken: int = 0

    def paid(self, base_fee: int) -> int:
        """What the block's producer gets a gas (EIP-1559); negative where it cannot pay the base fee."""
        return min(self.tip, self.fee - base_fee)

    def sides(self) -> tuple[bytes, ...]:
        """Its sender and its recipient."""
        return (self.sender,) if self.to is None else (self.sender, self.to)


def passed_over(block: ExecutedBlock, pending: Mapping[bytes, Waiting]) -> Iterator[Waiting]:
    """What waits, could have been in this block, and is not, although something later is, which pays no more.

    A block without room for it, and one that holds only what had come before or pays more, wrongs nobody.
    """
    if block.number is None or block.base_fee is None:
        return
    included = {each.transaction for each in block.executions}
    room = (block.gas_limit or 0) - sum(each.gas_used or 0 for each in block.executions)
    lowest: int | None = None
    latest = -1
    for execution in block.executions:
        known = pending.get(execution.transaction or b"")
        if execution.decoded.get("type") == 0x7E or not execution.decoded:
            continue  # what L1 forces in
        latest = max(latest, block.number if known is None else known.block)
        paid = effective_tip(execution.decoded, block.base_fee)
        lowest = paid if lowest is None else min(lowest, paid)
    if lowest is None:
        return
    for each in pending.values():
        fits = each.next and each.gas_limit <= room and each.paid(block.base_fee) >= lowest
        if each.hash not in included and fits and each.block < latest:
            yield each


def effective_tip(decoded: Mapping[str, int], base_fee: int) -> int:
    """What the block's producer gets a gas from a decoded transaction (EIP-1559), in wei."""
    tip = decoded["max_priority_fee_per_gas"]
    most = decoded["max_fee_per_gas"] - base_fee
    return most if tip is None else min(tip, most)
