"""What a detector is: constants that explain it, and one pure check."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal

from rollproof.detect.execution import ExecutedBlock, Execution
from rollproof.detect.shows import Shows, Trigger
from rollproof.types import Amount, Confidence, Finding, Severity, SlotChange, Suppressed, Unjudged

Judgement = Finding | Suppressed | Unjudged


class Detector:
    """Base of all detectors. A subclass sets the constants and writes `check`, of a transaction or of a block.

    ``needs``: what the source has to show; without it the driver says `unknown`. ``trigger``: the check runs only on
    transactions in which the first pass noticed one of these (0: on all; block checks: where any transaction has one).
    """

    id: ClassVar[str]
    severity: ClassVar[Severity]  # the highest that it gives
    title: ClassVar[str]
    what: ClassVar[str]
    why: ClassVar[str]
    example: ClassVar[str]
    references: ClassVar[tuple[str, ...]] = ()
    since: ClassVar[str] = "0.1"
    scope: ClassVar[Literal["transaction", "block"]] = "transaction"
    needs: ClassVar[Shows] = Shows.CALLS
    trigger: ClassVar[Trigger] = Trigger(0)

    def check(self, evidence: Any) -> Iterator[Judgement]:
        """What it finds in one `Execution` or, where ``scope`` is block, in one `ExecutedBlock`."""
        raise NotImplementedError

    def finding(
        self,
        evidence: Execution | ExecutedBlock,
        title: str,
        *,
        severity: Severity | None = None,
        confidence: Confidence = Confidence.OBSERVED,
        addresses: Sequence[bytes] = (),
        amounts: Sequence[Amount] = (),
        frames: Sequence[int] = (),
        slots: Sequence[SlotChange] = (),
        notes: Sequence[str] = (),
        subject: str = "",
        counterfactual: dict[str, Any] | None = None,
        transaction: bytes | None = None,
    ) -> Finding:
        """A finding of this detector about an execution, or about a block (``transaction``: one of its hashes)."""
        chain_id, block, place = _place(evidence)
        return Finding(
            detector=self.id,
            severity=severity or self.severity,
            confidence=confidence,
            chain_id=chain_id,
            block=block,
            transaction=transaction or place,
            title=title,
            addresses=tuple(dict.fromkeys(addresses)),
            amounts=tuple(amounts),
            frames=tuple(frames),
            slots=tuple(slots),
            notes=tuple(notes),
            subject=subject,
            counterfactual=counterfactual,
            trace_hash=evidence.trace_hash,
        )

    def suppressed(
        self, evidence: Execution | ExecutedBlock, title: str, reason: str, severity: Severity | None = None
    ) -> Suppressed:
        """What it would have said with ``severity``, and why it does not."""
        return Suppressed(self.id, severity or self.severity, *_place(evidence), title, reason)

    def unjudged(self, evidence: Execution | ExecutedBlock, reason: str) -> Unjudged:
        """What it could not judge, and why."""
        return Unjudged(self.id, *_place(evidence), reason)


def _place(evidence: Execution | ExecutedBlock) -> tuple[int | None, int | None, bytes | None]:
    if isinstance(evidence, Execution):
        return evidence.chain_id, evidence.block, evidence.transaction
    return evidence.chain_id, evidence.number, None
