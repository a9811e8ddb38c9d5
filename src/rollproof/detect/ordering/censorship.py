"""Transactions that stay out of every block although they pay, there is room, and others that came later go in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar, Final, Literal

from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import ExecutedBlock
from rollproof.detect.ordering.waiting import passed_over
from rollproof.detect.shows import Shows, Trigger
from rollproof.types import Severity

PATIENCE: Final = 8  # blocks


class Censorship(Detector):
    """Names a transaction again at each further block that could have held it; the finding stays the same one."""

    id: ClassVar[str] = "censorship"
    severity: ClassVar[Severity] = Severity.MEDIUM
    title: ClassVar[str] = "A transaction is left out of block after block"
    what: ClassVar[str] = (
        f"A transaction waits in the pool for {PATIENCE} blocks or more, is its sender's next one, pays the base fee, "
        "and one of these blocks had room for it and took something that came later and paid no more."
    )
    why: ClassVar[str] = (
        "Who builds the blocks alone can hold anybody's funds: a trader who cannot close a position loses it. "
        "What stays is the deposit from L1, which the sequencer has to take."
    )
    example: ClassVar[str] = (
        "Linea's sequencer left out an attacker's addresses after Velocore, June 2024; Soneium's those of two tokens, "
        "January 2025."
    )
    references: ClassVar[tuple[str, ...]] = (
        "https://specs.optimism.io/protocol/derivation.html#deriving-the-transaction-list",
    )
    scope: ClassVar[Literal["transaction", "block"]] = "block"
    needs: ClassVar[Shows] = Shows.SENDER
    trigger: ClassVar[Trigger] = Trigger(0)

    def check(self, evidence: ExecutedBlock) -> Iterator[Judgement]:
        block = evidence
        if block.pending is None or block.number is None:
            yield self.unjudged(block, "nobody watched the pool")
            return
        overtaken = {each.hash for each in passed_over(block, block.pending)}
        included = {each.transaction for each in block.executions}
        for each in block.pending.values():
            blocks = block.number - each.block
            if blocks < PATIENCE or each.hash in included or not each.next or each.paid(block.base_fee or 0) < 0:
                continue
            if not (each.overtaken or each.hash in overtaken):
                continue
            found = self.finding(
                block,
                f"a transaction of 0x{each.sender.hex()} is left out of {blocks} blocks that it could have been in",
                addresses=each.sides(),
                transaction=each.hash,
                notes=(
                    f"nonce {each.nonce}, priority fee {each.paid(block.base_fee or 0)} wei a gas, seen at {each.seen}",
                    f"{each.overtaken + (each.hash in overtaken)} of these had room for it and hold what came later",
                ),
            )
            yield replace(found, block=each.block)  # it is one finding, however long it goes on
