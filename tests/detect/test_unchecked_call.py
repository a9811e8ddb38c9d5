"""Unchecked calls: tokens that answer false or are not there, payments that fail, and what is handled rightly."""

from __future__ import annotations

from pathlib import Path

import pytest

from detect.stage import ETHER, Stage, seen
from rollproof.detect import foreign
from rollproof.detect.run import Report, judge
from rollproof.detect.unchecked_call import UncheckedCall
from rollproof.types import Amount, Confidence, Severity
from unit.defi_lab import USD, Lab

GRAVE = (Severity.CRITICAL, Severity.HIGH)


def said(stage: Stage, *transactions: bytes) -> Report:
    return judge(stage.run(transactions), [UncheckedCall()])


@pytest.mark.parametrize("known", [0, 10])
def test_a_deposit_that_a_token_refused_is_credited(known: int) -> None:
    stage = Stage()
    token = stage.deploy("FalseToken")
    till = stage.deploy("Till", token.address)
    robber = stage.account(1)
    token.do("mint", robber.address, known)
    [found] = said(stage, till.send("deposit", 500, sender=robber)).findings
    assert (found.severity, found.confidence) == (Severity.HIGH, Confidence.OBSERVED)
    assert found.amounts == (Amount(token.address, till.address, -500),)
    assert {till.address, token.address, robber.address} <= set(found.addresses)
    assert [(each.before, each.after) for each in found.slots] == [(0, 500)]
    assert till.call("credit", robber.address) == 500


def test_a_deposit_that_came_is_no_finding() -> None:
    stage = Stage()
    token = stage.deploy("FalseToken")
    till = stage.deploy("Till", token.address)
    token.do("mint", stage.account(1).address, 500)
    report = said(stage, till.send("deposit", 500, sender=stage.account(1)))
    assert not report.findings


@pytest.mark.parametrize("name", ["TillFixed", "TillTrying"])
def test_an_answer_that_is_looked_at_is_no_finding(name: str) -> None:
    stage = Stage()
    till = stage.deploy(name, stage.deploy("FalseToken").address)
    report = said(stage, till.send("deposit", 500, sender=stage.account(1)))
    assert not report.findings


def test_a_withdrawal_that_the_token_refused_is_struck_off() -> None:
    stage = Stage()
    token = stage.deploy("FalseToken")
    till = stage.deploy("Till", token.address)
    till.do("deposit", 500, sender=stage.account(1))
    [found] = said(stage, till.send("withdraw", 500, sender=stage.account(1))).findings
    assert found.severity is Severity.MEDIUM
    assert found.amounts == (Amount(token.address, stage.account(1).address, -500),)


def test_a_token_without_code_is_credited() -> None:
    stage = Stage()
    nowhere = b"\x51" * 20
    for name, count in (("OpenTill", 1), ("OpenTillFixed", 0)):
        till = stage.deploy(name)
        found = said(stage, till.send("deposit", nowhere, 10**18)).findings
        assert [each.severity for each in found] == [Severity.HIGH] * count
        assert [each.amounts for each in found] == [(Amount(nowhere, till.address, -(10**18)),)] * count


def test_a_debt_is_struck_off_although_its_payment_failed() -> None:
    stage = Stage()
    refuser = stage.deploy("Refuser")
    for name, count in (("Debtor", 1), ("DebtorFixed", 0), ("DebtorPatient", 0)):
        debtor = stage.deploy(name)
        debtor.do("owe", refuser.address, value=3 * ETHER)
        found = said(stage, debtor.send("settle", refuser.address)).findings
        assert [each.amounts for each in found] == [(Amount(None, refuser.address, -3 * ETHER),)] * count
        assert all(each.severity is Severity.MEDIUM for each in found)


def test_a_payment_that_was_taken_is_no_finding() -> None:
    stage = Stage()
    refuser, debtor = stage.deploy("Refuser"), stage.deploy("Debtor")
    refuser.do("take", True)
    debtor.do("owe", refuser.address, value=ETHER)
    assert not said(stage, debtor.send("settle", refuser.address)).findings


def test_a_tip_that_is_refused_and_noticed_is_no_finding() -> None:
    stage = Stage()
    refuser, effort = stage.deploy("Refuser"), stage.deploy("BestEffort")
    paid = stage.account(0).send(effort.address, value=ETHER, gas=100_000, data=b"")
    report = said(stage, paid, effort.send("turn", refuser.address))
    assert effort.call("refused") == 1
    assert not report.findings


def test_a_creation_that_failed_unnoticed() -> None:
    stage = Stage()
    for name, count in (("Careless", 1), ("CarelessFixed", 0)):
        breeder = stage.deploy(name)
        found = said(stage, breeder.send("breed", b"\xfe")).findings
        assert [(each.severity, each.confidence) for each in found] == [(Severity.LOW, Confidence.POSSIBLE)] * count


def test_a_listener_that_failed_unnoticed_is_a_fact() -> None:
    stage = Stage()
    refuser, careless = stage.deploy("Refuser"), stage.deploy("Careless")
    found = said(stage, careless.send("notify", refuser.address)).findings
    assert [each.severity for each in found] == [Severity.INFO]


def test_who_refuses_what_he_asks_for_harms_himself() -> None:
    """Also in the recorded re-entrancy examples: a locked bank's attacker is refused, and loses his deposit."""
    stage = Stage()
    refuser, debtor = stage.deploy("Refuser"), stage.deploy("Debtor")
    debtor.do("owe", refuser.address, value=ETHER)
    [found] = said(stage, refuser.send("collect", debtor.address)).findings
    assert found.severity is Severity.INFO


@pytest.mark.parametrize("fixed", [False, True])
def test_the_lab_s_vault_that_only_logs_whether_tokens_came(fixed: bool) -> None:
    lab = Lab(full=True)
    chain = lab.stack.l2
    first = chain.head.number + 1
    lab.exploit("unchecked-call", fixed=fixed)
    blocks = [seen(chain, block) for number in range(first, chain.head.number + 1) if (block := chain.block(number))]
    found = [each for block in blocks for each in judge(block, [UncheckedCall()]).findings]
    assert len(found) == (0 if fixed else 1)
    for each in found:
        assert each.severity is Severity.HIGH
        [owed] = each.amounts
        assert (owed.token, owed.account) == (lab["USDC"].address, lab["TokenVault"].address)
        assert owed.amount <= -USD


def test_foreign_executions(shared_data: Path) -> None:
    """Executed by others. Where an attacker is refused, his payment was struck off: that shows, and nothing grave."""
    found = [
        each
        for name in ("exploits-dvdefi", "reentrancy-labs")
        for block in foreign.read(shared_data / "detection" / f"{name}.jsonl.gz")
        for each in judge(block, [UncheckedCall()]).findings
    ]
    assert found
    assert not [each for each in found if each.severity in GRAVE]
    assert {each.detector for each in found} == {"unchecked-call"}
