"""Real blocks executed wrongly: only a re-execution can tell, and it names the accounts, slots and transaction."""

from __future__ import annotations

from pathlib import Path

import pytest

from rollproof.replay.second_opinion import available
from rollproof.types import Outcome, Verdict
from tamper import seal
from tamper.blocks import (
    BYZANTIUM,
    CANCUN,
    DAO,
    EVERY,
    GRANITE,
    HOLOCENE,
    HOMESTEAD,
    JOVIAN,
    LONDON,
    OP,
    OP_SEPOLIA,
    PRAGUE,
    REGOLITH,
    SHANGHAI,
    UNICHAIN,
)
from tamper.faulty import BASE_FEE_VAULT, BEACON_ROOTS, HISTORY, L1_FEE_VAULT, SEQUENCER_VAULT, Faulty
from tamper.post import EMPTY_CODE

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not available(), reason="EELS is not installed: pip install 'rollproof[eels]'"),
]

# The first failed transaction of each.
FAILED = {
    BYZANTIUM: 10,
    CANCUN: 9,
    PRAGUE: 3,
    "op-mainnet-109279685": 2,
    "op-mainnet-109279686": 10,
    "op-sepolia-26207963": 22,
    "op-sepolia-26211680": 1,
}
REVERTED = [BYZANTIUM, CANCUN, PRAGUE, "op-mainnet-107728767", "op-sepolia-26207963", "op-sepolia-26211680"]


def faulty(shared_data: Path, name: str) -> Faulty:
    return Faulty(seal.executed(shared_data / "blocks", name))


def broken(case: Faulty, transaction: dict[str, tuple[str, str]] | None = None, **options: str) -> Verdict:
    """Seals the case; asserts `broken` with exactly the differences that were made, and no other."""
    claim = case.seal()
    result = case.verdict(claim, **options)
    assert result.outcome is Outcome.BROKEN, result.reason
    expected = {**case.header_differences(claim), **(transaction or {}), **case.state_differences()}
    assert expected
    assert seal.found(result) == expected
    assert {"receipts", "post_state"} <= set(result.checked)
    return result


@pytest.mark.parametrize("name", OP)
@pytest.mark.parametrize("wei", [1, -1, 10**9])
def test_wrong_l1_fee(shared_data: Path, name: str, wei: int) -> None:
    case = faulty(shared_data, name)
    sender = case.paid(case.signed()[0]).sender
    case.state.add(sender, -wei)
    case.state.add(L1_FEE_VAULT, wei)
    assert set(case.state_differences()) == {f"0x{address.hex()}.balance" for address in (sender, L1_FEE_VAULT)}
    broken(case)


@pytest.mark.parametrize("name", OP)
def test_base_fee_burned_instead_of_credited(shared_data: Path, name: str) -> None:
    case = faulty(shared_data, name)
    index = case.signed()[0]
    gas = case.block.done.outcomes[index]["gas_used"]
    case.state.add(BASE_FEE_VAULT, -gas * (case.block.header.base_fee or 0))
    assert list(case.state_differences()) == [f"0x{BASE_FEE_VAULT.hex()}.balance"]
    broken(case)


@pytest.mark.parametrize("name", [LONDON, SHANGHAI, CANCUN, PRAGUE])
def test_base_fee_credited_instead_of_burned(shared_data: Path, name: str) -> None:
    case = faulty(shared_data, name)
    case.state.add(case.block.header.beneficiary, case.block.header.gas_used * (case.block.header.base_fee or 0))
    broken(case)


@pytest.mark.parametrize("name", [HOLOCENE, OP_SEPOLIA, JOVIAN])
def test_tip_credited_to_the_wrong_vault(shared_data: Path, name: str) -> None:
    case = faulty(shared_data, name)
    case.state.add(SEQUENCER_VAULT, -1_000)
    case.state.add(BASE_FEE_VAULT, 1_000)
    broken(case)


