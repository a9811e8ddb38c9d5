"""Ordinary use of the guardians' Safe: two of three sign what all agree on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rollproof import _core
from rollproof.lab import multisig
from rollproof.lab.actors.customer import USD, Customer
from rollproof.lab.deployments.defi import GUARDIANS, THRESHOLD

NAME: Final = "safe-owner"
_SAFE: Final = "GuardianSafe"
_REST: Final = 120  # the Safe's transactions are numbered: whoever else uses it should mostly find it idle


def safe_owner() -> Customer:
    return Customer(NAME, [_pay, _one_signature, _schedule], rest=_REST)


def _busy(me: Customer) -> bool:
    return any(pending.to == me.of(_SAFE).address for pending in me.stack.l2_pool)


def _signed(me: Customer, to: bytes, data: bytes, keys: int = THRESHOLD) -> None:
    first = me.draw.randrange(len(GUARDIANS))
    owners = [GUARDIANS[(first + index) % len(GUARDIANS)] for index in range(keys)]
    me.note(multisig.execute(me.stack, "l2", me.of(_SAFE), owners, to, data, sender=NAME))


def _pay(me: Customer) -> Iterator[None]:
    if not _busy(me):
        usdc, other = me.of("USDC"), me.stack.account("bystander", "l2").address
        _signed(me, usdc.address, usdc.encode("transfer", other, me.draw.randrange(1, 50) * USD))
    yield


def _one_signature(me: Customer) -> Iterator[None]:
    """Not enough: GS020."""
    if not _busy(me):
        _signed(me, me.address, b"", THRESHOLD - 1)
    yield


def _schedule(me: Customer) -> Iterator[None]:
    """The guardians put something into the timelock, and take it out again."""
    if _busy(me):
        return
    timelock = me.of("Timelock")
    salt = _core.keccak256(b"block %d" % me.stack.l2.head.number)
    batch = ([me.address], [0], [b""], bytes(32), salt)
    delay = me.ask(timelock, "getMinDelay")
    _signed(me, timelock.address, timelock.encode("scheduleBatch", *batch, delay))
    yield
    if _busy(me):
        return
    operation = me.ask(timelock, "hashOperationBatch", *batch)
    _signed(me, timelock.address, timelock.encode("cancel", operation))
    me.call(timelock, "executeBatch", *batch)  # NotReady
    yield
