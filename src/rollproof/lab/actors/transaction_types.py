"""Transactions of every type, and what they may carry: values, data, access lists, blobs, limits of gas.

Source: EIP-155, 2930, 1559, 4844; 7623 (floor of the cost of data); 7825 (cap of a transaction's gas).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rollproof import _core
from rollproof.lab.actors.programs import BLOBS, DIVER, LEDGER, MORTAL
from rollproof.lab.actors.turn import Kind, Turn, slots, words

GAS_CAP: Final = 2**24  # EIP-7825
BULK: Final = 30_000  # bytes that do not compress: more than a block's target, as the L2 counts data
# The ledger's slots that access lists name. Each saves 200 gas, and the address, which is warm anyway, costs 2400.
LISTED: Final = range(16, 40)


def legacy(turn: Turn) -> bytes:
    return turn.account.send_legacy(turn.stranger(), value=turn.draw.randrange(10**15))


def access_list(turn: Turn) -> bytes:
    """One that costs more than it saves: nothing of it is used."""
    draw = turn.draw
    listed = [(turn.stranger(), [draw.randbytes(32) for _ in range(draw.randrange(3))])]
    data = draw.randbytes(draw.randrange(100))
    return turn.account.send_access_list(turn.stranger(), data=data, access=listed)


def useful_access_list(turn: Turn) -> bytes:
    """All that is listed is used."""
    ledger = turn.find(LEDGER)
    if ledger is None:
        return turn.create(LEDGER)
    data = words(*(part for slot in LISTED for part in (slot, turn.draw.randrange(1, 2**64))))
    listed = [(ledger, slots(LISTED))]
    if turn.draw.randrange(2):
        return turn.account.send(ledger, data=data, access=listed, gas=800_000)
    return turn.account.send_access_list(ledger, data=data, access=listed, gas=800_000)


def transfer(turn: Turn) -> bytes:
    draw = turn.draw
    data = draw.randbytes(draw.randrange(400)) if draw.randrange(2) else b""  # EIP-7623: its floor is above its use
    tip = draw.randrange(1, 10**10)
    return turn.account.send(turn.stranger(), value=draw.randrange(10**15), data=data, tip=tip)


def odd_transfer(turn: Turn) -> bytes:
    """To itself, to nobody without value (EIP-161), to who gets the fees, to a precompiled contract, to zero."""
    nobody = turn.draw.randbytes(20)
    to, value = turn.draw.choice(
        [
            (turn.account.address, 1),
            (nobody, 0),
            (turn.chain.head.header.beneficiary, 1),
            ((4).to_bytes(20, "big"), 1),
            (bytes(20), 1),
        ]
    )
    return turn.account.send(to, value=value)


def no_tip(turn: Turn) -> bytes:
    return turn.account.send(turn.stranger(), value=1, tip=0)


def bulk(turn: Turn) -> bytes:
    """Much data that does not compress: on the L2 it is what fills the block (Jovian, DA footprint)."""
    return turn.account.send(turn.stranger(), data=turn.draw.randbytes(BULK), gas=1_400_000)


def ledger(turn: Turn) -> bytes:
    """Fills slots, and in the next turn clears them all: the refund is capped at a fifth (EIP-3529)."""
    to = turn.find(LEDGER)
    if to is None:
        return turn.create(LEDGER)
    value = 0 if turn.chain.storage(to, 0) else turn.draw.randrange(1, 2**64)
    return turn.account.send(to, data=words(*(part for slot in range(10) for part in (slot, value))), gas=500_000)


def dive(turn: Turn) -> bytes:
    """Some three hundred calls within each other, until no gas is left for another (EIP-150)."""
    to = turn.find(DIVER)
    return turn.create(DIVER) if to is None else turn.account.send(to, gas=1_000_000)


def mortal(turn: Turn) -> bytes:
    """A contract that destroys itself in a later transaction stays, and only its ether leaves (EIP-6780)."""
    to = turn.find(MORTAL)
    return turn.create(MORTAL) if to is None else turn.account.send(to, value=turn.draw.randrange(1, 10**12))


def undone(turn: Turn) -> bytes:
    """A call that reverts, on the layer where there is such a contract."""
    usdc = turn.stack.deployed["USDC"]
    return turn.account.send(usdc.address, data=usdc.encode("transfer", turn.stranger(), 10**30), gas=100_000)


def blobs(turn: Turn) -> bytes:
    hashes = [b"\x01" + _core.keccak256(turn.draw.randbytes(8))[1:] for _ in range(turn.draw.randrange(1, 4))]
    return turn.account.send(turn.stranger(), blobs=hashes)


def seen_blobs(turn: Turn) -> bytes:
    """Blobs that a contract asks for."""
    to = turn.find(BLOBS)
    if to is None:
        return turn.create(BLOBS)
    return turn.account.send(to, blobs=[b"\x01" + turn.draw.randbytes(31) for _ in range(2)])


def at_the_cap(turn: Turn) -> bytes:
    return turn.account.send(turn.stranger(), value=1, gas=GAS_CAP)


def above_the_cap(turn: Turn) -> bytes:
    """No block of the L1 may hold it; on the L2 there is no such cap yet."""
    return turn.account.send(turn.stranger(), value=1, gas=GAS_CAP + 1)


BOTH: Final[Sequence[Kind]] = (
    legacy, access_list, useful_access_list, useful_access_list, transfer, transfer, odd_transfer, odd_transfer, no_tip,
    bulk, ledger, ledger, ledger, dive, dive, mortal, mortal, undone, at_the_cap, above_the_cap,
)  # fmt: skip
L1: Final[Sequence[Kind]] = (blobs, blobs, seen_blobs, seen_blobs)
