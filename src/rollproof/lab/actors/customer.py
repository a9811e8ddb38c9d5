"""Somebody who runs errands: a few calls each, in an order drawn from a stream of its own, some of them in vain."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from rollproof.errors import Malformed, Missing
from rollproof.lab.bytecode import deployment
from rollproof.lab.transaction import created

if TYPE_CHECKING:
    from rollproof.lab.contract import Contract
    from rollproof.lab.stack import Layer, Stack

ANYTHING: Final = 2**256 - 1
ETHER: Final = 10**18
USD: Final = 10**6
PATIENCE: Final = 150  # steps that an errand may take; a vote, a delay and an L1 block are well below
REST: Final = 10  # steps between two errands, at most
_GAS: Final = 1_000_000

Errand = Callable[["Customer"], Iterator[None]]


class Customer:
    """Takes its errands in turn, each as often as the others, and rests for some steps after each.

    An errand is a generator. It goes on in the step after the one it yielded in, or once blocks hold whatever it sent.
    It ends early where a contract does not answer any more, or where its transactions do not come through.
    """

    def __init__(self, name: str, errands: Sequence[Errand], *, rest: int = REST) -> None:
        self.name = name
        self.stack: Stack
        self.draw: random.Random
        self.programs: dict[bytes, bytes] = {}  # addresses of contracts of its own, by their code
        self._errands, self._rest = tuple(errands), rest
        self._known: Stack | None = None
        self._deck: list[Errand] = []
        self._current: Iterator[None] | None = None
        self._sent: list[tuple[Layer, bytes]] = []
        self._left = self._resting = 0

    def act(self, stack: Stack) -> None:
        """At most one step of one errand."""
        if self._known is not stack:
            self._known = self.stack = stack
            self.draw = stack.rng(self.name)
        if self._current is None:
            self._resting -= 1
            if self._resting < 0:
                self._begin()
            return
        self._left -= 1
        if self._left < 0:
            self._end()
        elif not any(sent in stack.pool(layer) for layer, sent in self._sent):
            self._sent.clear()
            try:
                if next(self._current, self) is self:
                    self._end()
            except (Missing, Malformed):  # a contract that a fault has broken, or a full pool
                self._end()

    def _begin(self) -> None:
        if not self._deck:
            self._deck = list(self._errands)
            self.draw.shuffle(self._deck)
        self._current, self._left = self._deck.pop()(self), PATIENCE

    def _end(self) -> None:
        self._current = None
        self._sent.clear()
        self._resting = self.draw.randrange(1, self._rest + 1)

    # What errands use.

    @property
    def address(self) -> bytes:
        """Its own, on both layers."""
        return self.stack.account(self.name, "l2").address

    def of(self, contract: str | Contract) -> Contract:
        """What is deployed under a name. Raises Missing where nothing is."""
        if not isinstance(contract, str):
            return contract
        if contract not in self.stack.deployed:
            raise Missing(f"the lab has no {contract} deployed")
        return self.stack.deployed[contract]

    def ask(self, contract: str | Contract, function: str, *arguments: Any, layer: Layer = "l2") -> Any:
        """The first value that a view answers. Raises Missing where it reverts, Malformed for what is no answer."""
        return self.stack.view(layer, self.of(contract), function, *arguments)[0]

    def call(
        self,
        contract: str | Contract,
        function: str,
        *arguments: Any,
        value: int = 0,
        by: str | None = None,
        layer: Layer = "l2",
        gas: int = _GAS,
    ) -> bytes:
        """Sends a call from its own account, or from ``by``; the transaction's hash."""
        to = self.of(contract)
        return self.send(to.address, to.encode(function, *arguments), value=value, by=by, layer=layer, gas=gas)

    def send(
        self,
        to: bytes | None,
        data: bytes = b"",
        *,
        value: int = 0,
        by: str | None = None,
        layer: Layer = "l2",
        gas: int = _GAS,
    ) -> bytes:
        """As `call`, for data of one's own; ``to`` None creates a contract."""
        sent = self.stack.send(layer, by or self.name, to, data=data, value=value, gas=gas)
        return self.note(sent, layer)

    def note(self, sent: bytes, layer: Layer = "l2") -> bytes:
        """Has the errand wait for a transaction that was sent otherwise."""
        self._sent.append((layer, sent))
        return sent

    def succeeded(self, sent: bytes, layer: Layer = "l2") -> bool:
        """Whether a block holds this transaction, and it did what it should."""
        receipt = self.stack.receipt(layer, sent)
        return receipt is not None and receipt["status"] == 1

    def mint(self, token: str, amount: int, to: bytes | None = None) -> None:
        """Has the deployer, who owns the lab's tokens, make some where the account holds less than that."""
        holder = to or self.address
        if self.ask(token, "balanceOf", holder) < amount:
            self.call(token, "mint", holder, amount, by="deployer")

    def program(self, runtime: bytes) -> bytes:
        """The address of a contract of its own on the L2 with this code, 1 to 255 bytes; creates it where it is not."""
        found = self.programs.get(runtime)
        if found is None or self.stack.l2.code(found) != runtime:
            nonce = self.stack.next_nonce("l2", self.stack.account(self.name, "l2"))
            found = self.programs[runtime] = created(self.address, nonce)
            self.send(None, deployment(runtime))
        return found
