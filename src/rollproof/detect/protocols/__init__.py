"""Protocols that are known by name."""
from __future__ import annotations
class Protocols: ...
def default() -> Protocols: return Protocols()
