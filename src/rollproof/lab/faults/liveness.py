"""Chains that stop, stutter or are left: what is in the blocks is right, but they come late, change, or come no more.

Nothing here is found in one block. A watcher sees it between the clock and the heads: how old they are, which blocks
they replaced, and what L1 has not heard since.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from rollproof.errors import Malformed, Unsupported
from rollproof.lab.faults.effect import Effect, Expected
from rollproof.lab.faults.fault import Fault, register
from rollproof.lab.node.error import Dropped
from rollproof.lab.pool import Pending, read
from rollproof.types import Outcome

if TYPE_CHECKING:
    from rollproof.lab.block import Block, Built
    from rollproof.lab.stack import Layer, Stack

OPERATORS: Final = ("l1", "sequencer", "batcher", "proposer", "challenger", "relayer", "oracle")
MAX_TRANSACTION_GAS: Final = 2**24  # EIP-7825
MIN_TRANSACTION_GAS: Final = 60_000  # enough to begin a creation
BURN: Final = b"\xfe"  # INVALID: as init code it uses up all the gas it is given


@dataclass
class Liveness(Fault):
    """Base; an effect names the head of a layer at the time."""

    family: ClassVar[str] = "liveness"
    check: ClassVar[str] = "watch"

    def declare(self, stack: Stack, layer: Layer, *subjects: bytes) -> None:
        """Says what happened on top of the layer's head."""
        head = stack.chain(layer).head
        expected = (Expected.finding(self.id), *map(Expected.subject, subjects))
        self.effects.append(Effect(layer, head.number, head.hash, stack.time, expected, Outcome.HOLDS, exact=False))


@dataclass
class Halt(Liveness):
    """Base: an operator does nothing for ``steps`` steps of the clock (0: until lifted)."""

    steps: int = 0

    def __post_init__(self) -> None:
        self._left = self.steps

    def start(self, stack: Stack) -> None:
        if self.steps < 0:
            raise Malformed(f"{self.id}: {self.steps} steps")
        self._left = self.steps

    @property
    def over(self) -> bool:
        """Whether the operator is back by itself."""
        return self.steps > 0 and self._left <= 0

    def after_step(self, stack: Stack) -> None:
        self._left -= 1


@register
@dataclass
class SequencerStops(Halt):
    """No L2 block for ``steps`` steps (2 s each; 0: until lifted); then all that are missing come at once.

    Base, August 2025 (33 minutes); Linea, September 2025 (46); Arbitrum, December 2023 (78). Shows: while it lasts the
    unsafe head stands, its timestamp ever further behind the clock and the L1 head's, and transactions wait. Once it is
    over no timestamp is left out, as the protocol wants it, so afterwards it shows only in when the blocks came, in
    the L1 origins, which lag behind, and in a first block with everything that waited.
    """

    steps: int = 15

    id: ClassVar[str] = "sequencer-stops"
    title: ClassVar[str] = "The sequencer builds no blocks for a while."

    def halts(self, stack: Stack, what: str) -> bool:
        if what != "sequencer" or self.over:
            return False
        if not self.effects:
            self.declare(stack, "l2")
        return True


@register
@dataclass
class UnsafeReorg(Liveness):
    """The sequencer drops its last ``depth`` unsafe blocks and builds others in their place, every ``every`` steps.

    OP Mainnet, February 2024. Never drops a block that the batcher has sent to L1. Transactions of the dropped blocks
    are included again, all in the first new one. ``provoke`` sends a transaction before, without which empty blocks
    would come back the same. Shows: at one height there were two blocks by the same sequencer, and the safe head did
    not move back.
    """

    depth: int = 2
    every: int = 20
    provoke: bool = True

    id: ClassVar[str] = "unsafe-reorg"
    title: ClassVar[str] = "The sequencer replaces blocks that nobody has from L1 yet."

    def __post_init__(self) -> None:
        self._step = 0

    def start(self, stack: Stack) -> None:
        if not 1 <= self.depth <= 1_000 or self.every < 1:
            raise Malformed(f"{self.id}: depth from 1 to 1000 and every from 1, not {self.depth} and {self.every}")

    def before_step(self, stack: Stack) -> None:
        self._step += 1
        if (self._step - 1) % self.every:
            return
        to = max(stack.l2.head.number - self.depth, stack.batcher.sent)
        if to >= stack.l2.head.number:
            self._step -= 1  # all is on its way to L1: again in the next step
            return
        if self.provoke:
            stack.send("l2", "bystander", stack.account("deployer", "l2").address, value=1, gas=21_000)
        gone = stack.l2.block(to + 1)
        stack.sequencer.rewind(to)
        self.declare(stack, "l2", *([] if gone is None else [gone.hash]))


