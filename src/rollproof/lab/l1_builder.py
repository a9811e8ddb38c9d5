"""The Layer 1's block production: one block every twelve seconds, by priority fee; and its reorganisations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollproof.lab.pool import Pending, by_priority_fee
from rollproof.lab.sequencer import settle
from rollproof.types import Withdrawal

if TYPE_CHECKING:
    from rollproof.lab.stack import Stack

SLOT = 12  # seconds
WITHDRAWAL_GWEI = 17_000_000
MAX_TRANSACTIONS = 500


class L1Builder:
    """Builds on the L1's head; each block pays one validator's withdrawal, so that there always is one."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def act(self) -> None:
        """A block when a slot is due and nothing keeps it from being built."""
        stack = self._stack
        if stack.time - stack.l1.head.timestamp >= SLOT and not stack.halted("l1"):
            self.build()

    def build(self) -> None:
        """A block now."""
        stack = self._stack
        head = stack.l1.head
        chosen: list[Pending] = by_priority_fee(
            stack.l1_pool.executable(lambda sender: stack.l1.account(sender)[0]), head.header.base_fee or 0
        )
        chosen = stack.ordered("l1", chosen)[:MAX_TRANSACTIONS]
        number = head.number + 1
        built = stack.l1.build(
            [each.raw for each in chosen],
            timestamp=stack.time,
            withdrawals=[Withdrawal(number, number % 1000, b"\xfd" * 20, WITHDRAWAL_GWEI)],
            skip=True,
        )
        stack.seal("l1", built)
        settle(stack, "l1", built, chosen)

    def reorganise(self, depth: int, *, lose: frozenset[bytes] = frozenset()) -> None:
        """Replaces the last ``depth`` blocks by one; their transactions return to the pool, but for those in ``lose``.

        Raises ValueError where there are not that many.
        """
        stack = self._stack
        dropped = stack.l1.rewind(stack.l1.head.number - depth)
        for block in dropped:
            for raw, held in zip(block.transactions, block.hashes, strict=True):
                if held not in lose:
                    stack.l1_pool.add(raw, stack.time)
        self.build()
        stack.dropped("l1", dropped)
