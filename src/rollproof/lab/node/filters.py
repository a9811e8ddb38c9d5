"""Filters that a client asks again and again: new blocks, logs, pending transactions. Bounded, oldest unused first out.

Source: execution-apis, eth_newFilter and its kin. What a reorganisation takes back comes again, marked as removed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from rollproof.chain.wire import to_data
from rollproof.lab.block import Block
from rollproof.lab.chain import Chain
from rollproof.lab.node import log
from rollproof.lab.node.log import Filter

MAX_FILTERS: Final = 256
MAX_STEPS: Final = 10_000  # blocks between two questions


@dataclass(frozen=True, slots=True)
class Moved:
    """How a chain went from one head to another: ``dropped`` newest first, ``added`` oldest first."""

    dropped: tuple[Block, ...] = ()
    added: tuple[Block, ...] = ()


def moved(chain: Chain, seen: bytes) -> Moved:
    """From the head of hash ``seen`` to the head now; at most `MAX_STEPS` back."""
    dropped: list[Block] = []
    at = chain.block(seen)
    while at is not None and len(dropped) < MAX_STEPS:
        held = chain.block(at.number)
        if held is not None and held.hash == at.hash:
            break
        dropped.append(at)
        at = chain.block(at.header.parent_hash)
    common = -1 if at is None else at.number
    first = max(common + 1, chain.head.number - MAX_STEPS + 1)
    added = [block for number in range(first, chain.head.number + 1) if (block := chain.block(number)) is not None]
    return Moved(tuple(dropped), tuple(added))


@dataclass(slots=True)
class Watch:
    """One filter: its kind (newHeads, logs, newPendingTransactions), and what it has seen."""

    kind: str
    head: bytes
    wanted: Filter = field(default_factory=Filter)
    first: int = 0  # blocks below are not asked for
    last: int | None = None
    pending: set[bytes] = field(default_factory=set)

    def logs(self, going: Moved) -> list[dict[str, Any]]:
        """Logs that came and went."""
        gone = [each for block in going.dropped for each in reversed(self._of(block, removed=True))]
        return gone + [each for block in going.added for each in self._of(block, removed=False)]

    def _of(self, block: Block, *, removed: bool) -> list[dict[str, Any]]:
        if block.number < self.first or (self.last is not None and block.number > self.last):
            return []
        return list(log.chosen(block, self.wanted, removed=removed))


class Filters:
    """A node's filters by their number."""

    def __init__(self) -> None:
        self._watches: dict[int, Watch] = {}
        self._next = 1

    def __len__(self) -> int:
        return len(self._watches)

    def add(self, watch: Watch) -> int:
        """Takes a filter; the one that was asked least lately makes room."""
        if len(self._watches) >= MAX_FILTERS:
            del self._watches[next(iter(self._watches))]
        number = self._next
        self._next += 1
        self._watches[number] = watch
        return number

    def get(self, number: int) -> Watch | None:
        """A filter, which is the latest used by this."""
        watch = self._watches.pop(number, None)
        if watch is not None:
            self._watches[number] = watch
        return watch

    def remove(self, number: int) -> bool:
        return self._watches.pop(number, None) is not None


def changes(watch: Watch, chain: Chain, pending: list[bytes]) -> list[Any]:
    """What is new since the filter was last asked."""
    if watch.kind == "newPendingTransactions":
        fresh = [each for each in pending if each not in watch.pending]
        watch.pending = set(pending)
        return [to_data(each) for each in fresh]
    going = moved(chain, watch.head)
    watch.head = chain.head.hash
    if watch.kind == "logs":
        return watch.logs(going)
    return [to_data(block.hash) for block in going.added]
