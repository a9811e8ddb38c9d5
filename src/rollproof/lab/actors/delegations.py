"""Accounts that run the code of others (EIP-7702): set, used, cleared, and set in vain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rollproof.lab.actors.programs import LEDGER
from rollproof.lab.actors.turn import Kind, Turn, words
from rollproof.lab.transaction import Account

_DELEGATORS: Final = 3
_NOBODY: Final = bytes(20)


def delegate(turn: Turn) -> bytes:
    """To the ledger, and calls it there and then: what it writes is the delegator's storage."""
    code = turn.find(LEDGER)
    if code is None:
        return turn.create(LEDGER)
    signer = _signer(turn)
    if turn.draw.randrange(2):
        signer.chain_id = 0  # holds on every chain
    return turn.account.send(signer.address, authorizations=[signer.authorize(code)], data=words(1, 1), gas=300_000)


def use(turn: Turn) -> bytes:
    """A plain call of an account that is delegated, if one is."""
    for number in range(_DELEGATORS):
        signer = _signer(turn, number)
        if turn.chain.code(signer.address):
            value = 0 if turn.chain.storage(signer.address, 7) else turn.draw.randrange(1, 2**32)
            return turn.account.send(signer.address, data=words(7, value), value=1, gas=200_000)
    return delegate(turn)


def clear(turn: Turn) -> bytes:
    for number in range(_DELEGATORS):
        signer = _signer(turn, number)
        if turn.chain.code(signer.address):
            return turn.account.send(signer.address, authorizations=[signer.authorize(_NOBODY)], gas=200_000)
    return delegate(turn)


def own(turn: Turn) -> bytes:
    """The sender's own account, set and cleared in one list: its nonce counts the transaction first."""
    account, nonce = turn.account, turn.account.nonce
    account.nonce = nonce + 1
    signed = [account.authorize(code) for code in (turn.find(LEDGER) or turn.stranger(), _NOBODY)]
    account.nonce = nonce
    return account.send(turn.stranger(), authorizations=signed, gas=200_000)


def void(turn: Turn) -> bytes:
    """Authorizations that count for nothing, though they are paid for: a nonce, a chain, two signatures."""
    signer = _signer(turn)
    nonce = signer.nonce
    chain_id, code, _, parity, r, s = signer.authorize(turn.stranger())
    signer.nonce = nonce + 5
    late = signer.authorize(turn.stranger())
    foreign = Account(signer.key, signer.address, 99, nonce).authorize(turn.stranger())
    signed = [late, foreign, (chain_id, code, nonce, parity, r, 2**256 - 1 - s), (chain_id, code, nonce, 1, 0, 0)]
    return turn.account.send(turn.stranger(), authorizations=signed, gas=300_000)


def strange(turn: Turn) -> bytes:
    """To a precompiled contract, which then is no code at all; or to an account that is itself delegated, whose code
    nobody can run."""
    signer, other = _signer(turn, 0), _signer(turn, 1)
    code = other.address if turn.draw.randrange(2) else (2).to_bytes(20, "big")
    return turn.account.send(signer.address, authorizations=[signer.authorize(code)], data=words(1, 1), gas=200_000)


def _signer(turn: Turn, number: int | None = None) -> Account:
    """One of a few accounts that only sign, with the nonce it has on this layer."""
    number = turn.draw.randrange(_DELEGATORS) if number is None else number
    signer = Account.named(f"{turn.account.address.hex()} delegator {number}", turn.account.chain_id)
    signer.nonce = turn.chain.account(signer.address)[0]
    return signer


KINDS: Final[Sequence[Kind]] = (delegate, delegate, use, use, use, clear, clear, own, void, strange)
