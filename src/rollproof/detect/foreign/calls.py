"""A tree of calls as a flat list in order of entry: what callTracer and Parity's traces have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from rollproof.detect.foreign.fields import ZERO
from rollproof.detect.foreign.writer import Writer
from rollproof.errors import Malformed
from rollproof.replay.trace import Kind

KINDS: Final = {kind.name: kind for kind in Kind}
CREATES: Final = (Kind.CREATE, Kind.CREATE2)
MAX_PRECOMPILE: Final = 0x1FF
NOT_MADE: Final = ("insufficient balance", "insufficientbalance", "insufficient funds", "outoffund", "call depth")


@dataclass(frozen=True, slots=True)
class PlacedLog:
    """A log, and how many of its frame's children had been entered before it."""

    position: int
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(slots=True)
class Call:
    """One call, creation or (``kind`` None) self-destruct. ``target`` is whose storage is used; gas None: not shown.

    A self-destruct's ``target`` is the beneficiary. ``depth`` is 0 for the transaction's own call.
    """

    depth: int
    kind: Kind | None
    caller: bytes
    target: bytes
    code: bytes
    value: int
    gas: int | None
    gas_used: int | None
    data: bytes
    output: bytes
    success: bool
    error: str = ""
    children: int = 0
    has_code: bool | None = None  # where a source says it
    logs: list[PlacedLog] = field(default_factory=list)

    @property
    def ran_code(self) -> bool:
        """False where nothing but an account without code, or a precompile, explains what is shown."""
        if self.kind in CREATES or self.children or self.logs:
            return True
        if self.has_code is not None:
            return self.has_code
        if self.code[:18] == ZERO[:18] and 0 < int.from_bytes(self.code, "big") <= MAX_PRECOMPILE:
            return False
        if self.error and any(each in self.error.lower() for each in NOT_MADE):
            return False
        # Any instruction but a leading STOP takes gas; a call that could not be made gives all of its gas back.
        return not (self.gas_used == 0 and (self.success or self.gas) and not self.output)


def placed(
    kind: Kind, origin: bytes, to: bytes, value: int, parent: Call | None, what: str
) -> tuple[bytes, bytes, bytes, int]:
    """Caller, target, code and apparent value of a call that a tracer shows as from ``origin`` to ``to``.

    A delegate call keeps its parent's caller and value; tracers show who delegates. Raises Malformed where a call does
    not come from the frame it stands in.
    """
    own = parent is None or origin == parent.target
    if parent is not None and not own and (kind is not Kind.DELEGATECALL or origin != parent.caller):
        raise Malformed(f"{what}: a call from 0x{origin.hex()} stands in one of 0x{parent.target.hex()}")
    if kind is Kind.DELEGATECALL:
        if parent is None:
            raise Malformed(f"{what}: a transaction cannot begin with a delegate call")
        return parent.caller, parent.target, to, parent.value
    if kind is Kind.CALLCODE:
        return origin, origin, to, value
    return origin, to, to, value


def write(calls: Sequence[Call], writer: Writer) -> None:
    """The rows of one transaction's calls. Each log goes where its position among the children says."""
    open_calls: list[tuple[Call, int, int]] = []  # call, children seen, logs written
    for call in calls:
        while len(open_calls) > call.depth:
            _close(open_calls, writer)
        if open_calls:
            parent, seen, logged = open_calls[-1]
            logged = _logs(parent, seen, logged, writer)
            open_calls[-1] = (parent, seen + 1, logged)
        if call.kind is None:
            writer.selfdestruct(call.target, call.value)
            continue
        writer.enter(
            call.kind,
            call.caller,
            call.target,
            call.code,
            value=call.value,
            gas=call.gas or 0,
            data=call.data,
        )
        open_calls.append((call, 0, 0))
    while open_calls:
        _close(open_calls, writer)


def _logs(call: Call, seen: int, logged: int, writer: Writer) -> int:
    while logged < len(call.logs) and call.logs[logged].position <= seen:
        log = call.logs[logged]
        writer.log(log.address, list(log.topics), log.data)
        logged += 1
    return logged


def _close(open_calls: list[tuple[Call, int, int]], writer: Writer) -> None:
    call, _, logged = open_calls.pop()
    _logs(call, 1 << 62, logged, writer)
    writer.leave(
        success=call.success,
        gas_used=call.gas_used or 0,
        output=call.output,
        ran=call.ran_code,
        out_of_gas="out of gas" in call.error.lower(),
    )