@pytest.mark.parametrize("name", FAILED)
def test_slot_still_warm_after_a_failed_transaction(shared_data: Path, name: str) -> None:
    """The next transaction pays 100 instead of 2100 gas for a read, because the failed one's warm set was kept."""
    case = faulty(shared_data, name)
    failed = FAILED[name]
    assert case.block.done.outcomes[failed]["status"] == 0
    index, gas = failed + 1, case.block.done.outcomes[failed + 1]["gas_used"]
    cumulative = case.block.done.outcomes[index]["cumulative_gas_used"]
    case.use_gas(index, -2_000)
    broken(
        case,
        {
            f"{index}.gas_used": (str(gas - 2_000), str(gas)),
            f"{index}.cumulative_gas_used": (str(cumulative - 2_000), str(cumulative)),
        },
    )


@pytest.mark.parametrize("name", EVERY)
def test_gas_of_one_transaction_wrong(shared_data: Path, name: str) -> None:
    """A refund forgotten, a cold access charged warm: one gas is enough."""
    case = faulty(shared_data, name)
    index = case.signed()[-1]
    outcome = case.block.done.outcomes[index]
    case.use_gas(index, 1)
    keys = ("gas_used", "cumulative_gas_used")
    broken(case, {f"{index}.{key}": (str(outcome[key] + 1), str(outcome[key])) for key in keys})


@pytest.mark.parametrize("name", REVERTED)
def test_reverted_calls_write_kept(shared_data: Path, name: str) -> None:
    case = faulty(shared_data, name)
    address, slot, value = next(case.reverted_writes())
    case.state.set_slot(address, slot, value)
    assert set(case.state_differences()) == {f"0x{address.hex()}[0x{slot.hex()}]"}
    broken(case)


@pytest.mark.parametrize("name", EVERY)
def test_balance_changed_outside_any_transaction(shared_data: Path, name: str) -> None:
    case = faulty(shared_data, name)
    touched = [address for address, _ in case.block.done.touched if address not in case.state.changed]
    address = touched[0] if touched else next(iter(case.state.changed))
    case.state.add(address, 10**18)
    broken(case)


@pytest.mark.parametrize("name", [LONDON, SHANGHAI, CANCUN, PRAGUE, REGOLITH, GRANITE, HOLOCENE, OP_SEPOLIA, JOVIAN])
def test_slot_changed_outside_any_transaction(shared_data: Path, name: str) -> None:
    """A slot that the block only reads."""
    case = faulty(shared_data, name)
    address, slot = next(
        (address, slot)
        for address, slots in case.block.done.touched
        for slot in slots
        if slot not in case.state.changed.get(address, set()) and case.honest.slot(address, slot)
    )
    case.state.set_slot(address, slot, case.honest.slot(address, slot) + 1)
    broken(case)


@pytest.mark.parametrize("name", FAILED)
def test_nonce_of_a_failed_transaction_not_counted(shared_data: Path, name: str) -> None:
    case = faulty(shared_data, name)
    sender = case.paid(FAILED[name]).sender
    case.state.set_nonce(sender, case.honest.account(sender)[0] - 1)
    broken(case)


@pytest.mark.parametrize(
    ("name", "contract"),
    [
        *((name, BEACON_ROOTS) for name in (CANCUN, PRAGUE, GRANITE, HOLOCENE, JOVIAN)),
        *((name, HISTORY) for name in (PRAGUE, JOVIAN)),
    ],
)
def test_system_calls_write_left_out(shared_data: Path, name: str, contract: bytes) -> None:
    """EIP-4788's and EIP-2935's slots as they were before the block."""
    case = faulty(shared_data, name)
    slots = next(slots for address, _, _, slots in case.block.done.changes if address == contract)
    for slot, before, _ in slots:
        case.state.set_slot(contract, slot, before)
    broken(case)


@pytest.mark.parametrize(("name", "ether"), [(HOMESTEAD, 5), (BYZANTIUM, 3), (LONDON, 2)])
def test_block_reward_left_out(shared_data: Path, name: str, ether: int) -> None:
    case = faulty(shared_data, name)
    case.state.add(case.block.header.beneficiary, -ether * 10**18)
    broken(case)


def test_dao_fork_skipped_for_one_account(shared_data: Path) -> None:
    case = faulty(shared_data, DAO)
    refund = bytes.fromhex("bf4ed7b27f1d666546e30d74d50d173d20bca754")
    drained, balance = next(
        (address, before[1])
        for address, before, after, _ in case.block.done.changes
        if before and after and not after[1]
    )
    case.state.add(drained, balance)
    case.state.add(refund, -balance)
    broken(case)


