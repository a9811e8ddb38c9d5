"""An execution of the stage as another tool's event trace would show it: no call data, no second pass."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rollproof.detect import foreign
from rollproof.detect.execution import ExecutedBlock, Execution
from rollproof.replay.trace import Kind


def as_event_traces(block: ExecutedBlock, directory: Path) -> list[ExecutedBlock]:
    """Each execution of a block, written to a file and read back."""
    path = directory / "events.jsonl"
    path.write_text("".join(json.dumps(events(each)) + "\n" for each in block.executions), encoding="utf-8")
    return foreign.read(path)


def events(execution: Execution) -> dict[str, Any]:
    """One line of an event trace."""
    rows: list[tuple[int, int, list[Any]]] = []
    frames = list(execution.frames)
    for frame in frames:
        selector = _hex(frame.input[:4]) if len(frame.input) >= 4 and frame.kind < Kind.CREATE else None
        code = frame.target if frame.kind >= Kind.CREATE else frame.code
        entered = ["enter", frame.kind.name, _hex(code), _hex(frame.target), hex(frame.value), selector]
        rows.append((frame.order, 0, [*entered, _hex(frame.caller)]))
    for access in execution.accesses:
        kind = ("t" if access.transient else "s") + ("store" if access.write else "load")
        rows.append((access.order, access.frame, [kind, hex(int.from_bytes(access.slot, "big")), hex(access.value)]))
    for log in execution.logs:
        said = ["log", _hex(log.address), [_hex(each) for each in log.topics], _hex(log.data)]
        rows.append((log.order, log.frame, said))
    gone = execution.selfdestructs
    rows.extend((each.order, each.frame, ["selfdestruct", _hex(each.beneficiary)]) for each in gone)
    found: list[list[Any]] = []
    open_frames: list[int] = []
    entered_at = {each.order: each for each in frames}

    def leave() -> None:
        row = open_frames.pop()
        found.append(["exit", 1 if execution.frame(row).success else 0])

    for order, row, event in sorted(rows, key=lambda each: each[0]):
        called = entered_at.get(order) if event[0] == "enter" else None
        inside = called.parent if called is not None else row
        while open_frames and open_frames[-1] != inside:
            leave()
        found.append(event)
        if called is not None:
            open_frames.append(called.row)
    while open_frames:
        leave()
    return {
        "id": "stage",
        "from": _hex(execution.sender or bytes(20)),
        "to": None if execution.to is None else _hex(execution.to),
        "events": found,
    }


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
