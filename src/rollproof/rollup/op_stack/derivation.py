"""From L1 blocks back to batches, by the rules of Holocene and later: what L1 says that the L2 chain is.

Source: OP Stack specification, Holocene derivation ("Frame Queue", "Channel Bank"); derivation ("L1 Retrieval",
"Timeouts"); Granite, derivation (channel timeout).

Not done: forks before Holocene; blobs, span batches and brotli are refused by name where one is met.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rollproof import _core
from rollproof.errors import Malformed, Unsupported
from rollproof.rollup.op_stack import batch as batches
from rollproof.rollup.op_stack import channel, frame
from rollproof.rollup.op_stack.batch import SingularBatch

CHANNEL_TIMEOUT: Final = 50  # L1 blocks, Granite
_BLOB: Final = 3


@dataclass(frozen=True, slots=True)
class L1Data:
    """What derivation reads of an L1 block: its raw transactions, and the batcher that the system configuration names
    as of this block.
    """

    number: int
    transactions: Sequence[bytes]
    batcher: bytes


@dataclass(frozen=True, slots=True)
class Posted:
    """A batch, the L1 block that completed it, and the channel it came in."""

    batch: SingularBatch
    included_in: int
    channel: bytes


def batch_inbox(chain_id: int) -> bytes:
    """The inbox of a chain by custom: 0xff00..00 with the chain id's decimal digits at the end.

    It is configured per chain, so this is no fact about a chain of others.
    """
    return bytes.fromhex("ff" + str(chain_id).rjust(38, "0"))


def derive(blocks: Iterable[L1Data], *, inbox: bytes) -> list[Posted]:
    """Every batch that these L1 blocks, in order and without gaps, publish. Whether it is valid is for
    `batch_queue.judge` to say.

    Raises Unsupported for what is not read yet: a blob transaction, alt-DA, a span batch, brotli.
    """
    pipeline = Derivation(inbox)
    return [posted for block in blocks for posted in pipeline.feed(block)]


class Derivation:
    """L1 blocks in, batches out, one block at a time. It remembers one open channel and nothing else.

    ``dropped`` says what was left out and why: frames out of order, channels that were never closed or timed out, and
    what does not parse. It keeps the last `MAX_DROPPED`.
    """

    MAX_DROPPED: Final = 1000

    def __init__(self, inbox: bytes, *, timeout: int = CHANNEL_TIMEOUT) -> None:
        """``timeout`` in L1 blocks."""
        self._inbox = inbox
        self._timeout = timeout
        self._open: list[frame.Frame] = []
        self._opened_in = 0
        self._number: int | None = None
        self.dropped: list[tuple[int, str]] = []

    def feed(self, block: L1Data) -> list[Posted]:
        """The batches that this block completes.

        Raises ValueError for a block that is not the next one, Malformed for a transaction that no L1 block can hold,
        Unsupported as `derive` does.
        """
        if self._number is not None and block.number != self._number + 1:
            raise ValueError(f"L1 block {block.number} after {self._number}")
        self._number = block.number
        if self._open and block.number > self._opened_in + self._timeout:
            self._drop(
                block.number, f"channel 0x{self._open[0].channel.hex()}: timed out after {len(self._open)} frames"
            )
            self._open = []
        found: list[Posted] = []
        for data in self._payloads(block):
            try:
                frames = frame.decode(data)
            except Malformed as error:
                self._drop(block.number, str(error))
                continue
            for each in frames:
                found += self._take(each, block.number)
        return found

    def _payloads(self, block: L1Data) -> list[bytes]:
        """What the batcher sent to the inbox, in order."""
        found = []
        for raw in block.transactions:
            if self._inbox not in raw:
                continue
            try:
                fields = _core.decode_transaction(raw, "ethereum")
            except _core.CoreError as error:
                raise Malformed(f"a transaction of L1 block {block.number}: {error}") from None
            if fields["to"] != self._inbox or fields["sender"] != block.batcher:
                continue
            if fields["type"] == _BLOB:
                raise Unsupported(f"batches in blobs (L1 block {block.number})")
            found.append(fields["input"])
        return found

    def _take(self, each: frame.Frame, number: int) -> list[Posted]:
        """Puts a frame where it belongs; the batches of a channel that it closes."""
        if each.number == 0:
            if self._open:
                self._drop(number, f"channel 0x{self._open[0].channel.hex()}: another began before it was closed")
            self._open, self._opened_in = [each], number
        elif not self._open or each.channel != self._open[0].channel or each.number != len(self._open):
            self._drop(number, f"frame {each.number} of channel 0x{each.channel.hex()}: out of order")
            return []
        else:
            self._open.append(each)
        if not each.is_last:
            return []
        data = b"".join(part.data for part in self._open)
        self._open = []
        return self._read(each.channel, data, number)

    def _read(self, name: bytes, data: bytes, number: int) -> list[Posted]:
        try:
            content = channel.read(data)
        except Malformed as error:
            self._drop(number, f"channel 0x{name.hex()}: {error}")
            return []
        found, ended = [], content.ended
        for each in content.batches:
            try:
                found.append(Posted(batches.decode(each), number, name))
            except Malformed as error:  # the rest of the channel goes with an invalid batch
                ended = str(error)
                break
        if ended:
            self._drop(number, f"channel 0x{name.hex()}: {ended}")
        return found

    def _drop(self, number: int, reason: str) -> None:
        self.dropped.append((number, reason))
        del self.dropped[: -self.MAX_DROPPED]
