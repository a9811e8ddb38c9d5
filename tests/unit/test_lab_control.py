"""The lab without a fault: every block of both layers holds over HTTP, and the second machine reproduces a sample."""

from __future__ import annotations

import pytest

from rollproof.lab.block import Block
from rollproof.lab.node.node import Node
from rollproof.lab.node.server import Server
from rollproof.lab.stack import Stack
from rollproof.lab.stratum import sample, strata
from rollproof.replay import online
from rollproof.replay.verify import verify_claim
from rollproof.types import Outcome

BLOCKS = 150


@pytest.fixture(scope="module")
def stack() -> Stack:
    stack = Stack(seed=11)
    stack.populate()
    stack.run(BLOCKS - stack.l2.head.number)
    return stack


@pytest.mark.parametrize("layer", ["l1", "l2"])
def test_every_block_holds_with_its_own_hash(stack: Stack, layer: str) -> None:
    chain = stack.chain(layer)
    options = online.Options(jobs=2, config=chain.config, second_opinion="never")
    with Server(Node(chain, stack=stack, name=layer)) as server:
        verdicts = list(online.verify_range([server.url], f"1:{chain.head.number + 1}", options))
    assert [verdict.number for verdict in verdicts] == list(range(1, chain.head.number + 1))
    for verdict in verdicts:
        block = chain.block(verdict.number or 0)
        assert block is not None
        assert (verdict.outcome, verdict.computed_hash) == (Outcome.HOLDS, block.hash), verdict.reason


@pytest.mark.eels
@pytest.mark.parametrize("layer", ["l1", "l2"])
def test_the_second_machine_reproduces_a_sample(stack: Stack, layer: str) -> None:
    chain = stack.chain(layer)
    blocks, _ = sample(chain, 0, each=1)
    for block in blocks[:: max(1, len(blocks) // 12)]:
        verdict = verify_claim(chain.claim(block), chain.witness(block), config=chain.config, second_opinion="always")
        assert verdict.outcome is Outcome.HOLDS, verdict.reason
        assert verdict.second_opinion is not None
        assert verdict.second_opinion["agrees"] is True


def test_a_sample_holds_every_stratum(stack: Stack) -> None:
    chain = stack.l2
    blocks: list[Block] = [b for n in range(1, chain.head.number + 1) if (b := chain.block(n)) is not None]
    kinds = [set(strata(block, chain)) for block in blocks]
    there = set().union(*kinds)
    chosen, count = sample(chain, 40)
    assert set(count) == there
    assert len(chosen) >= 40
    assert {("type 126",), ("type 2",), ("transfer",)} <= there
    for stratum in there:
        held = sum(stratum in kind for kind in kinds)
        assert count[stratum] >= min(3, held)


def test_safe_head_follows_what_is_on_l1(stack: Stack) -> None:
    safe, finalized = stack.l2_heads()
    assert finalized <= safe <= stack.l2.head.number
    assert safe > BLOCKS - 60
    assert stack.batcher.safe.diverged is None
