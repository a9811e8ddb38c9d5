"""Ordinary governance: a grant is proposed, voted for, queued, awaited and paid; another one fails."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any, Final

from rollproof import _core
from rollproof.errors import Missing
from rollproof.lab.actors.customer import USD, Customer

NAME: Final = "voter"
VOTES: Final = 120_000 * 10**18  # more than the quorum, with what proposing takes
_AGAINST: Final = 0
_IN_FAVOUR: Final = 1
_MOST_BLOCKS: Final = 40  # to wait for a vote or a delay
_REST: Final = 60


def voter() -> Customer:
    return Customer(NAME, [_grant, _grant, _defeat], rest=_REST)


def _grant(me: Customer) -> Iterator[None]:
    """A little money of the treasury, and the delay as it was."""
    timelock = me.of("Timelock")
    grant = me.of("Treasury").encode("pay", me.of("USDC").address, me.address, me.draw.randrange(1, 100) * USD)
    same = timelock.encode("updateDelay", me.ask(timelock, "getMinDelay"))
    calls = ([me.of("Treasury").address, timelock.address], [0, 0], [grant, same])
    described = yield from _proposed(me, calls, "A grant")
    yield from _voted(me, calls, described, _IN_FAVOUR)
    me.call("Governor", "execute", *calls, described)  # WrongState: it is not queued
    me.call("Governor", "queue", *calls, described)
    yield
    operation = me.ask(timelock, "hashOperationBatch", *calls, bytes(32), described)
    ready = me.ask(timelock, "getTimestamp", operation)
    me.call("Governor", "execute", *calls, described)  # NotReady
    me.call(timelock, "cancel", operation)  # Unauthorised
    yield from _until(lambda: me.stack.l2.head.timestamp >= ready)
    me.call("Governor", "execute", *calls, described)
    yield


def _defeat(me: Customer) -> Iterator[None]:
    calls = ([me.of("Treasury").address], [0], [me.of("Treasury").encode("pay", bytes(20), me.address, 1)])
    described = yield from _proposed(me, calls, "Ether that is not there")
    yield from _voted(me, calls, described, _AGAINST)
    me.call("Governor", "queue", *calls, described)  # WrongState: defeated
    yield


def _proposed(me: Customer, calls: tuple[Any, ...], title: str) -> Generator[None, None, bytes]:
    """Proposes; what it gives back is the description's hash. Raises Missing where that did not work."""
    if me.ask("GovernanceToken", "getVotes", me.address) < VOTES:
        me.call("GovernanceToken", "transfer", me.address, VOTES, by="deployer")
        yield
    description = f"{title} (block {me.stack.l2.head.number})"  # the same calls are proposed again
    sent = me.call("Governor", "propose", *calls, description)
    yield
    if not me.succeeded(sent):
        raise Missing("the proposal is not there")
    return _core.keccak256(description.encode())


def _voted(me: Customer, calls: tuple[Any, ...], described: bytes, support: int) -> Iterator[None]:
    """Waits for the vote to open, votes, and waits for its end."""
    proposal = me.ask("Governor", "hashProposal", *calls, described)
    me.call("Governor", "castVote", proposal, support)  # WrongState: too early, or just in time
    yield from _until(lambda: _state(me, proposal) == 1)
    me.call("Governor", "castVote", proposal, support)
    me.call("Governor", "castVote", proposal, support)  # AlreadyVoted
    yield from _until(lambda: _state(me, proposal) > 1)


def _state(me: Customer, proposal: int) -> int:
    return int(me.ask("Governor", "state", proposal))


def _until(there: Callable[[], bool]) -> Iterator[None]:
    for _ in range(_MOST_BLOCKS):
        yield
        if there():
            return
    raise Missing("what was awaited did not come")
