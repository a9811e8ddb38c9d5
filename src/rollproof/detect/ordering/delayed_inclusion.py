"""Transactions that are included, but late, although blocks before had room for them and took what came later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar, Final, Literal

from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import ExecutedBlock, Execution
from rollproof.detect.ordering.waiting import Waiting, effective_tip
from rollproof.detect.shows import Shows, Trigger
from rollproof.types import Severity

LATE: Final = 3  # blocks


class DelayedInclusion(Detector):
    """Names a transaction in the block that holds it at last; the finding is about the first that did not."""

    id: ClassVar[str] = "delayed-inclusion"
    severity: ClassVar[Severity] = Severity.MEDIUM
    title: ClassVar[str] = "A transaction is held back for some blocks"
    what: ClassVar[str] = (
        f"A transaction is included {LATE} blocks or more after the first that could have held it, and one of those "
        "blocks took something that came later and paid no more."
    )
    why: ClassVar[str] = "A few blocks decide who gets a price, who is liquidated, and who sees an order first."
    example: ClassVar[str] = "Withholding users' swaps for some blocks to trade on them, on a chain with one sequencer."
    scope: ClassVar[Literal["transaction", "block"]] = "block"
    needs: ClassVar[Shows] = Shows.SENDER
    trigger: ClassVar[Trigger] = Trigger(0)

    def check(self, evidence: ExecutedBlock) -> Iterator[Judgement]:
        block = evidence
        if block.pending is None or block.number is None:
            yield self.unjudged(block, "nobody watched the pool")
            return
        for execution in block.executions:
            known = block.pending.get(execution.transaction or b"")
            if known is None or not known.next or block.number - known.block < LATE:
                continue
            if not (known.overtaken or self._overtaken(block, execution, known)):
                continue
            found = self.finding(
                block,
                f"a transaction of 0x{known.sender.hex()} was held back for {block.number - known.block} blocks",
                addresses=known.sides(),
                transaction=known.hash,
                notes=(f"first seen at {known.seen}, included in block {block.number}",),
            )
            yield replace(found, block=known.block)

    def _overtaken(self, block: ExecutedBlock, late: Execution, known: Waiting) -> bool:
        """Whether the block that takes it also takes what came later and pays no more."""
        base_fee, pending = block.base_fee or 0, block.pending or {}
        paid = known.paid(base_fee)
        for other in block.executions:
            if other is late or not other.decoded or other.decoded["type"] == 0x7E:
                continue
            seen = pending.get(other.transaction or b"")
            later = seen is None or seen.block > known.block
            if later and other.sender != known.sender and effective_tip(other.decoded, base_fee) <= paid:
                return True
        return False
