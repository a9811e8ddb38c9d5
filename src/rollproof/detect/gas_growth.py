"""Functions whose gas grows with an array that anybody may make longer, towards what a block can hold."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import unpack

from rollproof import _core
from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import ExecutedBlock, Execution
from rollproof.detect.failed_call import OUT_OF_GAS
from rollproof.detect.live_write import live_writes, subtree
from rollproof.detect.shows import Shows, Trigger
from rollproof.replay.trace import Frame
from rollproof.types import Confidence, Severity, SlotChange

LEAST = 64  # elements
MAX_ACCESSES = 400_000  # of one transaction that are looked at
_ELEMENT = 64  # most slots that one element takes
_LONGEST = 1 << 32
_SSTORE = 1


@dataclass(frozen=True, slots=True)
class Loop:
    """One frame that went over a dynamic array: ``touched`` of its ``length`` elements' slots."""

    frame: Frame
    array: bytes  # the slot that holds the length
    length: int
    touched: int


class GasGrowth(Detector):
    """A loop over a stored array used a good part of a block's gas, or an array was stuffed in one transaction."""

    id = "gas-growth"
    severity = Severity.MEDIUM
    title = "A loop that grows towards the block's gas limit"
    what = (
        "One call went over all of an array in storage and used much of the gas that a block has (or ran out of it), "
        "or one transaction made an array longer by 64 or more elements, each in a call of its own."
    )
    why = (
        "An array that anybody can make longer makes the function stop working for everybody once it fits in no block."
    )
    example = "GovernMental, April 2016: 1,100 ether were stuck since clearing the list of creditors took too much gas."
    references = ("https://swcregistry.io/docs/SWC-128",)
    scope = "block"
    needs = Shows.CALLS | Shows.GAS | Shows.STORAGE | Shows.VALUES

    def check(self, evidence: ExecutedBlock) -> Iterator[Judgement]:
        """Every transaction in which one instruction touched 64 slots or more, or that is of that many calls."""
        for execution in evidence.executions:
            if execution.flags & Trigger.LOOPS:
                for loop in loops(execution):
                    yield from self._loop(execution, loop, evidence.gas_limit)
            if len(execution.frame_rows) > LEAST and len(execution.access_rows) > 2 * LEAST:
                yield from self._stuffed(execution, evidence)

    def _loop(self, execution: Execution, loop: Loop, block_gas: int | None) -> Iterator[Judgement]:
        frame = loop.frame
        if not block_gas:
            where = f"a loop over {loop.length} elements of 0x{frame.target.hex()}"
            yield self.unjudged(execution, f"{where}: the block's gas limit is not known")
            return
        ended = frame.status in OUT_OF_GAS or any(
            execution.frame(row).status in OUT_OF_GAS for row in subtree(execution, frame.row)
        )
        slope = frame.gas_used // max(loop.touched, 1)
        fits = block_gas // slope if slope else None
        share = 100 * frame.gas_used // block_gas
        stopped = ended and 2 * frame.gas_limit >= block_gas
        if not stopped and share < 2:
            return
        severity = Severity.MEDIUM if stopped or share >= 25 else Severity.LOW if share >= 10 else Severity.INFO
        yield self.finding(
            execution,
            f"A loop over an array of {loop.length} elements "
            + (
                f"ran out of {frame.gas_limit} gas, {100 * frame.gas_limit // block_gas} % of what a block has"
                if stopped
                else f"used {frame.gas_used} gas, {share} % of what a block has"
            ),
            severity=severity,
            confidence=Confidence.OBSERVED if stopped else Confidence.POSSIBLE,
            addresses=(frame.target, frame.caller),
            frames=(frame.row,),
            slots=(SlotChange(frame.target, loop.array, loop.length, loop.length),),
            notes=(
                f"about {slope} gas for each of {loop.touched} elements touched"
                + (f"; about {fits} elements fit into a block" if fits is not None and not stopped else ""),
                "the slot shown holds the array's length",
            ),
            subject=f"0x{frame.target.hex()} loop 0x{loop.array.hex()}",
        )

    def _stuffed(self, execution: Execution, block: ExecutedBlock) -> Iterator[Judgement]:
        for (context, slot), (first, last, calls) in _grown(execution).items():
            row, others = min(calls), _others(block, execution, context, slot)
            yield self.finding(
                execution,
                f"One transaction made an array longer by {last - first} elements, in {len(calls)} calls",
                severity=Severity.MEDIUM,
                confidence=Confidence.POSSIBLE,
                addresses=(context, execution.frame(row).caller),
                frames=(row,),
                slots=(SlotChange(context, slot, first, last),),
                notes=(
                    "a function that goes over all of them gets dearer by that for everybody",
                    *(f"in this block 0x{each.hex()} made it longer too" for each in others),
                ),
                subject=f"0x{context.hex()} grows 0x{slot.hex()}",
            )


