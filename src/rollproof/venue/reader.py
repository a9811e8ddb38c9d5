"""What an adapter asks: answers of contracts at one pinned state, wherever that state comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from rollproof.errors import RollproofError, Stop


class Reverted(Stop):
    """A contract's view function reverted; the message names the function."""


class Reader(Protocol):
    """One state of one chain. Every answer is about the same state."""

    @property
    def chain_id(self) -> int:
        """Of the chain."""
        ...

    @property
    def number(self) -> int:
        """Of the block whose state it is."""
        ...

    @property
    def timestamp(self) -> int:
        """Seconds that a contract would read as block.timestamp."""
        ...

    def call(self, to: bytes, data: bytes) -> bytes:
        """What a view function returns. Raises Reverted, Missing (not served), Lying, Malformed, Retry."""
        ...

    def storage(self, address: bytes, slot: int) -> int:
        """A storage word. Raises as `call`."""
        ...


@runtime_checkable
class Batching(Protocol):
    """A reader that answers many calls at once; others are asked one by one (`venue.view`)."""

    def calls(self, wanted: Sequence[tuple[bytes, bytes]]) -> list[bytes | RollproofError]:
        """What ``(to, calldata)`` return, in order; a call that fails gives its error as a value, as `Reader.call`."""
        ...


def called(reader: Batching, to: bytes, data: bytes) -> bytes:
    """One call of a reader that answers many: `Reader.call`, and raises as it does."""
    [answer] = reader.calls([(to, data)])
    if isinstance(answer, RollproofError):
        raise answer
    return answer


@dataclass(frozen=True, slots=True)
class Log:
    """An event that a contract emitted."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes
    number: int  # of its block


@runtime_checkable
class LogReader(Protocol):
    """A reader that has the past as well: what accounts are found by where a contract keeps no list of them."""

    def logs(self, address: bytes, topics: Sequence[bytes], first: int) -> list[Log]:
        """Logs of a contract whose first topic is one of ``topics``, from block ``first`` to the reader's, in order.

        Nothing proves that none is left out. Raises Missing (not served, or too many), Malformed, Retry.
        """
        ...
