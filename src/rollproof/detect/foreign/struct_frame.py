"""A struct log's calls while they are open, and what has to be known of them before they end."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from rollproof.detect.foreign.calls import CREATES
from rollproof.detect.foreign.step import Step
from rollproof.detect.foreign.writer import Writer
from rollproof.errors import Malformed
from rollproof.replay.trace import Kind

_CODE_DEPOSIT: Final = 200  # gas for every byte of code that a creation leaves


@dataclass(slots=True)
class StructFrame:
    """One call or creation: what it was given, its last instruction so far, and how it ended."""

    kind: Kind
    caller: bytes
    target: bytes
    code: bytes
    value: int
    data: bytes
    gas: int
    last: Step | None = None
    ran: bool = True  # it had code
    success: bool = True
    output: bytes = b""
    answer: tuple[int, int] = (0, 0)  # where in its caller's memory, and how much of it

    def enter(self, writer: Writer) -> None:
        """Its first row."""
        writer.enter(
            self.kind,
            self.caller,
            self.target,
            self.code,
            value=self.value,
            gas=self.gas,
            data=self.data,
        )

    def leave(self, writer: Writer) -> None:
        """Its end."""
        used = 0 if self.last is None else self.gas - max(0, self.last.gas - self.last.cost)
        if self.kind in CREATES and self.success:
            used += _CODE_DEPOSIT * len(self.output)
        writer.leave(
            success=self.success,
            gas_used=max(0, used),
            output=self.output,
            ran=self.ran,
            out_of_gas=self.last is not None and "out of gas" in self.last.error.lower(),
        )


def pushed_address(steps: list[Any], own: str, below: str | None, where: str) -> bytes | None:
    """What an instruction pushed at depth 1, or another in a frame that depth 1 called."""
    called = False
    for one, other in pairwise(steps):
        if not isinstance(one, dict) or not isinstance(other, dict):
            return None
        if one.get("depth") == other.get("depth") and (
            (one.get("op") == own and one.get("depth") == 1)
            or (called and one.get("op") == below and one.get("depth") == 2)
        ):
            return Step(other, where).address(1)
        if other.get("depth") == 2 and one.get("depth") == 1:
            called = one.get("op") in ("CALL", "STATICCALL")
    return None


def created_addresses(steps: list[Any], where: str) -> dict[int, bytes]:
    """Step of a CREATE or CREATE2 -> the address that it left on the stack, where it succeeded."""
    found: dict[int, bytes] = {}
    waiting: list[tuple[int, int]] = []  # step, its depth
    for at, step in enumerate(steps):
        if not isinstance(step, dict):
            raise Malformed(f"{where}: step {at}: expected a JSON object")
        depth = step.get("depth")
        if waiting and waiting[-1][1] == depth:
            creation, _ = waiting.pop()
            address = Step(step, f"{where}: step {at}").address(1)
            if any(address):
                found[creation] = address
        if step.get("op") in ("CREATE", "CREATE2") and not step.get("error") and type(depth) is int:
            while waiting and waiting[-1][1] >= depth:
                waiting.pop()  # its frame ended with it
            waiting.append((at, depth))
    return found