@pytest.mark.parametrize("name", [SHANGHAI, CANCUN, PRAGUE])
def test_withdrawal_not_credited(shared_data: Path, name: str) -> None:
    case = faulty(shared_data, name)
    withdrawal = (case.block.claim.withdrawals or ())[3]
    case.state.add(withdrawal.address, -withdrawal.amount * 10**9)
    broken(case)


@pytest.mark.parametrize("name", [BYZANTIUM, LONDON, SHANGHAI, CANCUN, PRAGUE, *OP])
def test_status_of_a_receipt_wrong(shared_data: Path, name: str) -> None:
    case = faulty(shared_data, name)
    index = case.signed()[0]
    case.receipts.set_status(index, 0)
    result = broken(case, {f"{index}.status": ("0", "1")})
    assert [each.key for each in result.differences] == ["receipts_root", f"{index}.status"]


def _with_logs(case: Faulty) -> int:
    return next(index for index in range(len(case.receipts.fields)) if case.receipts.logs(index))


WITH_LOGS = [BYZANTIUM, LONDON, SHANGHAI, CANCUN, PRAGUE, REGOLITH, GRANITE, HOLOCENE, OP_SEPOLIA, JOVIAN]


@pytest.mark.parametrize("name", WITH_LOGS)
def test_a_log_left_out(shared_data: Path, name: str) -> None:
    case = faulty(shared_data, name)
    index = _with_logs(case)
    logs = case.receipts.logs(index)
    case.receipts.set_logs(index, logs[:-1])
    broken(case, {f"{index}.logs": (str(len(logs) - 1), str(len(logs)))})


@pytest.mark.parametrize("name", WITH_LOGS)
def test_a_logs_data_altered(shared_data: Path, name: str) -> None:
    case = faulty(shared_data, name)
    index, at, (address, topics, data) = next(
        (index, at, log)
        for index in range(len(case.receipts.fields))
        for at, log in enumerate(case.receipts.logs(index))
        if log[2]
    )
    logs = case.receipts.logs(index)
    logs[at] = (address, topics, seal.flipped(data))
    case.receipts.set_logs(index, logs)
    broken(case, {f"{index}.logs[{at}].data": ("0x" + logs[at][2].hex(), "0x" + data.hex())})


@pytest.mark.parametrize("name", [HOLOCENE, UNICHAIN, JOVIAN])
def test_a_deposits_nonce_wrong(shared_data: Path, name: str) -> None:
    """Canyon's receipts carry it, nothing else does: only the receipts root tells."""
    case = faulty(shared_data, name)
    deposit = case.receipts.fields[0]
    deposit[4] = seal.flipped(deposit[4])
    broken(case)


@pytest.mark.parametrize("name", [HOMESTEAD, "op-sepolia-22880944", "op-sepolia-26207962", JOVIAN])
def test_created_contract_without_its_code(shared_data: Path, name: str) -> None:
    case = faulty(shared_data, name)
    created = next(outcome["created"] for outcome in case.block.done.outcomes if outcome["created"])
    case.state.set_code(created, EMPTY_CODE)
    assert set(case.state_differences()) == {f"0x{created.hex()}.code_hash"}
    broken(case)


@pytest.mark.parametrize("name", [LONDON, CANCUN, JOVIAN])
def test_code_of_an_account_replaced(shared_data: Path, name: str) -> None:
    case = faulty(shared_data, name)
    target = next(outcome["to"] for outcome in case.block.done.outcomes if outcome["logs"])
    case.state.set_code(target, b"\x5a" * 32)
    broken(case)


@pytest.mark.eels
@pytest.mark.parametrize("name", [UNICHAIN, HOMESTEAD])
def test_the_second_machine_confirms(shared_data: Path, name: str) -> None:
    case = faulty(shared_data, name)
    case.state.add(case.paid(case.signed()[0]).sender, 1)
    result = broken(case, second_opinion="auto")
    assert result.confirmed is True
    assert result.second_opinion is not None
    assert result.second_opinion["agrees"] is True
