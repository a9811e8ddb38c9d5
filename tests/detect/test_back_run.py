"""Arbitrage, liquidations and trades behind what made them possible, and those that stand on their own."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from detect.exchange import FOREVER, Exchange, Pool
from detect.stage import ETHER, Deployed, Stage
from rollproof import _core
from rollproof.detect.execution import ExecutedBlock
from rollproof.detect.ordering.back_run import BackRun
from rollproof.detect.ordering.back_run_liquidation import BackRunLiquidation
from rollproof.detect.ordering.jit_liquidity import JitLiquidity
from rollproof.detect.ordering.oracle_back_run import OracleBackRun
from rollproof.detect.ordering.waiting import Waiting
from rollproof.detect.run import Report, judge
from rollproof.lab.contract import Contract
from rollproof.lab.transaction import created
from rollproof.types import Amount, Confidence, Severity
from unit.defi_lab import calls, deployment


def hash_of(raw: bytes) -> str:
    return "0x" + _core.keccak256(raw).hex()


# Arbitrage behind a trade.


@dataclass
class Markets:
    """Two pairs of the same tokens at one price, and a contract that buys on one and sells on the other."""

    exchange: Exchange
    other: Contract
    first: Pool
    second: Pool

    @classmethod
    def of(cls) -> Markets:
        exchange = Exchange()
        stage, deployer = exchange.stage, exchange.stage.account(9)
        pair = exchange.deploy("Pair", exchange.one.address, exchange.two.address)
        router = exchange.deploy("Router")
        exchange.happened(
            [
                exchange.call(deployer, router, "register", pair.address),
                exchange.mint(exchange.one, pair.address, 10**6 * ETHER),
                exchange.mint(exchange.two, pair.address, 2 * 10**6 * ETHER),
                exchange.call(deployer, pair, "mint", deployer.address),
            ]
        )
        assert stage.chain.code(router.address)
        return cls(exchange, router, *(Pool(10**6 * ETHER, 2 * 10**6 * ETHER) for _ in range(2)))

    def arbitrage(self, index: int, paid: int, got: int) -> bytes:
        """A transaction that sells ``paid`` of the second token where it is dear and buys it back where it is cheap."""
        exchange = self.exchange
        stage, deployer = exchange.stage, exchange.stage.account(9)
        at = created(deployer.address, deployer.nonce + 2)
        steps = [
            (exchange.router.address, exchange.order(paid, at, up=False)),
            (self.other.address, exchange.order(got, at)),
        ]
        approvals = [
            (exchange.two.address, exchange.two.encode("approve", exchange.router.address, FOREVER)),
            (exchange.one.address, exchange.one.encode("approve", self.other.address, FOREVER)),
        ]
        own = exchange.mint(exchange.two, at, paid + ETHER)
        spare = exchange.mint(exchange.one, at, 10 * ETHER)
        exchange.happened(
            [own, spare, deployer.send(None, data=deployment(calls([*approvals, *steps])), gas=3_000_000)]
        )
        return stage.account(index).send(at, gas=1_000_000)


def test_an_arbitrage_that_lives_on_the_trade_before() -> None:
    markets = Markets.of()
    exchange = markets.exchange
    markets.first.trade(100_000 * ETHER)  # the second token is dear on the first pair now
    paid = 20_000 * ETHER
    got = markets.first.trade(paid, up=False)
    profit = markets.second.trade(got) - paid
    assert profit > 0
    raw = [exchange.swap(1, 100_000 * ETHER), markets.arbitrage(0, paid, got)]
    [finding] = judge(exchange.stage.run(raw), [BackRun()]).findings
    assert (finding.severity, finding.confidence) == (Severity.INFO, Confidence.OBSERVED)
    [amount] = finding.amounts
    assert (amount.token, amount.amount) == (exchange.two.address, profit)
    assert hash_of(raw[0]) in finding.subject
    assert finding.transaction is not None
    assert "0x" + finding.transaction.hex() == hash_of(raw[1])


def test_an_arbitrage_that_was_there_before_is_none() -> None:
    markets = Markets.of()
    exchange = markets.exchange
    markets.first.trade(100_000 * ETHER)
    exchange.happened([exchange.swap(1, 100_000 * ETHER)])
    markets.first.trade(ETHER)
    paid = 20_000 * ETHER
    got = markets.first.trade(paid, up=False)
    raw = [exchange.swap(2, ETHER), markets.arbitrage(0, paid, got)]
    assert judge(exchange.stage.run(raw), [BackRun()]).findings == []


def test_a_plain_swap_the_other_way_is_no_arbitrage() -> None:
    exchange = Exchange()
    raw = [exchange.swap(1, 100_000 * ETHER), exchange.swap(0, 5_000 * ETHER, up=False)]
    assert judge(exchange.stage.run(raw), [BackRun()]).findings == []


# Liquidity for the length of a swap.


def provider(exchange: Exchange, index: int) -> None:
    account = exchange.stage.account(index)
    exchange.happened([exchange.call(account, exchange.pair, "approve", exchange.router.address, FOREVER)])


def added(exchange: Exchange, index: int) -> bytes:
    account, tokens = exchange.stage.account(index), (exchange.one.address, exchange.two.address)
    amounts = (1000 * ETHER, 2000 * ETHER, 0, 0)
    return exchange.call(account, exchange.router, "addLiquidity", *tokens, *amounts, account.address, FOREVER)


def removed(exchange: Exchange, index: int) -> bytes:
    account, tokens = exchange.stage.account(index), (exchange.one.address, exchange.two.address)
    shares = 1000 * ETHER  # less than the square root of the product of both amounts
    return exchange.call(account, exchange.router, "removeLiquidity", *tokens, shares, 0, 0, account.address, FOREVER)


def test_liquidity_for_one_swap() -> None:
    exchange = Exchange()
    provider(exchange, 0)
    raw = [added(exchange, 0), exchange.swap(1, 1000 * ETHER), removed(exchange, 0)]
    [finding] = judge(exchange.stage.run(raw), [JitLiquidity()]).findings
    assert finding.severity is Severity.INFO
    assert all(hash_of(each) in finding.subject for each in raw)
    assert exchange.stage.account(0).address in finding.addresses


@pytest.mark.parametrize("own", [True, False])
def test_liquidity_without_anothers_swap(own: bool) -> None:
    exchange = Exchange()
    provider(exchange, 0)
    if own:
        raw = [added(exchange, 0), exchange.swap(0, ETHER), removed(exchange, 0)]
    else:
        raw = [exchange.swap(1, ETHER), added(exchange, 0), removed(exchange, 0), exchange.swap(2, ETHER)]
    assert judge(exchange.stage.run(raw), [JitLiquidity()]).findings == []


# Behind a price update.


@dataclass
class Pledged:
    """A price board at 100 and a pledge of one ether that is lost below 90."""

    stage: Stage
    board: Deployed
    pledge: Deployed

    @classmethod
    def of(cls) -> Pledged:
        stage = Stage()
        board = stage.deploy("PriceBoard", 100)
        pledge = stage.deploy("Pledge", board.address)
        pledge.do("pledge", 90, value=ETHER, sender=stage.account(1))
        return cls(stage, board, pledge)

    def post(self, price: int, index: int = 2) -> bytes:
        return self.board.send("post", price, sender=self.stage.account(index))

    def liquidate(self, index: int = 3) -> bytes:
        who = self.stage.account(1).address
        return self.pledge.send("liquidate", 0, who, sender=self.stage.account(index))


def judged(block: ExecutedBlock) -> Report:
    return judge(block, [BackRunLiquidation(), OracleBackRun()])


def test_a_liquidation_behind_the_update_that_made_it_possible() -> None:
    pledged = Pledged.of()
    raw = [pledged.post(80), pledged.liquidate()]
    [finding] = judged(pledged.stage.run(raw)).findings
    assert (finding.detector, finding.severity) == ("back-run-liquidation", Severity.MEDIUM)
    assert finding.confidence is Confidence.OBSERVED
    assert finding.amounts == (Amount(None, pledged.stage.account(3).address, ETHER),)
    assert all(hash_of(each) in finding.subject for each in raw)
    assert finding.counterfactual is not None
    assert finding.counterfactual["fail_without"] == [hash_of(raw[1])]


def test_a_liquidation_that_was_possible_before() -> None:
    pledged = Pledged.of()
    pledged.stage.build([pledged.post(85)])
    assert judged(pledged.stage.run([pledged.post(80), pledged.liquidate()])).findings == []


def test_a_liquidation_by_who_sets_the_price_is_another_matter() -> None:
    pledged = Pledged.of()
    assert judged(pledged.stage.run([pledged.post(80, 3), pledged.liquidate(3)])).findings == []


def test_a_liquidation_some_places_behind_is_low() -> None:
    pledged = Pledged.of()
    between = pledged.stage.account(5).send(b"\x42" * 20, value=1, gas=21_000)
    [finding] = judged(pledged.stage.run([pledged.post(80), between, pledged.liquidate()])).findings
    assert finding.severity is Severity.LOW


@pytest.mark.parametrize("public", [True, False])
def test_a_liquidation_that_waited_in_the_pool_is_low(public: bool) -> None:
    pledged = Pledged.of()
    raw = [pledged.post(80), pledged.liquidate()]
    seen = _core.keccak256(raw[public])
    waits = Waiting(seen, b"\x01" * 20, None, 0, 100_000, 1, 1, 1, 1)
    [finding] = judged(pledged.stage.run(raw, pending={seen: waits})).findings
    assert finding.severity is (Severity.LOW if public else Severity.MEDIUM)


def test_a_liquidation_without_state_is_possible() -> None:
    pledged = Pledged.of()
    block = pledged.stage.run([pledged.post(80), pledged.liquidate()])
    block.counterfactual = None
    [finding] = judged(block).findings
    assert (finding.severity, finding.confidence) == (Severity.LOW, Confidence.POSSIBLE)


def test_a_profit_behind_a_price_update() -> None:
    pledged = Pledged.of()
    bonus = pledged.pledge.send("bonus", sender=pledged.stage.account(1))
    raw = [pledged.post(200), bonus]
    [finding] = judged(pledged.stage.run(raw)).findings
    assert (finding.detector, finding.severity) == ("oracle-back-run", Severity.LOW)
    assert finding.amounts == (Amount(None, pledged.stage.account(1).address, ETHER // 2),)


def test_a_profit_that_needs_no_update() -> None:
    pledged = Pledged.of()
    pledged.stage.build([pledged.post(200)])
    bonus = pledged.pledge.send("bonus", sender=pledged.stage.account(1))
    assert judged(pledged.stage.run([pledged.post(210), bonus])).findings == []
