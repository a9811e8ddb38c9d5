"""An execution's rows as plain values, to hold one source's against another's."""

from __future__ import annotations

from typing import Any

from rollproof.detect.execution import Execution


def frames(execution: Execution, *, gas: bool = True) -> list[tuple[Any, ...]]:
    """Every frame; gas of those that ran code, or of none where a source counts the transaction's own otherwise."""
    return [
        (
            each.kind,
            each.depth,
            each.caller,
            each.target,
            each.code,
            each.value,
            each.success,
            each.input,
            each.output,
            each.gas_used if gas and execution.trace.column("frame_ran")[each.row] else 0,
        )
        for each in execution.frames
    ]


def accesses(execution: Execution) -> list[tuple[Any, ...]]:
    """Every storage access, with the frame's place in the execution."""
    first = execution.frame_rows.start
    return [
        (each.frame - first, each.write, each.transient, each.slot, each.value, each.before)
        for each in execution.accesses
    ]


def logs(execution: Execution) -> list[tuple[Any, ...]]:
    """Every log that was not undone, with the frame's place in the execution."""
    first = execution.frame_rows.start
    return [
        (each.frame - first, each.address, each.topics, each.data)
        for each in execution.logs
        if not execution.reverted(each.frame)
    ]


def ends(execution: Execution) -> list[tuple[Any, ...]]:
    """Every self-destruct."""
    first = execution.frame_rows.start
    return [(each.frame - first, each.beneficiary, each.value) for each in execution.selfdestructs]


def order(execution: Execution) -> list[tuple[str, int]]:
    """Which kinds of rows came in which order: calls and live logs."""
    rows = [("call", each.order) for each in execution.frames]
    rows += [("log", each.order) for each in execution.logs if not execution.reverted(each.frame)]
    return [(kind, at) for at, (kind, _) in enumerate(sorted(rows, key=lambda row: row[1]))]


def transfers(execution: Execution) -> list[tuple[Any, ...]]:
    """Every transfer, without where it stands."""
    return [(each.token, each.sender, each.recipient, each.amount, each.item) for each in execution.transfers]
