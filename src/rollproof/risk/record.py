"""A priced scenario as plain values: format ``rollproof-risk/1``, described in docs/risk.md."""

from __future__ import annotations

from typing import Any

from rollproof.risk.result import FORMAT, Priced

__all__ = ["FORMAT", "record"]


def record(priced: Priced) -> dict[str, Any]:
    """See `Priced.record`."""
    return priced.record()
