"""The real Perp v2 contracts (@perp/curie-contract 2.8.4) on a real anvil, with Uniswap v3 and Chainlink's price feed.

They come from npm (build/curie) and nothing of them is part of the project. The settlement token and the aggregator
behind the price feed are the lab's. One market, vETH; more of it by `Bed.market`.
"""

from __future__ import annotations

import json
import time
from math import isqrt
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from rollproof.lab.contract import Contract
from rollproof.lab.transaction import created

PACKAGES = Path(__file__).resolve().parents[2] / "build" / "curie"
MISSING = "no Perp v2 contracts: `make node-tools` installs them (npm)"
PLACES = {
    "UniswapV3Factory": "@uniswap/v3-core",
    "UniswapV3Pool": "@uniswap/v3-core",
    "ChainlinkPriceFeedV3": "@perp/perp-oracle-contract",
    "PriceFeedDispatcher": "@perp/perp-oracle-contract",
}
ONE = 10**18
USD = 10**6  # of the settlement token
FEE = 10_000  # of the pool: 1 %
SPACING = 200
ANYTHING = 2**256 - 1
MARKET_TWAP = 1_800  # seconds
FEED_TIMEOUT = 40 * 60


def artifact(name: str) -> Contract:
    """A contract of the packages; skips the test where they are not installed."""
    package = PLACES.get(name, "@perp/curie-contract")
    path = PACKAGES / package / "artifacts" / "contracts" / f"{name}.sol" / f"{name}.json"
    if not path.is_file():
        pytest.skip(MISSING)
    record = json.loads(path.read_text(encoding="utf-8"))
    return Contract.from_artifact({"name": name, "abi": record["abi"], "bytecode": record["bytecode"], "runtime": ""})


class Reverted(Exception):
    """What a transaction reverts with."""


