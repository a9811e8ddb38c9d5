"""One exploit under way: its transactions, in the order that their blocks allow, and what it brought in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from rollproof.errors import Missing, Unsupported

if TYPE_CHECKING:
    from rollproof.lab.contract import Contract
    from rollproof.lab.stack import Stack

GAS: Final = 5_000_000
Steps = Callable[["Attempt"], Iterator[None]]


class Attempt:
    """Runs ``steps``, a generator that yields wherever it has to wait until blocks hold what it sent.

    ``fixed``: against the corrected twin of what it attacks. ``parameters`` are its own; an unknown one is refused.
    """

    def __init__(
        self, stack: Stack, steps: Steps, *, fixed: bool, parameters: Mapping[str, int], sender: str = "attacker"
    ) -> None:
        self.stack, self.fixed, self.parameters, self.sender = stack, fixed, dict(parameters), sender
        self.sent: list[bytes] = []  # transactions, in order
        self.core: list[bytes] = []  # of them, those that do the damage
        self.robbed = bytes(20)  # the contract that a finding is about
        self.done = False
        self._waiting: list[bytes] = []
        self._paused = False
        self._steps = steps(self)

    @property
    def address(self) -> bytes:
        """The attacker's own."""
        return self.stack.account(self.sender, "l2").address

    def deployed(self, name: str) -> Contract:
        """What the lab deployed under this name. Raises Missing where it did not."""
        if name not in self.stack.deployed:
            raise Missing(f"the lab has no {name} deployed")
        return self.stack.deployed[name]

    def victim(self, name: str) -> Contract:
        """The weak contract of this name, or its corrected twin."""
        found = self.deployed(f"{name}Fixed" if self.fixed else name)
        self.robbed = found.address
        return found

    def advance(self) -> None:
        """Goes on as far as the blocks so far allow. Never raises for a transaction that fails: that may be the end."""
        while not self.done and not self._paused and not any(self._pending(each) for each in self._waiting):
            self._waiting.clear()
            if next(self._steps, self) is self:
                self.done = True
        self._paused = False

    def wait(self) -> None:
        """What is yielded next goes on in a later step, whatever blocks hold by then."""
        self._paused = True

    def deploy(self, artifact: str, *arguments: Any) -> Contract:
        """Sends the creation of one of `attack`'s contracts; it is usable at once, in later transactions."""
        name = f"{artifact} {len(self.stack.deployed)}"
        return self.stack.deploy(name, artifact, *arguments, account=self.sender, gas=GAS)

    def send(
        self,
        contract: Contract,
        function: str,
        *arguments: Any,
        value: int = 0,
        gas: int = GAS,
        account: str | None = None,
        core: bool = False,
    ) -> bytes:
        """A call from the attacker, or from ``account``; ``core`` marks what does the damage."""
        data = contract.encode(function, *arguments)
        by = account or self.sender
        return self.note(self.stack.send("l2", by, contract.address, data=data, value=value, gas=gas), core)

    def note(self, sent: bytes, core: bool = False) -> bytes:
        """Waits for a transaction that was sent otherwise."""
        self.sent.append(sent)
        self._waiting.append(sent)
        if core:
            self.core.append(sent)
        return sent

    def view(self, contract: Contract, function: str, *arguments: Any) -> Any:
        """The first value that a view answers."""
        return self.stack.view("l2", contract, function, *arguments)[0]

    def parameter(self, name: str) -> int:
        return self.parameters[name]

    def _pending(self, sent: bytes) -> bool:
        return sent in self.stack.l2_pool


def chosen(name: str, defaults: Mapping[str, int], given: Mapping[str, int]) -> dict[str, int]:
    """The parameters of an exploit. Raises Unsupported for one that it has not."""
    for key in given:
        if key not in defaults:
            offered = ", ".join(sorted(defaults)) or "none"
            raise Unsupported(f"{name} has no parameter {key[:60]!r}; there are {offered}")
    return {**defaults, **given}
