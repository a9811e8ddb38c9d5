"""Both layers on one clock: what the sequencer takes from L1, reorganisations, an honest follower, determinism."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rollproof.errors import Missing, Unsupported
from rollproof.lab import pool as pools
from rollproof.lab.block import Block, Built
from rollproof.lab.faults.fault import Fault
from rollproof.lab.sequencer import CONFIRMATIONS, MAX_DRIFT
from rollproof.lab.stack import Stack
from rollproof.replay import extra_data
from rollproof.replay.verify import verify_claim
from rollproof.rollup.op_stack import deposit, l1_attributes
from rollproof.types import Outcome


def traffic(stack: Stack, steps: int) -> None:
    to = stack.account("bystander", "l2").address
    for step in range(steps):
        stack.send("l2", f"trader-{step % 5}", to, value=step, tip=10**9 + step)
        if step % 3 == 0:
            stack.send("l1", "victim", to, value=1)
        stack.step()


def test_the_same_seed_makes_the_same_chains() -> None:
    one, two = Stack(seed=5), Stack(seed=5)
    for stack in (one, two):
        traffic(stack, 30)
    assert (one.l1.head.hash, one.l2.head.hash) == (two.l1.head.hash, two.l2.head.hash)
    assert one.rng("a").getrandbits(64) == two.rng("a").getrandbits(64)
    assert one.rng("a").getrandbits(64) != one.rng("b").getrandbits(64)
    assert one.rng("a").getrandbits(64) != Stack(seed=6).rng("a").getrandbits(64)


def test_every_l2_block_begins_with_its_origin() -> None:
    stack = Stack()
    traffic(stack, 40)
    assert stack.l2.head.number == 40
    epochs: dict[int, list[int]] = {}
    for number in range(1, 41):
        block = stack.l2.block(number)
        assert block is not None
        said = l1_attributes.from_deposit(block.transactions[0])
        origin = stack.l1.block(said.number)
        assert origin is not None
        assert (said.block_hash, said.timestamp, said.base_fee) == (
            origin.hash,
            origin.timestamp,
            origin.header.base_fee,
        )
        assert origin.timestamp <= block.timestamp  # L1 origin: never from the future
        assert block.header.mix_hash == origin.header.mix_hash
        assert block.header.parent_beacon_block_root == origin.header.parent_beacon_block_root
        assert not any(raw[0] == deposit.TYPE for raw in block.transactions[1:])
        epochs.setdefault(said.number, []).append(said.sequence_number)
    assert len(epochs) > 4
    assert list(epochs) == list(range(min(epochs), max(epochs) + 1))  # no origin is left out
    assert all(numbers == list(range(numbers[0], numbers[0] + len(numbers))) for numbers in epochs.values())
    assert max(epochs) <= stack.l1.head.number - CONFIRMATIONS + 1


def test_an_l1_reorganisation_takes_back_what_stood_on_it() -> None:
    stack = Stack()
    traffic(stack, 30)
    origins = [origin.number for origin, _ in stack.sequencer.origins]
    depth = stack.l1.head.number - origins[-1] + 1  # the head's own origin goes
    dropped: list[str] = []
    listen: Callable[..., None] = lambda layer, head, gone: dropped.extend([layer] * len(gone))  # noqa: E731
    stack.listeners.append(listen)
    before = stack.l2.head
    stack.l1_builder.reorganise(depth)
    stack.step()
    assert dropped.count("l1") == depth
    assert dropped.count("l2") == origins.count(origins[-1])
    assert stack.l2.block(before.number) != before
    for origin, _ in stack.sequencer.origins:
        held = stack.l1.block(origin.number)
        assert held is not None
        assert held.hash == origin.hash
    traffic(stack, 20)
    assert stack.l2.head.timestamp == stack.time


class Halt(Fault):
    def halts(self, stack: Stack, what: str) -> bool:
        return what == "sequencer"


class Generous(Fault):
    """Gives the bystander what no transaction did."""

    def sealed(self, stack: Stack, layer: str, built: Built, block: Block) -> Block:
        if layer != "l2":
            return block
        return stack.l2.reseal(block, accounts=[(stack.account("bystander", "l2").address, None, 7, None, [])])


def test_a_sequencer_that_resumes_fills_the_time_it_missed() -> None:
    stack = Stack()
    stack.run(3)
    fault = stack.inject(Halt())
    stack.run(5)
    assert stack.l2.head.number == 3
    stack.lift(fault)
    stack.step()
    assert (stack.l2.head.number, stack.l2.head.timestamp) == (9, stack.time)


def test_the_follower_refuses_a_lie_and_comes_back_when_it_is_undone() -> None:
    stack = Stack()
    traffic(stack, 5)
    stack.follower.sync()
    assert stack.follower.chain.head == stack.l2.head
    fault = stack.inject(Generous())
    traffic(stack, 1)
    stack.lift(fault)
    traffic(stack, 3)
    stack.follower.sync()
    assert stack.follower.chain.head.number == 5
    [(refused, verdict)] = stack.follower.refused
    assert (refused.number, verdict.outcome) == (6, Outcome.BROKEN)
    assert [each.key for each in verdict.differences if each.scope == "header"] == ["state_root"]
    stack.sequencer.rewind(5)
    traffic(stack, 2)
    stack.follower.sync()
    assert stack.follower.chain.head == stack.l2.head
    assert len(stack.follower.refused) == 1


def test_every_block_of_both_layers_is_verified_from_its_witness() -> None:
    stack = Stack()
    traffic(stack, 15)
    for chain in (stack.l1, stack.l2):
        for number in range(1, chain.head.number + 1):
            block = chain.block(number)
            assert block is not None
            verdict = verify_claim(
                chain.claim(block), chain.witness(block), config=chain.config, second_opinion="never"
            )
            assert verdict.outcome is Outcome.HOLDS, verdict.reason


def test_what_a_block_refuses_for_good_leaves_the_pool() -> None:
    stack = Stack()
    poor = stack.send("l2", "trader-1", b"\x01" * 20, value=10**30)  # more than there is
    early = stack.account("trader-2", "l2")
    early.nonce = 4
    waits = stack.l2_pool.add(early.send(b"\x01" * 20), stack.time)
    stack.step()
    assert poor not in stack.l2_pool
    assert waits.hash in stack.l2_pool
    assert [kind for _, _, kind in stack.refused] == ["insufficient-funds"]
    assert stack.receipt("l2", poor) is None


def test_the_system_configuration_reaches_the_headers() -> None:
    stack = Stack()
    stack.run(4)
    config = stack.deployed["SystemConfig"]
    for data in (config.encode("setEIP1559Params", 100, 3), config.encode("setMinBaseFee", 5 * 10**9)):
        stack.send("l1", "deployer", config.address, data=data)
    stack.run(40)
    header = stack.l2.head.header
    assert extra_data.decode_params(header.extra_data, jovian=True) == (100, 3, 5 * 10**9)
    assert header.base_fee == 5 * 10**9
    stack.follower.sync()
    assert stack.follower.chain.head == stack.l2.head


def test_who_leaves_gaps_holds_up_nobody() -> None:
    stack = Stack()
    gapped = stack.account("victim", "l2")
    for nonce in range(1, 400):  # never the one that is due
        gapped.nonce = nonce
        stack.l2_pool.add(gapped.send(b"\x01" * 20), stack.time)
    sent = stack.send("l2", "bystander", b"\x01" * 20, value=1)
    stack.run(2)
    assert stack.receipt("l2", sent) is not None
    stack.send("l2", "victim", b"\x01" * 20)  # takes the place that was left
    stack.run(2)
    assert stack.l2.account(gapped.address)[0] == 400
    assert not len(stack.l2_pool)


def test_after_a_long_l1_outage_the_safe_head_goes_on() -> None:
    stack = Stack()
    traffic(stack, 30)

    class NoL1(Fault):
        def halts(self, stack: Stack, what: str) -> bool:
            return what == "l1"

    fault = stack.inject(NoL1())
    stack.run(MAX_DRIFT // 2 + 60)
    stack.lift(fault)
    traffic(stack, 120)
    assert stack.batcher.safe.diverged is None
    assert stack.safe > stack.l2.head.number - 60


def test_a_full_pool_stops_nobody_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = Stack()
    monkeypatch.setattr(pools, "MAX_PENDING", 3)
    other = stack.account("victim", "l2")
    for nonce in (5, 6, 7):
        other.nonce = nonce
        stack.l2_pool.add(other.send(b"\x01" * 20), stack.time)

    class Sender:
        name = "bystander"

        def act(self, stack: Stack) -> None:
            stack.send("l2", self.name, b"\x01" * 20)

    stack.actors.append(Sender())
    stack.run(3)
    assert stack.l2.head.number == 3


def test_unknown_names_are_refused_by_name() -> None:
    stack = Stack()
    with pytest.raises(Missing, match="mallory"):
        stack.account("mallory", "l2")
    with pytest.raises(Unsupported, match="l3"):
        stack.chain("l3")
    with pytest.raises(Unsupported, match="random"):
        Stack(ordering="random")
