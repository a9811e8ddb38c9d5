"""Deploying a group of contracts: sends, waits until blocks hold everything, and says what did not work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rollproof.errors import Missing

if TYPE_CHECKING:
    from rollproof.lab.contract import Contract
    from rollproof.lab.stack import Stack

MAX_STEPS: Final = 50


class Wiring:
    """Transactions on the L2 that all have to succeed; `settle` waits for those sent so far."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._sent: list[tuple[str, bytes]] = []
        self._made: list[tuple[str, Contract]] = []

    def deploy(self, name: str, artifact: str, *arguments: Any) -> Contract:
        contract = self._stack.deploy(name, artifact, *arguments)
        self._made.append((name, contract))
        return contract

    def call(
        self, account: str, contract: Contract, function: str, *arguments: Any, value: int = 0, gas: int = 1_000_000
    ) -> None:
        data = contract.encode(function, *arguments)
        hashed = self._stack.send("l2", account, contract.address, data=data, value=value, gas=gas)
        self._sent.append((f"{account}: {contract.name}.{function}", hashed))

    def settle(self) -> None:
        """Raises Missing, naming it, for the first that failed or is in no block after `MAX_STEPS` steps."""
        for _ in range(MAX_STEPS):
            self._stack.step()
            if not len(self._stack.l2_pool):
                break
        for name, contract in self._made:
            if not self._stack.l2.code(contract.address):
                raise Missing(f"{name} was not deployed")
        for what, hashed in self._sent:
            receipt = self._stack.receipt("l2", hashed)
            if receipt is None or receipt["status"] != 1:
                raise Missing(f"{what} {'is in no block' if receipt is None else 'failed'}")
        self._made.clear()
        self._sent.clear()
