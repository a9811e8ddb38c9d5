"""Blocks that are not ordered as the chain says that it orders."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heapreplace
from typing import ClassVar, Literal

from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import ExecutedBlock, Execution
from rollproof.detect.ordering.waiting import effective_tip
from rollproof.detect.shows import Shows, Trigger
from rollproof.types import Severity

RULE = "priority-fee"


class PriorityViolated(Detector):
    """Compares the block with the order that the claimed rule gives, and names the first place where a fee is lower."""

    id: ClassVar[str] = "priority-violated"
    severity: ClassVar[Severity] = Severity.MEDIUM
    title: ClassVar[str] = "A block is not ordered by priority fee as the chain claims"
    what: ClassVar[str] = (
        "The chain says that higher priority fees come first, and a transaction stands where one of another sender "
        "with a higher fee could have stood: that sender's earlier transactions are all included before."
    )
    why: ClassVar[str] = "Users bid by the claimed rule; an order that is broken for some takes what others paid for."
    example: ClassVar[str] = "A sequencer that puts its own trades first, whatever they pay."
    scope: ClassVar[Literal["transaction", "block"]] = "block"
    needs: ClassVar[Shows] = Shows.SENDER
    trigger: ClassVar[Trigger] = Trigger(0)

    def check(self, evidence: ExecutedBlock) -> Iterator[Judgement]:
        block = evidence
        if block.ordering is None:
            yield self.unjudged(block, "the chain's rule of ordering was not given")
            return
        if block.ordering != RULE:
            return
        signed = [each for each in block.executions if each.decoded and each.decoded["type"] != 0x7E]
        fees = {each.index: effective_tip(each.decoded, block.base_fee or 0) for each in signed}
        for there, due in zip(signed, by_priority_fee(signed, fees), strict=True):
            if fees[there.index] < fees[due.index] and there.transaction and due.transaction:
                yield self.finding(
                    block,
                    f"transaction {there.index} pays {fees[there.index]} wei a gas and stands before transaction "
                    f"{due.index}, which pays {fees[due.index]}",
                    addresses=[each for each in (there.sender, due.sender) if each is not None],
                    transaction=there.transaction,
                    subject=f"before 0x{due.transaction.hex()}",
                )
                return


def by_priority_fee(signed: Sequence[Execution], fees: dict[int, int]) -> list[Execution]:
    """The same transactions, the highest fee first, equal ones as they are, and a sender's own in their order."""
    queues: dict[bytes, deque[Execution]] = {}
    for each in signed:
        queues.setdefault(each.sender or b"", deque()).append(each)
    place = {each.index: at for at, each in enumerate(signed)}
    heads = [(-fees[queue[0].index], place[queue[0].index], sender) for sender, queue in queues.items()]
    heapify(heads)
    ordered: list[Execution] = []
    while heads:
        queue = queues[heads[0][2]]
        ordered.append(queue.popleft())
        if queue:
            heapreplace(heads, (-fees[queue[0].index], place[queue[0].index], heads[0][2]))
        else:
            heappop(heads)
    return ordered
