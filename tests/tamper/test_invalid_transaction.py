"""Transactions that no block may have, each after a valid one on a state that is wholly known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from rollproof import _core
from rollproof.lab.transaction import GWEI
from rollproof.replay.header import header_hash
from rollproof.replay.second_opinion import available
from rollproof.replay.verify import verify_claim
from rollproof.types import Outcome
from tamper import seal, synthetic
from tamper.known_state import TOUCH, accounts, people
from tamper.synthetic import (
    BASE_FEE,
    ETHER,
    ETHEREUM_CANCUN,
    ETHEREUM_OSAKA,
    ETHEREUM_PRAGUE,
    OP_ISTHMUS,
    OP_JOVIAN,
)

pytestmark = [
    pytest.mark.eels,
    pytest.mark.skipif(not available(), reason="EELS is not installed: pip install 'rollproof[eels]'"),
]


def _legacy_of_another_chain() -> bytes:
    return synthetic.account("alice", 5).send_legacy(b"\x99" * 20)


# Bytes that do not compress: at a footprint scalar of 400 they weigh more than the block's gas limit.
RANDOM = b"".join(_core.keccak256(index.to_bytes(4, "big")) for index in range(3_125))

INVALID: list[tuple[str, tuple[int, int], Any]] = [
    ("insufficient-funds", ETHEREUM_CANCUN, lambda a: a.send(TOUCH, value=ETHER)),
    ("insufficient-funds", OP_JOVIAN, lambda a: a.send(TOUCH, value=ETHER - 21_000 * 100 * GWEI)),  # but for L2's fees
    ("insufficient-funds", ETHEREUM_CANCUN, lambda a: synthetic.account("nobody", 1).send(TOUCH)),
    ("intrinsic-gas-too-low", ETHEREUM_CANCUN, lambda a: a.send(TOUCH, gas=20_999)),
    ("intrinsic-gas-too-low", ETHEREUM_PRAGUE, lambda a: a.send(TOUCH, data=b"\1" * 100, gas=24_999)),  # EIP-7623
    ("intrinsic-gas-too-low", OP_ISTHMUS, lambda a: a.send(TOUCH, gas=20_999)),
    ("fee-below-base-fee", ETHEREUM_CANCUN, lambda a: a.send(TOUCH, fee=BASE_FEE - 1, tip=0)),
    ("fee-below-base-fee", OP_JOVIAN, lambda a: a.send_legacy(TOUCH, price=BASE_FEE - 1)),
    ("tip-above-fee-cap", ETHEREUM_CANCUN, lambda a: a.send(TOUCH, fee=2 * GWEI, tip=2 * GWEI + 1)),
    ("nonce-too-high", ETHEREUM_CANCUN, lambda a: replace(a, nonce=a.nonce + 1).send(TOUCH)),
    ("nonce-too-low", OP_ISTHMUS, lambda a: replace(a, nonce=a.nonce - 1).send(TOUCH)),
    ("chain-id", ETHEREUM_CANCUN, lambda a: _legacy_of_another_chain()),
    (
        "block-gas-exceeded",
        ETHEREUM_CANCUN,
        lambda a: a.send(TOUCH, gas=synthetic.GAS_LIMIT - 20_999, fee=BASE_FEE, tip=0),
    ),
    ("block-gas-exceeded", OP_JOVIAN, lambda a: a.send(TOUCH, gas=synthetic.GAS_LIMIT - 20_999, fee=BASE_FEE, tip=0)),
    ("init-code-too-large", ETHEREUM_CANCUN, lambda a: a.send(None, data=bytes(49_153), gas=5_000_000)),
    ("blob-gas-exceeded", ETHEREUM_CANCUN, lambda a: a.send(TOUCH, blobs=[b"\1" + bytes(31)] * 7)),
    ("blob-gas-exceeded", ETHEREUM_OSAKA, lambda a: a.send(TOUCH, blobs=[b"\1" + bytes(31)] * 22)),  # BPO 2: 21
    ("blobs", ETHEREUM_PRAGUE, lambda a: a.send(TOUCH, blobs=[b"\2" + bytes(31)])),  # not a KZG hash
    ("gas-limit-above-cap", ETHEREUM_OSAKA, lambda a: a.send(TOUCH, gas=2**24 + 1, fee=BASE_FEE, tip=0)),  # EIP-7825
    ("da-footprint-exceeded", OP_JOVIAN, lambda a: a.send(TOUCH, data=RANDOM, gas=4_100_000, fee=BASE_FEE, tip=0)),
    ("sender-has-code", ETHEREUM_CANCUN, lambda a: synthetic.account("coded", 1).send(TOUCH)),
]


@pytest.mark.parametrize(("kind", "era", "make"), INVALID, ids=[f"{row[0]}-{n}" for n, row in enumerate(INVALID)])
def test_an_invalid_transaction_after_a_valid_one(kind: str, era: tuple[int, int], make: Any) -> None:
    held = accounts(era)
    held[synthetic.account("coded", 1).address] = (0, ETHER, synthetic.STOP, {})
    alice, bob = people(era[0])
    valid = alice.send(bob.address, value=5)
    block = synthetic.block(era, held, [valid])
    claim = include(block, [*block.claim.transactions, make(alice)])
    result = verify_claim(claim, block.values, second_opinion="auto")
    assert result.outcome is Outcome.BROKEN, result.reason
    assert result.confirmed is True
    claimed, computed = seal.found(result)[str(len(block.claim.transactions))]
    assert claimed == "included"
    assert (computed or "").startswith(f"invalid, {kind}: ")


def test_block_above_the_size_limit() -> None:
    """EIP-7934: a rule on the encoding, which stands beside whatever else is wrong with such a block."""
    block = synthetic.block(ETHEREUM_OSAKA, accounts(ETHEREUM_OSAKA), [])
    alice, _ = people(1)
    result = verify_claim(
        include(block, [alice.send(TOUCH, data=bytes(8_400_000))]), block.values, second_opinion="never"
    )
    assert result.outcome is Outcome.BROKEN
    assert (seal.found(result)["block_size"][1], *seal.found(result)) == ("<= 8388608", "block_size", "0")


def include(block: seal.Executed, transactions: Sequence[bytes]) -> Any:
    """The block's claim with other transactions under their own root, the results as they were."""
    header = replace(block.header, transactions_root=_core.ordered_root(transactions))
    return replace(block.claim, transactions=tuple(transactions), header=header, claimed_hash=header_hash(header))
