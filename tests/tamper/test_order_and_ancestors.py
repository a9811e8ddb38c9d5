"""What no result of a block depends on: the order of like transactions; and what a list of hashes may change."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from rollproof.replay.header import header_hash
from rollproof.replay.second_opinion import available
from rollproof.replay.verify import verify_claim
from rollproof.types import Outcome
from tamper import seal, synthetic
from tamper.known_state import SLOT_0, TOUCH, accounts, people
from tamper.synthetic import (
    BASE_FEE,
    ETHER,
    ETHEREUM_CANCUN,
    Holder,
)

pytestmark = [
    pytest.mark.eels,
    pytest.mark.skipif(not available(), reason="EELS is not installed: pip install 'rollproof[eels]'"),
]


def transfers(count: int) -> seal.Executed:
    """Plain transfers by as many senders: their order leaves no trace but the transactions root."""
    senders = [synthetic.account(f"sender {index}", 1) for index in range(count)]
    held: dict[bytes, Holder] = {each.address: (0, ETHER, b"", {}) for each in senders}
    made = [each.send(b"\x99" * 20, value=index + 1) for index, each in enumerate(senders)]
    return synthetic.block(ETHEREUM_CANCUN, held, made)


@pytest.mark.parametrize("count", [4, 12])
def test_like_transactions_out_of_order_accuse_nobody(count: int) -> None:
    """Everything but the root is reproduced, and yet it is the list that is wrong."""
    block = transfers(count)
    raws = block.claim.transactions
    shuffles = [raws[::-1], raws[1:] + raws[:1], (raws[1], raws[0], *raws[2:]), (*raws[2:], raws[0], raws[1])]
    if count == 4:
        shuffles += [tuple(order) for order in permutations(raws)]
    for shuffled in shuffles:
        result = verify_claim(replace(block.claim, transactions=shuffled), block.values, second_opinion="never")
        assert result.outcome is (Outcome.HOLDS if shuffled == raws else Outcome.UNKNOWN)
        assert shuffled == raws or "self-inconsistent: transactions_root" in result.reason


@pytest.mark.parametrize("count", [4, 12])
def test_wrong_transactions_root_over_like_transactions(count: int) -> None:
    """No order gives it: `broken`; where not all could be tried, that is said."""
    block = transfers(count)
    header = replace(block.header, transactions_root=b"\x5a" * 32)
    claim = replace(block.claim, header=header, claimed_hash=header_hash(header))
    result = verify_claim(claim, block.values, second_opinion="never")
    assert result.outcome is Outcome.BROKEN
    assert list(seal.found(result)) == ["transactions_root"]
    assumed = "transactions with like receipts are served in the order of the block" in result.assumes
    assert assumed == (count == 12)


# Stores the hash of the block three before in slot 0.
ANCESTOR = bytes.fromhex("60034303405f5500")


def test_an_ancestors_hash_that_nobody_vouches_for() -> None:
    """With the header chain it is proven; from a list it is the record's word, and no accusation rests on it."""
    alice, _ = people(1)
    held = {**accounts(ETHEREUM_CANCUN), TOUCH: (1, 0, ANCESTOR, {})}
    claim, values = synthetic.propose(ETHEREUM_CANCUN, held, [alice.send(TOUCH)])
    listed = {claim.number - 3: b"\x21" * 32}
    block = seal.execute_claim(replace(claim, block_hashes=listed), values)
    assert [
        (slot, after) for address, _, _, slots in block.done.changes if address == TOUCH for slot, _, after in slots
    ] == [(SLOT_0, int.from_bytes(b"\x21" * 32, "big"))]
    result = verify_claim(block.claim, block.values, second_opinion="never")
    assert result.outcome is Outcome.HOLDS
    word = f"block hashes from the record, read by BLOCKHASH: {claim.number - 3}"
    assert word in result.assumes
    other = replace(block.claim, block_hashes={claim.number - 3: b"\x22" * 32})
    result = verify_claim(other, block.values, second_opinion="never")
    assert result.outcome is Outcome.UNKNOWN
    assert result.reason == f"differs in state_root, but rests on {word}"
    result = verify_claim(replace(other, block_hashes={}), block.values, second_opinion="never")
    assert result.outcome is Outcome.UNKNOWN
    assert "missing: " in result.reason
    # A wrong claim that the list could explain is not judged; one that breaks a rule beside it is.
    header = replace(block.header, state_root=b"\x5a" * 32)
    for changed, outcome in ((header, Outcome.UNKNOWN), (replace(header, base_fee=BASE_FEE + 1), Outcome.BROKEN)):
        wrong = replace(block.claim, header=changed, claimed_hash=header_hash(changed))
        result = verify_claim(wrong, block.values, second_opinion="never")
        assert result.outcome is outcome
    assert list(seal.found(result)) == ["base_fee"]