def loops(execution: Execution) -> Iterator[Loop]:
    """Frames of a transaction that touched at least half of an array's elements, or as many as their gas allowed.

    An array is known by its length's slot having been read and by its elements' slots following keccak256(slot)
    (Solidity, layout of state variables in storage).
    """
    trace = execution.trace
    kinds, slots, values = trace.column("access_write"), trace.column("access_slot"), trace.column("access_value")
    rows = execution.access_rows[:MAX_ACCESSES]
    frames = unpack(f"<{len(rows)}I", trace.column("access_frame")[4 * rows.start : 4 * rows.stop])
    busy = {frame for frame, count in Counter(frames).items() if count >= LEAST}
    lengths: dict[int, dict[bytes, int]] = {}  # frame -> slot -> length read there
    touched: dict[int, set[int]] = {}
    for row, frame in zip(rows, frames, strict=True):
        if frame not in busy or kinds[row] > _SSTORE:
            continue
        slot = slots[32 * row : 32 * row + 32]
        touched.setdefault(frame, set()).add(int.from_bytes(slot, "big"))
        if kinds[row] == 0 and values[32 * row : 32 * row + 28] == bytes(28):
            value = int.from_bytes(values[32 * row + 28 : 32 * row + 32], "big")
            known = lengths.setdefault(frame, {})
            if value >= LEAST and len(known) < 4_096:
                known[slot] = max(value, known.get(slot, 0))
    for frame, places in touched.items():
        if len(places) < LEAST:
            continue
        ordered = sorted(places)
        for slot, length in lengths.get(frame, {}).items():
            start = int.from_bytes(_core.keccak256(slot), "big")
            first = bisect_left(ordered, start)
            if first == len(ordered) or ordered[first] - start >= _ELEMENT:
                continue
            count = _elements(ordered[first : bisect_left(ordered, start + length * _ELEMENT)], start, length)
            if count >= LEAST:
                yield Loop(trace.frames[frame], slot, length, count)


def _elements(places: Sequence[int], start: int, length: int) -> int:
    """How many elements of an array were touched: its slots that were, in order, by the slots that an element takes."""
    width = max(1, -(-(places[-1] - start + 1) // length))
    return len({(place - start) // width for place in places})


def _others(block: ExecutedBlock, execution: Execution, context: bytes, slot: bytes) -> list[bytes]:
    """Other transactions of the block that made the same array longer, at most 16."""
    found: list[bytes] = []
    for each in block.executions:
        if each is not execution and each.transaction is not None and each.flags & Trigger.WRITES and len(found) < 16:
            grew = any(
                write.context == context and write.slot == slot and write.rise == 1 for write in live_writes(each)
            )
            if grew:
                found.append(each.transaction)
    return found


def _grown(execution: Execution) -> dict[tuple[bytes, bytes], tuple[int, int, set[int]]]:
    """(contract, slot of the length) -> length before, after, and the calls: arrays with 64 new elements or more."""
    slots, kinds, rows = (
        execution.trace.column("access_slot"),
        execution.trace.column("access_write"),
        execution.access_rows,
    )
    if kinds.count(_SSTORE, rows.start, rows.stop) < 2 * LEAST:  # a length and an element each
        return {}
    often = Counter(slots[32 * row : 32 * row + 32] for row in rows if kinds[row] == _SSTORE)
    if not often or often.most_common(1)[0][1] < LEAST:
        return {}
    rises: Counter[tuple[bytes, bytes]] = Counter()
    for write in live_writes(execution):
        if write.rise == 1 and write.after < _LONGEST:
            rises[write.context, write.slot] += 1
    found: dict[tuple[bytes, bytes], tuple[int, int, set[int]]] = {}
    for (context, slot), count in rises.items():
        if count < LEAST or context in execution.created:
            continue
        mine = [each for each in live_writes(execution) if each.context == context]
        length = [each for each in mine if each.slot == slot]
        calls = {each.frame for each in length}
        start = int.from_bytes(_core.keccak256(slot), "big")
        first, last = length[0].before, length[-1].after
        filled = sum(0 <= int.from_bytes(each.slot, "big") - start < last * _ELEMENT for each in mine)
        if last - first >= LEAST and len(calls) >= LEAST and filled >= last - first:
            found[context, slot] = (first, last, calls)
    return found
