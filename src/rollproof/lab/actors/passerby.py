"""Somebody who does a little of all that the rules allow: every transaction type, instruction, limit and failure."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from rollproof.lab.actors import delegations, executions, transaction_types
from rollproof.lab.actors.turn import Kind, Turn

if TYPE_CHECKING:
    from rollproof.lab.stack import Layer, Stack

KINDS: Final[Mapping[str, Sequence[Kind]]] = {
    "l1": (*transaction_types.BOTH, *transaction_types.L1, *delegations.KINDS, *executions.BOTH),
    "l2": (*transaction_types.BOTH, *delegations.KINDS, *executions.BOTH, *executions.L2),
}


class Passerby:
    """In so many of a thousand steps it sends one transaction to the L2, and about one for each L1 block to the L1.

    What kind it is of, a shuffled deck of all kinds says, so that each comes as often as the others. It waits until a
    block holds what it sent, so a transaction that no block takes holds up nothing.
    """

    def __init__(self, name: str = "passerby", *, activity: int = 500) -> None:
        self.name = name
        self._activity = activity
        self._rng: random.Random | None = None
        self._decks: dict[str, list[Kind]] = {}
        self._programs: dict[tuple[str, bytes], bytes] = {}

    def act(self, stack: Stack) -> None:
        """At most one transaction on each layer."""
        draw = self._rng = self._rng or stack.rng(self.name)
        if draw.randrange(1_000) < self._activity:
            self._send(stack, "l2", draw)
        if draw.randrange(3_000) < self._activity:
            self._send(stack, "l1", draw)

    def _send(self, stack: Stack, layer: Layer, draw: random.Random) -> None:
        account = stack.account(self.name, layer)
        account.nonce = stack.next_nonce(layer, account)
        if account.nonce != stack.chain(layer).account(account.address)[0]:
            return
        deck = self._decks.setdefault(layer, [])
        if not deck:
            deck += KINDS[layer]
            draw.shuffle(deck)
        raw = deck.pop()(Turn(stack, layer, account, draw, self._programs))
        stack.pool(layer).add(raw, stack.time)
