"""What `rollproof risk` can be told by name; loads nothing that computes."""

from __future__ import annotations

from collections.abc import Iterator

from rollproof.risk import recommend, shipped
from rollproof.venue import adapters
from rollproof.venue.rules import registry


def names() -> Iterator[str]:
    """A line each."""
    yield "scenarios:"
    for name in shipped.names():
        yield f"  {name:24} {shipped.title(name)}"
    yield "rules:"
    for name in registry.FAMILIES:
        yield f"  {name}"
    yield "adapters:"
    for name in adapters.NAMES:
        yield f"  {name}"
    yield "settings (--recommend):"
    for name, what in recommend.NAMES.items():
        yield f"  {name:24} {what}"
