"""The batcher and the safe head: what is published comes back from L1 alone, and what goes wrong is seen."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from rollproof import _core
from rollproof.lab.batcher import Batcher, batch_of, gas_for
from rollproof.lab.block import Block
from rollproof.lab.faults.fault import Fault
from rollproof.lab.stack import Stack
from rollproof.rollup.op_stack import derivation
from rollproof.rollup.op_stack.batch import SingularBatch
from rollproof.rollup.op_stack.derivation import L1Data
from rollproof.rollup.op_stack.l1_attributes import L1Attributes


def lab(seed: int = 0) -> tuple[Stack, Batcher]:
    stack = Stack(seed=seed)
    there = [each for each in stack.operators if isinstance(each, Batcher)]
    if not there:
        there.append(Batcher(stack))
        stack.operators.append(there[0])
    return stack, there[0]


def traffic(stack: Stack, steps: int) -> None:
    to = stack.account("bystander", "l2").address
    for step in range(steps):
        stack.send("l2", f"trader-{step % 5}", to, value=step, tip=10**9 + step)
        stack.step()


def l2_block(stack: Stack, number: int) -> Block:
    block = stack.l2.block(number)
    assert block is not None
    return block


def test_l1_alone_gives_back_what_the_sequencer_ordered() -> None:
    stack, batcher = lab()
    traffic(stack, 90)
    key = stack.account("batcher", "l1").address
    l1 = [stack.l1.block(number) for number in range(1, stack.l1.head.number + 1)]
    data = [L1Data(block.number, block.transactions, key) for block in l1 if block is not None]
    posted = [each.batch for each in derivation.derive(data, inbox=stack.rollup.inbox)]
    assert len(posted) >= 60
    for number, batch in enumerate(posted, 1):
        block = l2_block(stack, number)
        assert batch == SingularBatch(
            block.header.parent_hash, batch.epoch_number, batch.epoch_hash, block.timestamp, block.transactions[1:]
        )
        origin = stack.l1.block(batch.epoch_number)
        assert origin is not None
        assert origin.hash == batch.epoch_hash
    assert batcher.safe.head.number == len(posted)
    assert not batcher.safe.dropped
    assert stack.l2.head.number - batcher.safe.head.number < 30  # two slots to collect, one to be included, some delay
    assert not stack.refused


def test_the_same_seed_publishes_the_same_bytes() -> None:
    heads = []
    for seed in (3, 3, 4):
        stack, _ = lab(seed)
        traffic(stack, 40)
        heads.append((stack.l1.head.hash, stack.l2.head.hash))
    assert heads[0] == heads[1]
    assert heads[0][0] != heads[2][0]  # the channel's id is drawn


def test_finality_follows_l1() -> None:
    stack, batcher = lab()
    stack.run(6 * 63)
    assert batcher.safe.heads() == (batcher.safe.head.number, 0)
    seen = batcher.safe.head.number
    stack.run(6 * 64)
    safe, final = batcher.safe.heads()
    assert seen - 12 <= final <= seen + 12
    assert safe - final >= 6 * 60


def test_a_large_channel_takes_many_frames() -> None:
    stack, batcher = lab()
    to = stack.account("bystander", "l2").address
    for number in range(3):
        stack.send("l2", f"trader-{number}", to, data=bytes([1 + number]) * 90_000, gas=4_000_000)
    stack.run(40)
    sent = [raw for number in range(1, stack.l1.head.number + 1) for raw in _l1(stack, number).transactions]
    assert max(map(len, sent)) < 128 * 1024
    assert sum(len(raw) > 100_000 for raw in sent) >= 2
    assert batcher.safe.head.number > 20
    assert batcher.safe.diverged is None


def _l1(stack: Stack, number: int) -> Block:
    block = stack.l1.block(number)
    assert block is not None
    return block


@dataclass
class Halt(Fault):
    def halts(self, stack: Stack, what: str) -> bool:
        return what == "batcher"


def test_a_batcher_that_stops_and_goes_on() -> None:
    stack, batcher = lab()
    traffic(stack, 40)
    fault = stack.inject(Halt())
    traffic(stack, 60)
    stood = batcher.safe.head.number
    assert stood <= 40
    traffic(stack, 30)
    assert batcher.safe.head.number == stood
    stack.lift(fault)
    traffic(stack, 40)
    assert batcher.safe.head.number > 130
    assert batcher.safe.diverged is None


@dataclass
class Withhold(Fault):
    number: int = 50

    def batch(self, stack: Stack, block: Block, batch: SingularBatch) -> SingularBatch | None:
        return None if block.number == self.number else batch


def test_a_block_that_is_left_out_stops_the_safe_head_until_it_is_published() -> None:
    stack, batcher = lab()
    fault = stack.inject(Withhold())
    traffic(stack, 120)
    assert batcher.safe.head.number == 49
    assert {reason[:5] for _, reason in batcher.safe.dropped} == {"a gap"}
    assert batcher.sent > 100  # it does not publish the same over and over
    stack.lift(fault)
    traffic(stack, 40)
    assert batcher.safe.head.number > 130


@dataclass
class Falsify(Fault):
    """Leaves a transaction out of one block's batch."""

    number: int = 50

    def batch(self, stack: Stack, block: Block, batch: SingularBatch) -> SingularBatch | None:
        return replace(batch, transactions=batch.transactions[1:]) if block.number == self.number else batch


