"""Calls by which a token is asked to move (ERC-20), and whether it did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rollproof.detect.execution import Execution
from rollproof.detect.live_write import live_writes, subtree
from rollproof.detect.shows import Shows
from rollproof.replay.trace import Frame, Kind

TRANSFER = bytes.fromhex("a9059cbb")  # transfer(address,uint256)
TRANSFER_FROM = bytes.fromhex("23b872dd")  # transferFrom(address,address,uint256)


@dataclass(frozen=True, slots=True)
class TokenCall:
    """``sender``, ``recipient`` and ``amount`` (base units) are None where the source has no call data."""

    token: bytes
    pulls: bool  # transferFrom
    sender: bytes | None
    recipient: bytes | None
    amount: int | None


def token_call(frame: Frame) -> TokenCall | None:
    """What a call asks a token to do; None where it is no transfer."""
    selector, data = frame.input[:4], frame.input
    if selector == TRANSFER:
        if len(data) < 68:
            return TokenCall(frame.target, False, frame.caller, None, None)
        return TokenCall(frame.target, False, frame.caller, data[16:36], int.from_bytes(data[36:68], "big"))
    if selector == TRANSFER_FROM:
        if len(data) < 100:
            return TokenCall(frame.target, True, None, None, None)
        return TokenCall(frame.target, True, data[16:36], data[48:68], int.from_bytes(data[68:100], "big"))
    return None


def moved_nothing(execution: Execution) -> Iterator[tuple[Frame, str]]:
    """Live token calls that succeeded without moving anything, and how that shows."""
    trace = execution.trace
    kept, at, data = trace.column("frame_input_kept"), trace.column("frame_input_at"), trace.column("data")
    ran = trace.column("frame_ran")
    outputs = Shows.OUTPUT in execution.shows
    for row in execution.frame_rows:
        start = int.from_bytes(at[4 * row : 4 * row + 4], "little")
        if kept[4 * row : 4 * row + 4] == b"\0\0\0\0" or data[start : start + 4] not in (TRANSFER, TRANSFER_FROM):
            continue
        frame = trace.frames[row]
        if frame.kind is not Kind.CALL or not frame.success or trace.reverted(row):
            continue
        if not ran[row]:
            yield frame, "no code"
        elif outputs:
            if frame.output_length == 32 and not any(frame.output):
                yield frame, "false"
        elif Shows.STORAGE in execution.shows and Shows.TOPICS in execution.shows and _idle(execution, row):
            yield frame, "silent"


def _idle(execution: Execution, row: int) -> bool:
    """Whether neither a frame nor a call below it wrote storage or emitted a log."""
    rows = subtree(execution, row)
    return not any(each.frame in rows for each in live_writes(execution)) and not any(
        log.frame in rows for log in execution.logs
    )
