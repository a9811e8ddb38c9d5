"""One execution as invocations: calls of contracts, each with the delegated calls below it that share its storage."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from rollproof.detect.execution import Execution
from rollproof.detect.parties import staged
from rollproof.detect.shows import Shows
from rollproof.replay.trace import Access, Frame, Kind

PLAIN = 1 << 64  # slots below are numbered by a compiler; above are hashes (Solidity's storage layout)

_DELEGATED = (Kind.DELEGATECALL, Kind.CALLCODE)


class Invocations:
    """Frames, and the storage reads and writes of each invocation. What is not asked for is not decoded."""

    def __init__(self, execution: Execution) -> None:
        self.execution = execution
        self._first = execution.frame_rows.start
        self._roots = _roots(execution)
        self._ends = _ends(execution)
        self.staged = staged(execution)
        self.shows_keys = Shows.HASHES in execution.shows

    @cached_property
    def frames(self) -> list[Frame]:
        """All of them, in order of entry."""
        return list(self.execution.frames)

    @cached_property
    def reads(self) -> dict[int, list[Access]]:
        """By the row of the frame that the invocation began with, in order."""
        found: dict[int, list[Access]] = {}
        for row in self._rows(write=False):
            access = self.execution.trace.accesses[row]
            found.setdefault(self.root(access.frame), []).append(access)
        return found

    @cached_property
    def writes(self) -> dict[int, list[tuple[int, Access]]]:
        """The same of writes that stayed, with their rows."""
        found: dict[int, list[tuple[int, Access]]] = {}
        for row in self._rows(write=True):
            access = self.execution.trace.accesses[row]
            if not self.execution.reverted(access.frame):
                found.setdefault(self.root(access.frame), []).append((row, access))
        return found

    def frame(self, row: int) -> Frame:
        """One frame by its row."""
        return self.execution.frame(row)

    def root(self, row: int) -> int:
        """The row of the call that a frame's invocation began with."""
        return self._roots[row - self._first]

    def span(self, row: int) -> range:
        """The rows of a frame and of all below it."""
        return range(row, self._first + self._ends[row - self._first])

    def below(self, row: int) -> Iterator[Frame]:
        """The frames below one, in order of entry."""
        at = row - self._first
        return iter(self.frames[at + 1 : self._ends[at]])

    def read(self, context: bytes, slot: bytes) -> list[Access]:
        """Reads of one slot of an account, in order."""
        return [each for each in self._of(context, slot) if not each.write]

    def written(self, context: bytes, slot: bytes) -> list[Access]:
        """Live writes of one slot of an account, in order."""
        return [each for each in self._of(context, slot) if each.write and not self.execution.reverted(each.frame)]

    def entry(self, slot: bytes) -> tuple[bytes, bytes] | None:
        """Key and place of the mapping entry that a slot is, where the source shows it."""
        if not self.shows_keys:
            return None
        column = self.execution.trace.column("hash_result")
        at = column.find(slot)
        while at >= 0 and at % 32:
            at = column.find(slot, at + 1)
        if at < 0:
            return None
        key, place = (self.execution.trace.column(name)[at : at + 32] for name in ("hash_key", "hash_base"))
        return key, place

    def made_by(self, account: bytes, caller: bytes) -> bool:
        """Whether an account was created in this transaction by a call of the given one, or below one."""
        makers = self._makers.get(account)
        return makers is not None and (caller in makers or caller == account)

    def runs(self, context: bytes, account: bytes) -> bool:
        """Whether an account lets the code of another run on its storage."""
        return (context, account) in self._codes

    @cached_property
    def _codes(self) -> set[tuple[bytes, bytes]]:
        trace, rows = self.execution.trace, self.execution.frame_rows
        kinds, codes, targets = (trace.column(f"frame_{name}") for name in ("kind", "code", "target"))
        return {
            (targets[20 * row : 20 * row + 20], codes[20 * row : 20 * row + 20])
            for row in rows
            if kinds[row] in _DELEGATED
        }

    @cached_property
    def _makers(self) -> dict[bytes, set[bytes]]:
        """Account -> who is called above its creation: its maker, and who had that do it."""
        found: dict[bytes, set[bytes]] = {}
        if not self.execution.created:
            return found
        for frame in self.frames:
            if frame.kind in (Kind.CREATE, Kind.CREATE2) and frame.target in self.execution.created:
                above = {each.target for each in self.execution.ancestors(frame.row)}
                found.setdefault(frame.target, {frame.caller}).update(above)
        return found

    def _rows(self, *, write: bool) -> Iterator[int]:
        kinds, rows = self.execution.trace.column("access_write"), self.execution.access_rows
        row = kinds.find(write, rows.start, rows.stop)  # accesses of transient storage have another bit
        while row >= 0:
            yield row
            row = kinds.find(write, row + 1, rows.stop)

    def _of(self, context: bytes, slot: bytes) -> Iterator[Access]:
        trace, rows = self.execution.trace, self.execution.access_rows
        column, stop = trace.column("access_slot"), 32 * rows.stop
        at = column.find(slot, 32 * rows.start, stop)
        while at >= 0:
            row, odd = divmod(at, 32)
            if not odd:
                access = trace.accesses[row]
                if not access.transient and self.execution.frame(access.frame).target == context:
                    yield access
            at = column.find(slot, 32 * (row + 1), stop)


def _roots(execution: Execution) -> list[int]:
    """For each frame, the row of the call that its invocation began with."""
    trace, rows = execution.trace, execution.frame_rows
    kinds, targets = trace.column("frame_kind"), trace.column("frame_target")
    parents = memoryview(trace.column("frame_parent")).cast("I")
    found = list(rows)
    for row in rows:
        above = parents[row]
        if kinds[row] not in _DELEGATED or above not in rows:
            continue
        if targets[20 * row : 20 * row + 20] == targets[20 * above : 20 * above + 20]:
            found[row - rows.start] = found[above - rows.start]
    return found


def _ends(execution: Execution) -> list[int]:
    """For each frame, how many frames from the first on come before what is not below it."""
    rows = execution.frame_rows
    depths = memoryview(execution.trace.column("frame_depth")).cast("I")[rows.start : rows.stop].tolist()
    ends = [len(depths)] * len(depths)
    above: list[int] = []
    for at, depth in enumerate(depths):
        while above and depths[above[-1]] >= depth:
            ends[above.pop()] = at
        above.append(at)
    return ends
