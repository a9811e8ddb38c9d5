"""Protocols that are known by name."""
from __future__ import annotations
class Protocols:
    wrappers=frozenset({bytes.fromhex("c02aaa39b223fe8d0a0e5c4f27ead9083c756cc2")})
    swap_selectors=frozenset(bytes.fromhex(x) for x in ("022c0d9f","128acb08"))
    routers=frozenset()
def default() -> Protocols: return Protocols()
