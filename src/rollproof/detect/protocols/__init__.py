"""Protocols that are known by name: selectors, events, accounts and slots, as data that users can extend.

The tables beside this file are TOML (docs/traces.md); ``rollproof inspect --protocols FILE`` adds
another. Selectors and topics are computed from signatures when a table is read.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path

from rollproof.detect.protocols.entry import Account, Event, Function, Slot
from rollproof.detect.protocols.protocols import Protocols
from rollproof.detect.protocols.table import parse

__all__ = ["Account", "Event", "Function", "Protocols", "Slot", "default", "extended"]


@cache
def default() -> Protocols:
    """The built-in tables."""
    files = sorted(resources.files(__name__).iterdir(), key=lambda each: each.name)
    return Protocols(
        entry for file in files if file.name.endswith(".toml") for entry in parse(file.read_bytes(), file.name)
    )


def extended(path: Path) -> Protocols:
    """The built-in tables and a file's, whose entries come first. Raises Missing, Malformed or Unsupported."""
    return default().extended(path)
