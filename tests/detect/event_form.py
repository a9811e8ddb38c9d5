"""Our own executions written as event traces (docs/traces.md): what remains of them for who has only that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rollproof.detect import foreign
from rollproof.detect.execution import ExecutedBlock, Execution


def event_form(execution: Execution, directory: Path) -> ExecutedBlock:
    """The same execution, read back from an event trace: no call data but selectors, no answers, no gas, no steps."""
    assert execution.sender is not None
    assert execution.to is not None
    record = {
        "id": "ours",
        "from": _hex(execution.sender),
        "to": _hex(execution.to),
        "events": _events(execution),
    }
    path = directory / "execution.jsonl"
    path.write_text(json.dumps(record) + "\n", encoding="utf-8")
    [block] = foreign.read(path)
    return block


def _hex(value: bytes | int) -> str:
    return f"{value:#x}" if isinstance(value, int) else "0x" + value.hex()


def _events(execution: Execution) -> list[list[Any]]:
    rows: list[tuple[int, str, Any]] = [(each.order, "frame", each) for each in execution.frames]
    rows += [(each.order, "access", each) for each in execution.accesses]
    rows += [(each.order, "log", each) for each in execution.logs]
    rows += [(each.order, "end", each) for each in execution.selfdestructs]
    events: list[list[Any]] = []
    opened: list[Any] = []
    for _, what, row in sorted(rows, key=lambda each: each[0]):
        above = row.parent if what == "frame" else row.frame
        while opened and opened[-1].row != above:
            events.append(["exit", int(opened.pop().success)])
        if what == "frame" and not row.ran and opened:
            events.append(["leafcall", row.kind.name, _hex(row.target), _hex(row.value), int(row.success)])
        elif what == "frame":
            opened.append(row)
            selector = _hex(row.input[:4]) if len(row.input) >= 4 else None
            places = [_hex(row.code), _hex(row.target), _hex(row.value), selector, _hex(row.caller)]
            events.append(["enter", row.kind.name, *places])
        elif what == "access":
            name = ("t" if row.transient else "s") + ("store" if row.write else "load")
            events.append([name, _hex(int.from_bytes(row.slot, "big")), _hex(row.value)])
        elif what == "log":
            events.append(["log", _hex(row.address), [_hex(each) for each in row.topics], _hex(row.data)])
        else:
            events.append(["selfdestruct", _hex(row.beneficiary)])
    events.extend(["exit", int(each.success)] for each in reversed(opened))
    return events
