"""Which mapping entries storage slots are: by the hashes that the execution made, or by trying the usual layouts."""

from __future__ import annotations

from functools import lru_cache

from rollproof import _core
from rollproof.detect.execution import Execution
from rollproof.detect.shows import Shows

# From here on a slot's place is a hash: an entry of a mapping or an array, and no variable of the contract's own.
PLAIN_SLOT = 1 << 16
# Where a contract's mappings begin: low slots, and OpenZeppelin's ERC-20 since 5.0 (ERC-7201).
_PLACES = (*range(64), 0x52C63247E1F47DB19D5CE0460030C497F067CA4CEBF71BA98EEADABE20BACE00)
_MEMBERS = 8  # slots of a struct that are tried
_NESTED = 4  # mappings within mappings that are followed


def entry_of(execution: Execution, slot: bytes, account: bytes) -> bool:
    """Whether a slot is an entry for an account in a mapping, or in a struct in one. False where it cannot be told."""
    if Shows.HASHES in execution.shows:
        return account in _keys(execution, slot)
    return int.from_bytes(slot, "big") in _usual(account)


def keys_of(execution: Execution, slot: bytes) -> set[bytes] | None:
    """The accounts by which a slot is reached, as an entry or a struct's member; None where the source cannot tell."""
    return _keys(execution, slot) if Shows.HASHES in execution.shows else None


def _keys(execution: Execution, slot: bytes) -> set[bytes]:
    """The accounts among the keys by which a slot is reached."""
    known = execution.kept("entries.hashes", _hashes)
    found: set[bytes] = set()
    place = slot
    for _ in range(_NESTED):
        number = int.from_bytes(place, "big")
        tried = (max(0, number - member).to_bytes(32, "big") for member in range(_MEMBERS))
        hashed = next((known[each] for each in tried if each in known), None)
        if hashed is None:
            break
        key, place = hashed
        found |= {key[12:], place[12:]}  # Vyper hashes the other way round
    return found


def _hashes(execution: Execution) -> dict[bytes, tuple[bytes, bytes]]:
    trace = execution.trace
    results, keys, bases = (trace.column(name) for name in ("hash_result", "hash_key", "hash_base"))
    return {results[at : at + 32]: (keys[at : at + 32], bases[at : at + 32]) for at in range(0, len(results), 32)}


@lru_cache(maxsize=256)
def _usual(account: bytes) -> frozenset[int]:
    key = account.rjust(32, b"\0")
    found: set[int] = set()
    for place in _PLACES:
        base = place.to_bytes(32, "big")
        for data in (key + base, base + key):
            start = int.from_bytes(_core.keccak256(data), "big")
            found.update(range(start, start + _MEMBERS))
    return frozenset(found)
