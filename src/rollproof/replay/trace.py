"""What a block did, read from the core's columns: calls, storage accesses, logs, self-destructs.

Rows are decoded when they are asked for, once; a block's trace stays the bytes that the core wrote. ``order`` numbers
the rows of all tables in the order they happened. Rows of reverted frames are there: see `Trace.reverted`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Generic, TypeVar, overload

from rollproof import _core
from rollproof.errors import Malformed

T = TypeVar("T")

_NONE = 0xFFFF_FFFF


class Kind(IntEnum):
    """How a frame was entered."""

    CALL = 0
    CALLCODE = 1
    DELEGATECALL = 2
    STATICCALL = 3
    CREATE = 4
    CREATE2 = 5


_KINDS = tuple(Kind)  # by number: making one from it takes ten times as long


@dataclass(frozen=True, slots=True)
class Frame:
    """One call or creation. ``value`` in wei, gas in gas; ``transaction`` and ``parent`` are row numbers.

    ``input`` and ``output`` are what was kept of them, at most 131,072 bytes; the lengths are the full ones.
    ``status`` is revm's instruction result; 1 to 3 is success.
    """

    row: int
    transaction: int | None  # None: a system call
    parent: int | None
    depth: int
    order: int
    kind: Kind
    status: int
    caller: bytes
    target: bytes  # whose storage is used; for creations the new account
    code: bytes  # whose code runs
    value: int
    gas_limit: int
    gas_used: int
    input: bytes
    input_length: int
    output: bytes
    output_length: int
    ran: bool = True  # whether code of an account ran; not so in precompiles, accounts without code, refused calls

    @property
    def success(self) -> bool:
        """Whether the frame itself did not revert or halt; one above it may have."""
        return 1 <= self.status <= 3


@dataclass(frozen=True, slots=True)
class Access:
    """One SLOAD or SSTORE, TLOAD or TSTORE where ``transient``.

    ``value`` is what was read or written, ``before`` what a write replaced. ``pc`` is None where a source has none.
    """

    frame: int
    order: int
    write: bool
    slot: bytes
    value: int
    before: int
    transient: bool = False
    pc: int | None = None


@dataclass(frozen=True, slots=True)
class Log:
    """One log; ``data`` is what was kept of it, at most 131,072 bytes, ``data_length`` the full length."""

    frame: int
    order: int
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes
    data_length: int


@dataclass(frozen=True, slots=True)
class Selfdestruct:
    """One SELFDESTRUCT; ``value`` in wei."""

    frame: int
    order: int
    beneficiary: bytes
    value: int


class Table(Sequence[T], Generic[T]):
    """Rows that are decoded one by one, when they are asked for."""

    __slots__ = ("_length", "_read")

    def __init__(self, length: int, read: Callable[[int], T]) -> None:
        self._length, self._read = length, read

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, row: int) -> T: ...
    @overload
    def __getitem__(self, row: slice) -> list[T]: ...
    def __getitem__(self, row: int | slice) -> T | list[T]:
        if isinstance(row, slice):
            return [self._read(each) for each in range(*row.indices(self._length))]
        at = row + self._length if row < 0 else row
        if not 0 <= at < self._length:
            raise IndexError(row)
        return self._read(at)

    def __iter__(self) -> Iterator[T]:
        return map(self._read, range(self._length))

    def __repr__(self) -> str:
        return f"<{self._length} rows>"


class Trace:
    """A view of ``_core.Trace``; columns are fetched once, rows decoded on demand."""

    def __init__(self, trace: _core.Trace) -> None:
        self._trace = trace
        self._columns: dict[str, bytes] = {}
        frames, accesses, *_ = trace.rows()
        # What is asked for once is mostly asked for again.
        self._frames: list[Frame | None] = [None] * frames
        self._accesses: list[Access | None] = [None] * accesses

    def __repr__(self) -> str:
        return (
            f"<Trace: {len(self.frames)} frames, {len(self.accesses)} storage accesses, {len(self.logs)} logs, "
            f"{len(self.selfdestructs)} self-destructs>"
        )

    def column(self, name: str) -> bytes:
        """One column's bytes, little-endian and of fixed width."""
        found = self._columns.get(name)
        if found is None:
            found = self._columns[name] = self._trace.column(name)
        return found

    def _u32(self, name: str, row: int) -> int:
        return int.from_bytes(self.column(name)[4 * row : 4 * row + 4], "little")

    def _optional(self, name: str, row: int) -> int | None:
        value = self._u32(name, row)
        return None if value == _NONE else value

    def _fixed(self, name: str, width: int, row: int) -> bytes:
        return self.column(name)[width * row : width * (row + 1)]

    def _word(self, name: str, row: int) -> int:
        return int.from_bytes(self._fixed(name, 32, row), "big")

    def _kept(self, name: str, row: int) -> bytes:
        at = self._u32(f"{name}_at", row)
        return self.column("data")[at : at + self._u32(f"{name}_kept", row)]

    def _rows(self, name: str) -> int:
        length = len(self.column(name))
        if length % 4:
            raise Malformed(f"trace column {name} has {length} bytes")
        return length // 4

    @cached_property
    def frames(self) -> Table[Frame]:
        """Every call and creation, in the order they were entered."""
        return Table(len(self._frames), self._frame)

    @cached_property
    def accesses(self) -> Table[Access]:
        """Every storage access in order, of transient storage too."""
        return Table(len(self._accesses), self._access)

    @cached_property
    def logs(self) -> Table[Log]:
        """Every log in order, those of reverted frames too."""
        return Table(self._rows("log_order"), self._log)

    @cached_property
    def selfdestructs(self) -> Table[Selfdestruct]:
        """Every SELFDESTRUCT in order."""
        return Table(self._rows("selfdestruct_order"), self._selfdestruct)

    @cached_property
    def _topic_starts(self) -> list[int]:
        starts, total = [], 0
        for count in self.column("log_topic_count"):
            starts.append(total)
            total += count
        return starts

    @cached_property
    def _reverted(self) -> bytes:
        return self._trace.reverted()

    def reverted(self, frame: int) -> bool:
        """Whether what the frame did was undone: it failed, or one above it did."""
        return bool(self._reverted[frame])

    def transaction_of(self, frame: int) -> int | None:
        """The index of the transaction a frame belongs to; None for a system call."""
        return self._optional("frame_transaction", frame)

    def _frame(self, row: int) -> Frame:
        found = self._frames[row]
        if found is None:
            fields = self._trace.frame(row)
            found = Frame(*(*fields[:5], _KINDS[fields[5]], *fields[6:]))
            self._frames[row] = found
        return found

    def _access(self, row: int) -> Access:
        found = self._accesses[row]
        if found is None:
            found = self._accesses[row] = Access(*self._trace.access(row))
        return found

    def _log(self, row: int) -> Log:
        start, count = self._topic_starts[row], self.column("log_topic_count")[row]
        return Log(
            frame=self._u32("log_frame", row),
            order=self._u32("log_order", row),
            address=self._fixed("log_address", 20, row),
            topics=tuple(self._fixed("log_topics", 32, start + each) for each in range(count)),
            data=self._kept("log_data", row),
            data_length=self._u32("log_data_length", row),
        )

    def _selfdestruct(self, row: int) -> Selfdestruct:
        return Selfdestruct(
            frame=self._u32("selfdestruct_frame", row),
            order=self._u32("selfdestruct_order", row),
            beneficiary=self._fixed("selfdestruct_beneficiary", 20, row),
            value=self._word("selfdestruct_value", row),
        )
