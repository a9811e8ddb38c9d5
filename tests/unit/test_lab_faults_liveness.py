"""Liveness faults: what the chains show while one lasts, that it ends, and that an undisturbed lab shows none."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from rollproof import _core
from rollproof.errors import Malformed, Unsupported
from rollproof.lab.block import Block
from rollproof.lab.faults import fault
from rollproof.lab.faults.effect import Expected
from rollproof.lab.faults.liveness import ChainSunset
from rollproof.lab.node.error import Dropped
from rollproof.lab.stack import Stack
from rollproof.replay.verify import verify_claim
from rollproof.types import Outcome

GWEI = 10**9


@pytest.fixture
def stack() -> Stack:
    return Stack(seed=3)


def transfer(stack: Stack, name: str = "trader-0", layer: str = "l2", tip: int = GWEI) -> bytes:
    to = stack.account("deployer", layer).address
    return stack.send("l1" if layer == "l1" else "l2", name, to, value=1, gas=21_000, tip=tip)


def blocks(stack: Stack, layer: str = "l2", first: int = 1) -> Iterator[Block]:
    chain = stack.chain(layer)
    for number in range(first, chain.head.number + 1):
        block = chain.block(number)
        assert block is not None
        yield block


def user(block: Block) -> list[bytes]:
    return [each for raw, each in zip(block.transactions, block.hashes, strict=True) if raw[0] != 0x7E]


def assert_valid(stack: Stack, layer: str, first: int) -> None:
    chain = stack.chain(layer)
    for block in blocks(stack, layer, first):
        verdict = verify_claim(chain.claim(block), chain.witness(block), config=chain.config, second_opinion="never")
        assert verdict.outcome is Outcome.HOLDS


def test_undisturbed_heads_keep_pace(stack: Stack) -> None:
    for _ in range(24):
        stack.step()
        assert stack.l2.head.timestamp == stack.time
        assert stack.time - stack.l1.head.timestamp < 12
    base_fees = [block.header.base_fee for block in blocks(stack, "l1")]
    assert base_fees == sorted(base_fees, key=lambda fee: -(fee or 0))  # empty blocks: it only falls


def test_a_stopped_sequencer_makes_up_for_it(stack: Stack) -> None:
    stack.run(6)
    head = stack.l2.head
    injected = stack.inject(fault.make("sequencer-stops", {"steps": "9"}))
    waiting = transfer(stack)
    stack.run(9)
    assert stack.l2.head == head
    assert stack.time - head.timestamp == 18
    assert stack.receipt("l2", waiting) is None
    stack.step()  # by itself, though not lifted
    assert stack.l2.head.timestamp == stack.time
    times = [block.timestamp for block in blocks(stack)]
    assert times == list(range(times[0], times[0] + 2 * len(times), 2))
    first = stack.l2.block(head.number + 1)
    assert first is not None
    assert user(first) == [waiting]
    [effect] = injected.effects
    assert (effect.layer, effect.number, effect.hash, effect.time) == ("l2", head.number, head.hash, head.timestamp + 2)
    assert_valid(stack, "l2", head.number)


def test_a_stopped_sequencer_goes_on_when_the_fault_is_lifted(stack: Stack) -> None:
    injected = stack.inject(fault.make("sequencer-stops", {"steps": 0}))
    stack.run(40)
    assert stack.l2.head.number == 0
    stack.lift(injected)
    stack.step()
    assert stack.l2.head.number == 41
    stack.step()
    assert stack.l2.head.number == 42


def test_unsafe_blocks_are_replaced_and_nothing_is_lost(stack: Stack) -> None:
    sent, seen = [], []
    stack.listeners.append(lambda layer, head, dropped: seen.append((layer, dropped)) if dropped else None)
    for _ in range(5):
        sent.append(transfer(stack))
        stack.step()
    assert not seen
    before = list(blocks(stack))
    injected = stack.inject(fault.make("unsafe-reorg", {"depth": 3, "every": 50}))
    stack.step()
    [(layer, dropped)] = seen
    assert layer == "l2"
    assert [block.hash for block in dropped] == [block.hash for block in before[2:]]
    assert stack.l2.head.number == 6
    assert [block.hash for block in blocks(stack)][:2] == [block.hash for block in before[:2]]
    assert not {block.hash for block in blocks(stack)} & {block.hash for block in before[2:]}
    assert all(stack.receipt("l2", each) is not None for each in sent)
    assert_valid(stack, "l2", 3)
    assert [effect.expected for effect in injected.effects] == [
        (Expected.finding("unsafe-reorg"), Expected.subject(before[2].hash))
    ]
    stack.run(49)
    assert len(seen) == 1
    stack.step()  # the 51st
    assert len(seen) == 2
    stack.lift(injected)
    stack.run(60)
    assert len(seen) == 2


def test_empty_blocks_are_replaced_by_others_too(stack: Stack) -> None:
    stack.run(4)
    before = stack.l2.block(4)
    stack.inject(fault.make("unsafe-reorg", {"depth": 1}))
    stack.step()
    after = stack.l2.block(4)
    assert before is not None
    assert after is not None
    assert before.hash != after.hash


def test_no_reorganisation_of_what_is_sent_to_l1(stack: Stack) -> None:
    batcher = stack.batcher
    dropped: list[Block] = []
    stack.listeners.append(lambda layer, head, gone: dropped.extend(gone))
    while batcher.sent == 0:
        stack.step()
    sent = stack.l2.head.number
    stack.run(1)
    stack.inject(fault.make("unsafe-reorg", {"depth": 4}))
    stack.run(30)
    assert min(block.number for block in dropped) == sent + 1
    assert batcher.safe.diverged is None
    assert batcher.safe.head.number > sent


def test_a_congested_l1_leaves_others_waiting(stack: Stack) -> None:
    stack.run(12)
    start = stack.l1.head.number + 1
    injected = stack.inject(fault.make("l1-congestion", {}))
    poor, rich = transfer(stack, layer="l1"), transfer(stack, "trader-1", "l1", tip=60 * GWEI)
    stack.run(36)
    full = list(blocks(stack, "l1", start))
    assert len(full) == 6
    for block in full[1:]:
        assert block.header.gas_used == block.header.gas_limit
        assert all(_core.decode_transaction(raw, "ethereum")["gas_limit"] <= 2**24 for raw in block.transactions)
    fees = [block.header.base_fee or 0 for block in full]
    assert all(later - earlier == earlier // 8 for earlier, later in itertools.pairwise(fees))
    assert rich in full[0].hashes
    assert full[0].hashes[0] == rich
    assert stack.receipt("l1", poor) is None
    assert poor in stack.l1_pool
    assert_valid(stack, "l1", start)
    assert [effect.number for effect in injected.effects] == [block.number for block in full]
    stack.lift(injected)
    stack.run(12)
    assert stack.receipt("l1", poor) is not None
    after = list(blocks(stack, "l1", start + 6))
    assert len(after) == 2
    assert all(block.header.gas_used < block.header.gas_limit // 10 for block in after)


def test_part_of_the_l1_gas(stack: Stack) -> None:
    stack.run(6)
    start = stack.l1.head.number + 1
    stack.inject(fault.make("l1-congestion", {"percent": 70}))
    poor = transfer(stack, layer="l1")
    stack.run(12)
    assert stack.receipt("l1", poor) is not None
    for block in blocks(stack, "l1", start):
        assert 0.7 * block.header.gas_limit - 60_000 <= block.header.gas_used <= 0.7 * block.header.gas_limit + 60_000


def test_a_stale_oracle_halts_its_keeper_only(stack: Stack) -> None:
    assert not stack.halted("oracle")
    injected = stack.inject(fault.make("stale-oracle", {"steps": 3}))
    for _ in range(3):
        assert [what for what in ("l1", "sequencer", "batcher", "oracle") if stack.halted(what)] == ["oracle"]
        stack.step()
    assert not stack.halted("oracle")
    assert len(injected.effects) == 1
    stack.lift(injected)
    forever = stack.inject(fault.make("stale-oracle", {}))
    stack.run(100)
    assert stack.halted("oracle")
    stack.lift(forever)
    assert not stack.halted("oracle")


def test_a_chain_that_is_left(stack: Stack) -> None:
    stack.run(6)
    head = stack.l2.head
    injected = stack.inject(fault.make("chain-sunset", {}))
    stack.run(30)
    assert stack.l2.head == head
    assert stack.time - stack.l1.head.timestamp < 12
    for what in ("sequencer", "batcher", "proposer", "challenger", "relayer"):
        assert stack.halted(what)
    assert not stack.halted("l1")
    for node in ("l2", "l2-follower"):
        with pytest.raises(Dropped):
            injected.answer(stack, node, "eth_blockNumber", [], "0x6")
    assert injected.answer(stack, "l1", "eth_blockNumber", [], "0x6") == "0x6"
    stack.lift(injected)
    stack.step()
    assert stack.l2.head.timestamp == stack.time


def test_parameters_are_checked(stack: Stack) -> None:
    with pytest.raises(Unsupported, match="no operator 'baker'"):
        stack.inject(ChainSunset(operators="sequencer,baker"))
    for name, parameters in (
        ("sequencer-stops", {"steps": -1}),
        ("unsafe-reorg", {"depth": 0}),
        ("l1-congestion", {"percent": 101}),
    ):
        with pytest.raises(Malformed, match=name):
            stack.inject(fault.make(name, parameters))
    assert stack.faults == []
