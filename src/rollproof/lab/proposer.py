"""The proposer: claims output roots of the L2 on L1, each in a dispute game with a bond.

Source: OP Stack specification, proposals; fault proof, "Dispute Game Interface".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rollproof.rollup.op_stack import dispute_game, output_root

if TYPE_CHECKING:
    from rollproof.lab.stack import Stack

EVERY: Final = 30  # L2 blocks between proposals
_GAS: Final = 2_000_000


class Proposer:
    """Proposes the output root of every so many L2 blocks, once the block is safe, in a game of the type that the
    portal respects. What the sequencer's chain says is what it claims, but for faults.
    """

    def __init__(self, stack: Stack, *, every: int = EVERY) -> None:
        self._stack = stack
        self._every = every
        self._sent: tuple[int, bytes] | None = None  # the L2 block of the last proposal, its transaction
        self.proposed = 0  # the last L2 block whose proposal is on L1

    def act(self) -> None:
        """Proposes when it is due; again, where L1 lost the last one."""
        stack = self._stack
        if stack.halted("proposer") or self._waits():
            return
        number = stack.safe - stack.safe % self._every
        if number > self.proposed:
            self._sent = (number, self.propose(number))

    def propose(self, number: int) -> bytes:
        """Claims L2 block ``number`` now; the transaction's hash. Raises ValueError where there is no such block."""
        stack = self._stack
        [game_type] = stack.view("l1", stack.deployed["OptimismPortal"], "respectedGameType")
        factory = stack.deployed["DisputeGameFactory"]
        [bond] = stack.view("l1", factory, "initBonds", game_type)
        data = dispute_game.create(game_type, self.claim(number), number)
        return stack.send("l1", "proposer", factory.address, data=data, value=bond, gas=_GAS)

    def claim(self, number: int) -> bytes:
        """The root that it claims for a block: the chain's, as faults alter it."""
        stack = self._stack
        block = stack.l2.block(number)
        if block is None:
            raise ValueError(f"there is no L2 block {number}")
        root = output_root.of_block(block.header, block.hash).root
        for fault in stack.faults:
            root = fault.output_root(stack, number, root)
        return root

    def _waits(self) -> bool:
        """Whether the last proposal is still under way; settles what became of it."""
        if self._sent is None:
            return False
        number, transaction = self._sent
        if transaction in self._stack.l1_pool:
            return True
        if self._stack.receipt("l1", transaction) is None:  # lost in a reorganisation
            self.proposed = min(self.proposed, number - 1)
        else:
            self.proposed = number  # also where it reverted: the same claim would again
        return False
