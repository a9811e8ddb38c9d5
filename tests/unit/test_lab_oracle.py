"""The push oracle and its Chainlink-compatible feeds."""

from __future__ import annotations

from typing import Any

import pytest

from rollproof.lab.contract import Contract
from unit.venue_chain import FLAT, SYMBOLS, VenueChain

ETH = SYMBOLS[0]
SOL = b"SOL-USD".ljust(32, b"\0")


@pytest.fixture(scope="module")
def base() -> VenueChain:
    return VenueChain([FLAT])


@pytest.fixture
def chain(base: VenueChain) -> VenueChain:
    return base.branch()


def read(chain: VenueChain, contract: Contract, function: str, *arguments: Any) -> Any:
    call = chain.chain.call(contract.address, contract.encode(function, *arguments))
    return contract.decode(function, call.output) if call.status == 1 else contract.reason(call.output)


def feed_of(chain: VenueChain) -> Contract:
    return Contract.load("PriceFeed").at(chain.view("config", 0)[0])


def test_a_feed_answers_as_an_aggregator_does(chain: VenueChain) -> None:
    chain.push(123)
    first = chain.time
    chain.wait(10)
    chain.push(456)
    feed = feed_of(chain)
    assert read(chain, feed, "latestRoundData") == (3, 456, first + 12, first + 12, 3)  # one was there from the start
    assert read(chain, feed, "getRoundData", 2) == (2, 123, first, first, 2)
    assert read(chain, feed, "decimals") == (8,)
    assert read(chain, feed, "description") == ("ETH-USD",)
    # The selectors that readers of AggregatorV3Interface call.
    for name, arguments, selector in (
        ("latestRoundData", (), "feaf968c"), ("getRoundData", (0,), "9a6fc8f5"), ("decimals", (), "313ce567"),
        ("description", (), "7284e416"), ("version", (), "54fd4d50"),
    ):  # fmt: skip
        assert feed.encode(name, *arguments)[:4].hex() == selector


def test_a_round_that_is_not_there_is_named(chain: VenueChain) -> None:
    feed = feed_of(chain)
    assert read(chain, feed, "getRoundData", 0).startswith("0x")  # the oracle's error, which the feed does not know
    assert read(chain, chain.oracle, "roundData", ETH, 2) == f"NoSuchRound(0x{ETH.hex()}, 2)"
    assert read(chain, chain.oracle, "age", SOL) == f"NoSuchRound(0x{SOL.hex()}, 0)"


def test_only_the_keeper_pushes_and_only_prices(chain: VenueChain) -> None:
    assert chain.send("trader-0", chain.oracle, "push", [ETH], [1]) == "NotKeeper"
    assert chain.send("owner", chain.oracle, "push", [ETH], [1]) == "NotKeeper"
    for price in (0, -1, 2**127):
        assert chain.send("keeper", chain.oracle, "push", [ETH], [price]) == "BadPrice"
    assert chain.send("keeper", chain.oracle, "push", [ETH], []) == "BadList"
    assert chain.send("keeper", chain.oracle, "push", [ETH] * 33, [1] * 33) == "BadList"
    assert chain.send("keeper", chain.oracle, "push", [SOL, ETH], [7, 2**127 - 1]) is None
    assert read(chain, chain.oracle, "feeds") == ((ETH, SOL),)
    assert chain.send("trader-0", chain.oracle, "setKeeper", chain.address("trader-0")) == "NotOwner"
    assert chain.send("owner", chain.oracle, "setKeeper", chain.address("trader-0")) is None
    assert chain.send("trader-0", chain.oracle, "push", [ETH], [1]) is None


def test_a_price_s_age_is_seconds(chain: VenueChain) -> None:
    chain.push(5)
    chain.wait(38)
    chain.deposit("trader-0", 1)  # a block 40 seconds later
    assert read(chain, chain.oracle, "age", ETH) == (40,)


def test_the_venue_refuses_a_market_without_price(chain: VenueChain) -> None:
    assert chain.send("owner", chain.oracle, "setKeeper", chain.address("owner")) is None
    contract = Contract.load("PriceFeed")
    account = chain.accounts["owner"]
    account.nonce = chain.chain.account(account.address)[0]
    raw = account.send(None, data=contract.deployment(chain.oracle.address, SOL), gas=2_000_000)
    block = chain.chain.build([raw], timestamp=chain.time + 2).block
    chain.chain.append(block)
    chain.time += 2
    config = (block.outcomes[0]["created"], *chain.view("config", 0)[1:])
    assert chain.send("owner", chain.venue, "addMarket", SOL, config) is None
    chain.send("trader-0", chain.venue, "deposit", chain.address("trader-0"), 10**9)
    assert chain.send("trader-0", chain.venue, "trade", 1, 10**18, 2**256 - 1, False, 0) is not None
    assert chain.send("owner", chain.oracle, "push", [SOL], [20 * 10**8]) is None
    chain.send("provider", chain.venue, "addLiquidity", 10**9)
    assert chain.send("trader-0", chain.venue, "trade", 1, 10**18, 2**256 - 1, False, 0) is None
