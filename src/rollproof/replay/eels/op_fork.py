"""The OP Stack's forks in order, and the Ethereum rules (EELS's fork) below each."""

from __future__ import annotations

from typing import Final

BELOW: Final = {
    "bedrock": "paris",
    "regolith": "paris",
    "canyon": "shanghai",
    "ecotone": "cancun",
    "fjord": "cancun",
    "granite": "cancun",
    "holocene": "cancun",
    "isthmus": "prague",
    "jovian": "prague",
}
_ORDER: Final = {fork: position for position, fork in enumerate(BELOW)}


def since(fork: str, first: str) -> bool:
    """Whether the rules of ``first`` hold in ``fork``."""
    return _ORDER[fork] >= _ORDER[first]
