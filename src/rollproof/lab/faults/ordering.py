"""Unfair ordering: whoever builds the blocks leaves transactions out, holds them back, or breaks the order it claims.

Every block here is valid, and executing it again shows nothing. What gives it away is the pool beside the chain: what
waited, since when, and what it paid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from rollproof.errors import Malformed, Unsupported
from rollproof.lab.faults.effect import Effect, Expected
from rollproof.lab.faults.fault import Fault, register
from rollproof.lab.pool import Pending, by_priority_fee, read
from rollproof.lab.transaction import GWEI
from rollproof.types import Outcome

if TYPE_CHECKING:
    from rollproof.lab.block import Block, Built
    from rollproof.lab.chain import Chain
    from rollproof.lab.stack import Layer, Stack

SIDES: Final = ("sender", "recipient", "both")


@dataclass
class Ordering(Fault):
    """Base: `arranged` has the pending transactions in the order of the claimed rule and returns another one.

    ``layer`` is l1 or l2. A block's effect names the transactions that `touched` finds in it, or missing from it.
    """

    layer: str = "l2"

    family: ClassVar[str] = "ordering"
    check: ClassVar[str] = "inspect"

    def start(self, stack: Stack) -> None:
        stack.chain(self.layer)

    def order(self, stack: Stack, layer: str, pending: Sequence[Pending]) -> Sequence[Pending]:
        return self.arranged(stack, pending) if layer == self.layer else pending

    def arranged(self, stack: Stack, pending: Sequence[Pending]) -> Sequence[Pending]:
        """What the builder takes in place of ``pending``."""
        raise NotImplementedError

    def sealed(self, stack: Stack, layer: str, built: Built, block: Block) -> Block:
        if layer == self.layer and (subjects := self.touched(stack, block)):
            expected = (Expected.finding(self.id), *map(Expected.subject, subjects))
            self.effects.append(
                Effect(layer, block.number, block.hash, stack.time, expected, Outcome.HOLDS, exact=False)
            )
        return block

    def touched(self, stack: Stack, block: Block) -> Sequence[bytes]:
        """Hashes of transactions and addresses that the fault wronged or favoured in this block; empty: none."""
        raise NotImplementedError

    @property
    def of(self) -> Layer:
        return "l1" if self.layer == "l1" else "l2"


@dataclass
class Withholding(Ordering):
    """Base: transactions of one account wait although they pay and there is room.

    ``address``: by default that of the account "victim". ``by``: sender, recipient or both, who it has to be.
    ``provoke`` has "victim" send a transfer (to the address, unless it is its own) whenever none waits.
    """

    address: bytes | None = None
    by: str = "both"
    provoke: bool = True

    def __post_init__(self) -> None:
        self._waiting: list[bytes] = []
        self._named: set[bytes] = set()

    def start(self, stack: Stack) -> None:
        super().start(stack)
        if self.by not in SIDES:
            raise Unsupported(f"{self.id}: no side {self.by[:40]!r}; there are {', '.join(SIDES)}")
        if self.address is not None and len(self.address) != 20:
            raise Malformed(f"{self.id}: an address has 20 bytes, not {len(self.address)}")

    def wronged(self, stack: Stack) -> bytes:
        """The address whose transactions wait."""
        return self.address or stack.account("victim", self.layer).address

    def before_step(self, stack: Stack) -> None:
        wronged, victim = self.wronged(stack), stack.account("victim", self.layer)
        reached = self.by != "sender" if wronged != victim.address else self.by != "recipient"
        if self.provoke and reached and not any(self.meant(stack, each) for each in stack.pool(self.layer)):
            other = stack.account("bystander", self.layer).address
            to = other if wronged == victim.address else wronged
            stack.send(self.of, victim, to, value=1, gas=21_000)

    def meant(self, stack: Stack, each: Pending) -> bool:
        """Whether a transaction is of those that have to wait."""
        wronged = self.wronged(stack)
        return (self.by != "recipient" and each.sender == wronged) or (self.by != "sender" and each.to == wronged)

    def arranged(self, stack: Stack, pending: Sequence[Pending]) -> Sequence[Pending]:
        held = {each.hash for each in pending if self.meant(stack, each) and self.held(stack, each)}
        self._waiting = [each.hash for each in pending if each.hash in held]
        return [each for each in pending if each.hash not in held]

    def held(self, stack: Stack, each: Pending) -> bool:
        """Whether it still has to wait."""
        raise NotImplementedError

    def touched(self, stack: Stack, block: Block) -> Sequence[bytes]:
        # Named once, at the first block that could have held it.
        fresh = [each for each in self._waiting if each not in self._named]
        self._waiting = []
        self._named.update(fresh)
        return [*fresh, self.wronged(stack)] if fresh else ()


@register
@dataclass
class Censorship(Withholding):
    """Transactions from or to an address are left out for as long as this lasts.

    Linea, June 2024, after Velocore; Soneium, January 2025, where users got out by deposits from L1: those the
    sequencer has to take, and this leaves them alone. Shows: a transaction stays in the pool with the account's next
    nonce and a sufficient fee, while blocks with room hold transactions that came later.
    """

    id: ClassVar[str] = "censorship"
    title: ClassVar[str] = "Transactions of one address are never included."

    def held(self, stack: Stack, each: Pending) -> bool:
        return True


@register
@dataclass
class DelayedInclusion(Withholding):
    """Transactions from or to an address are held back for ``blocks`` blocks after they came.

    Nobody's outage, but the quiet form of censorship that decides trades. Shows: between the arrival in the pool and
    the block lie that many blocks, which had room for it and hold transactions that came later or paid less.
    """

    blocks: int = 5

    id: ClassVar[str] = "delayed-inclusion"
    title: ClassVar[str] = "Transactions of one address are included some blocks late."

    def __post_init__(self) -> None:
        super().__post_init__()
        self._late = Late()

    def start(self, stack: Stack) -> None:
        super().start(stack)
        if not 1 <= self.blocks <= 10_000:
            raise Malformed(f"{self.id}: blocks from 1 to 10000, not {self.blocks}")

    def held(self, stack: Stack, each: Pending) -> bool:
        return self._late.blocks(stack.chain(self.layer), each) < self.blocks


@register
@dataclass
class PriorityViolated(Ordering):
    """The chain claims that higher priority fees come first (`Sequencer.ordering`), and orders otherwise.

    ``kind``: favourite (what the account ``favourite`` sends stands first, whatever it pays) or reversed (the lowest
    fee first). On an L2 that claims to be first come, first served, the claim changes while this lasts. ``provoke`` has
    two accounts send transfers, one for a low and one for a high fee. Shows: in a block, an effective priority fee
    stands above a higher one of another sender whose earlier transactions are all included already.
    """

    kind: str = "favourite"
    favourite: str = "attacker"
    provoke: bool = True

    id: ClassVar[str] = "priority-violated"
    title: ClassVar[str] = "Blocks are not ordered by priority fee as the chain claims."

    _KINDS: ClassVar[tuple[str, ...]] = ("favourite", "reversed")

    def __post_init__(self) -> None:
        self._claimed = ""

    def start(self, stack: Stack) -> None:
        super().start(stack)
        if self.kind not in self._KINDS:
            raise Unsupported(f"{self.id}: no kind {self.kind[:40]!r}; there are {', '.join(self._KINDS)}")
        stack.account(self.favourite, self.layer)
        self._claimed = stack.sequencer.ordering
        if self.layer == "l2":
            stack.sequencer.ordering = "priority-fee"

    def stop(self, stack: Stack) -> None:
        stack.sequencer.ordering = self._claimed

    def before_step(self, stack: Stack) -> None:
        if not self.provoke:
            return
        low = self.favourite
        high = "bystander" if low != "bystander" else "victim"
        for name, tip in ((high, 3 * GWEI), (low, GWEI // 100)):
            sender = stack.account(name, self.layer)
            if not any(each.sender == sender.address for each in stack.pool(self.layer)):
                stack.send(self.of, sender, stack.account("deployer", self.layer).address, value=1, gas=21_000, tip=tip)

    def arranged(self, stack: Stack, pending: Sequence[Pending]) -> Sequence[Pending]:
        if self.kind == "reversed":
            return in_nonce_order(list(reversed(pending)))
        first = stack.account(self.favourite, self.layer).address
        return sorted(pending, key=lambda each: each.sender != first)  # stable: the rest stays as it was

    def touched(self, stack: Stack, block: Block) -> Sequence[bytes]:
        base_fee, family = block.header.base_fee or 0, stack.chain(self.layer).config.family
        held = [read(raw, family, 0) for raw in block.transactions if raw[0] != 0x7E]
        right = by_priority_fee(held, base_fee)
        for one, other in zip(held, right, strict=True):
            if one.effective_tip(base_fee) < other.effective_tip(base_fee):
                return one.hash, other.hash
        return ()


class Late:
    """How many blocks a pending transaction could have been in, and was not."""

    def __init__(self) -> None:
        self._first: dict[bytes, int] = {}

    def blocks(self, chain: Chain, each: Pending) -> int:
        """Asked for every block that is built; 0 the first time."""
        number = chain.head.number + 1
        return max(0, number - self._first.setdefault(each.hash, number))


def in_nonce_order(pending: Sequence[Pending]) -> list[Pending]:
    """The same places for each sender, and its transactions in them by nonce: another order could not be executed."""
    queues: dict[bytes, list[Pending]] = {}
    for each in sorted(pending, key=lambda one: one.nonce, reverse=True):
        queues.setdefault(each.sender, []).append(each)
    return [queues[each.sender].pop() for each in pending]
