"""Calls that failed below a frame whose effects stayed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rollproof.detect.execution import Execution
from rollproof.replay.trace import Frame

MAX_LISTED = 512  # of one transaction; a search on chain can make thousands that are alike

# revm's InstructionResult: out of gas by an instruction, memory, a precompile or an operand, or too little for SSTORE
OUT_OF_GAS = frozenset({0x20, 0x21, 0x22, 0x23, 0x24, 0x25})


@dataclass(frozen=True, slots=True)
class FailedCall:
    """``frame`` failed; ``parent`` called it, and what the parent did stayed."""

    frame: Frame
    parent: Frame

    @property
    def out_of_gas(self) -> bool:
        """Whether the call itself ran out of gas (not one below it)."""
        return self.frame.status in OUT_OF_GAS


def failed_calls(execution: Execution) -> Sequence[FailedCall]:
    """The failed calls of live parents, in order, at most 512."""
    return execution.kept("failed calls", _failed_calls)


def _failed_calls(execution: Execution) -> tuple[FailedCall, ...]:
    trace = execution.trace
    found: list[FailedCall] = []
    for row, parent in failed_frames(execution):
        if not trace.reverted(parent):
            found.append(FailedCall(trace.frames[row], trace.frames[parent]))
            if len(found) == MAX_LISTED:
                break
    return tuple(found)


def failed_frames(execution: Execution) -> Iterator[tuple[int, int]]:
    """(row, row of its parent) of every frame that failed but the transaction's own; nothing is decoded for it."""
    rows, status = execution.frame_rows, execution.trace.column("frame_status")
    parents = execution.trace.column("frame_parent")
    for row in range(rows.start + 1, rows.stop):
        if not 1 <= status[row] <= 3:
            yield row, int.from_bytes(parents[4 * row : 4 * row + 4], "little")
