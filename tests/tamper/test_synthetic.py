"""Faults that real blocks do not show, on blocks whose whole state is known; the second machine confirms each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from rollproof import _core
from rollproof.lab.transaction import GWEI, Account, deposit
from rollproof.replay.header import header_hash
from rollproof.replay.second_opinion import available
from rollproof.replay.verify import verify_claim
from rollproof.types import Outcome, Verdict
from tamper import seal, synthetic
from tamper.faulty import OPERATOR_FEE_VAULT, Faulty
from tamper.synthetic import (
    BASE_FEE,
    ETHER,
    ETHEREUM_CANCUN,
    ETHEREUM_OSAKA,
    ETHEREUM_PRAGUE,
    OP_ISTHMUS,
    OP_JOVIAN,
    Holder,
)

pytestmark = [
    pytest.mark.eels,
    pytest.mark.skipif(not available(), reason="EELS is not installed: pip install 'rollproof[eels]'"),
]

TOUCH, REVERTING, CALLER = b"\x70" * 20, b"\x71" * 20, b"\x72" * 20
SLOT_0, SLOT_1 = bytes(32), (1).to_bytes(32, "big")
ERAS = [ETHEREUM_CANCUN, ETHEREUM_PRAGUE, ETHEREUM_OSAKA, OP_ISTHMUS, OP_JOVIAN]
IDS = ["cancun", "prague", "osaka", "isthmus", "jovian"]
SCALAR, CONSTANT = 1_500_000, 7_000  # operator fee


def people(chain_id: int) -> tuple[Account, Account]:
    return synthetic.account("alice", chain_id), synthetic.account("bob", chain_id)


def accounts(era: tuple[int, int]) -> dict[bytes, Holder]:
    held: dict[bytes, Holder] = {person.address: (0, ETHER, b"", {}) for person in people(era[0])}
    held[TOUCH] = (1, 0, synthetic.TOUCH, {0: 5})
    held[REVERTING] = (1, 0, synthetic.WRITE_AND_REVERT, {0: 5})
    held[CALLER] = (1, 0, synthetic.caller(REVERTING), {})
    held[b"\x99" * 20] = (0, 3, b"", {})  # nobody touches it
    if era[0] == 1:
        held[synthetic.WITHDRAWAL_REQUESTS] = held[synthetic.CONSOLIDATION_REQUESTS] = (1, 0, synthetic.STOP, {})
    else:
        slot = synthetic.operator_fee_slot(SCALAR, CONSTANT, 400)
        held[synthetic.L1_BLOCK] = (1, 0, synthetic.STOP, {1: 7 * GWEI, 3: 5227 << 96 | 1_014_213 << 64, 7: 1, 8: slot})
        held[synthetic.MESSAGE_PASSER] = (1, 0, synthetic.STOP, {})
    return held


def broken(case: Faulty, transaction: dict[str, tuple[str, str]] | None = None, **fields: Any) -> Verdict:
    """The honest block holds by both machines; sealed wrong it is `broken`, confirmed, with the differences made."""
    honest = case.verdict(case.block.claim, second_opinion="always")
    assert honest.outcome is Outcome.HOLDS, (honest.reason, honest.differences)
    assert honest.confirmed is True
    claim = case.seal(**fields)
    result = case.verdict(claim, second_opinion="auto")
    assert result.outcome is Outcome.BROKEN, result.reason
    assert result.confirmed is True
    assert seal.found(result) == {**case.header_differences(claim), **(transaction or {}), **case.state_differences()}
    return result


@pytest.mark.parametrize("era", ERAS, ids=IDS)
def test_slot_still_warm_after_a_failed_transaction(era: tuple[int, int]) -> None:
    alice, bob = people(era[0])
    failing, reading = alice.send(TOUCH, data=b"\1", tip=2), bob.send(TOUCH, tip=2)
    case = Faulty(synthetic.block(era, accounts(era), [failing, reading]))
    outcomes, second = case.block.done.outcomes, len(case.block.done.outcomes) - 1
    assert [outcome["status"] for outcome in outcomes][-2:] == [0, 1]
    # 21000, then PUSH0 SLOAD POP CALLDATASIZE PUSH1 JUMPI STOP with a cold slot (EIP-2929).
    gas = 21_000 + 2 + 2_100 + 2 + 2 + 3 + 10
    assert outcomes[second]["gas_used"] == gas
    cumulative = outcomes[second]["cumulative_gas_used"]
    case.use_gas(second, 100 - 2_100)
    if era[0] == 10:
        per_gas = SCALAR * 100 if era == OP_JOVIAN else SCALAR / 10**6
        kept = int(gas * per_gas) - int((gas - 2_000) * per_gas)
        case.state.add(OPERATOR_FEE_VAULT, -kept)
        case.state.add(bob.address, kept)
    broken(
        case,
        {
            f"{second}.gas_used": (str(gas - 2_000), str(gas)),
            f"{second}.cumulative_gas_used": (str(cumulative - 2_000), str(cumulative)),
        },
    )


@pytest.mark.parametrize("era", ERAS, ids=IDS)
def test_reverted_calls_write_kept(era: tuple[int, int]) -> None:
    alice, _ = people(era[0])
    case = Faulty(synthetic.block(era, accounts(era), [alice.send(CALLER)]))
    assert case.block.done.outcomes[-1]["status"] == 1
    assert (case.honest.slot(CALLER, SLOT_1), case.honest.slot(REVERTING, SLOT_0)) == (1, 5)
    assert list(case.reverted_writes()) == [(REVERTING, SLOT_0, 7)]
    case.state.set_slot(REVERTING, SLOT_0, 7)
    result = broken(case)
    key = f"0x{REVERTING.hex()}[0x{SLOT_0.hex()}]"
    assert seal.found(result)[key] == (f"0x{7:064x}", f"0x{5:064x}")


@pytest.mark.parametrize("era", [OP_ISTHMUS, OP_JOVIAN], ids=["isthmus", "jovian"])
@pytest.mark.parametrize("wei", [1, -1, "left out"])
def test_wrong_operator_fee(era: tuple[int, int], wei: int | str) -> None:
    """Isthmus: gas * scalar / 10^6 + constant; Jovian: gas * scalar * 100 + constant (OP Stack specifications)."""
    alice, bob = people(era[0])
    case = Faulty(synthetic.block(era, accounts(era), [alice.send(bob.address, value=5)]))
    fee = (21_000 * SCALAR * 100 if era == OP_JOVIAN else 21_000 * SCALAR // 10**6) + CONSTANT
    assert case.honest.account(OPERATOR_FEE_VAULT)[1] == fee
    more = wei if isinstance(wei, int) else -fee
    case.state.add(OPERATOR_FEE_VAULT, more)
    case.state.add(alice.address, -more)
    result = broken(case)
    assert seal.found(result)[f"0x{OPERATOR_FEE_VAULT.hex()}.balance"] == (str(fee + more), str(fee))


@pytest.mark.parametrize("era", ERAS, ids=IDS)
def test_accounts_that_no_transaction_touches(era: tuple[int, int]) -> None:
    """A balance out of nothing, a slot of a contract that was not called, a new account."""
    alice, bob = people(era[0])
    case = Faulty(synthetic.block(era, accounts(era), [alice.send(bob.address, value=5)]))
    case.state.add(b"\x99" * 20, 10**24)
    case.state.set_slot(REVERTING, SLOT_0, 6)
    case.state.set_slot(TOUCH, SLOT_1, 1)
    case.state.add(b"\x9a" * 20, 1)
    assert len(case.state_differences()) == 4
    broken(case)


def test_the_path_at_which_claimed_and_computed_state_part() -> None:
    """Nobody serves the claimed accounts, but the nodes of the claimed trie are there."""
    alice, bob = people(1)
    held = accounts(ETHEREUM_CANCUN)
    block = synthetic.block(ETHEREUM_CANCUN, held, [alice.send(bob.address, value=5, fee=BASE_FEE, tip=0)])
    after = dict(held)
    after[alice.address] = (1, ETHER - 5 - 21_000 * BASE_FEE, b"", {})
    after[bob.address] = (0, ETHER + 5, b"", {})
    assert synthetic.state(after)[0] == block.header.state_root
    after[bob.address] = (0, ETHER + 6, b"", {})
    root, nodes = synthetic.state(after)
    header = replace(block.header, state_root=root)
    claim = replace(block.claim, header=header, claimed_hash=header_hash(header))
    result = verify_claim(claim, [*block.values, *nodes], second_opinion="never")
    assert result.outcome is Outcome.BROKEN
    assert [each.scope for each in result.differences] == ["header", "trie"]
    prefix = result.differences[1].key.removeprefix("0x")
    assert prefix
    assert _core.keccak256(bob.address).hex().startswith(prefix)


@pytest.mark.parametrize("era", [OP_ISTHMUS, OP_JOVIAN], ids=["isthmus", "jovian"])
def test_mint_of_a_failed_deposit_lost(era: tuple[int, int]) -> None:
    """A failed deposit keeps its mint (OP Stack specifications, deposits, "Execution")."""
    sender = b"\x33" * 20
    failing = deposit(b"\x44" * 32, sender, TOUCH, mint=ETHER, value=0, gas=100_000, data=b"\1")
    case = Faulty(synthetic.block(era, accounts(era), [failing]))
    assert case.block.done.outcomes[-1]["status"] == 0
    assert case.honest.account(sender)[:2] == (1, ETHER)
    case.state.add(sender, -ETHER)
    broken(case)


@pytest.mark.parametrize("era", [OP_ISTHMUS, OP_JOVIAN], ids=["isthmus", "jovian"])
def test_withdrawals_root_not_of_the_message_passer(era: tuple[int, int]) -> None:
    alice, bob = people(era[0])
    case = Faulty(synthetic.block(era, accounts(era), [alice.send(bob.address, value=5)]))
    broken(case, withdrawals_root=b"\x55" * 32)


# ------------------------------------------------------------------------------------------------ invalid transactions


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


# ----------------------------------------------------------------------------------------- transactions of like results


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


def include(block: seal.Executed, transactions: Sequence[bytes]) -> Any:
    """The block's claim with other transactions under their own root, the results as they were."""
    header = replace(block.header, transactions_root=_core.ordered_root(transactions))
    return replace(block.claim, transactions=tuple(transactions), header=header, claimed_hash=header_hash(header))
