"""One transaction's calls in the order they happened, with the storage, logs and value of each: rows, not a tree.

Rows come one by one with their depth, so that a trace of a million rows and 1,024 levels costs no recursion and no
more memory than what is shown.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rollproof.detect.execution import Execution
from rollproof.detect.protocols.entry import Event, Function
from rollproof.detect.shows import Shows
from rollproof.replay.trace import Kind

MAX_ROWS = 2_000
MAX_DEPTH = 64

_CREATIONS = (Kind.CREATE, Kind.CREATE2)
_ACCESSES = {0: "read", 1: "write", 2: "transient read", 3: "transient write"}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a call tree.

    ``what`` is call, read, write, transient read, transient write, log, transfer, selfdestruct, or omitted (``count``
    says what was left out, by kind). ``account`` is whose storage, log, token or balance it is (of a call: its target),
    ``source`` who called, sent or destroyed itself. ``value`` in wei for calls, base units for transfers, the word for
    storage, gas in gas; None where the source does not show it. ``undone``: a revert took it back.
    """

    depth: int
    what: str
    frame: int | None = None
    undone: bool = False
    kind: str = ""  # of a call: CALL, DELEGATECALL, ...
    account: bytes | None = None
    source: bytes | None = None
    code: bytes | None = None  # whose code runs, where it is another account's
    selector: bytes | None = None
    name: str = ""  # of the selector, the event or the slot, where it is known
    value: int | None = None
    before: int | None = None
    slot: bytes | None = None
    gas: int | None = None
    success: bool = True
    topics: tuple[bytes, ...] = ()
    length: int = 0  # of a call's or log's data, in bytes
    count: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class CallTree:
    """One execution's rows, to be looked at; how it is printed and shown is `report`'s."""

    execution: Execution
    max_depth: int = MAX_DEPTH
    max_rows: int = MAX_ROWS
    reads: bool = True
    marks: Mapping[int, Sequence[str]] = field(default_factory=dict)  # frame row -> what was found there
    names: Mapping[bytes, str] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Row]:
        return rows(self.execution, max_depth=self.max_depth, max_rows=self.max_rows, reads=self.reads)


def rows(
    execution: Execution, *, max_depth: int = MAX_DEPTH, max_rows: int = MAX_ROWS, reads: bool = True
) -> Iterator[Row]:
    """The rows of one execution, at most ``max_rows`` and to ``max_depth``; what is left out is said in a row.

    ``reads`` False leaves out what was only read from storage, and says how often.
    """
    hidden: Counter[str] = Counter()  # deeper than is shown, since the last row that is shown
    seen: Counter[str] = Counter()
    shown = unread = 0
    for place in _ordered(execution):
        _, _, what, at, frame = place
        depth = _depth(execution, frame) + (what != "call")
        seen[what] += 1
        if what == "read" and not reads:
            unread += 1
        elif depth > max_depth:
            hidden[what] += 1
        elif shown == max_rows:
            seen[what] -= 1
            break
        else:
            if hidden:
                yield Row(max_depth + 1, "omitted", count=_counted(hidden))
                hidden.clear()
            shown += 1
            yield _row(execution, depth, what, at)
    if hidden:
        yield Row(max_depth + 1, "omitted", count=_counted(hidden))
    rest = _all(execution)
    rest.subtract(seen)
    rest["read"] += unread
    if +rest:
        yield Row(0, "omitted", count=_counted(+rest))


# order, tie-breaker, what, row, frame
_Place = tuple[int, int, str, int, int]


def _ordered(execution: Execution) -> Iterator[_Place]:
    return heapq.merge(
        _frames(execution), _accesses(execution), _logs(execution), _transfers(execution), _destructions(execution)
    )


def _frames(execution: Execution) -> Iterator[_Place]:
    for row in execution.frame_rows:
        yield _u32(execution, "frame_order", row), 0, "call", row, row


def _accesses(execution: Execution) -> Iterator[_Place]:
    written = execution.trace.column("access_write")
    for row in execution.access_rows:
        what = _ACCESSES.get(written[row], "read")
        yield _u32(execution, "access_order", row), 1, what, row, _u32(execution, "access_frame", row)


