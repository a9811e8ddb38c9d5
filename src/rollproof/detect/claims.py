"""Claims on an account's assets that a transaction used up: what makes a payout a withdrawal and no theft."""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum

from rollproof.detect.account_transfers import transfers_of
from rollproof.detect.ancestry import caller, frames_of, target
from rollproof.detect.cluster import ZERO
from rollproof.detect.entries import PLAIN_SLOT, entry_of, keys_of
from rollproof.detect.execution import Execution
from rollproof.detect.holdings import writes_of
from rollproof.replay.trace import Access

_ECRECOVER = (1).to_bytes(20, "big")
_TRIED = 64  # payees whose usual places are computed, where the source does not show what was hashed


class Entry(Enum):
    """Whose entry in an account's books changed by what it paid."""

    NONE = "none"
    OWN = "of those who were paid"
    OTHER = "of somebody else"
    UNKNOWN = "of nobody can say whom"


def recorded_in(execution: Execution, account: bytes, parties: Collection[bytes]) -> bool:
    """Whether an account read one of these from its own storage: an owner, a role's holder, a beneficiary; or asked
    for a signer (ecrecover), as wallets do.
    """
    tried = sorted(parties)[:_TRIED]
    for access in execution.kept("claims.reads", _reads).get(account, ()):
        word = access.value.to_bytes(32, "big")
        if word[12:] in parties or word[:20] in parties:
            return True
        member = access.value == 1 or 1 << 100 <= access.value < 1 << 160  # a flag, or the next of a list
        if member and any(entry_of(execution, access.slot, each) for each in tried):
            return True
    return any(caller(execution, row) == account for row in frames_of(execution, _ECRECOVER))


def _reads(execution: Execution) -> dict[bytes, list[Access]]:
    """Account -> what was read from its storage."""
    trace, kinds = execution.trace, execution.trace.column("access_write")
    found: dict[bytes, list[Access]] = {}
    for row in execution.access_rows:
        if kinds[row] == 0:
            access = trace.accesses[row]
            found.setdefault(target(execution, access.frame), []).append(access)
    return found


def shares_burned(execution: Execution, issuer: bytes) -> int:
    """How many of the tokens that an account issues were burned, less those made, in base units; 0 if not more."""
    burned = 0
    for each in transfers_of(execution, issuer):
        if each.token == issuer and each.item is None:
            if each.recipient in (ZERO, issuer):
                burned += each.amount
            if each.sender in (ZERO, issuer):
                burned -= each.amount
    return max(0, burned)


def overcredited(execution: Execution, account: bytes, token: bytes | None, lost: int) -> tuple[int, int] | None:
    """What an entry in an account's books was credited, and what was paid in for it, where the difference is just what
    the account then lost. None where there is no such entry, or nothing was paid in (what is earned is credited too).
    """
    paid = sum(
        each.amount
        for each in transfers_of(execution, account)
        if each.recipient == account and each.token == token and each.item is None
    )
    if not paid:
        return None
    credited: dict[bytes, int] = {}
    for write in writes_of(execution, account):
        if write.value > write.before and int.from_bytes(write.slot, "big") >= PLAIN_SLOT:
            credited[write.slot] = credited.get(write.slot, 0) + write.value - write.before
    return next(((amount, paid) for amount in credited.values() if amount - paid == lost), None)


def entry_used(execution: Execution, account: bytes, amount: int, payees: Collection[bytes]) -> Entry:
    """Whether a mapping's entry in an account's storage fell by an amount (a balance) or rose by it (what was paid out
    so far) over the transaction, and whose that is. NONE: the payout is not in the account's books.
    """
    first: dict[bytes, int] = {}
    last: dict[bytes, int] = {}
    for write in writes_of(execution, account):
        if int.from_bytes(write.slot, "big") >= PLAIN_SLOT:
            first.setdefault(write.slot, write.before)
            last[write.slot] = write.value
    used = [slot for slot, before in first.items() if abs(last[slot] - before) == amount]
    if not used:
        return Entry.NONE
    known = [keys for slot in used if (keys := keys_of(execution, slot)) is not None]
    if known:
        return Entry.OWN if any(not keys.isdisjoint(payees) for keys in known) else Entry.OTHER
    tried = sorted(payees)[:_TRIED]
    return Entry.OWN if any(entry_of(execution, slot, each) for slot in used for each in tried) else Entry.UNKNOWN
