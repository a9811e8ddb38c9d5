"""A price that was moved, and who paid by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from detect.as_events import as_events, found_again
from detect.stage import Deployed, Stage
from rollproof.detect import foreign
from rollproof.detect.moved_slots import _factor
from rollproof.detect.price_manipulation import PriceManipulation
from rollproof.detect.run import Report, judge
from rollproof.types import Amount, Severity


def market(stage: Stage, lender: str) -> tuple[Deployed, Deployed, Deployed, Deployed]:
    """A pool of 1,000 coins and as much money, a lender with 10,000 coins, and who may sell 9,000 coins to the pool."""
    coin, money = stage.deploy("value/Coin"), stage.deploy("value/Coin")
    pool = stage.deploy("SpotPool", coin.address, money.address)
    for token in (coin, money):
        token.do("make", pool.address, 1000 * 10**18)
    pool.do("fund")
    lending, manipulator = stage.deploy(lender, pool.address), stage.deploy("Manipulator")
    coin.do("make", lending.address, 10_000 * 10**18)
    coin.do("make", manipulator.address, 9_000 * 10**18)
    money.do("make", manipulator.address, 500 * 10**18)
    if lender == "NotedLender":
        lending.do("note")
        money.do("make", manipulator.address, 50_000 * 10**18)
    return coin, pool, lending, manipulator


def said(stage: Stage, transaction: bytes) -> Report:
    return judge(stage.run([transaction]), [PriceManipulation()])


def test_a_lender_that_believes_the_pool() -> None:
    stage = Stage()
    coin, pool, lender, thief = market(stage, "SpotLender")
    block = stage.run([thief.send("run", pool.address, lender.address, 9_000 * 10**18, 10_000 * 10**18)])
    [found] = judge(block, [PriceManipulation()]).findings
    assert [each.amounts for each in found_again(PriceManipulation(), block.executions[0])] == [found.amounts]
    assert found.severity is Severity.HIGH
    assert lender.address in found.addresses
    assert Amount(coin.address, lender.address, -10_000 * 10**18) in found.amounts
    assert {each.account for each in found.slots} == {pool.address}


def test_a_lender_that_has_noted_the_price() -> None:
    stage = Stage()
    _, pool, lender, thief = market(stage, "NotedLender")
    report = said(stage, thief.send("run", pool.address, lender.address, 9_000 * 10**18, 10_000 * 10**18))
    assert report.findings == []


@pytest.mark.parametrize(("sold", "count"), [(9_000, 1), (50, 0)])
def test_a_market_that_is_set_up_in_the_same_transaction(sold: int, count: int) -> None:
    """As tests of attacks do it: who acts has given the pool and the lender all that they have, and gains nothing."""
    stage = Stage()
    coin, money = stage.deploy("value/Coin"), stage.deploy("value/Coin")
    pool = stage.deploy("SpotPool", coin.address, money.address)
    lender, rehearsal = stage.deploy("SpotLender", pool.address), stage.deploy("Rehearsal")
    for token in (coin, money):
        token.do("make", rehearsal.address, 50_000 * 10**18)
    send = rehearsal.send("run", pool.address, lender.address, sold * 10**18, 9_500 * 10**18)
    block = stage.run([send])
    assert block.executions[0].success
    for execution in (block.executions[0], as_events(block.executions[0])):
        assert len(list(PriceManipulation().check(execution))) == count


@pytest.mark.parametrize("sold", [0, 50 * 10**18])
def test_an_honest_trade_before_a_loan(sold: int) -> None:
    """The same lender and the same way to it, with a price that nobody moved, or moved as trades do."""
    stage = Stage()
    _, pool, lender, borrower = market(stage, "SpotLender")
    report = said(stage, borrower.send("run", pool.address, lender.address, sold, 100 * 10**18))
    assert report.findings == []


@pytest.mark.parametrize(("shop", "times", "severities"), [("BalanceShop", 6, [Severity.HIGH]), ("ProductShop", 6, [])])
def test_a_pool_that_is_traded_with_back_and_forth(shop: str, times: int, severities: list[Severity]) -> None:
    stage = Stage()
    one, two, swinger = stage.deploy("value/Coin"), stage.deploy("value/Coin"), stage.deploy("Swinger")
    pool = stage.deploy(shop, one.address, two.address)
    for token in (one, two):
        token.do("make", pool.address, 100)
        token.do("make", swinger.address, 10)
    block = stage.run([swinger.send("run", pool.address, one.address, two.address, times)])
    assert block.executions[0].success
    found = judge(block, [PriceManipulation()]).findings
    assert [each.severity for each in found] == severities
    assert [each.severity for each in found_again(PriceManipulation(), block.executions[0])] == severities


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [
        (10**18, 10**18, 1.0),
        (0, 10**18, 1.0),  # set for the first time
        (10**18, 0, float("inf")),
        (1, 2, 1.0),  # a lock
        (10**18, 3 * 10**18, 3.0),
        (3 * 10**18, 10**18, 3.0),
        (1 << 150, 1 << 159, 1.0),  # addresses
        (10**20 << 128, 10**19 << 128, 10.0),  # the upper half of a word
        ((1_700_000_000 << 224) + (10**21 << 112) + 10**21, (1_700_000_012 << 224) + (10**20 << 112) + 10**22, 10.0),
    ],
)
def test_how_far_a_word_moved(before: int, after: int, moved: float) -> None:
    assert _factor(before, after) == pytest.approx(moved)


def test_foreign_executions(shared_data: Path) -> None:
    """Of the recorded solutions three move a price: an oracle's, a balance's, reserves'. The others do not."""
    found = {}
    for block in foreign.read(shared_data / "detection" / "exploits-dvdefi.jsonl.gz"):
        names = block.executions[0].names
        for each in judge(block, [PriceManipulation()]).findings:
            found[names[each.addresses[0]]] = each.severity
    assert found == dict.fromkeys(("Exchange", "PuppetPool", "PuppetV2Pool"), Severity.HIGH)
