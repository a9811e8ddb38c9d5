"""Liquidations by markets that no table names: debt comes in, collateral goes out, and a third party's books shrink.

Rule (Rollproof's own): inside one call a contract takes one asset and gives another, as a pool would, and writes less
than before into two entries or more of its own mappings that are kept for one account: not the caller, not who pays or
is paid, and no token.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rollproof.detect.cluster import actors
from rollproof.detect.execution import Execution
from rollproof.detect.ordering.swap import ZERO, Swap, swaps
from rollproof.detect.shows import Shows

NESTED = 4  # mappings within mappings that are followed
MEMBERS = 8  # slots of a struct
NEEDED = Shows.STORAGE | Shows.VALUES | Shows.HASHES


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A swap with a market, and whose books shrank in it."""

    swap: Swap
    account: bytes


def shrunk(execution: Execution) -> Iterator[Shrunk]:
    """Every such swap; none where the source does not show mapping entries and what they held."""
    if NEEDED not in execution.shows:
        return
    for swap in swaps(execution):
        account = _shrunk(execution, swap)
        if account is not None:
            yield Shrunk(swap, account)


def _shrunk(execution: Execution, swap: Swap) -> bytes | None:
    frame = execution.frame(swap.frame)
    if frame.target != swap.pool:
        return None
    parties = {ZERO, swap.pool, swap.sender, swap.recipient, frame.caller, swap.token_in, swap.token_out}
    moved = {each.sender for each in execution.transfers} | {each.recipient for each in execution.transfers}
    aside = parties | moved | actors(execution)
    less: dict[bytes, set[bytes]] = {}
    for access in execution.accesses:
        if not access.write or access.transient or access.value >= access.before or access.order < frame.order:
            continue
        if execution.reverted(access.frame) or execution.frame(access.frame).target != swap.pool:
            continue
        for account in _accounts(execution, access.slot) - aside:
            less.setdefault(account, set()).add(access.slot)
    found = [account for account, slots in less.items() if len(slots) >= 2]
    return found[0] if len(found) == 1 else None


def _accounts(execution: Execution, slot: bytes) -> set[bytes]:
    """The accounts by which a slot is reached. A key that is a hash, a number or a negative one is none."""
    known = execution.kept("ordering.hashes", _hashes)
    found: set[bytes] = set()
    for _ in range(NESTED):
        number = int.from_bytes(slot, "big")
        tried = ((number - member).to_bytes(32, "big") for member in range(min(MEMBERS, number + 1)))
        hashed = next((known[each] for each in tried if each in known), None)
        if hashed is None:
            break
        key, slot = hashed
        if not any(key[:12]) and any(key[12:28]):
            found.add(key[12:])
    return found


def _hashes(execution: Execution) -> dict[bytes, tuple[bytes, bytes]]:
    results, keys, bases = (execution.trace.column(f"hash_{name}") for name in ("result", "key", "base"))
    return {results[at : at + 32]: (keys[at : at + 32], bases[at : at + 32]) for at in range(0, len(results), 32)}
