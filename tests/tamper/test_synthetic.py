"""Faults that real blocks do not show, on blocks whose whole state is known; the second machine confirms each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rollproof.lab.transaction import deposit
from rollproof.replay.header import header_hash
from rollproof.replay.second_opinion import available
from rollproof.replay.verify import verify_claim
from rollproof.types import Outcome, Verdict
from tamper import seal, synthetic
from tamper.faulty import OPERATOR_FEE_VAULT, Faulty
from tamper.known_state import CALLER, CONSTANT, ERAS, IDS, REVERTING, SCALAR, SLOT_0, SLOT_1, TOUCH, accounts, people
from tamper.synthetic import (
    BASE_FEE,
    ETHER,
    ETHEREUM_CANCUN,
    OP_ISTHMUS,
    OP_JOVIAN,
)

pytestmark = [
    pytest.mark.eels,
    pytest.mark.skipif(not available(), reason="EELS is not installed: pip install 'rollproof[eels]'"),
]


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


def test_nodes_of_the_claimed_trie_name_the_account_where_the_states_part() -> None:
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
    assert [each.scope for each in result.differences] == ["header", "account"]
    found = result.differences[1]
    assert found.key == f"0x{bob.address.hex()}.balance"
    assert (found.claimed, found.computed) == (str(ETHER + 6), str(ETHER + 5))


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
