"""What accounts held of tokens, read from the balance slots that transfers wrote.

A transfer's log and the writes of its frame say it together (EIP-20): the slot that fell by the amount is the payer's,
the one that rose by it is the payee's. Tokens that take fees, rebase or keep balances elsewhere stay unknown.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Mapping
from dataclasses import dataclass

from rollproof.detect.ancestry import target
from rollproof.detect.entries import entry_of
from rollproof.detect.execution import Execution, Transfer
from rollproof.detect.shows import Shows
from rollproof.replay.trace import Access

_NEAR = 8  # writes of the same difference in one frame, before and after a transfer, that are looked at


@dataclass(frozen=True, slots=True)
class Holding:
    """One account's balance of one token before the transaction, in base units, and the token's slot that has it."""

    slot: bytes
    before: int


def holdings(execution: Execution) -> Mapping[tuple[bytes, bytes], Holding]:
    """(account, token) -> what it held when the transaction began, where a balance slot shows it."""
    return execution.kept("holdings", _holdings)


def held(execution: Execution, account: bytes, token: bytes | None) -> int | None:
    """What an account held of a token when the transaction began, in base units; None where nothing shows it."""
    if token is None:
        return None if execution.ether is None else execution.ether.at(execution.index, account)
    found = holdings(execution).get((account, token))
    return None if found is None else found.before


def owners(execution: Execution) -> Mapping[tuple[bytes, bytes], bytes]:
    """(token, slot) -> whose balance it is."""
    return execution.kept("holdings.owners", _owners)


def writes_by_frame(execution: Execution) -> Mapping[int, list[Access]]:
    """Frame row -> its live SSTOREs in order."""
    return execution.kept("holdings.writes", _writes)


def writes_of(execution: Execution, account: bytes) -> list[Access]:
    """Live SSTOREs to an account's storage, in order."""
    return execution.kept("holdings.accounts", _accounts).get(account, [])


def _writes(execution: Execution) -> dict[int, list[Access]]:
    found: dict[int, list[Access]] = {}
    kinds = execution.trace.column("access_write")
    for row in execution.access_rows:
        if kinds[row] == 1:
            access = execution.trace.accesses[row]
            if not execution.reverted(access.frame):
                found.setdefault(access.frame, []).append(access)
    return found


def _accounts(execution: Execution) -> dict[bytes, list[Access]]:
    found: dict[bytes, list[Access]] = {}
    for frame, writes in writes_by_frame(execution).items():
        found.setdefault(target(execution, frame), []).extend(writes)
    for each in found.values():
        each.sort(key=lambda access: access.order)
    return found


def _owners(execution: Execution) -> dict[tuple[bytes, bytes], bytes]:
    return {(token, each.slot): account for (account, token), each in holdings(execution).items()}


def _holdings(execution: Execution) -> dict[tuple[bytes, bytes], Holding]:
    found: dict[tuple[bytes, bytes], Holding] = {}
    if Shows.VALUES not in execution.shows:
        return found
    changes: dict[tuple[int, int], list[Access]] = {}  # (frame, difference) -> writes
    for frame, writes in writes_by_frame(execution).items():
        for each in writes:
            changes.setdefault((frame, each.value - each.before), []).append(each)
    moved: dict[tuple[bytes, bytes], int] = {}  # since the transaction began, by the transfers before this one
    for transfer in execution.transfers:
        if transfer.token is None or transfer.item is not None or not transfer.amount:
            continue
        for account, change in ((transfer.sender, -transfer.amount), (transfer.recipient, transfer.amount)):
            key = (account, transfer.token)
            if key not in found and transfer.sender != transfer.recipient:
                place = _place(execution, transfer, account, changes.get((transfer.frame, change), []))
                if place is not None:
                    found[key] = Holding(place.slot, place.before - moved.get(key, 0))
            moved[key] = moved.get(key, 0) + change
    return {key: each for key, each in found.items() if each.before >= 0}


def _place(execution: Execution, transfer: Transfer, account: bytes, fits: list[Access]) -> Access | None:
    """The write that changed one party's balance. An allowance and the supply may change by the same amount."""
    at = bisect(fits, transfer.order, key=lambda each: each.order)
    nearest: dict[bytes, Access] = {}  # one slot may change by the same amount twice in a frame
    for each in fits[max(0, at - _NEAR) : at + _NEAR]:
        known = nearest.get(each.slot)
        if known is None or abs(each.order - transfer.order) < abs(known.order - transfer.order):
            nearest[each.slot] = each
    if len(nearest) > 1:
        nearest = {slot: each for slot, each in nearest.items() if entry_of(execution, slot, account)}
    return next(iter(nearest.values())) if len(nearest) == 1 else None
