"""The base of faults that lie about what a block did: which block, how often, and how one is brought about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rollproof.errors import Malformed
from rollproof.lab.faults.effect import Effect
from rollproof.lab.faults.fault import Fault
from rollproof.lab.faults.lie import Lie

if TYPE_CHECKING:
    from rollproof.lab.block import Block, Built
    from rollproof.lab.stack import Layer, Stack

RETRY_SECONDS = 60  # simulated: when what was sent to bring the fault about has come to nothing


@dataclass
class Sealing(Fault):
    """Seals the next block that qualifies with a wrong result; ``layer`` is l1 or l2.

    ``at``: not before the block of this number. ``repeat``: every block that qualifies, not only the first.
    """

    layer: str = "l2"
    at: int = 0
    repeat: bool = False

    family: ClassVar[str] = "state-transition"
    check: ClassVar[str] = "verify"

    def start(self, stack: Stack) -> None:
        stack.chain(self.layer)
        if self.at < 0:
            raise Malformed(f"{self.id}: block {self.at} is before the first one")

    def due(self, number: int) -> bool:
        """Whether a block of this number is to be made wrong, if it qualifies."""
        return number >= self.at and (self.repeat or not self.effects)

    def sealed(self, stack: Stack, layer: str, built: Built, block: Block) -> Block:
        if layer != self.layer or not self.due(block.number):
            return block
        lie = Lie(stack.chain(layer), block)
        self.lie(stack, lie)
        if lie.empty or not lie.possible:
            return block
        sealed = lie.seal()
        if sealed.hash != block.hash:
            self.declare(stack, Effect(layer, block.number, sealed.hash, stack.time, lie.expected(sealed)))
        return sealed

    def declare(self, stack: Stack, effect: Effect) -> None:
        """Says what was done."""
        self.effects.append(effect)

    def lie(self, stack: Stack, lie: Lie) -> None:
        """Changes what the block claims; leaves it alone where it does not qualify."""
        raise NotImplementedError


@dataclass
class Provoked(Sealing):
    """A lie that needs a transaction of a kind; ``provoke`` sends one where traffic may have none."""

    provoke: bool = True

    sender: ClassVar[str] = "bystander"
    patience: ClassVar[int] = 0  # simulated seconds in which traffic may do without help

    def __post_init__(self) -> None:
        self._next = 0  # simulated time of the next attempt

    def start(self, stack: Stack) -> None:
        super().start(stack)
        self._next = stack.time + self.patience

    def before_step(self, stack: Stack) -> None:
        number = stack.chain(self.layer).head.number + 1
        if self.provoke and self.due(number) and stack.time >= self._next:
            self._next = stack.time + RETRY_SECONDS
            self.cause(stack, "l1" if self.layer == "l1" else "l2")

    def cause(self, stack: Stack, layer: Layer) -> None:
        """Sends what makes a block qualify."""
        raise NotImplementedError


@dataclass
class Ordinary(Provoked):
    """A lie about any signed transaction, one that writes or one that logs; in a quiet lab it sends one."""

    patience: ClassVar[int] = 24

    def cause(self, stack: Stack, layer: Layer) -> None:
        # A creation that writes its slot 0, logs one topic and a word, and leaves no code:
        # NUMBER PUSH0 SSTORE, PUSH0 PUSH1 32 PUSH0 LOG1, PUSH0 PUSH0 RETURN.
        stack.send(layer, self.sender, None, data=bytes.fromhex("435f555f60205fa15f5ff3"), gas=150_000)
