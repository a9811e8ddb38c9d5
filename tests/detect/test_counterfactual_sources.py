"""Other orders against other sources of truth: a second machine, a node, plain values, and the token itself."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

import rollproof as rp
from detect.exchange import Exchange, Pool
from detect.stage import ETHER
from rollproof import _core
from rollproof.chain.claims import claims
from rollproof.chain.pinned import Values
from rollproof.chain.witness import NodeSource
from rollproof.lab.block import Block
from rollproof.lab.chain import Chain
from rollproof.lab.check import LabNode
from rollproof.lab.node.node import Node
from rollproof.lab.stack import Stack
from rollproof.lab.transaction import created
from rollproof.replay import by_value, order, reorder, second_opinion
from rollproof.replay.confirm import opinion_inputs
from rollproof.replay.counterfactual import Counterfactual
from rollproof.replay.recorder import ByValue, Proofs
from rollproof.replay.replayed import Fate, Replay, difference
from unit.defi_lab import deployment


@pytest.fixture(scope="module")
def busy() -> Stack:
    stack = Stack(seed=12)
    stack.populate()
    stack.run(24)
    return stack


def busiest(chain: Chain, count: int) -> list[Block]:
    blocks = [block for number in range(1, chain.head.number + 1) if (block := chain.block(number)) is not None]
    return sorted(blocks, key=lambda block: -len(block.transactions))[:count]


def shuffled(block: Block, seed: int) -> list[int]:
    """Deposits first, then some of the others in any order."""
    forced = order.deposits(block.transactions)
    rest = list(range(forced, len(block.transactions)))
    rng = random.Random(seed)
    rng.shuffle(rest)
    return [*range(forced), *rest[: rng.randint(1, max(1, len(rest)))]]


@pytest.mark.eels
@pytest.mark.parametrize("layer", ["l1", "l2"])
def test_a_second_machine_comes_to_the_same(busy: Stack, layer: str) -> None:
    """What is included of an order is a block like any other: EELS executes it, and refuses what was excluded."""
    if not second_opinion.available():
        pytest.skip(second_opinion.INSTALL)
    chain, excluded = busy.chain(layer), 0
    for seed, block in enumerate(busiest(chain, 3)):
        inputs = chain.inputs(block)
        found = Counterfactual(inputs).replay(shuffled(block, seed))
        kept = tuple(block.transactions[each.index] for each in found.transactions if each.fate is Fate.INCLUDED)
        opinion = second_opinion.reexecute(opinion_inputs(replace(inputs, transactions=kept)))
        assert found.ran is not None
        assert second_opinion.compare(found.ran, opinion) == ()
        for at, each in enumerate(found.transactions):
            if each.fate is Fate.EXCLUDED:
                excluded += 1
                before = [one.index for one in found.transactions[:at] if one.fate is Fate.INCLUDED]
                tried = tuple(block.transactions[index] for index in (*before, each.index))
                refused = second_opinion.reexecute(opinion_inputs(replace(inputs, transactions=tried)))
                assert refused.invalid is not None
                break
    assert excluded or layer == "l1"


@pytest.mark.parametrize("layer", ["l1", "l2"])
def test_what_the_witness_lacks_is_fetched_and_proven(busy: Stack, layer: str) -> None:
    chain = busy.chain(layer)
    pool = busy.pool(layer)
    provider = LabNode(Node(chain, pool=pool, stack=busy, name=layer))
    for seed, block in enumerate(busiest(chain, 3)):
        with closing(cast("Any", claims([provider], str(block.number)))) as served_blocks:
            served = next(served_blocks)
            source, preimages = Proofs(served.source), _core.Preimages()
            preimages.add(served.source.begin())
            inputs = reorder.inputs_of(served.claim, preimages, chain.config, source)
            right = Counterfactual(chain.inputs(block))
            other = Counterfactual(inputs, source)
            for places in (shuffled(block, seed), shuffled(block, seed + 100)):
                assert other.replay(places).state_root == right.replay(places).state_root is not None
                again = Counterfactual(inputs)  # offline, with what the block's evidence has by now
                assert again.replay(places).state_root == right.replay(places).state_root


def test_a_block_of_a_node_in_one_call(busy: Stack) -> None:
    chain = busy.l2
    provider = LabNode(Node(chain, pool=busy.l2_pool, stack=busy, name="l2"))
    [block] = busiest(chain, 1)
    places = shuffled(block, 7)
    found = rp.replay([provider], places, block=block.number, config=chain.config)
    assert found.state_root == Counterfactual(chain.inputs(block)).replay(places).state_root is not None
    with pytest.raises(rp.Malformed, match="nodes need the block"):
        rp.replay([provider], places)


@dataclass
class Plain:
    """What `Synthetic` asks a node for, from the lab's state, with no proofs: it starts with nothing."""

    chain: Chain
    block: Block
    asked: list[int] = field(default_factory=list)

    def touched(self) -> dict[bytes, set[bytes]]:
        return {}

    def read_values(
        self, accounts: Mapping[bytes, Sequence[bytes]], slots: Mapping[bytes, Sequence[bytes]], *, after: bool
    ) -> dict[bytes, Values]:
        assert not after
        self.asked.append(len(accounts))
        parent = self.chain.block(self.block.number - 1)
        found = {}
        for address in accounts:
            nonce, balance, _, _ = self.chain.account(address, parent)
            held = {each: self.chain.storage(address, int.from_bytes(each, "big"), parent) for each in slots[address]}
            found[address] = Values(nonce, balance, self.chain.code(address, parent), held)
        return found


