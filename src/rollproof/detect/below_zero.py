"""Words that fell past zero, and amounts that were made of nothing: what storage and transfers alone show of a wrap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rollproof.detect.execution import Execution, Transfer
from rollproof.detect.live_write import WORD, LiveWrite, live_writes
from rollproof.replay.trace import Frame

LARGE: Final = 1 << 128  # no supply of a sane token reaches it


def conjured(execution: Execution) -> Iterator[tuple[bytes, int, Sequence[Transfer]]]:
    """Tokens whose transfers of absurd amounts raised the sum of what they store: (token, by how much, transfers)."""
    large: dict[bytes, list[Transfer]] = {}
    for each in execution.transfers:
        if each.amount >= LARGE and each.token is not None and each.item is None and any(each.sender):
            large.setdefault(each.token, []).append(each)
    for token, gifts in large.items():
        amounts = {each.amount for each in gifts}
        rises, falls = 0, 0
        for write in live_writes(execution):
            if write.context == token:
                if write.rise in amounts and write.after > write.before:
                    rises += write.rise
                elif write.after < write.before:
                    falls += write.before - write.after
        if rises - falls >= LARGE:
            yield token, rises - falls, gifts


def fallen_past_zero(execution: Execution) -> Iterator[LiveWrite]:
    """Writes of a word that was small and is just below 2**256 now; not unlimited allowances."""
    for write in live_writes(execution):
        if write.after >= WORD - LARGE and write.before < LARGE and write.context not in execution.created:
            if write.after == WORD - 1 and _approved(execution, write):
                continue
            yield write


def _approved(execution: Execution, write: LiveWrite) -> bool:
    """Whether it is an allowance without limit: an Approval of the same contract says so, or the call gives one."""
    if execution.frame(write.frame).input[:4] in _APPROVES:
        return True
    unlimited = write.after.to_bytes(32, "big")
    return any(
        log.address == write.context and log.topics and log.topics[0] == _APPROVAL and log.data == unlimited
        for log in execution.logs
    )


# Approval(address,address,uint256)
_APPROVAL = bytes.fromhex("8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925")
# approve, increaseAllowance, permit (EIP-2612), permit (DAI)
_APPROVES = frozenset(map(bytes.fromhex, ("095ea7b3", "39509351", "d505accf", "8fcbaf0c")))


def moved(execution: Execution, write: LiveWrite, amount: int) -> list[Transfer]:
    """Transfers of exactly the amount: the contract's own token's from somebody, or what it paid out itself."""
    return [
        each
        for each in execution.transfers
        if each.amount == amount
        and each.item is None
        and each.sender != each.recipient
        and ((each.token == write.context and any(each.sender)) or each.sender == write.context)
    ]


def counter(execution: Execution, write: LiveWrite) -> bool:
    """Whether a plain slot was read as zero by the frame just before it was written."""
    if any(write.slot[:24]) or _sets_up(execution.frame(write.frame)):
        return False
    trace = execution.trace
    for row in range(write.row - 1, execution.access_rows.start - 1, -1):
        access = trace.accesses[row]
        if access.frame == write.frame and access.slot == write.slot:
            return not access.write and access.value == 0
        if write.row - row > 256:
            return False
    return False


def _sets_up(frame: Frame) -> bool:
    return frame.kind.name.startswith("CREATE")
