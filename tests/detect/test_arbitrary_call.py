"""Calls that a contract's caller wrote: what they may not take, and where they do no harm."""

from __future__ import annotations

import pytest

from detect.stage import Stage
from rollproof.detect.approval_drain import ApprovalDrain
from rollproof.detect.arbitrary_call import ArbitraryCall
from rollproof.detect.execution import ExecutedBlock
from rollproof.detect.run import judge
from rollproof.types import Finding, Severity

MANY = 10**21


@pytest.fixture
def stage() -> Stage:
    return Stage()


def findings(block: ExecutedBlock) -> list[Finding]:
    return judge(block, [ArbitraryCall(), ApprovalDrain()]).findings


def test_a_lender_is_told_to_approve(stage: Stage) -> None:
    token = stage.deploy("Token")
    lender = stage.deploy("TalkativeLender", token.address)
    token.do("make", lender.address, MANY)
    thief = stage.deploy("Borrower", sender=stage.account(1))
    block = stage.run([thief.send("borrow", lender.address, token.address, sender=stage.account(1))])
    assert token.call("balanceOf", stage.account(1).address) == MANY
    [found] = findings(block)
    assert (found.detector, found.severity) == ("approval-drain", Severity.HIGH)
    assert (lender.address, -MANY) in {(each.account, each.amount) for each in found.amounts}


def test_a_loan_that_is_paid_back(stage: Stage) -> None:
    token = stage.deploy("Token")
    lender = stage.deploy("QuietLender", token.address)
    token.do("make", lender.address, MANY)
    borrower = stage.deploy("Borrower", sender=stage.account(1))
    block = stage.run([borrower.send("borrowQuietly", lender.address, token.address, sender=stage.account(1))])
    assert block.executions[0].success
    assert findings(block) == []


def test_a_router_that_calls_anything_is_told_to_pay(stage: Stage) -> None:
    token, router = stage.deploy("Token"), stage.deploy("TalkativeRouter")
    token.do("make", router.address, MANY)
    data = token.contract.encode("transfer", stage.account(1).address, MANY)
    [found] = findings(stage.run([router.send("route", token.address, data, sender=stage.account(1))]))
    assert (found.detector, found.severity) == ("arbitrary-call", Severity.HIGH)


def test_and_to_use_what_others_approved(stage: Stage) -> None:
    token, router, victim = stage.deploy("Token"), stage.deploy("TalkativeRouter"), stage.account(5)
    token.do("make", victim.address, MANY)
    token.do("approve", router.address, MANY, sender=victim)
    data = token.contract.encode("transferFrom", victim.address, stage.account(1).address, MANY)
    [found] = findings(stage.run([router.send("route", token.address, data, sender=stage.account(1))]))
    assert (found.detector, found.severity) == ("approval-drain", Severity.HIGH)
    assert victim.address in found.addresses


def test_a_router_pulls_from_who_calls(stage: Stage) -> None:
    token, router, payer = stage.deploy("Token"), stage.deploy("CarefulRouter"), stage.account(5)
    token.do("make", payer.address, MANY)
    token.do("approve", router.address, MANY, sender=payer)
    block = stage.run([router.send("pay", token.address, stage.account(6).address, MANY, sender=payer)])
    assert token.call("balanceOf", payer.address) == 0
    assert findings(block) == []


def test_an_order_that_was_placed_is_filled(stage: Stage) -> None:
    gives, wants, book = stage.deploy("Token"), stage.deploy("Token"), stage.deploy("OrderBook")
    maker, taker = stage.account(5), stage.account(6)
    gives.do("make", maker.address, MANY)
    gives.do("approve", book.address, MANY, sender=maker)
    wants.do("make", taker.address, 7)
    wants.do("approve", book.address, 7, sender=taker)
    book.do("place", gives.address, MANY, wants.address, 7, sender=maker)
    block = stage.run([book.send("fill", 0, sender=taker)])
    assert block.executions[0].success
    assert findings(block) == []


def test_a_call_through_a_relay_that_takes_nothing(stage: Stage) -> None:
    relay, token = stage.deploy("CallRelay"), stage.deploy("Token")
    data = token.contract.encode("make", stage.account(1).address, 5)
    assert findings(stage.run([relay.send("relay", token.address, data, sender=stage.account(1))])) == []


@pytest.mark.parametrize("name", ["OpenSelfCaller", "ClosedSelfCaller"])
def test_a_contract_calls_itself_for_a_stranger(stage: Stage, name: str) -> None:
    token = stage.deploy("Token")
    vault = stage.deploy(name, token.address)
    token.do("make", vault.address, MANY)
    by = stage.account(1 if name == "OpenSelfCaller" else 9)
    data = vault.contract.encode("sweep", by.address)
    block = stage.run([vault.send("execute", data, sender=by)])
    assert token.call("balanceOf", by.address) == MANY
    assert [each.severity for each in findings(block)] == ([Severity.HIGH] if name == "OpenSelfCaller" else [])
