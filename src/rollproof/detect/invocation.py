"""One execution as invocations: calls of contracts, each with the delegated calls below it that share its storage."""

from __future__ import annotations

from collections.abc import Iterator

from rollproof.detect.execution import Execution
from rollproof.detect.parties import staged
from rollproof.detect.shows import Shows
from rollproof.replay.trace import Access, Frame, Kind

PLAIN = 1 << 64  # slots below are numbered by a compiler; above are hashes (Solidity's storage layout)

_DELEGATED = (Kind.DELEGATECALL, Kind.CALLCODE)


class Invocations:
    """Frames, and the storage reads and writes of each invocation, by the row of the frame that it began with."""

    def __init__(self, execution: Execution) -> None:
        self.execution = execution
        self._first = execution.frame_rows.start
        self.frames: list[Frame] = list(execution.frames)
        self._roots = list(_roots(self.frames, self._first))
        self._ends = _ends(self.frames)
        self.reads: dict[int, list[Access]] = {}
        self.writes: dict[int, list[tuple[int, Access]]] = {}  # those that stayed, with their rows
        self._read: dict[tuple[bytes, bytes], list[Access]] = {}
        self._written: dict[tuple[bytes, bytes], list[Access]] = {}
        for row in execution.access_rows:
            access = execution.trace.accesses[row]
            if access.transient:
                continue
            root = self.root(access.frame)
            place = (self.frame(root).target, access.slot)
            if not access.write:
                self.reads.setdefault(root, []).append(access)
                self._read.setdefault(place, []).append(access)
            elif not execution.reverted(access.frame):
                self.writes.setdefault(root, []).append((row, access))
                self._written.setdefault(place, []).append(access)
        self._codes = {(each.target, each.code) for each in self.frames if each.kind in _DELEGATED}
        self._makers = _makers(execution)
        self.staged = staged(execution)
        self.shows_keys = Shows.HASHES in execution.shows

    def frame(self, row: int) -> Frame:
        """One frame by its row."""
        return self.frames[row - self._first]

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

    def runs(self, context: bytes, value: int) -> bool:
        """Whether a word is the address of code that an account lets run on its storage."""
        return value >> 160 == 0 and (context, value.to_bytes(32, "big")[12:]) in self._codes

    def written(self, context: bytes, slot: bytes) -> list[Access]:
        """Live writes of one slot, in order."""
        return self._written.get((context, slot), [])

    def read(self, context: bytes, slot: bytes) -> list[Access]:
        """Reads of one slot, in order."""
        return self._read.get((context, slot), [])


def _makers(execution: Execution) -> dict[bytes, set[bytes]]:
    """Account -> who is called above its creation: its maker, and who had that do it."""
    found: dict[bytes, set[bytes]] = {}
    if not execution.created:
        return found
    for frame in execution.frames:
        if frame.kind in (Kind.CREATE, Kind.CREATE2) and frame.target in execution.created:
            above = {each.target for each in execution.ancestors(frame.row)}
            found.setdefault(frame.target, {frame.caller}).update(above)
    return found


def _roots(frames: list[Frame], first: int) -> Iterator[int]:
    found: list[int] = []
    for frame in frames:
        root = frame.row
        if frame.kind in _DELEGATED and frame.parent is not None:
            above = frame.parent - first
            if frames[above].target == frame.target:
                root = found[above]
        found.append(root)
        yield root


def _ends(frames: list[Frame]) -> list[int]:
    """For each frame, where the frames below it end."""
    ends = [len(frames)] * len(frames)
    above: list[int] = []
    for at, frame in enumerate(frames):
        while above and frames[above[-1]].depth >= frame.depth:
            ends[above.pop()] = at
        above.append(at)
    return ends