def test_a_batch_that_differs_is_another_chain() -> None:
    stack, batcher = lab()
    fault = stack.inject(Falsify())
    traffic(stack, 90)
    diverged = batcher.safe.diverged
    assert diverged is not None
    assert (diverged.number, diverged.reason) == (50, "other transactions than L1 has")
    stack.lift(fault)
    traffic(stack, 60)
    assert batcher.safe.head.number == 49  # L1 has settled it
    stack.sequencer.rewind(49)
    stack.step()
    assert batcher.safe.diverged is not None  # another block, and still not L1's


def test_what_is_not_read_yet_is_named_and_stops_the_safe_head() -> None:
    stack, batcher = lab()
    traffic(stack, 40)
    stood = batcher.safe.head.number
    stack.send("l1", "batcher", stack.rollup.inbox, data=b"\x01" + bytes(32))
    traffic(stack, 60)
    assert "alt-DA" in batcher.safe.unread
    assert stood <= batcher.safe.head.number < 60
    assert batcher.sent > 80


@dataclass
class Lie(Fault):
    field: str = "base_fee"

    def attributes(self, stack: Stack, attributes: L1Attributes) -> L1Attributes:
        return replace(attributes, **{self.field: getattr(attributes, self.field) + 1})


@pytest.mark.parametrize("field", ["base_fee", "timestamp", "number", "blob_base_fee", "sequence_number"])
def test_a_lie_about_l1_is_not_confirmed(field: str) -> None:
    stack, batcher = lab()
    traffic(stack, 40)
    fault = stack.inject(Lie(field))
    traffic(stack, 1)
    lied = stack.l2.head.number
    stack.lift(fault)
    traffic(stack, 60)
    assert batcher.safe.head.number == lied - 1
    if field == "number":
        assert batcher.safe.dropped
    else:
        assert batcher.safe.diverged is not None
        assert (batcher.safe.diverged.number, batcher.safe.diverged.reason[:19]) == (lied, "other L1 attributes")


def test_an_l1_reorganisation_takes_the_safe_head_back() -> None:
    """Where its transactions are lost; where they are in the block that takes the place, nothing changes."""
    for lose in (False, True):
        stack, batcher = lab()
        traffic(stack, 90)
        before = batcher.safe.head
        gone = [each for number in range(3) for each in _l1(stack, stack.l1.head.number - number).hashes]
        assert gone
        stack.l1_builder.reorganise(3, lose=frozenset(gone if lose else ()))
        batcher.safe.sync()
        assert (batcher.safe.head.number < before.number) is lose
        traffic(stack, 60)
        assert batcher.safe.head.number > before.number + 30
        assert batcher.safe.diverged is None


def test_an_l2_reorganisation_above_what_is_published_is_followed() -> None:
    stack, batcher = lab()
    traffic(stack, 60)
    stack.sequencer.rewind(batcher.sent)
    traffic(stack, 60)
    assert batcher.safe.diverged is None
    assert batcher.safe.head.number > 90


def test_gas_is_what_the_transaction_needs() -> None:
    """EIP-7623: 21000 + 10 for a zero byte, 40 for another."""
    assert gas_for(b"\x00\x01") == 21_000 + 10 + 40
    stack, _ = lab()
    traffic(stack, 30)
    used = [
        (outcome["gas_used"], gas_for(stack_input))
        for number in range(1, stack.l1.head.number + 1)
        for outcome, stack_input in _inputs(stack, number)
    ]
    assert used
    assert all(gas == limit for gas, limit in used)


def _inputs(stack: Stack, number: int) -> list[tuple[dict[str, int], bytes]]:
    block = _l1(stack, number)
    decoded = [_core.decode_transaction(raw, "ethereum") for raw in block.transactions]
    return [
        (dict(outcome), each["input"])
        for outcome, each in zip(block.outcomes, decoded, strict=True)
        if each["to"] == stack.rollup.inbox
    ]


def test_a_batch_says_what_its_block_does() -> None:
    stack, _ = lab()
    traffic(stack, 3)
    block = l2_block(stack, 3)
    batch = batch_of(block)
    assert (batch.timestamp, batch.parent_hash) == (block.timestamp, l2_block(stack, 2).hash)
    assert batch.transactions == block.transactions[1:]
    assert len(batch.transactions) == 1