class Bed:
    """A venue as its deployer would set it up, without proxies, and people by name; every transaction is a block."""

    def __init__(self, url: str, price: int = 2_000) -> None:
        self._client = httpx.Client(base_url=url, timeout=30.0)
        self.rpc("anvil_setBlockTimestampInterval", 2)
        accounts = [bytes.fromhex(each[2:]) for each in self.rpc("eth_accounts")]
        self._deployers = accounts[:6]
        self.owner = accounts[0]
        self.people = dict(zip(("maker", "long", "short", "whale"), accounts[6:], strict=False))
        self._deploy(price)

    def close(self) -> None:
        self._client.close()

    # The node.

    def rpc(self, method: str, *params: Any) -> Any:
        """Raises Reverted with the node's message."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        answer = self._client.post("/", json=body).json()
        if "error" in answer:
            raise Reverted(str(answer["error"].get("message")))
        return answer["result"]

    def send(self, to: Contract | None, data: bytes, *, sender: bytes | None = None) -> dict[str, Any]:
        """A transaction that succeeds; its receipt. Raises Reverted with the contract's reason."""
        fields = {"from": hexed(sender or self.owner), "data": hexed(data), "gas": hex(25_000_000)}
        if to is not None:
            fields["to"] = hexed(to.address)
        self.rpc("eth_call", fields, "pending")
        wanted = self.rpc("eth_sendTransaction", fields)
        deadline = time.monotonic() + 20
        while (receipt := self.rpc("eth_getTransactionReceipt", wanted)) is None:
            assert time.monotonic() < deadline, "anvil did not mine"
            time.sleep(0.002)
        assert receipt["status"] == "0x1", f"0x{data[:4].hex()} failed"
        return dict(receipt)

    def do(self, contract: Contract, function: str, *arguments: Any, sender: bytes | None = None) -> None:
        self.send(contract, contract.encode(function, *arguments), sender=sender)

    def view(self, contract: Contract, function: str, *arguments: Any) -> Any:
        fields = {"to": hexed(contract.address), "data": hexed(contract.encode(function, *arguments))}
        values = contract.decode(function, bytes.fromhex(self.rpc("eth_call", fields, "latest")[2:]))
        return values[0] if len(values) == 1 else values

    def wait(self, seconds: int) -> None:
        """The chain's clock goes on; otherwise a block takes two seconds, however busy this machine is."""
        now = int(self.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
        self.rpc("evm_setNextBlockTimestamp", now + seconds)
        self.rpc("evm_mine")

    # Trading.

    def push(self, price: float, symbol: bytes = b"ETH-USD") -> None:
        """The oracle's price, dollars."""
        self.do(self.oracle, "push", [symbol.ljust(32, b"\0")], [round(price * 10**8)])

    def deposit(self, name: str, dollars: int) -> None:
        who = self.people[name]
        self.do(self.usdc, "mint", who, dollars * USD)
        self.do(self.usdc, "approve", self.vault.address, ANYTHING, sender=who)
        self.do(self.vault, "deposit", self.usdc.address, dollars * USD, sender=who)

    def provide(self, name: str, base: int, quote: int, low: int, high: int, token: Contract | None = None) -> None:
        """Liquidity between two ticks."""
        given = ((token or self.base).address, base, quote, low, high, 0, 0, False, ANYTHING)
        self.do(self.clearing_house, "addLiquidity", given, sender=self.people[name])

    def trade(self, name: str, size: int, token: Contract | None = None, *, limit: int = 0) -> None:
        """Buys (or sells) an exact size; with ``limit``, a square root price, only up to that price."""
        exact_input = size < 0
        given = (
            (token or self.base).address, size < 0, exact_input, abs(size), 0, ANYTHING, limit, bytes(32)
        )  # fmt: skip
        self.do(self.clearing_house, "openPosition", given, sender=self.people[name])

    def liquidate(self, name: str, token: Contract | None = None, *, by: str = "whale") -> None:
        """As much as may be. Raises Reverted."""
        self.do(
            self.clearing_house, "liquidate(address,address)", self.people[name], (token or self.base).address,
            sender=self.people[by],
        )  # fmt: skip

    def move(self, price: int) -> None:
        """Oracle and pool go to a price together, in steps that the price band allows, and the averages follow.

        The whale trades the pool there.
        """
        while True:
            now = self.view(self.exchange, "getSqrtMarketTwapX96", self.base.address, 0)
            current = now * now * 100 // 2**192 / 100
            following = max(price, current * 0.96) if price < current else min(price, current * 1.04)
            self.push(following)
            self.trade("whale", (-1 if following < current else 1) * 10**6 * ONE, limit=root(following))
            self.wait(60)
            if following == price:
                break
        self.wait(MARKET_TWAP + 60)
        self.push(price)
        self.wait(15 * 60 + 60)
        self.push(price)

    # The contracts.

    def _create(self, contract: Contract, *arguments: Any, sender: bytes | None = None) -> Contract:
        receipt = self.send(None, contract.deployment(*arguments), sender=sender)
        return contract.at(bytes.fromhex(receipt["contractAddress"][2:]))

    def _next(self, sender: bytes) -> bytes:
        return created(sender, int(self.rpc("eth_getTransactionCount", hexed(sender), "latest"), 16))

    def market(self, name: str, symbol: bytes, price: int) -> Contract:
        """A base token with a feed, a pool and a place in the registry, at a price."""
        self.do(self.oracle, "push", [symbol.ljust(32, b"\0")], [price * 10**8])
        feed = self._create(Contract.load("PriceFeed"), self.oracle.address, symbol.ljust(32, b"\0"))
        chainlink = self._create(artifact("ChainlinkPriceFeedV3"), feed.address, FEED_TIMEOUT, 900)
        dispatcher = self._create(artifact("PriceFeedDispatcher"), chainlink.address)
        # The registry wants the base token's address below the quote token's.
        deployer = min(self._deployers, key=self._next)
        base = self._create(artifact("BaseToken"), sender=deployer)
        assert base.address < self.quote.address
        self.do(base, "initialize", name, name, dispatcher.address, sender=deployer)
        self.do(self.factory, "createPool", base.address, self.quote.address, FEE)
        pool = artifact("UniswapV3Pool").at(self.view(self.factory, "getPool", base.address, self.quote.address, FEE))
        self.do(pool, "initialize", root(price))
        self.do(pool, "increaseObservationCardinalityNext", 200)
        house = self.clearing_house.address
        self.do(base, "mintMaximumTo", house, sender=deployer)
        for token, by in ((base, deployer), (self.quote, self.quote_owner)):
            for listed in (house, pool.address):
                self.do(token, "addWhitelist", listed, sender=by)
        self.do(self.registry, "addPool", base.address, FEE)
        self.do(self.registry, "setInsuranceFundFeeRatio", base.address, 100_000)
        self.do(self.exchange, "setMaxTickCrossedWithinBlock", base.address, 1_000)
        return base

    def _deploy(self, price: int) -> None:
        self.quote_owner = max(self._deployers, key=self._next)
        self.quote = self._create(artifact("QuoteToken"), sender=self.quote_owner)
        self.do(self.quote, "initialize", "vUSD", "vUSD", sender=self.quote_owner)
        self.usdc = self._create(Contract.load("ERC20"), "USD Coin", "USDC", 6)
        self.oracle = self._create(Contract.load("PriceOracle"), self.owner)
        self.factory = self._create(artifact("UniswapV3Factory"))
        names = (
            "ClearingHouseConfig", "MarketRegistry", "OrderBook", "Exchange", "InsuranceFund", "AccountBalance",
            "Vault", "CollateralManager", "ClearingHouse",
        )  # fmt: skip
        made = [self._create(artifact(name)) for name in names]
        (
            self.config, self.registry, self.order_book, self.exchange, self.fund, self.account_balance, self.vault,
            self.collateral_manager, self.clearing_house,
        ) = made  # fmt: skip
        self.do(self.config, "initialize")
        self.do(self.registry, "initialize", self.factory.address, self.quote.address)
        self.do(self.order_book, "initialize", self.registry.address)
        self.do(self.exchange, "initialize", self.registry.address, self.order_book.address, self.config.address)
        self.do(self.order_book, "setExchange", self.exchange.address)
        self.do(self.fund, "initialize", self.usdc.address)
        self.do(self.account_balance, "initialize", self.config.address, self.order_book.address)
        self.do(
            self.vault, "initialize", self.fund.address, self.config.address, self.account_balance.address,
            self.exchange.address,
        )  # fmt: skip
        self.do(
            self.collateral_manager, "initialize", self.config.address, self.vault.address, 5, 750_000, 500_000,
            20_000, 30_000, 10_000 * USD, 500 * USD,
        )  # fmt: skip
        self.do(
            self.clearing_house, "initialize", self.config.address, self.vault.address, self.quote.address,
            self.factory.address, self.exchange.address, self.account_balance.address, self.fund.address,
        )  # fmt: skip
        for each in (self.registry, self.order_book, self.exchange, self.account_balance, self.vault):
            self.do(each, "setClearingHouse", self.clearing_house.address)
        self.do(self.exchange, "setAccountBalance", self.account_balance.address)
        self.do(self.account_balance, "setVault", self.vault.address)
        self.do(self.fund, "setVault", self.vault.address)
        self.do(self.vault, "setCollateralManager", self.collateral_manager.address)
        self.do(self.config, "setSettlementTokenBalanceCap", ANYTHING)
        self.do(self.quote, "mintMaximumTo", self.clearing_house.address, sender=self.quote_owner)
        self.base = self.market("vETH", b"ETH-USD", price)
        self.wait(MARKET_TWAP + 60)  # the pool's averages have a past to look at
        self.push(price)


def root(price: float) -> int:
    """A price as Uniswap has it: the square root of quote by base, with 96 binary places."""
    return isqrt(round(price * 10**8) * 2**192 // 10**8)


def hexed(data: bytes) -> str:
    return "0x" + data.hex()