def test_a_state_that_is_read_by_value() -> None:
    """Another order touches what the block did not: it is read then, and no absence is taken for the truth."""
    stack = Stack(seed=5)
    deployer = stack.account("bystander", "l2")
    contract = created(deployer.address, stack.next_nonce("l2", deployer))
    # SLOAD(0), JUMPI over SSTORE(1, BALANCE(CALLDATALOAD(0))); SSTORE(0, 1)
    stack.send("l2", deployer, None, data=deployment(bytes.fromhex("5f54600b575f35316001555b60015f55")), gas=200_000)
    stack.step()
    rich, poor = (bytes(12) + stack.account(name, "l2").address for name in ("trader-0", "bystander"))
    sets = stack.send("l2", "bystander", contract, data=poor, gas=100_000)
    stack.send("l2", "victim", contract, data=rich, gas=100_000)
    stack.step()
    chain, block = stack.l2, stack.l2.head
    plain = Plain(chain, block)
    source = ByValue(cast("NodeSource", plain))
    blind = replace(chain.inputs(block), preimages=_core.Preimages())
    inputs, result = by_value.run(blind, source, 64)
    assert isinstance(result, _core.Done)
    asked = len(plain.asked)
    places = order.without(len(block.transactions), [block.hashes.index(sets)])
    other, right = Counterfactual(inputs, source).replay(places), Counterfactual(chain.inputs(block)).replay(places)
    assert len(plain.asked) > asked
    assert outcomes(other) == outcomes(right)
    assert other.balances == right.balances
    assert written(other, contract) == written(right, contract) == {1: 1, 2: chain.account(rich[12:])[1]}


def written(found: Replay, account: bytes) -> dict[int, int]:
    """Slots (counted from 1) that an order leaves with a value."""
    assert found.ran is not None
    return {
        int.from_bytes(slot, "big") + 1: after
        for address, _, _, slots in found.ran.changes
        if address == account
        for slot, _, after in slots
    }


def outcomes(found: Replay) -> list[Any]:
    return [(each.index, each.fate, each.kind, each.outcome) for each in found.transactions]


def test_the_difference_in_tokens_is_what_the_token_says() -> None:
    """Balances read from the token after both orders, each built by the lab into a block of its own."""
    exchange, pool = Exchange(), Pool(10**6 * ETHER, 2 * 10**6 * ETHER)
    stage = exchange.stage
    got = pool.trade(40_000 * ETHER)
    raw = [exchange.swap(0, 40_000 * ETHER), exchange.swap(1, 9_000 * ETHER), exchange.swap(0, got, up=False)]
    held = []
    for listed in (raw, raw[1:2]):
        chain = stage.chain.branch()
        block = chain.build(listed, timestamp=chain.head.timestamp + 12).block
        chain.append(block)
        held.append(
            {
                token.address: int.from_bytes(chain.call(token.address, token.encode("balanceOf", who)).output, "big")
                for token in (exchange.one, exchange.two)
                for who in (stage.account(1).address,)
            }
        )
    seen = stage.run(raw)
    assert seen.counterfactual is not None
    own = difference(seen.counterfactual.actual, seen.counterfactual.replay([1]), stage.account(1).address)
    said = {token: held[0][token] - held[1][token] for token in held[0]}
    assert said[exchange.two.address] < 0
    assert dict(own.tokens) == {token: amount for token, amount in said.items() if amount}
    assert own.native == 0
