"""callTracer: the tree of calls, from the core's trace. Source: geth, "Built-in tracers", "Call tracer"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from rollproof.chain.wire import to_data, to_quantity
from rollproof.lab.node.error import EXECUTION, JsonRpcError
from rollproof.lab.node.revert import reason
from rollproof.replay.trace import Frame, Kind, Selfdestruct, Trace

REVERT: Final = 0x10
_HALTS: Final = 0x20  # from here on a failure takes all the gas there was
# revm's instruction results that are no success, in geth's words; a range of them is running out of gas.
_OUT_OF_GAS: Final = range(0x20, 0x26)
_ERRORS: Final = {
    REVERT: "execution reverted",
    0x11: "max call depth exceeded",
    0x12: "insufficient balance for transfer",
    0x13: "invalid code: must not begin with 0xef",
    0x26: "invalid opcode",
    0x27: "write protection",
    0x28: "write protection",
    0x29: "invalid opcode: INVALID",
    0x2A: "invalid jump destination",
    0x2B: "invalid opcode",
    0x2C: "stack underflow",
    0x2D: "stack limit reached",
    0x2E: "return data out of bounds",
    0x2F: "contract address collision",
    0x30: "insufficient balance for transfer",
    0x31: "precompile failed",
    0x32: "nonce uint64 overflow",
    0x33: "max code size exceeded",
    0x34: "invalid code: must not begin with 0xef",
    0x35: "max initcode size exceeded",
}
_CREATES: Final = (Kind.CREATE, Kind.CREATE2)


@dataclass(frozen=True, slots=True)
class Top:
    """What the trace's outermost frame is shown with: the transaction's own gas, and its data in full."""

    gas: int
    gas_used: int
    sender: bytes
    to: bytes | None
    value: int
    data: bytes
    output: bytes
    status: int
    first_log: int = 0  # index in the block of the transaction's first log


@dataclass(slots=True)
class _Rows:
    """One transaction's rows by the frame they belong to."""

    frames: dict[int, Frame]
    children: dict[int, list[Frame]]
    logs: dict[int, list[dict[str, Any]]]
    ends: dict[int, list[Selfdestruct]]


def calls(
    trace: Trace, transaction: int, top: Top, *, only_top: bool = False, with_log: bool = False
) -> dict[str, Any]:
    """The outermost call with those below it. JsonRpcError -32000 where the trace does not hold all of some data."""
    frames = [frame for frame in trace.frames if frame.transaction == transaction]
    roots = [frame for frame in frames if frame.parent is None]
    if not roots:  # a deposit that failed before it ran
        return _without_frames(top)
    rows = _rows(trace, frames, top.first_log if with_log else None)
    # Children stand after their parents, so going backwards every frame's are ready when it is.
    shown: dict[int, dict[str, Any]] = {}
    for frame in reversed(frames):
        if only_top and frame.parent is not None:
            continue
        whole = top if frame.parent is None else None
        below = [] if only_top else _below(frame, rows, shown)
        found = _frame(frame, whole, below, rows.logs.get(frame.row, []))
        if frame.kind is Kind.DELEGATECALL and frame.parent is not None:  # who delegates, not on whose behalf
            found["from"] = to_data(rows.frames[frame.parent].target)
        shown[frame.row] = found
    return shown[roots[0].row]


def _rows(trace: Trace, frames: Sequence[Frame], first_log: int | None) -> _Rows:
    rows = _Rows({frame.row: frame for frame in frames}, {}, {}, {})
    for frame in frames:
        if frame.parent is not None:
            rows.children.setdefault(frame.parent, []).append(frame)
    for end in trace.selfdestructs:
        if end.frame in rows.frames:
            rows.ends.setdefault(end.frame, []).append(end)
    if first_log is None:
        return rows
    index = first_log
    for log in trace.logs:
        if log.frame not in rows.frames or trace.reverted(log.frame):
            continue
        if len(log.data) != log.data_length:
            raise _cut(f"a log of {log.data_length} bytes")
        before = sum(child.order < log.order for child in rows.children.get(log.frame, ()))
        rows.logs.setdefault(log.frame, []).append(
            {
                "address": to_data(log.address),
                "topics": [to_data(each) for each in log.topics],
                "data": to_data(log.data),
                "position": to_quantity(before),
                "index": to_quantity(index),
            }
        )
        index += 1
    return rows


