"""Atomic arbitrage: rounds of swaps that leave the sender's side with more and nothing less, and those that do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from detect.exchange import FOREVER, Exchange, Pool
from detect.market import BOT, ONE, OTHER, OWNER, PAIR, ROUTER, THIRD, THREE, TWO, USER, WETH, asked, pulled, pushed
from detect.story import account, call, log, mint, move, told
from rollproof.detect import foreign
from rollproof.detect.detector import Judgement
from rollproof.detect.ordering.arbitrage import Arbitrage
from rollproof.detect.run import Report, judge
from rollproof.types import Finding, Severity

PROPOSER = account("proposer")
UP, DOWN = (PAIR, ONE, 1000, TWO, 1990), (OTHER, TWO, 1990, ONE, 1030)


def judged(*trees: dict[str, Any]) -> Report:
    return judge(told(*trees), [Arbitrage()])


def only(tree: dict[str, Any]) -> Finding:
    [finding] = judged(tree).findings
    assert finding.severity is Severity.INFO
    return finding


def gained(finding: Finding) -> dict[bytes | None, int]:
    return {each.token: each.amount for each in finding.amounts}


def test_two_pools_and_more_of_what_was_paid() -> None:
    finding = only(call(USER, BOT, *pushed(BOT, BOT, UP, BOT), *pushed(BOT, BOT, DOWN, BOT)))
    assert gained(finding) == {ONE: 30}
    assert {PAIR, OTHER, BOT} == set(finding.addresses)
    assert len(finding.frames) == 2


def test_three_pools_by_call_backs_and_straight() -> None:
    legs = [(PAIR, ONE, 1000, TWO, 1990), (OTHER, TWO, 1990, THREE, 500), (THIRD, THREE, 500, ONE, 1001)]
    finding = only(call(USER, BOT, pulled(BOT, legs[0]), asked(BOT, legs[1]), pulled(BOT, legs[2])))
    assert gained(finding) == {ONE: 1}


def test_the_second_pool_pays_for_the_first() -> None:
    finding = only(call(USER, BOT, asked(BOT, UP, *pushed(BOT, BOT, DOWN, BOT))))
    assert gained(finding) == {ONE: 30}


def lent(*below: dict[str, Any], fee: int) -> dict[str, Any]:
    lender = account("lender")
    return call(
        BOT,
        lender,
        move(ONE, lender, lender, BOT, 1000),
        call(lender, BOT, *below, function="onFlashLoan(address,address,uint256,uint256,bytes)",
             arguments=[BOT, ONE, 1000, fee, b""]),
        move(ONE, lender, BOT, lender, 1000 + fee),
        function="flashLoan(address,address,uint256,bytes)",
        arguments=[BOT, ONE, 1000, b""],
    )  # fmt: skip


def test_a_loan_is_no_gain() -> None:
    finding = only(call(USER, BOT, lent(*pushed(BOT, BOT, UP, BOT), *pushed(BOT, BOT, DOWN, BOT), fee=9)))
    assert gained(finding) == {ONE: 21}


def test_a_tip_is_paid_out_of_the_gain() -> None:
    legs = (PAIR, WETH, 1000, TWO, 1990), (OTHER, TWO, 1990, WETH, 1030)
    tip = call(BOT, PROPOSER, value=20)
    finding = only(call(USER, BOT, *pushed(BOT, BOT, legs[0], BOT), *pushed(BOT, BOT, legs[1], BOT), tip))
    assert gained(finding)[None] in (10, 30)  # wrapped wei is wei; who is tipped may be counted in


def suppressed(tree: dict[str, Any]) -> list[str]:
    report = judged(tree)
    assert report.findings == []
    return [each.reason for each in report.suppressed]


def test_a_user_who_trades_by_a_router_is_none() -> None:
    assert suppressed(call(USER, ROUTER, *pushed(ROUTER, USER, UP, USER))) == []
    # There and back: both fees are lost.
    lossy = (OTHER, TWO, 1990, ONE, 990)
    found = suppressed(call(USER, ROUTER, *pushed(ROUTER, USER, UP, USER), *pushed(ROUTER, USER, lossy, USER)))
    assert found == ["its sender's side ends with less of an asset"]


def test_a_round_that_gains_one_asset_and_loses_another_is_none() -> None:
    dear = call(BOT, OWNER, value=5)
    tree = call(
        USER, BOT, *pushed(BOT, BOT, UP, BOT), *pushed(BOT, BOT, DOWN, BOT), move(THREE, BOT, BOT, THIRD, 7), dear
    )
    assert suppressed(tree) == ["its sender's side ends with less of an asset"]


def test_rewards_that_are_claimed_and_sold_are_none() -> None:
    claim = call(BOT, THIRD, move(ONE, THIRD, THIRD, BOT, 1000), function="claim()")
    sold = [*pushed(BOT, BOT, UP, BOT), *pushed(BOT, BOT, (OTHER, TWO, 1990, THREE, 500), BOT)]
    assert suppressed(call(USER, BOT, claim, *sold)) == []


def test_one_pool_there_and_back_is_none() -> None:
    back = (PAIR, TWO, 1990, ONE, 1030)
    assert suppressed(call(USER, BOT, *pushed(BOT, BOT, UP, BOT), *pushed(BOT, BOT, back, BOT))) == []


def test_what_is_undone_is_none() -> None:
    inner = call(
        BOT, ROUTER, *pushed(ROUTER, BOT, UP, BOT), *pushed(ROUTER, BOT, DOWN, BOT), error="execution reverted"
    )
    assert suppressed(call(USER, BOT, inner)) == []


def test_swaps_that_serve_a_liquidation_are_said_to() -> None:
    pool, borrower = account("lending"), account("borrower")
    said = log(
        pool,
        "LiquidationCall(address,address,address,uint256,uint256,address,bool)",
        [ONE, THREE, borrower],
        [500, 1000, BOT, 0],
    )
    paid = call(
        BOT,
        pool,
        move(THREE, pool, BOT, pool, 500),
        move(ONE, pool, pool, BOT, 1000),
        function="liquidationCall(address,address,address,uint256,bool)",
        arguments=[ONE, THREE, borrower, 500, False],
        logs=[said],
    )
    swaps = [*pushed(BOT, BOT, UP, BOT), *pushed(BOT, BOT, (OTHER, TWO, 1990, THREE, 520), BOT)]
    found = suppressed(call(USER, BOT, paid, *swaps, pulled(BOT, (THIRD, THREE, 10, ONE, 11))))
    assert found == ["the swaps serve a liquidation"]


def test_shares_that_are_minted_are_no_pool() -> None:
    deposit = call(BOT, PAIR, move(ONE, PAIR, BOT, PAIR, 1000), function="deposit()", logs=[mint(PAIR, BOT, 1000)])
    assert suppressed(call(USER, BOT, deposit, *pushed(BOT, BOT, (OTHER, PAIR, 1000, ONE, 1010), BOT))) == []


# What a known inspector's own tests assert about these blocks, and what its rule cannot see: docs/detection.md.
ASSERTED = {12914944: {1, 6}}
NONE_ASSERTED = {12775690: set[int]()}


@pytest.mark.parametrize(("number", "expected"), [*ASSERTED.items(), *NONE_ASSERTED.items()])
def test_real_blocks(shared_data: Path, number: int, expected: set[int]) -> None:
    [block] = foreign.read(shared_data / "detection" / "mev-blocks" / f"{number}.json.gz")
    found: list[Judgement] = list(judge(block, [Arbitrage()]).findings)
    known = {each.transaction: each.index for each in block.executions}
    assert {known[each.transaction] for each in found} == expected


@pytest.mark.parametrize("logs", [True, False])
def test_wei_that_is_wrapped_by_sending_it(logs: bool) -> None:
    legs = (PAIR, WETH, 1000, TWO, 1990), (OTHER, TWO, 1990, WETH, 1030)
    wraps = call(BOT, WETH, value=1000, logs=[log(WETH, "Deposit(address,uint256)", [BOT], [1000])])
    tree = call(USER, BOT, wraps, *pushed(BOT, BOT, legs[0], BOT), *pushed(BOT, BOT, legs[1], BOT))
    [finding] = judge(told(tree, logs=logs), [Arbitrage()]).findings
    assert gained(finding) == {None: 30}


class Triangle(Exchange):
    """Three pairs of three tokens; the third pair's price decides whether going around pays."""

    def __init__(self, last: int) -> None:
        super().__init__(10**24, 2 * 10**24)
        self.three = self.deploy("ERC20", "THREE", "THREE", 18)
        deployer = self.stage.account(9)
        self.reserves = [Pool(10**24, 2 * 10**24)]
        self.pairs = [self.pair]
        for into, out, reserve in ((self.two, self.three, 2 * 10**24), (self.three, self.one, last)):
            pair = self.deploy("Pair", into.address, out.address)
            registers = self.router.encode("register", pair.address)
            raw = [deployer.send(self.router.address, data=registers, gas=200_000)]
            raw += [self.mint(into, pair.address, 2 * 10**24), self.mint(out, pair.address, reserve)]
            self.happened([*raw, self.call(deployer, pair, "mint", deployer.address)])
            self.pairs.append(pair)
            self.reserves.append(Pool(2 * 10**24, reserve))

    def around(self, paid: int) -> bytes:
        account = self.stage.account(0)
        path = [each.address for each in (self.one, self.two, self.three, self.one)]
        data = self.router.encode("swapExactTokensForTokens", paid, 0, path, account.address, FOREVER)
        return account.send(self.router.address, data=data, gas=2_000_000)


def test_around_three_pairs_of_ours_to_the_unit() -> None:
    triangle, paid = Triangle(last=11 * 10**23), 10**20
    amount = paid
    for pool in triangle.reserves:
        amount = pool.trade(amount)
    assert amount > paid
    [finding] = judge(triangle.stage.run([triangle.around(paid)]), [Arbitrage()]).findings
    assert gained(finding) == {triangle.one.address: amount - paid}
    assert {each.address for each in triangle.pairs} <= set(finding.addresses)


def test_around_three_pairs_at_even_prices_costs_the_fees() -> None:
    triangle = Triangle(last=10**24)
    report = judge(triangle.stage.run([triangle.around(10**20)]), [Arbitrage()])
    assert report.findings == []
    assert [each.reason for each in report.suppressed] == ["its sender's side ends with less of an asset"]
