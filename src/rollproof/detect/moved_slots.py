"""Storage that a transaction moved by a large factor, and who of others read it afterwards."""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass

from rollproof.detect.ancestry import static, target
from rollproof.detect.execution import Execution
from rollproof.replay.trace import Kind

# What a number that prices something has at least, in its smallest unit; flags, counters and locks have less.
_SMALLEST = 10**6
# Words are packed: two halves, Uniswap V2's reserves (112 bits), Uniswap V3's square root of the price (160 bits).
_LANES = ((0, 128), (128, 128), (0, 112), (112, 112), (0, 160))
_ADDRESS = 1 << 140  # what is between this and 2**160 is taken for an address
_TIMES = (1_230_000_000, 4_102_444_800)  # seconds; what stands above packed reserves


@dataclass(frozen=True, slots=True)
class Move:
    """A slot's change over a transaction up to one read of it. ``before`` is the first value that was not zero.

    ``factor``: larger over smaller, of the lane that moved most, so 1.0 is no move; infinite where it went to zero.
    """

    account: bytes
    slot: bytes
    before: int
    after: int
    factor: float
    written: int  # order of the write
    writer: int  # frame of the write


@dataclass(frozen=True, slots=True)
class Read:
    """One read of a moved slot, in a frame that only looks."""

    move: Move
    frame: int
    order: int


def reads_of_moved(execution: Execution, factor: float) -> list[Read]:
    """Reads of slots that had moved by at least a factor, from call frames that could not write, in order."""
    trace, rows = execution.trace, execution.access_rows
    frames = execution.frame_rows
    if trace.column("frame_kind").find(Kind.STATICCALL, frames.start, frames.stop) < 0:
        return []
    moves = _moves(execution, factor)
    if not moves:
        return []
    kinds, slots = trace.column("access_write"), trace.column("access_slot")
    written = {slot for _, slot in moves}
    found: list[Read] = []
    for row in rows:
        if kinds[row] or slots[32 * row : 32 * row + 32] not in written:
            continue
        access = trace.accesses[row]
        history = moves.get((target(execution, access.frame), access.slot))
        if history is not None and static(execution, access.frame):
            at = bisect(history, access.order, key=lambda move: move.written) - 1
            if at >= 0 and history[at].factor >= factor:
                found.append(Read(history[at], access.frame, access.order))
    return found


def _moves(execution: Execution, factor: float) -> dict[tuple[bytes, bytes], list[Move]]:
    """(account, slot) -> every write to it in order, of those that moved by a factor at some time."""
    trace, rows = execution.trace, execution.access_rows
    kinds = trace.column("access_write")
    found: dict[tuple[bytes, bytes], list[Move]] = {}
    first: dict[tuple[bytes, bytes], int] = {}
    row = kinds.find(1, rows.start, rows.stop)
    while row >= 0:
        access = trace.accesses[row]
        if not execution.reverted(access.frame):
            key = (target(execution, access.frame), access.slot)
            start = first.get(key) or access.before or access.value
            first[key] = start
            moved = _factor(start, access.value)
            found.setdefault(key, []).append(Move(*key, start, access.value, moved, access.order, access.frame))
        row = kinds.find(1, row + 1, rows.stop)
    return {key: moves for key, moves in found.items() if any(each.factor >= factor for each in moves)}


def _factor(before: int, after: int) -> float:
    """How far a word moved, by the lane that moved most; 1.0 where it is no number, or was not set before."""
    if before == after or not before:
        return 1.0
    most = max(before, after)
    if most < _SMALLEST or (_ADDRESS <= most < 1 << 160):
        return 1.0
    if most < 1 << 120:
        return _ratio(before, after)
    times = before >> 224, after >> 224
    packed = all(_TIMES[0] <= each <= _TIMES[1] for each in times)
    found = 1.0
    for shift, width in _LANES:
        mask = (1 << width) - 1
        old, new = before >> shift & mask, after >> shift & mask
        # A lane that is full to its top is part of a hash or of another layout.
        full = max(old, new) >= min(1 << (width - 4), _ADDRESS)
        if old and not full and packed == (width == 112):
            found = max(found, _ratio(old, new))
    return found


def _ratio(old: int, new: int) -> float:
    if max(old, new) < _SMALLEST:
        return 1.0
    return max(old, new) / min(old, new) if min(old, new) else float("inf")
