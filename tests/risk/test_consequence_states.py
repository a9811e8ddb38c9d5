"""How the claimed state becomes known: by its root, by what was disclosed, by the block's own wrong fees, or not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from risk.consequence_bed import B, Bed, compared
from rollproof import _core
from rollproof.lab.block import Block
from rollproof.lab.transaction import Account
from rollproof.replay import execute
from rollproof.replay.both_states import BothStates, both_states
from rollproof.replay.header import header_hash, with_results
from rollproof.types import Claim, Outcome, PayloadAttributes
from unit.venue_chain import CONFIG
from unit.venue_model import USD

GIFT = 5_000 * USD


@pytest.fixture(scope="module")
def bed() -> Bed:
    return Bed()


def judged(bed: Bed, claim: Claim, preimages: _core.Preimages) -> BothStates:
    return both_states(claim, preimages, config=bed.venue.chain.config, second_opinion="never")


def only_parents(bed: Bed, block: Block) -> _core.Preimages:
    """Without the root of the block's claimed state."""
    left = _core.Preimages()
    left.add([each for each in bed.venue.chain.preimages.values() if _core.keccak256(each) != block.header.state_root])
    return left


def by_attributes(bed: Bed, block: Block, **more: Any) -> Claim:
    """The claim as a payload has it: what the block was asked for, and the hash that came out."""
    header = block.header
    attributes = PayloadAttributes(
        header.timestamp, header.mix_hash, header.beneficiary, header.gas_limit, header.parent_beacon_block_root,
        extra_data=header.extra_data,
    )  # fmt: skip
    return bed.claim(block, header=None, attributes=attributes, **more)


def disclosed(bed: Bed, amount: int) -> dict[bytes, Any]:
    address, slot = bed.account(B)
    return {address: {"storage": {slot.to_bytes(32, "big"): amount}}}


def gift(bed: Bed) -> Block:
    return bed.lie([(bed.account(B), bed.value(bed.account(B)) + GIFT)])


def test_a_hash_alone_tells_no_state(bed: Bed) -> None:
    block = gift(bed)
    states = judged(bed, by_attributes(bed, block), bed.venue.chain.preimages)
    assert states.verdict.outcome is Outcome.BROKEN
    assert states.claimed is None
    assert "not known" in states.reason


def test_a_hash_proves_what_was_disclosed(bed: Bed) -> None:
    block = gift(bed)
    right = bed.value(bed.account(B)) + GIFT
    states = judged(bed, by_attributes(bed, block, post_state=disclosed(bed, right)), only_parents(bed, block))
    assert states.claimed == block.header.state_root
    wrong = judged(bed, by_attributes(bed, block, post_state=disclosed(bed, right + 1)), only_parents(bed, block))
    assert (wrong.verdict.outcome, wrong.claimed) == (Outcome.BROKEN, None)


def test_a_block_with_wrong_fees_is_read_by_its_own(bed: Bed) -> None:
    """Its state is what its transactions make at a base fee that the rules do not allow."""
    chain = bed.venue.chain
    inputs = chain.inputs(chain.head)
    env = replace(chain.head.header, base_fee=(chain.head.header.base_fee or 0) + 10**9)
    done = execute.run(replace(inputs, env=env), None, 1)
    assert isinstance(done, _core.Done)
    header = with_results(env, done)
    assert header.state_root not in chain.preimages
    claim = bed.claim(chain.head, header=header, claimed_hash=header_hash(header))
    fresh = _core.Preimages()
    fresh.add(chain.preimages.values())
    states = judged(bed, claim, fresh)
    assert states.verdict.outcome is Outcome.BROKEN
    assert states.claimed == header.state_root
    assert states.claimed != states.computed


def test_a_transaction_that_may_not_be_in_it_makes_no_state(bed: Bed) -> None:
    chain = bed.venue.chain
    stranger = Account.named("nobody", CONFIG.chain_id)
    raw = stranger.send(b"\x09" * 20, value=1, gas=21_000)
    root = _core.ordered_root([*chain.head.transactions, raw])
    header = replace(chain.head.header, transactions_root=root)
    claim = bed.claim(
        chain.head, header=header, claimed_hash=header_hash(header), transactions=(*chain.head.transactions, raw)
    )
    states = judged(bed, claim, chain.preimages)
    assert states.verdict.outcome is Outcome.BROKEN
    assert (states.claimed, states.computed) == (None, None)
    assert "may not be in it" in states.reason


def test_a_list_entry_that_is_missing_is_said(bed: Bed) -> None:
    """Who the second account is, nobody can say without its place in the list."""
    block = gift(bed)
    listed = int.from_bytes(_core.keccak256(bed.venue.venue.slots["_list"].to_bytes(32, "big")), "big")
    place = (bed.venue.venue.address, listed + 1)
    assert bed.value(place) == int.from_bytes(bed.who(B), "big")
    _, revalued = bed.judged(block, bed.without(place, block, bed.venue.chain.head))
    found = compared(revalued)
    assert "1 of 4 accounts" in found.unlisted
    assert not found.complete
    assert found.hole is None
