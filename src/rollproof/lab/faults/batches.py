"""What the L2 built and L1 does not hear, or hears otherwise: batches, and who may post them.

A node that derives the L2 from L1 finds these; one that takes the sequencer's blocks does not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from rollproof.errors import Malformed, Unsupported
from rollproof.lab.faults.fault import register
from rollproof.lab.faults.link import Link, contract, send_as
from rollproof.lab.faults.liveness import Halt
from rollproof.rollup.op_stack import system_config

if TYPE_CHECKING:
    from rollproof.lab.block import Block
    from rollproof.lab.stack import Stack
    from rollproof.rollup.op_stack.batch import SingularBatch
    from rollproof.rollup.op_stack.l1_attributes import L1Attributes


@register
@dataclass
class BatchesStop(Halt):
    """The batcher posts nothing for ``steps`` steps (0: until lifted), while the L2 goes on.

    Arbitrum, June 2023: the batch poster's nonces were out of step for hours. Shows: no transaction from the batcher
    to the inbox in L1 blocks whose number goes up; the distance of the unsafe from the safe head grows. After a
    sequencing window of that (12 hours) the unsafe blocks are lost.
    """

    id: ClassVar[str] = "batches-stop"
    family: ClassVar[str] = "link"
    check: ClassVar[str] = "link"
    title: ClassVar[str] = "No more batches reach L1, while the L2 goes on."

    def halts(self, stack: Stack, what: str) -> bool:
        if what != "batcher" or self.over:
            return False
        if not self.effects:
            self.declare(stack, "l2", stack.account("batcher", "l1").address)
        return True


@register
@dataclass
class BatchDiffers(Link):
    """The batch that L1 gets of an L2 block is not what the sequencer served as that block.

    ``kind``: omitted (its last transaction is left out), reordered (its transactions are turned round), missing (there
    is no batch of it). Users saw a transaction happen that the settled chain does not have. ``repeat``: every block
    that can be falsified, not only the first. ``provoke`` sends two transfers in every step until one was. Shows: the
    batch with the block's timestamp, derived from L1, makes another block; the safe head does not pass its parent.
    """

    kind: str = "omitted"
    repeat: bool = False
    provoke: bool = True

    id: ClassVar[str] = "batch-differs"
    title: ClassVar[str] = "L1 gets another block content than the sequencer served."

    _KINDS: ClassVar[tuple[str, ...]] = ("omitted", "reordered", "missing")

    def start(self, stack: Stack) -> None:
        if self.kind not in self._KINDS:
            raise Unsupported(f"{self.id}: no kind {self.kind[:40]!r}; there are {', '.join(self._KINDS)}")

    def before_step(self, stack: Stack) -> None:
        if self.provoke and not self.effects:
            to = stack.account("deployer", "l2").address
            for name in ("bystander", "victim"):
                stack.send("l2", name, to, value=1, gas=21_000)

    def batch(self, stack: Stack, block: Block, batch: SingularBatch) -> SingularBatch | None:
        if (self.effects and not self.repeat) or len(batch.transactions) < 2:
            return batch
        self.declare(stack, "l2", block, block.hashes[-1])
        if self.kind == "missing":
            return None
        kept = batch.transactions[:-1] if self.kind == "omitted" else batch.transactions[::-1]
        return replace(batch, transactions=kept)


@register
@dataclass
class BatcherKeyChanged(Link):
    """The account whose batches count is changed on L1, by whoever owns the SystemConfig, and nobody else knows.

    ``to``: the new account's name. What the old batcher posts from then on is ignored. ``follow``: whether the
    sequencer says the new batcher in its L1 attributes, as it has to, or still the old one. Lifting it sets the old one
    again. Shows: a ConfigUpdate log of type 0 (BATCHER); batches by another sender than it names, and none by that
    one; without ``follow``, L1 attributes whose batcher hash is not the configuration's as of their L1 origin.
    """

    to: str = "attacker"
    follow: bool = True

    id: ClassVar[str] = "batcher-key-changed"
    title: ClassVar[str] = "The key whose batches count is changed on L1."

    def __post_init__(self) -> None:
        self._old: bytes | None = None
        self._sent = b""

    def start(self, stack: Stack) -> None:
        self._send(stack, system_config.batcher_hash(stack.account(self.to, "l1").address))

    def stop(self, stack: Stack) -> None:
        if self._old is not None:
            self._send(stack, self._old)

    def _send(self, stack: Stack, value: bytes) -> None:
        config = contract(stack, self.id, "SystemConfig")
        if self._old is None:
            [self._old] = stack.view("l1", config, "batcherHash")
            if self._old == value:
                raise Malformed(f"{self.id}: {self.to} is the batcher already")
        [owner] = stack.view("l1", config, "owner")
        self._sent = send_as(stack, self.id, owner, config.address, config.encode("setBatcherHash", value))

    def attributes(self, stack: Stack, attributes: L1Attributes) -> L1Attributes:
        return attributes if self.follow or self._old is None else replace(attributes, batcher_hash=self._old)

    def after_step(self, stack: Stack) -> None:
        found = stack.l1.locate(self._sent)
        if found is not None and not self.effects:
            self.declare(stack, "l1", found[0], self._sent)
