"""One call after another on the lab's L2, with everything of `deployments.defi` or only what a test deploys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rollproof.lab.actors.exploits import begin
from rollproof.lab.contract import Contract
from rollproof.lab.deployments.defi import defi
from rollproof.lab.stack import Stack

ETHER = 10**18
USD = 10**6
ANYTHING = 2**256 - 1


class Lab:
    """A stack, and calls that are in a block when they return."""

    def __init__(self, *, full: bool = False, seed: int = 0) -> None:
        self.stack = Stack(seed)
        if full:
            defi(self.stack)

    def __getitem__(self, name: str) -> Contract:
        return self.stack.deployed[name]

    def address(self, name: str) -> bytes:
        return self.stack.account(name, "l2").address

    def deploy(self, name: str, artifact: str, *arguments: Any, account: str = "deployer") -> Contract:
        contract = self.stack.deploy(name, artifact, *arguments, account=account)
        self.stack.step()
        assert self.stack.l2.code(contract.address), f"{name} was not deployed"
        return contract

    def do(self, account: str, to: Contract, call: str, *arguments: Any, **more: Any) -> Mapping[str, Any]:
        """What the call gave, whether it succeeded or not."""
        return self.transact(account, to.address, to.encode(call, *arguments), **more)

    def transact(
        self, account: str, to: bytes | None, data: bytes, *, gas: int = 5_000_000, **more: Any
    ) -> Mapping[str, Any]:
        return self.included(self.stack.send("l2", account, to, data=data, gas=gas, **more))

    def included(self, sent: bytes) -> Mapping[str, Any]:
        """What a transaction gave, in the next block."""
        self.stack.step()
        receipt = self.stack.receipt("l2", sent)
        assert receipt is not None, self.stack.refused
        return receipt

    def ok(self, account: str, to: Contract, call: str, *arguments: Any, **more: Any) -> Mapping[str, Any]:
        found = self.do(account, to, call, *arguments, **more)
        assert found["status"] == 1, to.reason(found["output"])
        return found

    def refused(self, account: str, to: Contract, call: str, *arguments: Any, **more: Any) -> str:
        """Why the call reverted."""
        found = self.do(account, to, call, *arguments, **more)
        assert found["status"] == 0, f"{call} succeeded"
        return to.reason(found["output"])

    def view(self, contract: Contract, function: str, *arguments: Any) -> Any:
        values = self.stack.view("l2", contract, function, *arguments)
        return values[0] if len(values) == 1 else values

    def held(self, who: bytes, asset: str = "ETH") -> int:
        """Wei, or units of a deployed token."""
        return self.stack.l2.account(who)[1] if asset == "ETH" else int(self.view(self[asset], "balanceOf", who))

    def exploit(self, name: str, *, fixed: bool = False, **parameters: int) -> list[Mapping[str, Any] | None]:
        """Runs an exploit to its end; what each of its transactions gave."""
        attempt = begin(self.stack, name, fixed=fixed, parameters=parameters)
        for _ in range(100):
            attempt.advance()
            if attempt.done:
                return [self.stack.receipt("l2", each) for each in attempt.sent]
            self.stack.step()
        raise AssertionError(f"{name} does not end")


def events(contract: Contract, name: str, outcome: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The contract's events of this name among a transaction's logs."""
    found = [contract.event(name, log) for log in outcome["logs"]]
    return [each for each in found if each is not None]


def calls(steps: Sequence[tuple[bytes, bytes]], answer: bytes = b"") -> bytes:
    """Runtime code that makes these calls (address, calldata), one after another, and returns ``answer``.

    Reverts, with nothing, where one fails.
    """
    code = b""
    for to, data in steps:
        code += _stored(data)
        code += bytes.fromhex("5f5f") + _push2(len(data)) + bytes.fromhex("5f5f73") + to + bytes.fromhex("5af1")
        code += _push2(len(code) + 7) + bytes.fromhex("575f5ffd5b")  # JUMPI over the REVERT
    return code + _stored(answer) + _push2(len(answer)) + bytes.fromhex("5ff3")


def deployment(runtime: bytes) -> bytes:
    """Init code that leaves ``runtime``."""
    # PUSH2 length, DUP1, PUSH1 11, PUSH0, CODECOPY, PUSH0, RETURN
    return _push2(len(runtime)) + bytes.fromhex("80600a5f395ff3") + runtime


def _push2(value: int) -> bytes:
    return b"\x61" + value.to_bytes(2, "big")


def _stored(data: bytes) -> bytes:
    """Writes data to memory from 0 on."""
    padded = data.ljust(-(-len(data) // 32) * 32, b"\0")
    return b"".join(b"\x7f" + padded[at : at + 32] + _push2(at) + b"\x52" for at in range(0, len(padded), 32))
