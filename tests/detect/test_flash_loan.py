"""Flash loans as a fact, and the loan that is paid back by a deposit."""

from __future__ import annotations

from pathlib import Path

from detect.as_events import found_again
from detect.stage import ETHER, Stage
from rollproof.detect import foreign
from rollproof.detect.flash_loan import FlashLoan, SideEntrance
from rollproof.detect.loans import loans
from rollproof.detect.run import judge
from rollproof.types import Amount, Confidence, Severity


def test_a_loan_by_its_flow() -> None:
    stage = Stage()
    lender, borrower = stage.deploy("EtherLender", value=0), stage.deploy("HonestBorrower")
    lender.do("deposit", value=8 * ETHER)
    block = stage.run([borrower.send("run", lender.address, value=ETHER)])
    [loan] = loans(block.executions[0])
    assert (loan.lender, loan.borrower, loan.token) == (lender.address, borrower.address, None)
    assert loan.amount == 4 * ETHER
    assert loan.returned == 5 * ETHER  # the deposit of its own came with it
    [found] = judge(block, [FlashLoan()]).findings
    assert found.severity is Severity.INFO
    assert found.amounts == (Amount(None, lender.address, 4 * ETHER),)


def test_a_loan_by_its_call_back() -> None:
    stage = Stage()
    coin = stage.deploy("value/Coin")
    lender, saver = stage.deploy("CoinLender", coin.address), stage.deploy("Saver")
    coin.do("make", lender.address, 1000)
    [loan] = loans(stage.run([saver.send("run", lender.address, 600)]).executions[0])
    assert (loan.lender, loan.borrower, loan.token, loan.amount) == (lender.address, saver.address, coin.address, 600)
    assert loan.kind == "ERC-3156"


def test_a_deposit_and_a_withdrawal_are_no_loan() -> None:
    stage = Stage()
    lender = stage.deploy("EtherLender")
    block = stage.run([lender.send("deposit", value=ETHER), lender.send("withdraw")])
    assert judge(block, [FlashLoan()]).findings == []


def test_a_loan_paid_back_by_a_deposit() -> None:
    stage = Stage()
    lender, thief = stage.deploy("EtherLender"), stage.deploy("SideEntrance")
    lender.do("deposit", value=100 * ETHER, sender=stage.account(1))
    block = stage.run([thief.send("run", lender.address)])
    [found] = judge(block, [SideEntrance()]).findings
    assert [each.amounts for each in found_again(SideEntrance(), block.executions[0])] == [found.amounts]
    assert (found.severity, found.confidence) == (Severity.HIGH, Confidence.OBSERVED)
    assert Amount(None, lender.address, -100 * ETHER) in found.amounts
    assert [(each.account, each.after - each.before) for each in found.slots] == [(lender.address, 100 * ETHER)]
    assert stage.balance(lender.address) == 0


def test_a_lender_that_takes_no_deposits_while_it_lends() -> None:
    stage = Stage()
    lender, thief = stage.deploy("EtherLenderFixed"), stage.deploy("SideEntrance")
    lender.do("deposit", value=100 * ETHER, sender=stage.account(1))
    assert judge(stage.run([thief.send("run", lender.address)]), [SideEntrance()]).findings == []
    assert stage.balance(lender.address) == 100 * ETHER


def test_a_deposit_beside_the_repayment() -> None:
    stage = Stage()
    lender, borrower = stage.deploy("EtherLender"), stage.deploy("HonestBorrower")
    lender.do("deposit", value=8 * ETHER, sender=stage.account(1))
    block = stage.run([borrower.send("run", lender.address, value=ETHER)])
    assert len(loans(block.executions[0])) == 1
    assert judge(block, [SideEntrance()]).findings == []


def test_foreign_executions(shared_data: Path) -> None:
    """Of the recorded solutions one pays a loan back by a deposit."""
    blocks = list(foreign.read(shared_data / "detection" / "exploits-dvdefi.jsonl.gz"))
    found = [each for block in blocks for each in judge(block, [SideEntrance()]).findings]
    assert [each.severity for each in found] == [Severity.HIGH]
    lenders = [block.executions[0].names.get(each.lender) for block in blocks for each in loans(block.executions[0])]
    assert {"SideEntranceLenderPool", "SelfiePool", "NaiveReceiverPool"} <= set(lenders)
