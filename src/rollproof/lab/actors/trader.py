"""A seeded trader on the perpetuals venue: opens with 2 to 50 times leverage, adds, reduces, tops up, closes."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rollproof.lab.transaction import GWEI

if TYPE_CHECKING:
    from rollproof.lab.contract import Contract
    from rollproof.lab.stack import Stack

_USD = 10**6
_QUOTE = 10**20  # size (18 decimals) times price (8) in one unit of collateral (6)
_GAS = 2_000_000
_BPS = 10_000


@dataclass(frozen=True, slots=True)
class _Sight:
    """What the trader sees of one market and of itself."""

    market: int
    price: int  # 8 decimals
    initial: int  # basis points
    fee: int
    balance: int
    free: int  # what the cross account has above its initial margin
    size: int
    isolated: bool
    margin: int


class Trader:
    """Everything it decides comes from its own stream of draws and from what it reads on the chain."""

    def __init__(self, number: int, *, markets: int = 2, activity: int = 120, deposit: int = 100_000 * _USD) -> None:
        """``activity``: in how many of 1,000 steps it does something. ``deposit``: the most it deposits at once."""
        self.name = f"trader-{number}"
        self._markets, self._activity, self._deposit = markets, activity, deposit
        self._draw: random.Random | None = None

    def act(self, stack: Stack) -> None:
        """At most one thing; nothing while an earlier transaction still waits. What it sends may well revert."""
        if self._draw is None:
            self._draw = stack.rng(self.name)
        draw = self._draw
        if draw.randrange(1_000) >= self._activity:
            return
        account = stack.account(self.name, "l2")
        if stack.next_nonce("l2", account) != stack.l2.account(account.address)[0]:
            return
        venue = stack.deployed["PerpetualsVenue"]
        sight = self._look(stack, venue, account.address, draw.randrange(self._markets))
        if sight.balance < 1_000 * _USD and sight.size == 0:
            self._fund(stack, venue, account.address, draw)
        elif sight.size == 0:
            self._open(stack, venue, sight, draw)
        else:
            self._change(stack, venue, sight, draw)

    def _look(self, stack: Stack, venue: Contract, who: bytes, market: int) -> _Sight:
        [state] = stack.view("l2", venue, "market", market)
        [config] = stack.view("l2", venue, "config", market)
        [position] = stack.view("l2", venue, "position", market, who)
        equity, initial, _, balance, _ = stack.view("l2", venue, "account", who)
        free = max(0, min(balance, equity - initial))
        return _Sight(market, state[4], config[2], config[4], balance, free, position[0], position[1], position[2])

    def _fund(self, stack: Stack, venue: Contract, who: bytes, draw: random.Random) -> None:
        usdc = stack.deployed["USDC"]
        [allowed] = stack.view("l2", usdc, "allowance", who, venue.address)
        [held] = stack.view("l2", usdc, "balanceOf", who)
        amount = min(held, self._deposit * draw.randrange(10, 101) // 100)
        if amount == 0:
            return
        if allowed < amount:
            self._send(stack, usdc, draw, "approve", venue.address, 2**256 - 1)
        self._send(stack, venue, draw, "deposit", who, amount)

    def _open(self, stack: Stack, venue: Contract, sight: _Sight, draw: random.Random) -> None:
        isolated = draw.randrange(2) == 1
        margin = sight.free * draw.randrange(5, 41) // 100
        size = self._affordable(sight, margin, draw.randrange(2, 51)) * (1 if draw.randrange(2) else -1)
        self._trade(stack, venue, sight, size, draw, isolated=isolated, margin=margin if isolated else 0)

    def _change(self, stack: Stack, venue: Contract, sight: _Sight, draw: random.Random) -> None:
        kind, share = draw.randrange(100), draw.randrange(10, 91)
        if kind < 20:
            margin = sight.free * share // 400
            size = self._affordable(sight, margin, draw.randrange(2, 51)) * (1 if sight.size > 0 else -1)
            self._trade(
                stack, venue, sight, size, draw, isolated=sight.isolated, margin=margin if sight.isolated else 0
            )
        elif kind < 45:
            part = abs(sight.size) * share // 100 * (-1 if sight.size > 0 else 1)
            self._trade(stack, venue, sight, part, draw, isolated=sight.isolated)
        elif kind < 70:
            self._send(stack, venue, draw, "close", sight.market, self._limit(sight, -sight.size))
        elif kind < 85 and sight.isolated:
            amount = sight.free * share // 400
            if amount:
                self._send(stack, venue, draw, "moveMargin", sight.market, amount)
        elif kind < 85:
            self._fund(stack, venue, stack.account(self.name, "l2").address, draw)
        elif kind < 92 and sight.free > 1_000 * _USD:
            receiver = stack.account(self.name, "l2").address
            self._send(stack, venue, draw, "withdraw", sight.free * share // 200, receiver)

    def _affordable(self, sight: _Sight, margin: int, leverage: int) -> int:
        """The size that a margin carries with this leverage, after the fee and some room for the fill."""
        most = margin * _BPS // (sight.initial + 2 * sight.fee + 10)
        return min(margin * leverage, most) * _QUOTE // sight.price

    def _trade(
        self,
        stack: Stack,
        venue: Contract,
        sight: _Sight,
        size: int,
        draw: random.Random,
        *,
        isolated: bool,
        margin: int = 0,
    ) -> None:
        if size:
            self._send(stack, venue, draw, "trade", sight.market, size, self._limit(sight, size), isolated, margin)

    def _limit(self, sight: _Sight, size: int) -> int:
        """One per cent worse than the mark price."""
        return sight.price * (101 if size > 0 else 99) // 100

    def _send(self, stack: Stack, to: Contract, draw: random.Random, function: str, *arguments: Any) -> None:
        tip = GWEI // 10 * draw.randrange(1, 30)
        stack.send("l2", self.name, to.address, data=to.encode(function, *arguments), gas=_GAS, tip=tip)
