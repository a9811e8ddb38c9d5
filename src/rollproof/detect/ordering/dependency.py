"""What a transaction read of what an earlier one in the block had changed: storage slots only."""

from __future__ import annotations

from rollproof.detect.execution import Execution

Slot = tuple[bytes, bytes]  # account, slot


def changed(execution: Execution) -> frozenset[Slot]:
    """Slots that it wrote another value to, where that was not reverted."""
    return execution.kept("ordering.changed", lambda each: _accessed(each, write=True))


def read(execution: Execution) -> frozenset[Slot]:
    """Slots that it read, those that reverted calls read too."""
    return execution.kept("ordering.read", lambda each: _accessed(each, write=False))


def depends(later: Execution, earlier: Execution) -> frozenset[Slot]:
    """Slots through which ``later`` may have been steered by ``earlier``. Raises nothing; empty where none is shown."""
    return read(later) & changed(earlier)


def _accessed(execution: Execution, *, write: bool) -> frozenset[Slot]:
    trace, rows = execution.trace, execution.access_rows
    if not rows:
        return frozenset()
    kinds, frames, slots = (trace.column(f"access_{name}") for name in ("write", "frame", "slot"))
    targets = trace.column("frame_target")
    found: set[Slot] = set()
    for row in rows:
        kind = kinds[row]
        if kind & 2 or bool(kind & 1) != write:  # transient storage ends with the transaction
            continue
        frame = int.from_bytes(frames[4 * row : 4 * row + 4], "little")
        if write:
            access = trace.accesses[row]
            if access.value == access.before or trace.reverted(frame):
                continue
        found.add((targets[20 * frame : 20 * frame + 20], slots[32 * row : 32 * row + 32]))
    return frozenset(found)
