"""What asking has cost, counted by several threads at once."""

from __future__ import annotations

import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """What was spent. ``requests`` counts HTTP bodies, retries included; ``seconds`` adds up over concurrent ones."""

    calls: int = 0
    requests: int = 0
    retries: int = 0
    sent: int = 0  # bytes
    received: int = 0  # bytes on the wire
    seconds: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.calls + other.calls,
            self.requests + other.requests,
            self.retries + other.retries,
            self.sent + other.sent,
            self.received + other.received,
            self.seconds + other.seconds,
        )


class Meter:
    """A counter that several threads add to, and its parent."""

    def __init__(self, parent: Meter | None = None) -> None:
        self.usage = Usage()
        self._lock = threading.Lock()
        self._parent = parent

    def add(self, usage: Usage) -> None:
        with self._lock:
            self.usage = self.usage + usage
        if self._parent is not None:
            self._parent.add(usage)
