"""callTracer's tree of calls. Source: geth, "Built-in tracers", "Call tracer", with and without ``withLog``."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from rollproof.chain import wire
from rollproof.detect.foreign import fields
from rollproof.detect.foreign.calls import CREATES, KINDS, Call, PlacedLog, placed
from rollproof.detect.foreign.writer import MAX_FRAMES_DEEP, MAX_ROWS
from rollproof.errors import Malformed, Unsupported
from rollproof.replay.trace import Kind

SELFDESTRUCT: Final = ("SELFDESTRUCT", "SUICIDE")
MAX_LOGS: Final = 100_000  # of one call


@dataclass(slots=True)
class CallTree:
    """One transaction's calls in order of entry, and whether the tracer was asked for logs and gas."""

    calls: list[Call]
    has_logs: bool
    has_gas: bool


def looks_like(value: Any) -> bool:
    """Whether an object is a callTracer result."""
    return isinstance(value, dict) and isinstance(value.get("type"), str) and "from" in value and "action" not in value


def read(tree: Any, where: str) -> CallTree:
    """The tree, flat. Raises Malformed naming the call, Unsupported for a type that is not known by name."""
    found = CallTree([], False, True)
    waiting: list[tuple[Any, int, Call | None, str]] = [(tree, 0, None, f"{where}: call")]
    while waiting:
        record, depth, parent, what = waiting.pop()
        record = wire.mapping(record, what)
        if depth >= MAX_FRAMES_DEEP:
            raise Malformed(f"{where}: calls nest deeper than {MAX_FRAMES_DEEP}")
        if len(found.calls) >= MAX_ROWS:
            raise Malformed(f"{where}: more than {MAX_ROWS} calls")
        call = _call(record, depth, parent, what)
        found.calls.append(call)
        found.has_gas &= call.kind is None or (call.gas is not None and call.gas_used is not None)
        if record.get("logs") is not None:
            found.has_logs = True
            call.logs = _logs(record["logs"], what)
        below = record.get("calls")
        if below is not None:
            items = wire.sequence(below, f"{what}: calls", MAX_ROWS)
            call.children = len(items)
            if call.kind is None and items:
                raise Malformed(f"{what}: a self-destruct with calls below it")
            prefix = f"{where}: call " if parent is None else f"{what}."
            waiting.extend((item, depth + 1, call, f"{prefix}{at}") for at, item in reversed(list(enumerate(items))))
        for log in call.logs:
            if log.address != call.target:
                raise Malformed(f"{what}: a log of 0x{log.address.hex()} stands in a call of 0x{call.target.hex()}")
    return found


def _call(record: dict[str, Any], depth: int, parent: Call | None, what: str) -> Call:
    name = fields.text(record.get("type"), f"{what}: type", 32)
    origin = fields.address(wire.field(record, "from", what), f"{what}: from")
    value = fields.optional(record.get("value"), f"{what}: value") or 0
    error = fields.text(record.get("error") or "", f"{what}: error", 4096)
    shown_to = record.get("to")
    if name in SELFDESTRUCT:
        if parent is None:
            raise Malformed(f"{what}: a transaction cannot begin with a self-destruct")
        beneficiary = fields.address(shown_to, f"{what}: to")
        return Call(depth, None, origin, beneficiary, beneficiary, value, None, None, b"", b"", not error, error)
    if name not in KINDS:
        raise Unsupported(f"{what}: call type {name} is not known")
    kind = KINDS[name]
    if shown_to is None and (kind not in CREATES or not error):
        raise Malformed(f"{what}: to is missing")
    to = fields.ZERO if shown_to is None else fields.address(shown_to, f"{what}: to")
    caller, target, code, apparent = placed(kind, origin, to, value, parent, what)
    return Call(
        depth=depth,
        kind=kind,
        caller=caller,
        target=target,
        code=code,
        value=0 if kind is Kind.STATICCALL else apparent,
        gas=fields.optional(record.get("gas"), f"{what}: gas", 64),
        gas_used=fields.optional(record.get("gasUsed"), f"{what}: gasUsed", 64),
        data=fields.data(record.get("input"), f"{what}: input"),
        output=fields.data(record.get("output"), f"{what}: output"),
        success=not error,
        error=error,
    )


def _logs(value: Any, what: str) -> list[PlacedLog]:
    found: list[PlacedLog] = []
    for at, item in enumerate(wire.sequence(value, f"{what}: logs", MAX_LOGS)):
        place = f"{what}: log {at}"
        record = wire.mapping(item, place)
        position = record.get("position")  # geth 1.14 and later; before that, nobody knows
        found.append(
            PlacedLog(
                MAX_ROWS if position is None else fields.number(position, f"{place}: position", 32),
                fields.address(wire.field(record, "address", place), f"{place}: address"),
                topics(record.get("topics"), place),
                fields.data(record.get("data"), f"{place}: data"),
            )
        )
    if any(one.position > other.position for one, other in pairwise(found)):
        raise Malformed(f"{what}: its logs are not in order")
    return found


def topics(value: Any, what: str) -> tuple[bytes, ...]:
    """A log's topics, at most four."""
    listed = wire.sequence([] if value is None else value, f"{what}: topics", 4)
    return tuple(wire.hash32(each, f"{what}: topic") for each in listed)
