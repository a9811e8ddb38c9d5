"""Who trades on the venue in the lab: the oracle's keeper, traders and the liquidator, on a running stack."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from rollproof.lab import genesis
from rollproof.lab.actors.liquidator import Liquidator
from rollproof.lab.actors.oracle_keeper import OracleKeeper
from rollproof.lab.actors.trader import Trader
from rollproof.lab.contract import Contract
from rollproof.lab.deployments import venue as deployment
from rollproof.lab.faults.fault import Fault
from rollproof.lab.market import Market, Recorded
from rollproof.lab.stack import Stack

USD = 10**6
ONE = 10**18
DOLLAR = 10**8
ETH = 0
ETH_WORD = b"ETH-USD".ljust(32, b"\0")
ANY_BUY = 2**256 - 1


def running(market: Market, seed: int = 0) -> Stack:
    stack = Stack(seed, market=market)
    deployment.venue(stack)
    return stack


def recorded(*prices: tuple[int, int]) -> Market:
    """ETH-USD by (seconds after the lab's first, dollars); BTC-USD stays."""
    rows = [(seconds, dollars * DOLLAR) for seconds, dollars in prices]
    return Market({
        "ETH-USD": Recorded(rows, time=genesis.TIME), "BTC-USD": Recorded([(0, 60_000 * DOLLAR)], time=genesis.TIME)
    })  # fmt: skip


def events(stack: Stack, contract: str, name: str) -> list[dict[str, Any]]:
    """Of every L2 block, in order."""
    deployed, found = stack.deployed[contract], []
    for number in range(1, stack.l2.head.number + 1):
        block = stack.l2.block(number)
        assert block is not None
        for outcome in block.outcomes:
            for log in outcome["logs"]:
                event = deployed.event(name, log)
                if event is not None:
                    found.append({**event, "time": block.timestamp, "block": number})
    return found


def calls(stack: Stack, contract: Contract) -> Counter[tuple[str, int]]:
    """(function, status) of everything that was sent to a contract."""
    arguments: dict[str, tuple[object, ...]] = {
        "trade": (0, 0, 0, False, 0), "close": (0, 0), "deposit": (bytes(20), 0), "withdraw": (0, bytes(20)),
        "moveMargin": (0, 0), "liquidate": (0, bytes(20)), "deleverage": (0, bytes(20), []),
    }  # fmt: skip
    names = {contract.encode(name, *each)[:4]: name for name, each in arguments.items()}
    found: Counter[tuple[str, int]] = Counter()
    for number in range(1, stack.l2.head.number + 1):
        block = stack.l2.block(number)
        assert block is not None
        for raw, outcome in zip(block.transactions, block.outcomes, strict=True):
            for selector, name in names.items():
                if outcome["to"] == contract.address and selector in raw:
                    found[name, outcome["status"]] += 1
    return found


def assert_books_balance(stack: Stack) -> None:
    venue, usdc = stack.deployed["PerpetualsVenue"], stack.deployed["USDC"]
    [held] = stack.view("l2", usdc, "balanceOf", venue.address)
    [count] = stack.view("l2", venue, "accountCount")
    owed = stack.view("l2", venue, "pool")[0] + stack.view("l2", venue, "fund")[0]
    for index in range(count):
        [who] = stack.view("l2", venue, "accountAt", index)
        owed += stack.view("l2", venue, "account", who)[3]
        owed += sum(stack.view("l2", venue, "position", market, who)[0][2] for market in (0, 1))
    assert held == owed


def test_traders_trade_and_the_venue_s_books_balance() -> None:
    stack = running(Market.seeded(0))
    stack.actors += [OracleKeeper(), *(Trader(number) for number in range(12)), Liquidator()]
    stack.run(250)
    venue = stack.deployed["PerpetualsVenue"]
    sent = calls(stack, venue)
    for name in ("trade", "close", "deposit", "withdraw", "moveMargin"):
        assert sent[name, 1] >= 5, name
    assert sum(count for (_, status), count in sent.items() if not status) < sum(sent.values()) // 10
    changes = events(stack, "PerpetualsVenue", "PositionChanged")
    assert {each["market"] for each in changes} == {0, 1}
    assert {each["delta"] > 0 for each in changes} == {True, False}
    assert len({each["account"] for each in changes}) == 12
    assert not stack.refused
    assert_books_balance(stack)


def test_the_same_seed_gives_the_same_chain() -> None:
    heads = []
    for seed in (5, 5, 6):
        stack = running(Market.seeded(seed), seed)
        stack.actors += [OracleKeeper(), *(Trader(number) for number in range(6)), Liquidator()]
        stack.run(60)
        heads.append(stack.l2.head.hash)
    assert heads[0] == heads[1] != heads[2]


class OracleHalts(Fault):
    def halts(self, stack: Stack, what: str) -> bool:
        return what == "oracle"


def test_the_keeper_pushes_on_its_heartbeat_and_on_a_deviation() -> None:
    """The price moves by 5 basis points at second 60, which is too little, and by 50 at second 90."""
    market = recorded((0, 20_000), (60, 20_010), (90, 20_110))
    stack = running(market)
    stack.actors.append(OracleKeeper(["ETH-USD"], heartbeat=20, deviation=10))
    begin = stack.time
    stack.run((160 - (begin - genesis.TIME)) // 2)
    pushed = [each for each in events(stack, "PriceOracle", "PricePushed") if each["symbol"] == ETH_WORD]
    times = [each["time"] - genesis.TIME for each in pushed]
    assert all(each["price"] == market.price(each["time"]) for each in pushed)
    assert 90 in times
    before = [each for each in times if each <= 90]
    assert {after - first for first, after in pairwise(before[1:-1])} == {20}
    fault = stack.inject(OracleHalts())
    stack.run(20)
    assert len([1 for each in events(stack, "PriceOracle", "PricePushed") if each["symbol"] == ETH_WORD]) == len(pushed)
    stack.lift(fault)
    stack.step()
    assert events(stack, "PriceOracle", "PricePushed")[-1]["time"] == stack.time


def opened(stack: Stack, name: str, deposit: int, size: int) -> None:
    venue, who = stack.deployed["PerpetualsVenue"], stack.account(name, "l2").address
    stack.send("l2", name, venue.address, data=venue.encode("deposit", who, deposit * USD))
    limit = ANY_BUY if size > 0 else 0
    stack.send("l2", name, venue.address, data=venue.encode("trade", ETH, size * ONE, limit, False, 0))
    stack.step()
    assert stack.view("l2", venue, "position", ETH, who)[0][0] == size * ONE


@pytest.mark.parametrize(("dollars", "adl"), [(2_425, False), (2_250, True)])
def test_a_crash_is_liquidated_and_what_the_fund_cannot_bear_is_deleveraged(dollars: int, adl: bool) -> None:
    """A long of 25,000 at 2,500 with 2 million; those who are short made enough. The fund has 250,000."""
    stack = running(recorded((0, 2_500), (80, dollars)))
    stack.actors += [OracleKeeper(), Liquidator()]
    for number in (1, 2, 3):
        opened(stack, f"trader-{number}", 2_000_000, -9_000)
    opened(stack, "trader-0", 2_000_000, 25_000)
    stack.run(50)
    venue = stack.deployed["PerpetualsVenue"]
    assert stack.view("l2", venue, "position", ETH, stack.account("trader-0", "l2").address)[0][0] == 0
    crash = genesis.TIME + 80
    first = events(stack, "PerpetualsVenue", "Adl" if adl else "Liquidated")[0]
    assert crash < first["time"] <= crash + 4  # the oracle's push, and the next block
    deleveraged = events(stack, "PerpetualsVenue", "Adl")
    assert bool(deleveraged) == adl
    if adl:
        assert sum(each["closed"] for each in deleveraged) == 25_000 * ONE
        assert {each["bankrupt"] for each in deleveraged} == {stack.account("trader-0", "l2").address}
        assert stack.view("l2", venue, "fund")[0] >= 250_000 * USD  # untouched
    else:
        keeper = stack.account("liquidator", "l2").address
        assert stack.view("l2", venue, "account", keeper)[3] == sum(
            each["reward"] for each in events(stack, "PerpetualsVenue", "Liquidated")
        )
    assert stack.view("l2", venue, "badDebt")[0] == 0
    assert_books_balance(stack)


def test_a_trader_waits_for_what_it_sent() -> None:
    stack = running(Market.seeded(1))
    stack.actors += [Trader(0, activity=1_000)]
    stack.inject(SequencerHalts())
    stack.run(10)
    assert len(stack.l2_pool) == 1  # its deposit
    account = stack.account("trader-0", "l2")
    assert {each.sender for each in stack.l2_pool} == {account.address}


class SequencerHalts(Fault):
    def halts(self, stack: Stack, what: str) -> bool:
        return what == "sequencer"
