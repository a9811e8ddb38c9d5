"""Forks by name: their order inside a rule family, and which of them the core runs.

A fork is enabled here only when a positive vector of it passes (docs/chains.md, column "evidence"). A fork that is not
enabled still stands in a chain's schedule, so that a block after it ends as ``unknown`` by the fork's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

# Oldest first. Being past one of these implies being past every earlier one. Forks that change no execution rule that a
# later fork builds on (dao_fork, the glaciers, the blob-parameter forks) are in no order: they are active only by name.
ORDER: Final = MappingProxyType(
    {
        "ethereum": (
            "frontier", "homestead", "tangerine_whistle", "spurious_dragon", "byzantium", "constantinople",
            "petersburg", "istanbul", "berlin", "london", "paris", "shanghai", "cancun", "prague", "osaka", "amsterdam",
        ),
        "op": (
            "bedrock", "regolith", "canyon", "ecotone", "fjord", "granite", "holocene", "isthmus", "jovian", "karst",
            "interop", "lagoon",
        ),
    }
)  # fmt: skip

# The Ethereum fork whose rules an OP Stack fork takes over (OP Stack specification, "Network Upgrades").
_TAKES_OVER: Final = MappingProxyType(
    {"bedrock": "paris", "canyon": "shanghai", "ecotone": "cancun", "isthmus": "prague", "karst": "osaka"}
)

# (family, fork) -> the core's name of the rules (Rules.fork). This table decides what Rollproof judges.
ENABLED: Final = MappingProxyType(
    {
        **{("ethereum", name): name for name in ORDER["ethereum"] if name != "amsterdam"},
        ("ethereum", "dao_fork"): "homestead",
        ("ethereum", "muir_glacier"): "istanbul",
        ("ethereum", "arrow_glacier"): "london",
        ("ethereum", "gray_glacier"): "london",
        **{("ethereum", f"bpo{number}"): "osaka" for number in range(1, 5)},
        **{("op", name): name for name in ORDER["op"] if name not in ("karst", "interop", "lagoon")},
    }
)

Blob = tuple[int, int, int]  # target blobs, max blobs, base fee update fraction (EIP-4844, 7691, 7892)


@dataclass(frozen=True, slots=True)
class Fork:
    """One activation in a chain's schedule: at a block number, or at a timestamp in seconds; exactly one is set.

    ``runs_as`` is the core's name of the rules, None when Rollproof cannot run them.
    """

    name: str
    runs_as: str | None
    block: int | None = None
    time: int | None = None
    blob: Blob | None = None  # the schedule in force from here on

    def is_active(self, number: int, timestamp: int) -> bool:
        if self.block is not None:
            return number >= self.block
        return self.time is not None and timestamp >= self.time

    def since(self) -> str:
        """``since block N`` or ``since TIME (seconds)``, for messages."""
        if self.block is not None:
            return f"since block {self.block}"
        return f"since {instant(self.time or 0)}"


def instant(timestamp: int) -> str:
    """``2026-05-28 18:00:00 UTC, 1779991200``; the bare number where the calendar ends."""
    try:
        return f"{datetime.fromtimestamp(timestamp, UTC):%Y-%m-%d %H:%M:%S} UTC, {timestamp}"
    except (ValueError, OverflowError, OSError):
        return str(timestamp)


def implies(family: str, active: str, asked: str) -> bool:
    """Whether a block under ``active`` is also past ``asked``: forks of one family build on each other in order.

    On the OP Stack and what derives from it, Ethereum's names may be asked for too: Canyon implies Shanghai.
    """
    if active == asked:
        return True
    order = ORDER.get(family, ORDER["op"])
    if family != "ethereum" and active in _TAKES_OVER and asked in ORDER["ethereum"]:
        order, active = ORDER["ethereum"], _TAKES_OVER[active]
    return active in order and asked in order and order.index(active) >= order.index(asked)
