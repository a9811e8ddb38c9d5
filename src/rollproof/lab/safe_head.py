"""The lab's safe head: how far L1 alone says what the L2 chain is, and whether the sequencer's chain is the same.

It reads L1 and nothing that an operator remembers, so it can be asked which of them is wrong. It compares what a block
is made of, and does not execute it: a wrong state under the right transactions is for the follower to refuse. Of the L1
attributes it compares what comes from the L1 block itself. What else it leaves out is said in
`rollproof.rollup.op_stack`, `derivation` and `batch_queue`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rollproof.errors import Stop, Unsupported
from rollproof.lab.block import Block
from rollproof.lab.receipts import decode
from rollproof.rollup.op_stack import deposit, l1_attributes, system_config
from rollproof.rollup.op_stack.batch_queue import Origin, SafeHead, Validity, judge
from rollproof.rollup.op_stack.derivation import Derivation, L1Data, Posted
from rollproof.rollup.op_stack.l1_attributes import L1Attributes

if TYPE_CHECKING:
    from rollproof.lab.stack import Stack

FINALITY: Final = 64  # L1 blocks: two epochs
_BLOCK_TIME: Final = 2  # seconds
_MAX_DROPPED: Final = 1000  # kept


@dataclass(frozen=True, slots=True)
class Divergence:
    """L1 says another L2 block than the sequencer built: the number, the batch, and what differs."""

    number: int
    posted: Posted
    reason: str


class SafeChain:
    """Follows the lab's L1. ``head`` is the last L2 block that L1 confirms; ``diverged`` says why there is no later one
    although L1 has a batch for it; ``dropped`` are batches that derivation leaves out, with why. ``unread`` names what
    L1 holds that is not read yet, after which nothing is known.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._begin()

    def _begin(self) -> None:
        stack = self._stack
        self.head: Block = stack.l2.genesis
        self.diverged: Divergence | None = None
        self.unread = ""
        self.dropped: deque[tuple[Posted, str]] = deque(maxlen=_MAX_DROPPED)
        origin = stack.sequencer.origins[0][0]
        self._origin = Origin(origin.number, origin.hash, origin.timestamp)
        self._sequence = 0
        self._config = stack.rollup.system_config
        self._derivation = Derivation(stack.rollup.inbox)
        self._waiting: deque[Posted] = deque()
        self._read: Block = origin
        self._differing: Block | None = None
        self._history: list[tuple[int, int]] = []

    def sync(self) -> None:
        """Takes in what L1 has by now; begins anew where either chain has left what was read."""
        l1, l2 = self._stack.l1, self._stack.l2
        left = any(chain.block(known.number) is not known for chain, known in ((l1, self._read), (l2, self.head)))
        if left or (self.diverged is not None and l2.block(self.diverged.number) is not self._differing):
            self._begin()
        while (block := l1.block(self._read.number + 1)) is not None:
            self._read = block
            self._config = system_config.after(
                self._config, _logs(block), contract=self._stack.rollup.system_config_address
            )
            data = L1Data(block.number, block.transactions, self._config.batcher)
            try:
                self._waiting.extend(self._derivation.feed(data))
            except Unsupported as error:
                self.unread = self.unread or str(error)
            self._advance()
            self._history.append((block.number, self.head.number))

    @property
    def waiting(self) -> bool:
        """Whether a batch waits for an L1 block that is not there yet."""
        return bool(self._waiting)

    def heads(self) -> tuple[int, int]:
        """(safe, finalized): numbers of the L2 blocks that L1's head, and L1 `FINALITY` blocks before it, confirm."""
        final = self._read.number - FINALITY
        number = 0
        for l1_number, l2_number in reversed(self._history):
            if l1_number <= final:
                number = l2_number
                break
        return self.head.number, number

    def _advance(self) -> None:
        if self.diverged is not None or self.unread:
            self._waiting.clear()
        while self._waiting:
            posted = self._waiting[0]
            batch = posted.batch
            following = self._stack.l1.block(self._origin.number + 1)
            known = None if following is None or following.number > self._read.number else following
            after = None if known is None else Origin(known.number, known.hash, known.timestamp)
            safe = SafeHead(self.head.hash, self.head.timestamp, self._origin)
            validity, reason = judge(batch, posted.included_in, safe, after, block_time=_BLOCK_TIME)
            if validity is Validity.UNDECIDED:
                return
            self._waiting.popleft()
            if validity is Validity.DROP:
                self.dropped.append((posted, reason))
                self._skip(posted)
            elif validity is Validity.ACCEPT:
                moved = after is not None and batch.epoch_number == after.number
                origin, sequence = (after, 0) if moved and after is not None else (self._origin, self._sequence + 1)
                self._compare(posted, origin, sequence)

    def _skip(self, dropped: Posted) -> None:
        """The rest of a channel goes with a batch that is dropped."""
        source = dropped.channel, dropped.included_in
        while self._waiting and (self._waiting[0].channel, self._waiting[0].included_in) == source:
            self._waiting.popleft()

    def _compare(self, posted: Posted, origin: Origin, sequence: int) -> None:
        """Whether the sequencer's block is the one that the batch makes."""
        number = self.head.number + 1
        block = self._stack.l2.block(number)
        reason = "there is no such block" if block is None else self._difference(block, posted, origin, sequence)
        if block is None or reason:
            self.diverged, self._differing = Divergence(number, posted, reason), block
            self._waiting.clear()
            return
        self.head, self._origin, self._sequence = block, origin, sequence

    def _difference(self, block: Block, posted: Posted, origin: Origin, sequence: int) -> str:
        if block.timestamp != posted.batch.timestamp:
            return f"timestamp {block.timestamp}, L1 has {posted.batch.timestamp}"
        forced = [raw for raw in block.transactions if raw[:1] == bytes([deposit.TYPE])]
        if tuple(block.transactions[len(forced) :]) != posted.batch.transactions:
            return "other transactions than L1 has"
        l1_block = self._stack.l1.block(origin.number)
        if l1_block is None or not forced:
            return "no L1 attributes"
        try:
            said = l1_attributes.from_deposit(forced[0])
            expected = deposit.in_block(_logs(l1_block), portal=self._stack.rollup.portal, block_hash=origin.hash)
        except Stop as error:
            return str(error)
        fees = l1_block.header.base_fee, self._stack.l1_blob_base_fee(l1_block)
        if _from_l1(said) != (origin.number, origin.hash, origin.timestamp, *fees, sequence):
            return f"other L1 attributes than those of L1 block {origin.number}"
        if forced[1:] != ([each.encode() for each in expected] if sequence == 0 else []):
            return f"other deposits than those of L1 block {origin.number}"
        return ""


def _from_l1(said: L1Attributes) -> tuple[int, bytes, int, int | None, int, int]:
    return said.number, said.block_hash, said.timestamp, said.base_fee, said.blob_base_fee, said.sequence_number


def _logs(block: Block) -> list[deposit.Log]:
    return [log for receipt in block.receipts for log in decode(receipt).logs]
