"""A lab chain's state as a `Reader`, in process, and a reader that lacks some of it."""

from __future__ import annotations

from collections.abc import Callable

from rollproof.errors import Missing
from rollproof.lab.block import Block
from rollproof.lab.chain import Chain
from rollproof.venue.reader import Reader, Reverted


class ChainReader:
    """After ``block``, which is the head where none is given."""

    def __init__(self, chain: Chain, block: Block | None = None) -> None:
        self.chain, self.block = chain, block or chain.head
        self.chain_id = chain.config.chain_id
        self.number, self.timestamp = self.block.number, self.block.timestamp

    def call(self, to: bytes, data: bytes) -> bytes:
        done = self.chain.call(to, data, at=self.block)
        if done.status != 1:
            raise Reverted(f"reverted with 0x{done.output[:4].hex()}")
        return done.output

    def storage(self, address: bytes, slot: int) -> int:
        return self.chain.storage(address, slot, self.block)


class Holes:
    """Another reader, without the calls that ``hole`` is true of."""

    def __init__(self, inner: Reader, hole: Callable[[bytes], bool]) -> None:
        self.inner, self.hole = inner, hole
        self.chain_id, self.number, self.timestamp = inner.chain_id, inner.number, inner.timestamp

    def call(self, to: bytes, data: bytes) -> bytes:
        if self.hole(data):
            raise Missing("not in the evidence")
        return self.inner.call(to, data)

    def storage(self, address: bytes, slot: int) -> int:
        return self.inner.storage(address, slot)
