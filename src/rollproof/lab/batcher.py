"""The batcher: publishes L2 blocks on L1 as batches, and publishes again what L1 lost.

Source: OP Stack specification, batcher; derivation ("Batch Submission").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rollproof.lab.block import Block
from rollproof.lab.safe_head import SafeChain
from rollproof.rollup.op_stack import channel, deposit, frame, l1_attributes
from rollproof.rollup.op_stack.batch import SingularBatch

if TYPE_CHECKING:
    from rollproof.lab.faults.fault import Fault
    from rollproof.lab.stack import Stack

EVERY: Final = 2  # L1 blocks between submissions
MAX_BLOCKS: Final = 600  # L2 blocks of one channel
FRAME_SIZE: Final = 119_999  # bytes: with the version byte, what pools let through (128 KiB) has room to spare
_BASE_GAS: Final = 21_000
_TOKEN_GAS: Final = 10  # EIP-7623: the floor; a byte that is not zero is four tokens


class Batcher:
    """Sends a channel of all L2 blocks since the last one, each frame a transaction to the inbox, every so many L1
    blocks. ``sent`` is the last L2 block it has published; ``safe`` what L1 makes of it.
    """

    def __init__(self, stack: Stack, *, every: int = EVERY) -> None:
        self._stack = stack
        self._every = every
        self._random = stack.rng("batcher")
        self._submitted_at = stack.l1.head.number
        self._transactions: list[bytes] = []  # the last channel's
        self._hashes: dict[int, bytes] = {}  # of published L2 blocks above the finalized one
        self._altered_by: list[Fault] = []
        self.safe = SafeChain(stack)
        self.sent = 0

    def act(self) -> None:
        """Reads L1, and submits when it is due."""
        stack = self._stack
        self.safe.sync()
        if stack.halted("batcher") or stack.l1.head.number < self._submitted_at + self._every:
            return
        self._return()
        if stack.l2.head.number > self.sent:
            self.submit()

    def submit(self) -> None:
        """A channel of what is not published yet, now."""
        stack = self._stack
        self._submitted_at = stack.l1.head.number
        batches = []
        for number in range(self.sent + 1, min(stack.l2.head.number, self.sent + MAX_BLOCKS) + 1):
            block = stack.l2.block(number)
            if block is None:
                break
            batch = self._batch(block)
            if batch is not None:
                batches.append(batch.encode())
            self._hashes[number], self.sent = block.hash, number
        if not batches:
            return
        name = self._random.getrandbits(128).to_bytes(16, "big")
        self._transactions = []
        for each in frame.split(name, channel.compress(batches), FRAME_SIZE):
            data = frame.encode([each])
            self._transactions.append(stack.send("l1", "batcher", stack.rollup.inbox, data=data, gas=gas_for(data)))

    def _batch(self, block: Block) -> SingularBatch | None:
        honest = batch_of(block)
        batch: SingularBatch | None = honest
        for fault in self._stack.faults:
            before = batch
            if before is None:
                break
            batch = fault.batch(self._stack, block, before)
            if batch != before and fault not in self._altered_by:
                self._altered_by.append(fault)
        return batch

    def _return(self) -> None:
        """Goes back where the L2 was reorganised, and to the safe head where L1 lost what was sent.

        While a fault falsifies batches nothing is sent again: it would be falsified again. Nor where L1 has settled on
        another chain than the sequencer's.
        """
        stack, safe = self._stack, self.safe
        final = safe.heads()[1]
        for number in [each for each in self._hashes if each <= final]:
            del self._hashes[number]
        while self.sent > safe.head.number:
            block = stack.l2.block(self.sent)
            if block is not None and block.hash == self._hashes.get(self.sent):
                break
            self.sent -= 1
        self.sent = min(self.sent, stack.l2.head.number)
        if any(each in stack.l1_pool for each in self._transactions) or safe.waiting or safe.diverged or safe.unread:
            return
        if any(fault in stack.faults for fault in self._altered_by):
            return
        self._altered_by = []
        self.sent = safe.head.number


def batch_of(block: Block) -> SingularBatch:
    """What the batcher publishes of an L2 block. Raises Malformed or Unsupported where it has no L1 attributes."""
    said = l1_attributes.decode(deposit.decode(block.transactions[0]).data)
    return SingularBatch(
        parent_hash=block.header.parent_hash,
        epoch_number=said.number,
        epoch_hash=said.block_hash,
        timestamp=block.timestamp,
        transactions=tuple(raw for raw in block.transactions if raw[:1] != bytes([deposit.TYPE])),
    )


def gas_for(data: bytes) -> int:
    """Gas of a transaction that only carries data (EIP-7623, floor)."""
    return _BASE_GAS + _TOKEN_GAS * (4 * len(data) - 3 * data.count(0))
