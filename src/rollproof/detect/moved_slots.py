"""Storage that a transaction moved by a large factor, and who of others read it afterwards."""

from __future__ import annotations

from dataclasses import dataclass

from rollproof.detect.ancestry import static, target
from rollproof.detect.execution import Execution

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
    trace = execution.trace
    rows = execution.access_rows
    kinds = trace.column("access_write")
    if kinds.find(1, rows.start, rows.stop) < 0:
        return []
    slots, frames = trace.column("access_slot"), trace.column("access_frame")
    first: dict[tuple[bytes, bytes], int] = {}
    moves: dict[tuple[bytes, bytes], Move] = {}
    written: set[bytes] = set()
    found: list[Read] = []
    for row in rows:
        kind = kinds[row]
        if kind > 1:
            continue
        slot = slots[32 * row : 32 * row + 32]
        if kind == 0 and slot not in written:
            continue
        frame = int.from_bytes(frames[4 * row : 4 * row + 4], "little")
        account = target(execution, frame)
        key = (account, slot)
        if kind:
            if execution.reverted(frame):
                continue
            access = trace.accesses[row]
            start = first.setdefault(key, access.before or access.value)
            if not start:
                start = first[key] = access.value
            moved = _factor(start, access.value)
            if moved >= factor:
                written.add(slot)
                moves[key] = Move(account, slot, start, access.value, moved, access.order, frame)
            else:
                moves.pop(key, None)
        elif key in moves and static(execution, frame):
            found.append(Read(moves[key], frame, trace.accesses[row].order))
    return found


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
