"""Answers so long that copying them uses up the gas of who asked."""

from __future__ import annotations

from collections.abc import Iterator

from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import Execution
from rollproof.detect.failed_call import OUT_OF_GAS
from rollproof.detect.live_write import subtree
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
        trace, own = evidence.trace, _own_gas(evidence)
        lengths, kinds, ran = trace.column("frame_output_length"), trace.column("frame_kind"), trace.column("frame_ran")
        said: set[tuple[bytes, bytes]] = set()
        for row in evidence.frame_rows:
            length = int.from_bytes(lengths[4 * row : 4 * row + 4], "little")
            if length < LONG or kinds[row] >= Kind.CREATE or not ran[row]:
                continue
            frame = evidence.frame(row)
            if frame.parent is None or frame.kind is Kind.DELEGATECALL:
                continue
            parent = evidence.frame(frame.parent)
            if parent.target != frame.target and (parent.target, frame.target) not in said:
                for each in self._answer(evidence, frame, parent, own):
                    said.add((parent.target, frame.target))
                    yield each

    def _answer(self, execution: Execution, frame: Frame, parent: Frame, own: dict[int, int]) -> Iterator[Judgement]:
        price = copying(frame.output_length)
        if parent.status in OUT_OF_GAS and subtree(execution, frame.row).stop == subtree(execution, parent.row).stop:
            severity, came = Severity.MEDIUM, "its caller ran out of gas"
        elif not frame.success and price >= _HARMLESS and own.get(parent.row, 0) >= price:
            severity, came = Severity.LOW, f"its caller paid {price} gas to copy that"
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


def _own_gas(execution: Execution) -> dict[int, int]:
    """What each frame used itself, without its calls."""
    parents, used = execution.trace.column("frame_parent"), execution.trace.column("frame_gas_used")
    own: dict[int, int] = {}
    for row in execution.frame_rows:
        gas = int.from_bytes(used[8 * row : 8 * row + 8], "little")
        own[row] = own.get(row, 0) + gas
        parent = int.from_bytes(parents[4 * row : 4 * row + 4], "little")
        own[parent] = own.get(parent, 0) - gas
    return own
