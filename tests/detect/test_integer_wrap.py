"""Wrapping arithmetic that moves value, and arithmetic that wraps since it is meant to."""

from __future__ import annotations

from pathlib import Path

import pytest

from detect.stage import Stage
from rollproof.detect import foreign
from rollproof.detect.integer_wrap import IntegerWrap
from rollproof.detect.run import Report, judge
from rollproof.types import Amount, Severity

WORD = 1 << 256


def said(stage: Stage, *transactions: bytes) -> Report:
    return judge(stage.run(transactions), [IntegerWrap()])


def test_who_has_less_than_he_sends() -> None:
    stage = Stage()
    token = stage.deploy("WrappingToken", False)
    robber, friend = stage.account(1), stage.account(2)
    token.do("mint", robber.address, 20)
    [found] = said(stage, token.send("transfer", friend.address, 21, sender=robber)).findings
    assert found.severity is Severity.HIGH
    assert found.amounts == (Amount(token.address, friend.address, 21),)
    assert [(each.before, each.after) for each in found.slots] == [(20, WORD - 1)]
    assert token.call("balanceOf", robber.address) == WORD - 1


def test_without_an_event_the_other_balance_shows_it() -> None:
    stage = Stage()
    token = stage.deploy("WrappingToken", True)
    token.do("mint", stage.account(1).address, 20)
    [found] = said(stage, token.send("transfer", stage.account(2).address, 21, sender=stage.account(1))).findings
    assert found.severity in (Severity.HIGH, Severity.MEDIUM)
    assert (found.slots[0].before, found.slots[0].after) == (20, WORD - 1)


def test_a_sum_of_shares_that_is_zero() -> None:
    stage = Stage()
    token = stage.deploy("WrappingToken", False)
    lucky = [stage.account(each).address for each in (2, 3)]
    [found] = said(stage, token.send("share", lucky, 1 << 255)).findings
    assert found.severity is Severity.HIGH
    assert found.amounts == tuple(Amount(token.address, each, 1 << 255) for each in lucky)


@pytest.mark.parametrize("silent", [False, True])
def test_checked_arithmetic_and_what_stays_in_range(silent: bool) -> None:
    stage = Stage()
    wrapping, fixed = (stage.deploy(name, silent) for name in ("WrappingToken", "WrappingTokenFixed"))
    robber, friend = stage.account(1), stage.account(2)
    for token in (wrapping, fixed):
        token.do("mint", robber.address, 20)
    within = wrapping.send("transfer", friend.address, 20, sender=robber)
    refused = fixed.send("transfer", friend.address, 21, sender=robber)
    shared = fixed.send("share", [friend.address] * 2, 1 << 255, sender=robber)
    report = said(stage, within, refused, shared)
    assert not report.findings
    assert not report.suppressed


def test_a_lock_that_is_over_when_it_is_made_longer() -> None:
    stage = Stage()
    for name, count in (("TimeLock", 1), ("TimeLockFixed", 0)):
        lock = stage.deploy(name)
        lock.do("lock", value=10**18)
        until = lock.call("until", stage.account(0).address)
        found = said(stage, lock.send("extend", WORD - until)).findings
        assert [each.severity for each in found] == [Severity.MEDIUM] * count
        assert all([(each.slots[0].before, each.slots[0].after)] == [(until, 0)] for each in found)


def test_the_length_of_an_array_below_zero() -> None:
    stage = Stage()
    for name, count in (("Journal", 1), ("JournalFixed", 0)):
        journal = stage.deploy(name)
        found = said(stage, journal.send("pop")).findings
        assert [each.severity for each in found] == [Severity.MEDIUM] * count


def test_accumulators_generators_and_signed_numbers_wrap_by_design() -> None:
    """Uniswap V3's growth inside a range, a linear congruential generator, a position that becomes short."""
    stage = Stage()
    accumulator = stage.deploy("Accumulator")
    sent = [
        accumulator.send("collect", 10 << 100, 11 << 100, 10**18),
        accumulator.send("collect", 30 << 100, 11 << 100, 10**18),
        accumulator.send("next"),
        accumulator.send("next"),
        accumulator.send("trade", -12),
        accumulator.send("trade", 12),
    ]
    report = said(stage, *sent)
    assert not [each for each in report.findings if each.severity.rank > Severity.LOW.rank]


def test_signed_numbers_that_are_settled_and_paid() -> None:
    stage = Stage()
    ledger = stage.deploy("Ledger")
    stage.build([stage.account(3).send(ledger.address, value=10**18, gas=100_000, data=b"")])
    settled = ledger.send("settle", stage.account(2).address, 500, sender=stage.account(1))
    drawn = ledger.send("draw", 700, sender=stage.account(4))
    report = said(stage, settled, drawn)
    assert ledger.call("net", stage.account(4).address) == -700
    assert [each.severity for each in report.findings] == [Severity.LOW] * 2


def test_an_unlimited_allowance_is_no_finding(shared_data: Path) -> None:
    """Foreign: recorded exploits, many with allowances of 2**256 - 1; nothing of them wraps but balances that do."""
    for block in foreign.read(shared_data / "detection" / "exploits-dvdefi.jsonl.gz"):
        assert not judge(block, [IntegerWrap()]).findings


def test_balances_of_robbed_banks_fall_below_zero(shared_data: Path) -> None:
    """Foreign: three banks of the public re-entrancy examples, compiled without checks, were robbed past zero."""
    found = [
        each
        for block in foreign.read(shared_data / "detection" / "reentrancy-labs.jsonl.gz")
        for each in judge(block, [IntegerWrap()]).findings
    ]
    assert len(found) == 3
    for each in found:
        assert each.severity is Severity.MEDIUM  # what was paid is ether, and there is no second pass
        [slot] = each.slots
        assert slot.after > WORD - 10**19
        assert any(amount.amount == (slot.before - slot.after) % WORD for amount in each.amounts)
