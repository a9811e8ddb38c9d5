"""Customers of everything that is deployed: every contract is used with success, and nothing they do is refused."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from rollproof.lab.actors import customers
from rollproof.lab.actors.customer import Customer
from rollproof.lab.block import Written
from rollproof.lab.faults.fault import Fault
from rollproof.lab.stack import Layer, Stack
from rollproof.replay.trace import Trace
from unit.mixed_lab import LAYERS, Mixed, mixed

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lab() -> Mixed:
    return mixed()


@pytest.mark.parametrize("layer", LAYERS)
def test_everything_that_is_deployed_is_used(lab: Mixed, layer: Layer) -> None:
    """By a frame that did not revert, in a transaction that succeeded; a predeploy's own transaction does not count."""
    used: set[bytes] = set()
    for block in lab.blocks(layer):
        recorded = lab.done(layer, block).trace
        assert recorded is not None
        trace = Trace(recorded)
        for frame in trace.frames:
            at = frame.transaction
            if at is None or not block.outcomes[at]["status"] or trace.reverted(frame.row):
                continue
            if (layer, at) != ("l2", 0):
                used |= {frame.target, frame.code}
    unused = [name for name, contract in lab.deployed(layer).items() if contract.address not in used]
    assert not unused


def test_calls_also_fail_in_ordinary_ways(lab: Mixed) -> None:
    """By the names of errors that the contracts themselves declare."""
    named: Counter[str] = Counter()
    by_address = {layer: {each.address: each for each in lab.deployed(layer).values()} for layer in LAYERS}
    for seen in lab.seen:
        contract = by_address[seen.layer].get(seen.fields["to"])
        if contract is not None and not seen.outcome["status"] and seen.outcome["halt"] is None:
            named[contract.reason(seen.outcome["output"]).partition("(")[0]] += 1
    wanted = {
        "Undercollateralised", "Healthy", "WrongToken", "NotEnoughCash", "NotAgreed", "ProductFell", "NothingIn",
        "Expired", "TooLittleOut", "NoPair", "ERC20InsufficientBalance", "ERC20InsufficientAllowance", "OnlyOwner",
        "AlreadyInitialised", "Nothing", "TooSmall", "WrongState", "AlreadyVoted", "Unauthorised",
        "GS020", "BadTarget", "SmallGasLimit", "Unauthorized", "NoImplementation", "NotDepositor", "Panic",
        "Ownable: caller is not the owner",
        "FeeVault: withdrawal amount must be greater than minimum withdrawal amount",
    }  # fmt: skip
    missing = wanted - set(named)
    assert not missing


def test_nothing_is_refused(lab: Mixed) -> None:
    stack = lab.stack
    stack.follower.sync()
    assert (stack.follower.chain.head.hash, stack.follower.refused) == (stack.l2.head.hash, [])
    # What builders leave out is what the passerby sends to be left out, more gas than a transaction may have; and where
    # somebody's deposit, which takes up a nonce, overtakes what it has in the pool.
    left_out = {(layer, kind) for layer, _, kind in stack.refused}
    assert ("l1", "gas-limit-above-cap") in left_out
    assert left_out <= {("l1", "gas-limit-above-cap"), ("l2", "nonce-too-low")}
    assert stack.batcher.safe.diverged is None
    assert stack.safe > stack.l2.head.number - 60


def test_money_that_governance_granted_is_there(lab: Mixed) -> None:
    """The whole way: proposed, voted, queued, executed."""
    treasury = lab.stack.deployed["Treasury"]
    paid = [
        payment
        for seen in lab.seen
        for log in seen.outcome["logs"]
        if seen.layer == "l2" and (payment := treasury.event("Paid", log)) is not None
    ]
    voter = lab.stack.account("voter", "l2").address
    assert paid
    assert {each["to"] for each in paid} == {voter}
    [held] = lab.stack.view("l2", lab.stack.deployed["USDC"], "balanceOf", voter)
    assert held == sum(each["amount"] for each in paid)


def test_a_few_transactions_a_block(lab: Mixed) -> None:
    names = {lab.stack.account(name, "l2").address for name in (*customers.NAMES, "passerby")}
    own = [sum(outcome["sender"] in names for outcome in block.outcomes) for block in lab.blocks("l2")]
    assert max(own) < 25
    assert sum(own) < 4 * len(own)


def test_the_same_seed_gives_the_same_blocks() -> None:
    def run() -> tuple[bytes, bytes]:
        stack = Stack(5, names=customers.NAMES)
        stack.populate()
        stack.actors = [actor for actor in stack.actors if actor.name == "passerby"] + list(customers.customers())
        stack.run(60)
        return stack.l1.head.hash, stack.l2.head.hash

    assert run() == run()


@dataclass
class Broken(Fault):
    """Every contract is gone, from one block to the next."""

    id: ClassVar[str] = "test-broken"

    def sealed(self, stack: Stack, layer: str, built: Any, block: Any) -> Any:
        if layer != "l2":
            return block
        gone: list[Written] = [
            (each.address, None, None, b"\x5f\x5f\xfd", [])
            for each in stack.deployed.values()
            if stack.l2.code(each.address) and each.address[0] != 0x42
        ]
        return stack.l2.reseal(block, accounts=gone)


def test_broken_contracts_and_lost_transactions_end_an_errand_and_no_more() -> None:
    stack = Stack(5, names=customers.NAMES)
    stack.populate()
    visitors = customers.customers()
    stack.actors = list(visitors)
    stack.run(20)
    fault = stack.inject(Broken())
    stack.step()
    stack.lift(fault)
    before = stack.l2.head.number
    for _ in range(60):
        stack.step()
        lost = [each.hash for each in stack.l2_pool]
        stack.l2_pool.remove(lost[::2])
    assert stack.l2.head.number == before + 60
    senders = {outcome["sender"] for n in range(before + 30, before + 61) for outcome in _outcomes(stack, n)}
    assert stack.account("rollup-user", "l2").address in senders  # the predeploys are as they were


def test_an_errand_that_never_comes_through_is_given_up() -> None:
    """What a builder never takes holds up its sender for so long, and then the next errand begins."""
    begun: list[int] = []

    def waits(me: Customer) -> Any:
        begun.append(me.stack.l2.head.number)
        me.stack.account("voter", "l2").nonce += 1
        raw = me.stack.account("voter", "l2").send(None)  # a nonce that is not there yet
        me.note(me.stack.l2_pool.add(raw, me.stack.time).hash)
        yield

    stack = Stack(5, names=("voter",))
    stack.actors = [Customer("voter", [waits])]
    stack.run(400)
    assert len(begun) > 1


def _outcomes(stack: Stack, number: int) -> Any:
    block = stack.l2.block(number)
    assert block is not None
    return block.outcomes
