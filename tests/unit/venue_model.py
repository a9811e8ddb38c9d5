"""What the perpetuals venue should do, in plain Python on exact fractions: written from its rules, not from its code.

Every value is an exact fraction until it becomes collateral or a price; there it is rounded in the stated direction.
An operation that may not happen raises Refused with the name of the contract's error, and leaves nothing behind.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor, trunc
from typing import Any

ONE = 10**18
QUOTE = 10**26  # a size with 18 decimals times a price with 8
USD = 10**6  # one unit of collateral, a 6-decimals token
UNIT = QUOTE // USD
MAX_COUNTERPARTIES = 32


class Refused(Exception):
    """The contract's error, by name."""


@dataclass(slots=True)
class Settings:
    """A market's settings, named and scaled as in the contract's `Config`."""

    max_age: int = 0
    initial: int = 200
    maintenance: int = 100
    fee: int = 5
    liquidation_fee: int = 50
    keeper_share: int = 5_000
    step: int = 2_500
    skew_scale: int = 1_000_000 * ONE
    max_open_interest: int = 100_000 * ONE
    max_premium: int = ONE // 20
    funding_factor: int = 10**12
    max_funding_rate: int = 10**12
    min_notional: int = 10 * USD


@dataclass(slots=True)
class Position:
    size: int
    isolated: bool
    margin: int
    cost: int  # quote
    entry: int  # funding index


@dataclass(slots=True)
class Account:
    balance: int = 0
    debt: int = 0
    positions: dict[int, Position] = field(default_factory=dict)

    def cross(self) -> dict[int, Position]:
        return {market: each for market, each in self.positions.items() if not each.isolated}


@dataclass(slots=True)
class Market:
    settings: Settings
    accrued_at: int
    price: int = 0
    updated_at: int = 0
    index: int = 0


