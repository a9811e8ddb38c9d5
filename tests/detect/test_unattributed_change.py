"""Verdicts that say more than the block's transactions do."""

from __future__ import annotations

from rollproof.detect.unattributed_change import unattributed_changes
from rollproof.types import Amount, Difference, Outcome, Severity, SlotChange, Verdict

ROBBED, USED = b"\x11" * 20, b"\x22" * 20
SLOT = bytes(31) + b"\x05"


def verdict(*differences: Difference, outcome: Outcome = Outcome.BROKEN) -> Verdict:
    return Verdict(chain_id=10, number=7, outcome=outcome, differences=differences)


def balance(account: bytes, claimed: str, computed: str) -> Difference:
    return Difference("account", f"0x{account.hex()}.balance", claimed, computed)


def storage(account: bytes, slot: bytes, claimed: int, computed: int) -> Difference:
    return Difference("storage", f"0x{account.hex()}[0x{slot.hex()}]", f"0x{claimed:064x}", f"0x{computed:064x}")


def test_a_balance_that_no_transaction_changed() -> None:
    told = list(unattributed_changes(verdict(balance(ROBBED, "5", "105")), {USED: []}))
    assert [each.amounts for each in told] == [(Amount(None, ROBBED, -100),)]
    assert told[0].severity is Severity.CRITICAL
    assert (told[0].chain_id, told[0].block, told[0].transaction) == (10, 7, None)


def test_a_slot_beside_those_that_were_written() -> None:
    other = bytes(31) + b"\x06"
    both = verdict(storage(USED, SLOT, 1, 2), storage(USED, other, 3, 4))
    [told] = unattributed_changes(both, {USED: [SLOT]})
    assert told.slots == (SlotChange(USED, other, 4, 3),)


def test_what_a_transaction_wrote_otherwise_is_another_matter() -> None:
    assert not list(unattributed_changes(verdict(storage(USED, SLOT, 1, 2)), {USED: [SLOT]}))
    assert not list(unattributed_changes(verdict(balance(USED, "1", "2")), {USED: []}))


def test_without_what_was_written_a_disputed_transaction_may_explain_it() -> None:
    gas = Difference("transaction", "0.gas_used", "1", "2")
    assert not list(unattributed_changes(verdict(gas, balance(USED, "1", "2"))))
    assert len(list(unattributed_changes(verdict(balance(USED, "1", "2"))))) == 1
    hashed = Difference("account", f"0x{bytes(32).hex()}.balance", "1", "2")
    [told] = unattributed_changes(verdict(gas, hashed))
    assert not told.amounts
    assert told.severity is Severity.HIGH


def test_only_broken_verdicts_accuse() -> None:
    for outcome in (Outcome.HOLDS, Outcome.UNKNOWN):
        assert not list(unattributed_changes(verdict(balance(ROBBED, "5", "105"), outcome=outcome), {}))


def test_one_finding_an_account_with_the_same_id_each_time() -> None:
    both = verdict(balance(ROBBED, "5", "105"), storage(ROBBED, SLOT, 1, 0), balance(USED, "1", "0"))
    first, second = (list(unattributed_changes(both, {})) for _ in range(2))
    assert [each.subject for each in first] == [f"0x{ROBBED.hex()}", f"0x{USED.hex()}"]
    assert [each.id for each in first] == [each.id for each in second]
    assert len({each.id for each in first}) == 2