@register
@dataclass
class L1Congestion(Liveness):
    """Others use ``percent`` of every L1 block's gas and pay ``tip`` wei a gas for it, so that who pays less waits.

    What L1 is like in a mint or a crash. Blocks that are full raise the base fee by an eighth each (EIP-1559). Shows:
    L1 blocks with this much gas used, a rising base fee, and the batcher's, the proposer's and users' transactions in
    the pool for as long.
    """

    percent: int = 100
    tip: int = 50 * 10**9
    account: str = "bystander"

    id: ClassVar[str] = "l1-congestion"
    title: ClassVar[str] = "L1 blocks are full of other people's transactions."

    def start(self, stack: Stack) -> None:
        if not 1 <= self.percent <= 100 or self.tip < 0:
            raise Malformed(f"{self.id}: percent from 1 to 100 and a tip from 0, not {self.percent} and {self.tip}")
        stack.account(self.account, "l1")

    def order(self, stack: Stack, layer: str, pending: Sequence[Pending]) -> Sequence[Pending]:
        if layer != "l1":
            return pending
        sender, head = stack.account(self.account, "l1"), stack.l1.head.header
        base_fee, gas_limit = head.base_fee or 0, head.gas_limit
        # Who pays more still comes first. The account's own pending transactions would break the order of nonces.
        others = [each for each in pending if each.sender != sender.address]
        before = [each for each in others if each.effective_tip(base_fee) > self.tip]
        behind = [each for each in others if each.effective_tip(base_fee) <= self.tip]
        left = min(gas_limit * self.percent // 100, gas_limit - sum(each.gas_limit for each in before))
        sender.nonce = stack.l1.account(sender.address)[0]
        burnt: list[Pending] = []
        while left >= MIN_TRANSACTION_GAS:
            gas = min(left, MAX_TRANSACTION_GAS)
            if 0 < left - gas < MIN_TRANSACTION_GAS:
                gas -= MIN_TRANSACTION_GAS
            raw = sender.send(None, data=BURN, gas=gas, fee=2 * base_fee + self.tip, tip=self.tip)
            burnt.append(read(raw, "ethereum", stack.time))
            left -= gas
        return [*before, *burnt, *behind]

    def sealed(self, stack: Stack, layer: str, built: Built, block: Block) -> Block:
        if layer == "l1":
            expected = (Expected.finding(self.id),)
            self.effects.append(
                Effect("l1", block.number, block.hash, stack.time, expected, Outcome.HOLDS, exact=False)
            )
        return block


@register
@dataclass
class StaleOracle(Halt):
    """Nobody pushes prices for ``steps`` steps (0: until lifted); trading and liquidation go on by the last ones.

    What an L2 outage or a congested L1 does to a push oracle. Shows: the newest PricePushed log of every feed gets
    older than the feed's custom, and than the market's maxAge, from where on the venue refuses trades.
    """

    id: ClassVar[str] = "stale-oracle"
    title: ClassVar[str] = "The oracle's prices are not renewed."

    def halts(self, stack: Stack, what: str) -> bool:
        if what != "oracle" or self.over:
            return False
        if not self.effects:
            oracle = stack.deployed.get("PriceOracle")
            self.declare(stack, "l2", *([] if oracle is None else [oracle.address]))
        return True


@register
@dataclass
class ChainSunset(Liveness):
    """The chain is left: its operators do nothing any more, and its nodes answer nothing.

    Swellchain 2026, Kinto 2025, PGN 2024. ``operators``: names with commas between. L1 and its contracts stay, so what
    was withdrawn in time can be finalized, and what a proposed root covers can still be proven by whoever kept the
    state. Shows: no L2 node answers, and on L1 there are no batches and no proposals from some block on.
    """

    operators: str = "sequencer,batcher,proposer,challenger,relayer"

    id: ClassVar[str] = "chain-sunset"
    title: ClassVar[str] = "Sequencer, operators and nodes of the L2 are gone for good."

    def start(self, stack: Stack) -> None:
        for name in self._names:
            if name not in OPERATORS:
                raise Unsupported(f"{self.id}: no operator {name[:40]!r}; there are {', '.join(OPERATORS)}")
        self.declare(stack, "l2")

    @property
    def _names(self) -> list[str]:
        return self.operators.split(",") if self.operators else []

    def halts(self, stack: Stack, what: str) -> bool:
        return what in self._names

    def answer(self, stack: Stack, node: str, method: str, params: Any, result: Any) -> Any:
        if node != "l1":
            raise Dropped
        return result
