"""What an adapter asks: answers of contracts at one pinned state, wherever that state comes from."""

from __future__ import annotations

from typing import Protocol

from rollproof.errors import Stop


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
