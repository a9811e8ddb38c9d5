"""Who lost what to whom, and got nothing for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from detect.as_events import found_again
from detect.by_hand import BANK, BOB, CODE, COIN, EVE, SENDER, call, changed, moved, pays, raw, told
from detect.stage import ETHER, Deployed, Stage
from rollproof import _core
from rollproof.detect import foreign
from rollproof.detect.holdings import held
from rollproof.detect.run import judge
from rollproof.detect.value_extraction import ValueExtraction
from rollproof.types import Amount, Confidence, Severity


def lender(stage: Stage, name: str) -> tuple[Deployed, Deployed]:
    """A lender with 1,000 coins of others."""
    coin = stage.deploy("value/Coin")
    made = stage.deploy(name, coin.address)
    coin.do("make", stage.account(1).address, 1_000)
    coin.do("approve", made.address, 1_000, sender=stage.account(1))
    made.do("deposit", 1_000, sender=stage.account(1))
    return coin, made


def test_a_lender_that_is_emptied_by_the_vote_of_its_own_coins() -> None:
    stage = Stage()
    coin, made = lender(stage, "CoinLender")
    sweeper = stage.deploy("Sweeper")
    block = stage.run([sweeper.send("run", made.address)])
    [found] = judge(block, [ValueExtraction()]).findings
    assert [each.amounts for each in found_again(ValueExtraction(), block.executions[0])] == [found.amounts]
    assert (found.severity, found.confidence) == (Severity.HIGH, Confidence.OBSERVED)
    assert Amount(coin.address, made.address, -1_000) in found.amounts
    assert Amount(coin.address, stage.account(0).address, 1_000) in found.amounts
    assert held(block.executions[0], made.address, coin.address) == 1_000
    assert coin.call("balanceOf", made.address) == 0


def test_a_lender_whose_keeper_decides() -> None:
    stage = Stage()
    coin, made = lender(stage, "CoinLenderFixed")
    sweeper = stage.deploy("Sweeper")
    assert judge(stage.run([sweeper.send("run", made.address)]), [ValueExtraction()]).findings == []
    assert sweeper.call("failures") == 2
    assert coin.call("balanceOf", made.address) == 1_000


def test_a_withdrawal_of_nearly_all_with_a_loan_on_the_way() -> None:
    """It looks the same by its flow; the entry in the lender's books says that it was the withdrawer's own."""
    stage = Stage()
    coin, made = lender(stage, "CoinLender")
    saver, owner = stage.deploy("Saver"), stage.account(2)
    coin.do("make", owner.address, 50_000)
    coin.do("approve", saver.address, 50_000, sender=owner)
    saver.do("save", made.address, 50_000, sender=owner)
    report = judge(stage.run([saver.send("run", made.address, 51_000, sender=owner)]), [ValueExtraction()])
    assert report.findings == []
    assert [each.reason for each in report.suppressed] == ["an entry in its books was used up by just that amount"]
    assert coin.call("balanceOf", owner.address) == 50_000


def test_a_contract_that_pays_all_it_has_in_one_call() -> None:
    """Not to be told from theft by its flow alone: a low one where nobody was asked, none where an owner was."""
    for name, severities in (("Drawer", [Severity.LOW]), ("Purse", [])):
        stage = Stage()
        coin, owner = stage.deploy("value/Coin"), stage.account(3)
        payer = stage.deploy(name, sender=owner)
        coin.do("make", payer.address, 500)
        send = payer.send("pay", coin.address, stage.account(4).address, sender=owner)
        report = judge(stage.run([send]), [ValueExtraction()])
        assert [each.severity for each in report.findings] == severities
        assert len(report.findings) + len(report.suppressed) == 1


def test_ether_that_is_credited_twice() -> None:
    for name, times, severities in (
        ("BatchBank", 2, [Severity.MEDIUM]),  # a third of what it holds
        ("BatchBank", 4, [Severity.HIGH]),
        ("BatchBank", 1, []),
        ("BatchBankFixed", 4, []),
    ):
        stage = Stage()
        bank, thief = stage.deploy(name), stage.deploy("Batcher")
        bank.do("deposit", value=3 * ETHER, sender=stage.account(1))
        block = stage.run([thief.send("run", bank.address, times, value=ETHER)])
        assert block.executions[0].success
        found = judge(block, [ValueExtraction()]).findings
        assert [each.severity for each in found] == severities, (name, times)
        again = found_again(ValueExtraction(), block.executions[0])
        assert [each.severity for each in again] == [Severity.MEDIUM] * len(severities)


def test_the_price_of_a_loan() -> None:
    """Anybody may call the lender for the borrower; what it gains is its price, however little the borrower had."""
    stage = Stage()
    coin = stage.deploy("value/Coin")
    made, borrower = stage.deploy("PricedLender", coin.address), stage.deploy("PayingBorrower")
    coin.do("make", made.address, 1_000)
    coin.do("make", borrower.address, 60)
    send = made.send("flashLoan", borrower.address, coin.address, 1_000, b"")
    block = stage.run([send])
    assert coin.call("balanceOf", made.address) == 1_050
    assert judge(block, [ValueExtraction()]).findings == []
    assert found_again(ValueExtraction(), block.executions[0]) == []


def test_all_that_is_handed_out_and_given_back() -> None:
    stage = Stage()
    coin, drawer, rescuer = stage.deploy("value/Coin"), stage.deploy("Drawer"), stage.deploy("Rescuer")
    coin.do("make", drawer.address, 500)
    block = stage.run([rescuer.send("rescue", drawer.address, coin.address)])
    [found] = judge(block, [ValueExtraction()]).findings
    assert (found.severity, found.confidence) == (Severity.LOW, Confidence.POSSIBLE)
    assert coin.call("balanceOf", drawer.address) == 500


def test_a_deposit_that_is_renewed() -> None:
    stage = Stage()
    coin, rescuer = stage.deploy("value/Coin"), stage.deploy("Rescuer")
    made = stage.deploy("CoinLender", coin.address)
    coin.do("make", rescuer.address, 500)
    rescuer.do("renew", made.address, 500)
    block = stage.run([rescuer.send("renew", made.address, 500)])
    assert block.executions[0].success
    assert judge(block, [ValueExtraction()]).findings == []


def test_payment_in_a_coin_that_was_made_for_it() -> None:
    stage = Stage()
    one, two, forger = stage.deploy("value/Coin"), stage.deploy("value/Coin"), stage.deploy("Swinger")
    shop = stage.deploy("OpenShop", one.address, two.address)
    for token in (one, two):
        token.do("make", shop.address, 100)
    [found] = judge(
        stage.run([forger.send("forge", shop.address, one.address, two.address)]), [ValueExtraction()]
    ).findings
    assert found.severity is Severity.HIGH
    assert {Amount(each.address, shop.address, -100) for each in (one, two)} <= set(found.amounts)


def test_what_a_contract_held_in_ether() -> None:
    """Below the block, and what moved in it before."""
    stage = Stage()
    lender, thief = stage.deploy("EtherLender"), stage.deploy("SideEntrance")
    lender.do("deposit", value=3 * ETHER, sender=stage.account(1))
    more = lender.send("deposit", value=ETHER, sender=stage.account(2), tip=9 * 10**9)
    block = stage.run([more, thief.send("run", lender.address)])
    assert [held(each, lender.address, None) for each in block.executions] == [3 * ETHER, 4 * ETHER]
    assert held(block.executions[1], stage.account(2).address, None) is None  # it paid fees
    [found] = judge(block, [ValueExtraction()]).findings
    assert found.severity is Severity.HIGH
    assert Amount(None, lender.address, -4 * ETHER) in found.amounts


def test_foreign_executions(shared_data: Path) -> None:
    """The recorded victims that lost for nothing are named; those that were paid a false price are not."""
    found = {}
    for block in foreign.read(shared_data / "detection" / "exploits-dvdefi.jsonl.gz"):
        for each in judge(block, [ValueExtraction()]).findings:
            found[block.executions[0].names[each.addresses[0]]] = each.severity
    drained = ("SelfiePool", "TrusterLenderPool", "NaiveReceiverPool", "FlashLoanReceiver")
    assert {name: found.get(name) for name in drained} == dict.fromkeys(drained, Severity.HIGH)
    assert not {"PuppetPool", "PuppetV2Pool"} & found.keys()


@pytest.mark.parametrize("in_its_name", [True, False])
def test_ether_that_a_test_sends_in_somebodys_name(in_its_name: bool, tmp_path: Path) -> None:
    """A contract that EVE's new one calls loses its ether: by its own code, or because the test pays for it."""
    own = [] if in_its_name else pays(EVE, 5)
    called = [*call(EVE, kind="CREATE"), *call(EVE, *call(BOB, *own))]
    given = pays(EVE, 5, by=BOB) if in_its_name else []
    found = judge(told(tmp_path, *called, *given), [ValueExtraction()]).findings
    assert [each.addresses[0] for each in found] == ([] if in_its_name else [raw(BOB)])


@pytest.mark.parametrize("staker", [SENDER, BOB], ids=["own", "other"])
def test_a_last_stake_that_is_paid_back_with_a_reward(staker: str, tmp_path: Path) -> None:
    """All of two tokens leaves; the books say of one that it was the payee's, and nothing of the other."""
    stake, reward = COIN, CODE
    entry = _core.keccak256(raw(staker).rjust(32, b"\0") + bytes(32))
    paid = [*moved(stake, BANK, SENDER, 100, 100), *moved(reward, BANK, SENDER, 30, 30)]
    report = judge(told(tmp_path, *changed(entry, 100, 0), *paid, to=BANK), [ValueExtraction()])
    if staker == SENDER:
        assert report.findings == []
        assert [each.reason for each in report.suppressed] == ["an entry in its books was used up by just that amount"]
    else:
        assert [each.severity for each in report.findings] == [Severity.LOW]
