"""Answers so long that copying them uses up the gas of who asked."""

from __future__ import annotations

from collections.abc import Iterator

from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import Execution
from rollproof.detect.failed_call import OUT_OF_GAS
from rollproof.detect.shows import Shows, Trigger
from rollproof.replay.trace import Frame, Kind
from rollproof.types import Confidence, Severity

LONG = 16 << 10  # bytes
_HARMLESS = 50_000  # gas for copying an answer


class ReturnBomb(Detector):
    """A call answered with very many bytes, and its caller paid for copying them or ran out of gas."""

    id = "return-bomb"
    severity = Severity.MEDIUM
    title = "An answer too long to copy"
    what = "A call returned or reverted with 16 KiB or more, and its caller copied that into memory or ran out of gas."
    why = (
        "Memory costs its size squared. A call with a gas limit can still make its caller pay: Solidity copies the "
        "answer even where nobody reads it, so that one hostile callee keeps a loop or a try/catch from ending."
    )
    example = (
        "Bridges and relayers that call untrusted receivers; ExcessivelySafeCall was written for Nomad against it."
    )
    references = ("https://github.com/nomad-xyz/ExcessivelySafeCall",)
    needs = Shows.CALLS | Shows.OUTPUT | Shows.GAS
    trigger = Trigger.LARGE_RETURN

    def check(self, evidence: Execution) -> Iterator[Judgement]:
        """Long answers of calls, by what they did to the caller."""
        lengths, kinds = evidence.trace.column("frame_output_length"), evidence.trace.column("frame_kind")
        for row in evidence.frame_rows:
            length = int.from_bytes(lengths[4 * row : 4 * row + 4], "little")
            if length < LONG or kinds[row] >= Kind.CREATE:
                continue
            frame = evidence.frame(row)
            if frame.parent is not None and frame.kind is not Kind.DELEGATECALL:
                yield from self._answer(evidence, frame, evidence.frame(frame.parent))

    def _answer(self, execution: Execution, frame: Frame, parent: Frame) -> Iterator[Judgement]:
        if parent.target == frame.target:
            return
        copied = _own_gas(execution, parent) >= copying(frame.output_length)
        if parent.status in OUT_OF_GAS:
            severity, came = Severity.MEDIUM, "its caller ran out of gas"
        elif not frame.success and copied and copying(frame.output_length) >= _HARMLESS:
            severity, came = Severity.LOW, f"its caller paid {copying(frame.output_length)} gas to copy that"
        else:
            return
        yield self.finding(
            execution,
            f"A call {'returned' if frame.success else 'failed'} with {frame.output_length} bytes; {came}",
            severity=severity,
            confidence=Confidence.OBSERVED
            if severity is Severity.MEDIUM and not frame.success
            else Confidence.POSSIBLE,
            addresses=(frame.target, parent.target),
            frames=(parent.row, frame.row),
            subject=f"0x{parent.target.hex()} calls 0x{frame.target.hex()} {frame.input[:4].hex()}".strip(),
        )


def copying(length: int) -> int:
    """Gas of copying an answer of so many bytes into fresh memory (yellow paper, appendix H)."""
    words = -(-length // 32)
    return 3 * words + words * words // 512 + 3 * words


def _own_gas(execution: Execution, parent: Frame) -> int:
    """What a frame used itself, without its calls."""
    parents, used = execution.trace.column("frame_parent"), execution.trace.column("frame_gas_used")
    wanted, below = parent.row.to_bytes(4, "little"), 0
    for row in range(parent.row + 1, execution.frame_rows.stop):
        if parents[4 * row : 4 * row + 4] == wanted:
            below += int.from_bytes(used[8 * row : 8 * row + 8], "little")
    return parent.gas_used - below
