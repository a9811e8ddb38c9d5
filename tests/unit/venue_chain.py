"""The perpetuals venue on a chain of its own: one operation, one block."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from rollproof.lab import genesis
from rollproof.lab.chain import Chain
from rollproof.lab.contract import Contract
from rollproof.lab.transaction import Account
from unit.venue_model import ONE, USD, Market, Settings, Venue

CONFIG = genesis.configs()["l2"]
NAMES = ("owner", "guardian", "keeper", "liquidator", "provider", *(f"trader-{number}" for number in range(6)))
SYMBOLS = (b"ETH-USD".ljust(32, b"\0"), b"BTC-USD".ljust(32, b"\0"))
PRICES = (2_000 * 10**8, 60_000 * 10**8)
WALLET = 10**9 * USD
ANY_SELL, ANY_BUY = 0, 2**256 - 1


class VenueChain:
    """``settings`` are the markets'. Everybody has collateral outside the venue and has let it take that."""

    def __init__(self, settings: Sequence[Settings], names: Sequence[str] = NAMES) -> None:
        accounts = genesis.l2_accounts(names, {})
        self.chain = Chain(CONFIG, accounts, timestamp=genesis.TIME, gas_limit=genesis.L2_GAS_LIMIT,
                           fee_recipient=genesis.SEQUENCER_FEE_VAULT, extra_data=genesis.L2_EXTRA_DATA)  # fmt: skip
        self.time = genesis.TIME
        self.accounts = {name: Account.named(name, CONFIG.chain_id) for name in names}
        self.model = Venue([Market(each, 0) for each in settings], self.time)
        self.usdc = self._deploy("ERC20", "USD Coin", "USDC", 6)
        self.oracle = self._deploy("PriceOracle", self.address("keeper"))
        self.venue = self._deploy("PerpetualsVenue", self.usdc.address, self.address("guardian"))
        for symbol, each in zip(SYMBOLS, settings, strict=False):
            feed = self._deploy("PriceFeed", self.oracle.address, symbol)
            assert self.send("owner", self.venue, "addMarket", symbol, config(feed.address, each)) is None
        for market in self.model.markets:
            market.accrued_at = self.time
        for name in names:
            assert self.send("owner", self.usdc, "mint", self.address(name), WALLET) is None
            assert self.send(name, self.usdc, "approve", self.venue.address, 2**256 - 1) is None
        self.push(*PRICES[: len(settings)])

    def branch(self) -> VenueChain:
        """One that goes on by itself from here."""
        twin = copy.copy(self)
        twin.chain, twin.model = self.chain.branch(), copy.deepcopy(self.model)
        return twin

    def address(self, name: str) -> bytes:
        return self.accounts[name].address

    def _deploy(self, artifact: str, *arguments: Any) -> Contract:
        contract = Contract.load(artifact)
        assert self._block("owner", None, contract.deployment(*arguments)) is None
        return contract.at(self.outcome["created"])

    def _block(self, name: str, to: bytes | None, data: bytes) -> bytes | None:
        """Sends it in a block of its own; what it reverts with, if it does."""
        account = self.accounts[name]
        account.nonce = self.chain.account(account.address)[0]
        built = self.chain.build([account.send(to, data=data, gas=20_000_000)], timestamp=self.time + 2)
        self.time = self.model.time = self.time + 2
        self.chain.append(built.block)
        [self.outcome] = built.block.outcomes
        return None if self.outcome["status"] else bytes(self.outcome["output"])

    def send(self, name: str, contract: Contract, function: str, *arguments: Any) -> str | None:
        """None, or the name of the error that the call reverts with."""
        output = self._block(name, contract.address, contract.encode(function, *arguments))
        return None if output is None else contract.reason(output).partition("(")[0]

    def events(self, event: str) -> list[dict[str, Any]]:
        """The venue's events of this name in the last block."""
        found = [self.venue.event(event, log) for log in self.outcome["logs"]]
        return [each for each in found if each is not None]

    def wait(self, seconds: int) -> None:
        """The next block comes that much later."""
        self.time += seconds

    def push(self, *prices: int) -> None:
        """The oracle's prices with 8 decimals, of the first markets."""
        assert self.send("keeper", self.oracle, "push", SYMBOLS[: len(prices)], prices) is None
        for market, price in zip(self.model.markets, prices, strict=False):
            market.price, market.updated_at = price, self.time

    def view(self, function: str, *arguments: Any) -> Any:
        """One value, or a tuple where there are several."""
        call = self.chain.call(self.venue.address, self.venue.encode(function, *arguments))
        assert call.status == 1, self.venue.reason(call.output)
        values = self.venue.decode(function, call.output)
        return values[0] if len(values) == 1 else values

    def held(self) -> int:
        """Collateral that the venue holds."""
        call = self.chain.call(self.usdc.address, self.usdc.encode("balanceOf", self.venue.address))
        [amount] = self.usdc.decode("balanceOf", call.output)
        return int(amount)

    # Operations on the contract and on the model at once: both refuse alike, or both do it.

    def both(self, name: str, function: str, *arguments: Any, model: Any) -> str | None:
        """Returns the error's name if it is refused."""
        refused = self.send(name, self.venue, function, *arguments)
        expected = self.model.attempt(model)
        assert refused == expected, f"{function}{arguments}: the contract says {refused}, the model {expected}"
        return refused

    def deposit(self, name: str, amount: int) -> str | None:
        who = self.address(name)
        return self.both(name, "deposit", who, amount, model=lambda m: m.deposit(who, amount))

    def withdraw(self, name: str, amount: int) -> str | None:
        who = self.address(name)
        return self.both(name, "withdraw", amount, who, model=lambda m: m.withdraw(who, amount))

    def trade(self, name: str, market: int, delta: int, *, isolated: bool = False, margin: int = 0) -> str | None:
        who, limit = self.address(name), ANY_BUY if delta > 0 else ANY_SELL
        return self.both(
            name, "trade", market, delta, limit, isolated, margin,
            model=lambda m: m.trade(who, market, delta, isolated=isolated, margin=margin),
        )  # fmt: skip

    def close(self, name: str, market: int) -> str | None:
        who = self.address(name)
        position = self.model.accounts[who].positions.get(market) if who in self.model.accounts else None
        limit = ANY_BUY if position is not None and position.size < 0 else ANY_SELL
        return self.both(name, "close", market, limit, model=lambda m: m.close(who, market))

    def move_margin(self, name: str, market: int, amount: int) -> str | None:
        who = self.address(name)
        return self.both(name, "moveMargin", market, amount, model=lambda m: m.move_margin(who, market, amount))

    def liquidate(self, market: int, name: str, *, keeper: str = "liquidator") -> str | None:
        who, by = self.address(name), self.address(keeper)
        return self.both(keeper, "liquidate", market, who, model=lambda m: m.liquidate(by, market, who))

    def deleverage(self, market: int, name: str, counterparties: Sequence[bytes]) -> str | None:
        who, listed = self.address(name), list(counterparties)
        return self.both(
            "liquidator", "deleverage", market, who, listed, model=lambda m: m.deleverage(market, who, listed)
        )

    def insure(self, amount: int) -> str | None:
        return self.both("provider", "insure", amount, model=lambda m: m.insure(amount))

    def add_liquidity(self, name: str, amount: int) -> str | None:
        who = self.address(name)
        return self.both(name, "addLiquidity", amount, model=lambda m: m.add_liquidity(who, amount))

    def remove_liquidity(self, name: str, removed: int) -> str | None:
        who = self.address(name)
        return self.both(name, "removeLiquidity", removed, who, model=lambda m: m.remove_liquidity(who, removed))

    # Comparison.

    def agree(self) -> None:
        """The contract's whole state is the model's, and it holds what it owes, to the unit."""
        model = self.model
        listed = [self.view("accountAt", index) for index in range(self.view("accountCount"))]
        assert set(listed) == set(model.accounts)
        owed = self.view("pool") + self.view("fund")
        for who in listed:
            equity, initial, maintenance, balance, debt = self.view("account", who)
            account = model.accounts[who]
            assert (balance, debt) == (account.balance, account.debt)
            assert (equity, initial, maintenance) == model.health(who)
            owed += balance
            cross, isolated = self.view("marketsOf", who)
            assert cross == sum(1 << market for market in account.cross())
            assert cross + isolated == sum(1 << market for market in account.positions)
            for market in account.positions:
                owed += self._same_position(market, who)
        assert self.held() == owed == model.holdings()
        assert self.view("accountsTotal") + self.view("pool") + self.view("fund") == owed
        assert (self.view("pool"), self.view("fund")) == (model.pool, model.fund)
        assert self.view("badDebt") == model.bad_debt
        assert self.view("debts") == sum(each.debt for each in model.accounts.values())
        assert (self.view("totalShares"), self.view("poolEquity")) == (model.total_shares, model.pool_equity())
        for market in range(len(model.markets)):
            self._same_market(market)

    def _same_market(self, market: int) -> None:
        model, sides = self.model, self.model.sides(market)
        state = self.view("market", market)
        assert state[1:] == (
            model.markets[market].price, model.markets[market].updated_at, model.stale(market), model.mark(market),
            *sides, sides[0] - sides[1], model.rate(market), model.index(market), model.traders_profit(market),
        )  # fmt: skip
        for long in (True, False):
            count = self.view("holderCount", market, long)
            holders = {self.view("holderAt", market, long, index) for index in range(count)}
            assert holders == {
                who
                for who, account in model.accounts.items()
                if market in account.positions and (account.positions[market].size > 0) == long
            }

    def _same_position(self, market: int, who: bytes) -> int:
        """Returns its own margin."""
        model, position = self.model, self.model.accounts[who].positions[market]
        size, isolated, margin, cost, _, _, profit, notional, _, _, equity, bankruptcy = self.view(
            "position", market, who
        )
        assert (size, isolated, margin, cost) == (position.size, position.isolated, position.margin, position.cost)
        assert profit == model.profit(market, position, model.mark(market))
        assert notional == model.notional(position, model.mark(market))
        assert (equity, bankruptcy) == (model.health(who, market)[0], model.bankruptcy_price(market, who))
        return int(margin)


def config(feed: bytes, settings: Settings) -> tuple[Any, ...]:
    """As the contract's struct has it."""
    return (
        feed, settings.max_age, settings.initial, settings.maintenance, settings.fee, settings.liquidation_fee,
        settings.keeper_share, settings.step, settings.skew_scale, settings.max_open_interest, settings.max_premium,
        settings.funding_factor, settings.max_funding_rate, settings.min_notional,
    )  # fmt: skip


FLAT = Settings(fee=0, max_premium=0, funding_factor=0)  # the mark price is the oracle's, and only prices move money
LOT = ONE // 1000
