"""Deposits into and withdrawals from contracts that issue shares, and what was given to them without asking for any.

A share is a token that the vault issues itself (EIP-4626, liquidity tokens, Compound's cTokens); the price of one is
what a deposit paid or a withdrawal was paid for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rollproof.detect.account_transfers import transfers_of
from rollproof.detect.ancestry import below, caller, entered, outermost, target
from rollproof.detect.cluster import ZERO
from rollproof.detect.entries import PLAIN_SLOT
from rollproof.detect.execution import Execution, Transfer
from rollproof.detect.holdings import writes_by_frame
from rollproof.replay.trace import Kind


@dataclass(frozen=True, slots=True)
class VaultOperation:
    """One outermost call of a vault in which an asset came or went. ``assets`` and ``shares`` in base units, positive
    for a deposit, negative for a withdrawal; ``account`` is who paid, or was paid.
    """

    vault: bytes
    asset: bytes | None
    account: bytes
    assets: int
    shares: int
    frame: int
    order: int

    @property
    def price(self) -> float | None:
        """Assets for one share; None where no share moved."""
        return self.assets / self.shares if self.shares else None


@dataclass(frozen=True, slots=True)
class Donation:
    """An asset that was sent to a vault outside any call of it."""

    vault: bytes
    asset: bytes | None
    account: bytes
    amount: int
    order: int


def issues(execution: Execution) -> Iterator[bytes]:
    """Contracts that made or burned tokens of their own, once for each time."""
    for each in execution.transfers:
        if each.token is not None and each.item is None:
            own = (ZERO, each.token)
            if (each.sender in own) != (each.recipient in own):
                yield each.token


def pulled(execution: Execution) -> set[tuple[bytes, bytes | None]]:
    """(account, asset) where an account was sent an asset by a call of its own, or with one: as deposits are."""
    found: set[tuple[bytes, bytes | None]] = set()
    for each in execution.transfers:
        if each.item is None and each.amount:
            if each.token is None:
                own = target(execution, each.frame) == each.recipient and bool(execution.frame(each.frame).input)
            else:
                own = caller(execution, each.frame) == each.recipient
            if own:
                found.add((each.recipient, each.token))
    return found


def given(execution: Execution) -> set[tuple[bytes, bytes | None]]:
    """(account, asset) where an account was sent an asset and was not asked to take it: as donations are."""
    return {
        (each.recipient, each.token)
        for each in execution.transfers
        if each.item is None and each.amount and each.token != each.recipient and _unasked(execution, each)
    }


def touches(execution: Execution, account: bytes) -> bool:
    """Whether an account paid or was paid."""
    return bool(transfers_of(execution, account))


def operations(execution: Execution, vault: bytes) -> Iterator[VaultOperation]:
    """Deposits and withdrawals of one vault, in order; those with one asset and in one direction only."""
    calls: dict[int, list[Transfer]] = {}
    for each in transfers_of(execution, vault):
        if each.item is None:
            row = outermost(execution, each.frame, vault)
            if row is not None:
                calls.setdefault(row, []).append(each)
    for row, moved in calls.items():
        shares = sum(_issued(each, vault) for each in moved)
        if not any(each.token == vault for each in moved):
            booked = _booked(execution, row)
            if booked is None:
                continue
            shares = booked
        assets: dict[bytes | None, int] = {}
        who: bytes | None = None
        for each in moved:
            if each.token != vault and vault in (each.sender, each.recipient):
                change = each.amount if each.recipient == vault else -each.amount
                assets[each.token] = assets.get(each.token, 0) + change
                who = who or (each.sender if change > 0 else each.recipient)
        assets = {token: amount for token, amount in assets.items() if amount}
        if len(assets) != 1 or who is None:
            continue
        ((token, amount),) = assets.items()
        if shares == 0 or (shares > 0) == (amount > 0):
            yield VaultOperation(vault, token, who, amount, shares, row, entered(execution, row))


def donations(execution: Execution, vault: bytes) -> Iterator[Donation]:
    """What a vault was sent outside any call of it."""
    for each in transfers_of(execution, vault):
        asset = each.recipient == vault and each.token != vault and each.item is None
        if asset and each.amount and _unasked(execution, each):
            yield Donation(vault, each.token, each.sender, each.amount, each.order)


def _unasked(execution: Execution, transfer: Transfer) -> bool:
    """Whether a transfer happened outside any call of its recipient; wei always comes by one, if only without data."""
    inside = outermost(execution, transfer.frame, transfer.recipient)
    if transfer.token is None and inside == transfer.frame:
        frame = execution.frame(transfer.frame)
        return not frame.input and frame.kind not in (Kind.CREATE, Kind.CREATE2)
    return inside is None


def _booked(execution: Execution, call: int) -> int | None:
    """Shares that a vault only keeps in its books: an entry and a plain slot that changed by the same number.

    None where it cannot be told: entries changed without a total, or the books were only opened, by its constructor.
    """
    if execution.frame(call).kind in (Kind.CREATE, Kind.CREATE2):
        return None
    vault, writes = target(execution, call), writes_by_frame(execution)
    entries: list[int] = []
    totals: list[int] = []
    for row in below(execution, call):
        if row in writes and target(execution, row) == vault:
            for write in writes[row]:
                plain = int.from_bytes(write.slot, "big") < PLAIN_SLOT
                (totals if plain else entries).append(write.value - write.before)
    shares = next((each for each in entries if each and each in totals), 0)
    return None if shares == 0 and any(entries) else shares


def _issued(transfer: Transfer, vault: bytes) -> int:
    if transfer.token != vault:
        return 0
    made = transfer.sender in (ZERO, vault)
    burned = transfer.recipient in (ZERO, vault)
    return transfer.amount * (made - burned)
