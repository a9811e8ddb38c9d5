"""What checks see: one transaction's execution, and a block of them.

Rows (frames, accesses, logs) are those of the block's `replay.trace.Trace`, by absolute row number; ``order`` numbers
the rows of all tables in time. They are decoded when asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from rollproof import _core
from rollproof.detect.shows import Shows, Trigger
from rollproof.detect.steps import Steps
from rollproof.replay.trace import Access, Frame, Log, Selfdestruct, Trace
from rollproof.types import Amount

if TYPE_CHECKING:
    from rollproof.detect.ether import EtherHeld
    from rollproof.detect.ordering.waiting import Waiting
    from rollproof.detect.protocols import Protocols
    from rollproof.replay.counterfactual import Counterfactual

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Transfer:
    """An asset that moved and was not moved back by a revert. ``token`` None: wei.

    ``item`` is a non-fungible token's id (ERC-721, ERC-1155), None for what is fungible. ``source`` is what shows it:
    value (wei sent), log (an event), call (transfer's call data, where the source has no logs), slot (balance slots).
    """

    order: int
    frame: int
    token: bytes | None
    sender: bytes
    recipient: bytes
    amount: int
    item: int | None
    source: str

    @property
    def amounts(self) -> tuple[Amount, Amount]:
        """What the sender lost and the recipient gained."""
        return Amount(self.token, self.sender, -self.amount), Amount(self.token, self.recipient, self.amount)


@dataclass(frozen=True, slots=True)
class Reentry:
    """Accesses of an account's storage from inside one of its own open calls; see ``rust/src/query/reentry.rs``.

    ``rule``: stale-read, open-write, cross-contract, read-only, refused. ``outer`` is the open call, ``inner`` the one
    inside it, ``edge`` the one by which control left, ``caller`` the one that called ``inner``: frame rows. Selectors
    are None where the source has none.
    """

    rule: str
    context: bytes  # the account whose call was open
    account: bytes  # whose slot it is
    slot: bytes
    transient: bool
    outer: int
    inner: int
    edge: int
    caller: int
    before: int  # what the open call took the slot to hold
    after: int  # what it held when control came back
    outer_selector: bytes | None
    inner_selector: bytes | None
    edge_selector: bytes | None
    caller_selector: bytes | None
    through_create: bool
    written_after: int | None  # what the open call wrote there first after control came back
    reread: bool  # it read the slot again before that
    admitted: bool  # the inner call read a lock of the outer one and went on
    reader: bytes | None  # read-only: who asked
    reader_frame: int | None
    reader_acted: bool  # and then wrote state or sent wei
    count: int  # how many alike, this one included


class Execution:
    """One transaction's execution."""

    def __init__(
        self,
        trace: Trace,
        facts: _core.Facts,
        shows: Shows,
        *,
        chain_id: int | None = None,
        block: int | None = None,
        transaction: bytes | None = None,
        sender: bytes | None = None,
        to: bytes | None = None,
        success: bool | None = None,
        gas_used: int | None = None,
        raw: bytes | None = None,
        family: str = "ethereum",
        protocols: Protocols | None = None,
        trace_hash: bytes | None = None,
        names: Mapping[bytes, str] | None = None,
    ) -> None:
        self.trace, self.facts, self.shows = trace, facts, shows
        self.chain_id, self.block, self.transaction = chain_id, block, transaction
        self.index: int = facts.index
        self.sender, self.to, self.success, self.gas_used = sender, to, success, gas_used
        self.raw, self.family, self.trace_hash = raw, family, trace_hash
        self.names: Mapping[bytes, str] = names or {}
        self.flags = Trigger(facts.flags)
        self.ether: EtherHeld | None = None  # wei that contracts held, where the state below the block is known
        self._protocols = protocols
        self._kept: dict[Any, Any] = {}

    def __repr__(self) -> str:
        named = f"0x{self.transaction.hex()}" if self.transaction else f"transaction {self.index}"
        return f"<Execution {named}: {len(self.frame_rows)} frames, {len(self.transfers)} transfers>"

    @property
    def frame_rows(self) -> range:
        """Rows of its frames; the first is the transaction's own call."""
        return range(*self.facts.frames)

    @property
    def access_rows(self) -> range:
        """Rows of its storage accesses."""
        return range(*self.facts.accesses)

    @property
    def log_rows(self) -> range:
        """Rows of its logs."""
        return range(*self.facts.logs)

    @property
    def frames(self) -> Iterator[Frame]:
        """Its frames in order of entry, those that failed too; see `reverted`."""
        return map(self.trace.frames.__getitem__, self.frame_rows)

    @property
    def accesses(self) -> Iterator[Access]:
        """Its storage accesses in order."""
        return map(self.trace.accesses.__getitem__, self.access_rows)

    @property
    def logs(self) -> Iterator[Log]:
        """Its logs in order, those of reverted frames too."""
        return map(self.trace.logs.__getitem__, self.log_rows)

    @property
    def selfdestructs(self) -> Iterator[Selfdestruct]:
        """Its SELFDESTRUCTs in order."""
        return map(self.trace.selfdestructs.__getitem__, range(*self.facts.selfdestructs))

    @cached_property
    def root(self) -> Frame | None:
        """The transaction's own call; None where it ran none."""
        return self.trace.frames[self.frame_rows[0]] if self.frame_rows else None

    def frame(self, row: int) -> Frame:
        """One frame by its row."""
        return self.trace.frames[row]

    def reverted(self, row: int) -> bool:
        """Whether what a frame did was undone."""
        return self.trace.reverted(row)

    def ancestors(self, row: int) -> Iterator[Frame]:
        """The frames above one, nearest first."""
        parent = self.trace.frames[row].parent
        while parent is not None:
            frame = self.trace.frames[parent]
            yield frame
            parent = frame.parent

    @cached_property
    def transfers(self) -> tuple[Transfer, ...]:
        """Every asset that moved, in order; see `Transfer`."""
        return tuple(Transfer(*each) for each in self.facts.transfers)

    @cached_property
    def net(self) -> dict[tuple[bytes, bytes | None], int]:
        """(account, token) -> what it gained or lost, base units; fungible assets only, without gas and zeros."""
        return net(self.transfers)

    @cached_property
    def reentries(self) -> tuple[Reentry, ...]:
        """What the re-entrancy rules found, at most 256."""
        return tuple(Reentry(*each) for each in self.facts.reentries)

    @cached_property
    def created(self) -> frozenset[bytes]:
        """Contracts that it created and that stayed."""
        return frozenset(self.facts.created)

    @cached_property
    def steps(self) -> Steps | None:
        """What the second pass found; None where it was not run for this transaction."""
        found = self.facts.steps
        return None if found is None else Steps(found)

    @cached_property
    def decoded(self) -> Mapping[str, Any]:
        """The signed transaction's fields (see `_core.decode_transaction`); empty where the source has none."""
        return {} if self.raw is None else _core.decode_transaction(self.raw, self.family)

    @property
    def protocols(self) -> Protocols:
        """The tables of known events, selectors and addresses."""
        if self._protocols is None:
            from rollproof.detect import protocols

            self._protocols = protocols.default()
        return self._protocols

    def kept(self, key: Any, make: Callable[[Execution], T]) -> T:
        """What ``make`` gives for this execution, made once: for what several checks of a family share."""
        if key not in self._kept:
            self._kept[key] = make(self)
        found: T = self._kept[key]
        return found


def net(transfers: Sequence[Transfer]) -> dict[tuple[bytes, bytes | None], int]:
    """(account, token) -> sum of what came less what went, of fungible assets; zeros left out."""
    sums: dict[tuple[bytes, bytes | None], int] = {}
    for each in transfers:
        if each.item is None:
            paid, got = (each.sender, each.token), (each.recipient, each.token)
            sums[paid] = sums.get(paid, 0) - each.amount
            sums[got] = sums.get(got, 0) + each.amount
    return {key: value for key, value in sums.items() if value}


@dataclass(slots=True)
class ExecutedBlock:
    """The executions of one block in order, or of one foreign trace, and what is known around them.

    ``pending`` is what was seen in the pool, by hash, that this block holds or leaves out; None where nobody watched
    it. ``ordering`` is the rule by which the chain says it orders (`priority-fee`, `first-come`), None where it says
    nothing.
    """

    trace: Trace
    executions: Sequence[Execution]
    shows: Shows
    chain_id: int | None = None
    number: int | None = None
    timestamp: int | None = None
    base_fee: int | None = None
    beneficiary: bytes | None = None
    gas_limit: int | None = None
    source: str = ""
    counterfactual: Counterfactual | None = None
    pending: Mapping[bytes, Waiting] | None = None
    ordering: str | None = None
    trace_hash: bytes | None = None
    gaps: Sequence[str] = ()  # what the source should have shown and does not: no check is clean then, but unknown
    kept: dict[Any, Any] = field(default_factory=dict)  # what block checks share, by key