def _below(frame: Frame, rows: _Rows, shown: dict[int, dict[str, Any]]) -> list[dict[str, Any]]:
    """A frame's calls, and the ends of accounts among them, in the order they happened."""
    found = [(child.order, shown[child.row]) for child in rows.children.get(frame.row, ())]
    found += [(end.order, _end(frame, end)) for end in rows.ends.get(frame.row, ())]
    return [each for _, each in sorted(found, key=lambda pair: pair[0])]


def _end(frame: Frame, end: Selfdestruct) -> dict[str, Any]:
    return {
        "type": "SELFDESTRUCT",
        "from": to_data(frame.target),
        "to": to_data(end.beneficiary),
        "value": to_quantity(end.value),
        "gas": "0x0",
        "gasUsed": "0x0",
        "input": "0x",
    }


def _frame(frame: Frame, top: Top | None, below: list[dict[str, Any]], logs: list[dict[str, Any]]) -> dict[str, Any]:
    creates = frame.kind in _CREATES
    data, output = _data(frame, top)
    found: dict[str, Any] = {
        "type": frame.kind.name,
        "from": to_data(frame.caller),
        "to": to_data(frame.target if creates else frame.code),
        "gas": to_quantity(frame.gas_limit if top is None else top.gas),
        "gasUsed": to_quantity(_gas_used(frame) if top is None else top.gas_used),
        "input": to_data(data),
    }
    if frame.kind is not Kind.STATICCALL:
        found["value"] = to_quantity(frame.value)
    if frame.success:
        if output:
            found["output"] = to_data(output)
    else:
        if creates:
            del found["to"]
        found |= _failure(frame.status, output)
    if below:
        found["calls"] = below
    if logs:
        found["logs"] = logs
    return found


def _gas_used(frame: Frame) -> int:
    return frame.gas_limit if frame.status >= _HALTS else frame.gas_used


def _failure(status: int, output: bytes) -> dict[str, Any]:
    """Why a frame failed; only a revert has output."""
    error = "out of gas" if status in _OUT_OF_GAS else _ERRORS.get(status, f"failed with status {status:#x}")
    found: dict[str, Any] = {"error": error}
    if status == REVERT and output:
        found["output"] = to_data(output)
        why = reason(output)
        if why is not None:
            found["revertReason"] = why
    return found


def _data(frame: Frame, top: Top | None) -> tuple[bytes, bytes]:
    """A frame's input and output in full."""
    if top is not None:
        output = frame.output if len(frame.output) == frame.output_length else top.output
        return top.data, output
    for what, kept, length in (
        ("call data", frame.input, frame.input_length),
        ("return data", frame.output, frame.output_length),
    ):
        if len(kept) != length:
            raise _cut(f"an inner call with {length} bytes of {what}")
    return frame.input, frame.output


def _cut(what: str) -> JsonRpcError:
    return JsonRpcError(EXECUTION, f"the transaction has {what}, of which the trace keeps the first 131072 bytes only")


def _without_frames(top: Top) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": "CALL" if top.to is not None else "CREATE",
        "from": to_data(top.sender),
        "gas": to_quantity(top.gas),
        "gasUsed": to_quantity(top.gas_used),
        "input": to_data(top.data),
        "value": to_quantity(top.value),
    }
    if top.to is not None:
        found["to"] = to_data(top.to)
    return found if top.status else found | {"error": "failed before it ran"}