def _logs(execution: Execution) -> Iterator[_Place]:
    for row in execution.log_rows:
        yield _u32(execution, "log_order", row), 2, "log", row, _u32(execution, "log_frame", row)


def _transfers(execution: Execution) -> Iterator[_Place]:
    for row, transfer in enumerate(execution.transfers):
        if transfer.token is not None:  # wei shows in the call that sends it
            yield transfer.order, 3, "transfer", row, transfer.frame


def _destructions(execution: Execution) -> Iterator[_Place]:
    for row in range(*execution.facts.selfdestructs):
        frame = _u32(execution, "selfdestruct_frame", row)
        yield _u32(execution, "selfdestruct_order", row), 4, "selfdestruct", row, frame


def _all(execution: Execution) -> Counter[str]:
    """How many rows of each kind there are."""
    rows = execution.access_rows
    accesses = Counter(
        _ACCESSES.get(mark, "read") for mark in execution.trace.column("access_write")[rows.start : rows.stop]
    )
    return accesses + Counter(
        {
            "call": len(execution.frame_rows),
            "log": len(execution.log_rows),
            "transfer": sum(each.token is not None for each in execution.transfers),
            "selfdestruct": len(range(*execution.facts.selfdestructs)),
        }
    )


def _u32(execution: Execution, column: str, row: int) -> int:
    return int.from_bytes(execution.trace.column(column)[4 * row : 4 * row + 4], "little")


def _depth(execution: Execution, frame: int) -> int:
    return _u32(execution, "frame_depth", frame)


def _row(execution: Execution, depth: int, what: str, at: int) -> Row:
    trace = execution.trace
    if what == "call":
        return _call(execution, depth, at)
    if what == "transfer":
        moved = execution.transfers[at]
        return Row(
            depth,
            what,
            frame=moved.frame,
            account=moved.token,
            source=moved.sender,
            code=moved.recipient,
            value=moved.amount,
            name="" if moved.item is None else f"item {moved.item}",
        )
    if what in _ACCESSES.values():
        access = trace.accesses[at]
        written, known = what.endswith("write"), Shows.VALUES in execution.shows
        standard = execution.protocols.slots.get(access.slot)
        return Row(
            depth,
            what,
            frame=access.frame,
            undone=written and trace.reverted(access.frame),
            account=trace.frames[access.frame].target,
            slot=access.slot,
            name="" if standard is None else standard.name,
            value=access.value if known else None,
            before=access.before if known and written else None,
        )
    if what == "log":
        log = trace.logs[at]
        return Row(
            depth,
            what,
            frame=log.frame,
            undone=trace.reverted(log.frame),
            account=log.address,
            name=_signature(execution.protocols.event(log.topics)),
            topics=log.topics,
            length=log.data_length,
        )
    destroyed = trace.selfdestructs[at]
    return Row(
        depth,
        what,
        frame=destroyed.frame,
        undone=trace.reverted(destroyed.frame),
        account=destroyed.beneficiary,
        source=trace.frames[destroyed.frame].target,
        value=destroyed.value,
    )


def _call(execution: Execution, depth: int, at: int) -> Row:
    frame = execution.trace.frames[at]
    row = Row(
        depth,
        "call",
        frame=at,
        undone=execution.trace.reverted(at),
        kind=frame.kind.name,
        account=frame.target,
        source=frame.caller,
        code=None if frame.code == frame.target or frame.kind in _CREATIONS else frame.code,
        value=frame.value if Shows.ETHER in execution.shows else None,
        gas=frame.gas_used if Shows.GAS in execution.shows else None,
        success=frame.success,
        length=frame.input_length,
    )
    if frame.kind in _CREATIONS or len(frame.input) < 4:
        return row
    return replace(row, selector=frame.input[:4], name=_signature(execution.protocols.function(frame.input)))


def _signature(known: Function | Event | None) -> str:
    return "" if known is None else known.signature


def _counted(left: Counter[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(left.items()))
