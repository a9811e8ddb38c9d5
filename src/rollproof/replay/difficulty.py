"""Proof-of-work difficulty: Frontier, Homestead (EIP-2), Byzantium (EIP-100) and the delayed bombs."""

from __future__ import annotations

from rollproof.types import Header

MINIMUM = 131_072

# By how many blocks each fork holds the ice age back: EIP-649, 1234, 2384, 3554, 4345, 5133.
BOMB_DELAYS: dict[str, int] = {
    "byzantium": 3_000_000,
    "constantinople": 5_000_000,
    "petersburg": 5_000_000,
    "istanbul": 5_000_000,
    "muir_glacier": 9_000_000,
    "berlin": 9_000_000,
    "london": 9_700_000,
    "arrow_glacier": 10_700_000,
    "gray_glacier": 11_400_000,
}
_HOMESTEAD = frozenset({"homestead", "dao_fork", "tangerine_whistle", "spurious_dragon"})


def difficulty(fork: str, number: int, timestamp: int, parent: Header, parent_has_ommers: bool) -> int | None:
    """The difficulty block ``number`` must have, or None for a fork whose formula is not known by name.

    ``fork`` is the schedule's own name (glaciers differ from the fork they run as).
    """
    step = parent.difficulty // 2048
    elapsed = timestamp - parent.timestamp
    if fork == "frontier":
        value = parent.difficulty + (step if elapsed < 13 else -step)
        delay = 0
    elif fork in _HOMESTEAD:
        value = parent.difficulty + step * max(1 - elapsed // 10, -99)
        delay = 0
    elif fork in BOMB_DELAYS:
        value = parent.difficulty + step * max((2 if parent_has_ommers else 1) - elapsed // 9, -99)
        delay = BOMB_DELAYS[fork]
    else:
        return None
    # Clients apply the minimum before the bomb, the yellow paper after it; no block of a public chain is affected.
    value = max(value, MINIMUM)
    period = max(number - delay, 0) // 100_000 - 2
    # The cap keeps a hostile block number from making a number of petabytes; no header can hold 2**256.
    return value + (2 ** min(period, 256) if period >= 0 else 0)
