"""What storage slots are known to hold at a point of a trace: what was last read or written, undone by reverts."""

from __future__ import annotations

Key = tuple[bytes, bytes, bool]  # contract, slot, transient


class KnownSlots:
    """One execution's. `enter` and `leave` go with the frames."""

    def __init__(self) -> None:
        self._held: dict[Key, int] = {}
        self._undo: list[list[tuple[Key, int | None]]] = []

    def value(self, target: bytes, slot: bytes, *, transient: bool = False) -> int | None:
        """What the slot holds; None where nothing has shown it. Transient slots begin at zero (EIP-1153)."""
        return self._held.get((target, slot, transient), 0 if transient else None)

    def set(self, target: bytes, slot: bytes, value: int, *, transient: bool = False, read: bool = False) -> None:
        """It holds ``value`` now. What was ``read`` stays known when the frame reverts, if nothing was written."""
        key = (target, slot, transient)
        if self._undo and not read:
            self._undo[-1].append((key, self._held.get(key)))
        self._held[key] = value

    def enter(self) -> None:
        """A frame begins."""
        self._undo.append([])

    def leave(self, *, success: bool) -> None:
        """The innermost frame ends; what it and those below it wrote is undone where it failed."""
        undo = self._undo.pop()
        if success:
            if self._undo:
                self._undo[-1] += undo
            return
        for key, before in reversed(undo):
            if before is None:
                self._held.pop(key, None)
            else:
                self._held[key] = before