@dataclass(slots=True)
class Venue:
    """``wallet`` is the collateral that everybody has outside the venue, by name; ``time`` is in seconds."""

    markets: list[Market]
    time: int
    accounts: dict[bytes, Account] = field(default_factory=dict)
    pool: int = 0
    fund: int = 0
    bad_debt: int = 0
    total_shares: int = 0
    shares: dict[bytes, int] = field(default_factory=dict)
    insurance_share: int = 2_000
    reserve: int = 1_000
    happened: list[str] = field(default_factory=list)  # kinds of what liquidations came to

    def attempt(self, operation: Callable[[Venue], Any]) -> str | None:
        """Does it, or says by which error it may not be done and stays as it was."""
        kept = copy.deepcopy(self)
        try:
            operation(self)
        except Refused as refused:
            for name in self.__slots__:
                setattr(self, name, getattr(kept, name))
            return str(refused)
        return None

    def holdings(self) -> int:
        """Collateral that the venue has to hold."""
        margins = sum(each.margin for account in self.accounts.values() for each in account.positions.values())
        return self.pool + self.fund + margins + sum(account.balance for account in self.accounts.values())

    # Prices and funding.

    def sides(self, market: int) -> tuple[int, int]:
        sizes = [account.positions[market].size for account in self.accounts.values() if market in account.positions]
        return sum(size for size in sizes if size > 0), -sum(size for size in sizes if size < 0)

    def skew(self, market: int) -> int:
        longs, shorts = self.sides(market)
        return longs - shorts

    def premium(self, market: int, skew: int) -> Fraction:
        """Cut to 18 decimals and to its bound."""
        settings = self.markets[market].settings
        bound = settings.max_premium
        return Fraction(max(-bound, min(bound, trunc(Fraction(skew * ONE, settings.skew_scale)))), ONE)

    def mark(self, market: int) -> int:
        return floor(self.markets[market].price * (1 + self.premium(market, self.skew(market))))

    def fill(self, market: int, delta: int) -> int:
        skew = self.skew(market)
        mean = (self.premium(market, skew) + self.premium(market, skew + delta)) / 2
        price = self.markets[market].price * (1 + mean)
        return ceil(price) if delta > 0 else floor(price)

    def stale(self, market: int) -> bool:
        its = self.markets[market]
        return its.settings.max_age != 0 and self.time - its.updated_at > its.settings.max_age

    def rate(self, market: int) -> int:
        settings = self.markets[market].settings
        raw = trunc(Fraction(self.skew(market) * settings.funding_factor, settings.skew_scale))
        return max(-settings.max_funding_rate, min(settings.max_funding_rate, raw))

    def index(self, market: int) -> int:
        its = self.markets[market]
        return its.index + self.rate(market) * (self.time - its.accrued_at) * its.price

    def accrue(self, market: int) -> None:
        if market >= len(self.markets):
            raise Refused("NoMarket")
        if self.stale(market):
            raise Refused("StalePrice")
        its = self.markets[market]
        its.index, its.accrued_at = self.index(market), self.time

    # Margin.

    def pending(self, market: int, position: Position) -> int:
        """Funding to pay, in quote, rounded up."""
        return ceil(Fraction(position.size * (self.index(market) - position.entry), ONE))

    def profit(self, market: int, position: Position, price: int) -> int:
        return floor(Fraction(position.size * price - position.cost - self.pending(market, position), UNIT))

    def notional(self, position: Position, price: int) -> int:
        return ceil(Fraction(abs(position.size) * price, UNIT))

    def weighed(self, market: int, position: Position) -> tuple[int, int, int]:
        mark, settings = self.mark(market), self.markets[market].settings
        notional = self.notional(position, mark)
        return (
            self.profit(market, position, mark),
            ceil(Fraction(notional * settings.initial, 10_000)),
            ceil(Fraction(notional * settings.maintenance, 10_000)),
        )

    def health(self, who: bytes, market: int | None = None) -> tuple[int, int, int]:
        """Equity, initial and maintenance margin: of the cross account, or of an isolated position in ``market``."""
        account = self.accounts.get(who, Account())
        if market is not None and account.positions[market].isolated:
            equity, weighed = account.positions[market].margin, [self.weighed(market, account.positions[market])]
        else:
            equity = account.balance - account.debt
            weighed = [self.weighed(each, position) for each, position in account.cross().items()]
        return (
            equity + sum(each[0] for each in weighed),
            sum(each[1] for each in weighed),
            sum(each[2] for each in weighed),
        )

    def require(self, who: bytes, market: int | None, *, initial: bool) -> None:
        account = self.accounts.get(who, Account())
        used = [market] if market is not None and account.positions[market].isolated else list(account.cross())
        if any(self.stale(each) for each in used):
            raise Refused("StalePrice")
        equity, first, second = self.health(who, market)
        if equity < (first if initial else second):
            raise Refused("InsufficientMargin")

    def require_cross(self, who: bytes) -> None:
        if self.accounts.get(who, Account()).cross():
            self.require(who, None, initial=True)

    # Collateral.

    def credit(self, who: bytes, amount: int) -> None:
        account = self.accounts.setdefault(who, Account())
        repaid = min(account.debt, amount)
        account.debt -= repaid
        self.pool += repaid
        account.balance += amount - repaid

    def spend(self, who: bytes, amount: int) -> None:
        account = self.accounts.get(who, Account())
        if amount > account.balance:
            raise Refused("InsufficientBalance")
        account.balance -= amount

    def pay(self, who: bytes, position: Position, amount: int, *, forced: bool) -> None:
        account = self.accounts[who]
        available = self.pool + (0 if position.isolated else min(account.debt, amount))
        if amount > available:
            if not forced:
                raise Refused("PoolInsolvent")
            self.bad_debt += amount - available
            self.happened.append("unpaid")
            amount = available
        if position.isolated:
            position.margin += amount
        else:
            self.credit(who, amount)
        self.pool -= amount

    def charge(self, who: bytes, position: Position, amount: int) -> tuple[int, int]:
        """(paid, unpaid)"""
        account = self.accounts[who]
        if position.isolated:
            paid = min(position.margin, amount)
            position.margin -= paid
            return paid, amount - paid
        paid = min(account.balance, amount)
        account.balance -= paid
        account.debt += amount - paid
        return paid, 0

    def deposit(self, who: bytes, amount: int) -> None:
        if amount == 0:
            raise Refused("ZeroAmount")
        self.credit(who, amount)

    def withdraw(self, who: bytes, amount: int) -> None:
        if amount == 0:
            raise Refused("ZeroAmount")
        self.spend(who, amount)
        self.require_cross(who)

    def insure(self, amount: int) -> None:
        self.fund += amount

    def move_margin(self, who: bytes, market: int, amount: int) -> None:
        account = self.accounts.get(who, Account())
        position = account.positions.get(market)
        if position is None:
            raise Refused("NoPosition")
        if not position.isolated:
            raise Refused("WrongMode")
        if amount == 0:
            raise Refused("ZeroAmount")
        self.accrue(market)
        if amount > 0:
            self.spend(who, amount)
            position.margin += amount
            self.require_cross(who)
        else:
            if -amount > position.margin:
                raise Refused("InsufficientBalance")
            position.margin += amount
            self.credit(who, -amount)
            self.require(who, market, initial=True)

    # Trading.

    def resize(self, who: bytes, market: int, delta: int, price: int) -> int:
        """What the closed part made, rounded down. A position without size stays until `finish`."""
        position = self.accounts[who].positions[market]
        position.cost += self.pending(market, position)
        position.entry = self.index(market)
        realised = 0
        if position.size == 0 or (position.size > 0) == (delta > 0):
            position.cost += delta * price
        else:
            part = ceil(Fraction(position.cost * abs(delta), abs(position.size)))
            realised = floor(Fraction(-delta * price - part, UNIT))
            position.cost -= part
        position.size += delta
        return realised

    def release(self, who: bytes, market: int) -> None:
        position = self.accounts[who].positions.pop(market)
        self.credit(who, position.margin)

    def trade(self, who: bytes, market: int, delta: int, *, isolated: bool, margin: int = 0) -> None:
        """At any price."""
        if delta == 0:
            raise Refused("ZeroAmount")
        self.accrue(market)
        settings = self.markets[market].settings
        known = who in self.accounts
        account = self.accounts.setdefault(who, Account())
        position = account.positions.get(market)
        if position is not None and position.isolated != isolated:
            raise Refused("WrongMode")
        if margin and not isolated:
            raise Refused("WrongMode")
        if margin > account.balance:
            raise Refused("InsufficientBalance")
        size = 0 if position is None else position.size
        adds = size == 0 or (size > 0) == (delta > 0)
        if not adds and abs(delta) > abs(size):
            raise Refused("WouldFlip")
        price = self.fill(market, delta)
        if position is None:
            position = Position(0, isolated, 0, 0, self.index(market))
        account.balance -= margin
        position.margin += margin
        longs, shorts = self.sides(market)
        if adds and (longs if delta > 0 else shorts) + abs(delta) > settings.max_open_interest:
            raise Refused("OpenInterestFull")
        account.positions[market] = position
        realised = self.resize(who, market, delta, price)
        unpaid = 0
        if realised > 0:
            self.pay(who, position, realised, forced=False)
        else:
            paid, unpaid = self.charge(who, position, -realised)
            self.pool += paid
        fee = ceil(Fraction(ceil(Fraction(abs(delta) * price, UNIT)) * settings.fee, 10_000))
        paid, short = self.charge(who, position, fee)
        if unpaid + short:
            raise Refused("InsufficientBalance")
        self.fund += paid * self.insurance_share // 10_000
        self.pool += paid - paid * self.insurance_share // 10_000
        if position.size and self.notional(position, price) < settings.min_notional:
            raise Refused("TooSmall")
        if isolated and margin:
            self.require_cross(who)
        if not isolated or position.size:
            self.require(who, market, initial=adds)
        if position.size == 0:
            self.release(who, market)
        assert known or not account.positions, "nobody without collateral has a position"

    def close(self, who: bytes, market: int) -> None:
        position = self.accounts.get(who, Account()).positions.get(market)
        if position is None:
            raise Refused("NoPosition")
        self.trade(who, market, -position.size, isolated=position.isolated)

    # Liquidation.

    def sentence(self, market: int, who: bytes) -> tuple[int, int, int]:
        """(delta, fill, equity afterwards)"""
        self.accrue(market)
        account = self.accounts.get(who, Account())
        position = account.positions.get(market)
        if position is None:
            raise Refused("NoPosition")
        if not position.isolated and any(self.stale(each) for each in account.cross()):
            raise Refused("StalePrice")
        equity, _, maintenance = self.health(who, market)
        if equity >= maintenance:
            raise Refused("Healthy")
        settings, mark, closed = self.markets[market].settings, self.mark(market), abs(position.size)
        if equity >= maintenance // 2:
            step = ceil(Fraction(closed * settings.step, 10_000))
            if (closed - step) * mark // UNIT >= settings.min_notional:
                closed = step
        delta = -closed if position.size > 0 else closed
        fill = self.fill(market, delta)
        return delta, fill, equity + floor(Fraction(delta * (mark - fill), UNIT))

    def bankruptcy_price(self, market: int, who: bytes) -> int:
        """0 where no price above zero leaves exactly nothing."""
        position = self.accounts[who].positions[market]
        exact = self.mark(market) - Fraction(self.health(who, market)[0] * UNIT, position.size)
        return max(0, ceil(exact) if position.size > 0 else floor(exact))

    def queue(self, market: int, who: bytes) -> list[bytes]:
        """Positions on the other side that make a profit at the bankruptcy price, first ranked first."""
        price, size = self.bankruptcy_price(market, who), self.accounts[who].positions[market].size
        ranked = []
        for holder, account in self.accounts.items():
            position = account.positions.get(market)
            if price == 0 or position is None or (position.size > 0) == (size > 0):
                continue
            profit = self.profit(market, position, price)
            if profit > 0:
                leverage = self.notional(position, price) * ONE // max(1, self.health(holder, market)[0])
                score = profit * ONE // max(1, abs(position.cost) // UNIT) * leverage // ONE
                ranked.append((-max(1, score), holder))
        return [holder for _, holder in sorted(ranked)]

    def finish(self, who: bytes, market: int) -> int:
        account = self.accounts[who]
        position = account.positions[market]
        if position.size:
            return 0
        self.release(who, market)
        if position.isolated or account.cross():
            return 0
        missing, account.debt = account.debt, 0
        return missing

    def cover(self, missing: int) -> None:
        covered = min(self.fund, missing)
        self.fund -= covered
        self.pool += covered
        self.bad_debt += missing - covered
        if missing:
            self.happened.append("covered" if covered == missing else "bad-debt")

    def book(self, who: bytes, position: Position, realised: int) -> int:
        if realised > 0:
            self.pay(who, position, realised, forced=True)
            return 0
        paid, missing = self.charge(who, position, -realised)
        self.pool += paid
        return missing

    def liquidate(self, keeper: bytes, market: int, who: bytes) -> None:
        delta, fill, left = self.sentence(market, who)
        if left < 0 and -left > self.fund and self.queue(market, who):
            raise Refused("NeedsDeleveraging")
        settings, position = self.markets[market].settings, self.accounts[who].positions[market]
        missing = self.book(who, position, self.resize(who, market, delta, fill))
        full = ceil(Fraction(ceil(Fraction(abs(delta) * fill, UNIT)) * settings.liquidation_fee, 10_000))
        cash = position.margin if position.isolated else self.accounts[who].balance
        fee = max(0, min(full, left, cash))
        self.charge(who, position, fee)
        held = fee * settings.keeper_share // 10_000
        self.fund += fee - held
        self.happened.append("step" if position.size else "whole")
        missing += self.finish(who, market)
        self.cover(missing)
        topped = min(self.fund, full * settings.keeper_share // 10_000 - held)
        self.fund -= topped
        self.credit(keeper, held + topped)

    def deleverage(self, market: int, who: bytes, counterparties: list[bytes]) -> None:
        _, _, left = self.sentence(market, who)
        if left >= 0 or -left <= self.fund:
            raise Refused("FundSuffices")
        price, queue = self.bankruptcy_price(market, who), self.queue(market, who)
        if price == 0 or not 0 < len(counterparties) <= MAX_COUNTERPARTIES:
            raise Refused("ZeroAmount")
        if counterparties != queue[: len(counterparties)]:
            raise Refused("OutOfRank")
        bankrupt = self.accounts[who].positions[market]
        rest, made = bankrupt.size, []
        for each in counterparties:
            if rest == 0:
                raise Refused("NotNeeded")
            delta = min(abs(rest), abs(self.accounts[each].positions[market].size)) * (1 if rest > 0 else -1)
            made.append(self.resize(each, market, delta, price))
            rest -= delta
        lost = self.resize(who, market, rest - bankrupt.size, price)
        for each, realised in [(who, lost), *zip(counterparties, made, strict=True)]:
            missing = self.book(each, self.accounts[each].positions[market], realised)
            self.cover(missing + self.finish(each, market))
        self.happened.append("adl")

    # Liquidity.

    def traders_profit(self, market: int) -> int:
        """Of all positions together; rounded up once, funding rounded down once."""
        mark, index = self.mark(market), self.index(market)
        open_ = [account.positions[market] for account in self.accounts.values() if market in account.positions]
        funding = floor(Fraction(sum(each.size * (index - each.entry) for each in open_), ONE))
        return ceil(Fraction(sum(each.size * mark - each.cost for each in open_) - funding, UNIT))

    def pool_equity(self) -> int:
        debts = sum(account.debt for account in self.accounts.values())
        return self.pool + debts - sum(self.traders_profit(each) for each in range(len(self.markets)))

    def add_liquidity(self, who: bytes, amount: int) -> None:
        equity = self._fresh_equity()
        if equity < 0:
            raise Refused("PoolInsolvent")
        added = amount * (self.total_shares + 1) // (equity + 1)
        if added == 0:
            raise Refused("ZeroAmount")
        self.pool += amount
        self.total_shares += added
        self.shares[who] = self.shares.get(who, 0) + added

    def remove_liquidity(self, who: bytes, removed: int) -> None:
        equity = self._fresh_equity()
        if removed == 0:
            raise Refused("ZeroAmount")
        if removed > self.shares.get(who, 0):
            raise Refused("InsufficientBalance")
        amount = 0 if equity < 0 else removed * (equity + 1) // (self.total_shares + 1)
        notional = sum(sum(self.sides(each)) * self.mark(each) // UNIT for each in range(len(self.markets)))
        if amount + ceil(Fraction(notional * self.reserve, 10_000)) > self.pool:
            raise Refused("PoolInsolvent")
        self.shares[who] -= removed
        self.total_shares -= removed
        self.pool -= amount

    def _fresh_equity(self) -> int:
        if any(self.stale(each) and self.sides(each) != (0, 0) for each in range(len(self.markets))):
            raise Refused("StalePrice")
        return self.pool_equity()
