"""A detector for the tests of what is around detectors: one finding for each transaction that writes to storage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import Execution
from rollproof.detect.shows import Shows
from rollproof.types import Severity, SlotChange


class SeenWrite(Detector):
    """Low for a write that stays, suppressed for one that was undone."""

    id: ClassVar[str] = "seen-write"
    severity: ClassVar[Severity] = Severity.LOW
    title: ClassVar[str] = "A slot was written"
    what: ClassVar[str] = "Any write to storage."
    why: ClassVar[str] = "It shows that the transaction was executed."
    example: ClassVar[str] = "A token transfer."
    needs: ClassVar[Shows] = Shows.STORAGE

    def check(self, execution: Execution) -> Iterator[Judgement]:
        for access in execution.accesses:
            if not access.write or access.value == access.before:
                continue
            frame = execution.frame(access.frame)
            if execution.reverted(access.frame):
                yield self.suppressed(execution, "written", "the call was undone")
                continue
            yield self.finding(
                execution,
                f"wrote {access.value}",
                addresses=[frame.target],
                frames=[frame.row],
                slots=[SlotChange(frame.target, access.slot, access.before, access.value)],
                subject=f"{frame.target.hex()} {access.slot.hex()}",
            )


class SeenCall(Detector):
    """Info for every transaction; any source shows calls."""

    id: ClassVar[str] = "seen-call"
    severity: ClassVar[Severity] = Severity.INFO
    title: ClassVar[str] = "A call was made"
    what: ClassVar[str] = "Any call."
    why: ClassVar[str] = "It shows that the transaction was looked at."
    example: ClassVar[str] = "A payment."

    def check(self, execution: Execution) -> Iterator[Judgement]:
        yield self.finding(execution, f"{len(execution.frame_rows)} calls")
