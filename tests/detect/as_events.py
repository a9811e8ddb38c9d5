"""One of our own executions as an event trace, which shows less: to see that checks find the same in it."""

from __future__ import annotations

from typing import Any

from rollproof.detect.detector import Detector
from rollproof.detect.execution import Execution
from rollproof.detect.foreign import event_trace
from rollproof.detect.foreign.assemble import assemble
from rollproof.types import Finding


def as_events(execution: Execution) -> Execution:
    """The execution again, read from the event trace that it gives (docs/traces.md)."""
    record = {"id": "again", "from": _hex(execution.sender), "to": _hex(execution.to), "events": _events(execution)}
    return assemble(event_trace.read(record, "again")).executions[0]


def found_again(detector: Detector, execution: Execution) -> list[Finding]:
    """What a check of transactions finds in the event trace of an execution."""
    return [each for each in detector.check(as_events(execution)) if isinstance(each, Finding)]


def _hex(value: bytes | int | None) -> str | None:
    if value is None or isinstance(value, int):
        return None if value is None else hex(value)
    return "0x" + value.hex()


def _events(execution: Execution) -> list[list[Any]]:
    places: list[tuple[int, Any]] = [(each.order, each) for each in execution.frames]
    places += [(each.order, each) for each in execution.accesses]
    places += [(each.order, each) for each in execution.logs]
    found: list[list[Any]] = []
    open_frames: list[Any] = []
    for _, each in sorted(places, key=lambda place: place[0]):
        inner = each.parent if hasattr(each, "parent") else each.frame
        while open_frames and open_frames[-1].row != inner:
            found.append(["exit", int(open_frames.pop().success)])
        if hasattr(each, "parent"):
            open_frames.append(each)
            selector = _hex(each.input[:4]) if len(each.input) >= 4 else None
            caller = _hex(each.caller)
            found.append(
                ["enter", each.kind.name, _hex(each.code), _hex(each.target), _hex(each.value), selector, caller]
            )
        elif hasattr(each, "topics"):
            found.append(["log", _hex(each.address), [_hex(topic) for topic in each.topics], _hex(each.data)])
        else:
            name = ("t" if each.transient else "s") + ("store" if each.write else "load")
            if each.write:  # a source shows what a write replaces where the code read it before
                found.append([name.replace("store", "load"), _hex(each.slot), _hex(each.before)])
            found.append([name, _hex(each.slot), _hex(each.value)])
    while open_frames:
        found.append(["exit", int(open_frames.pop().success)])
    return found
