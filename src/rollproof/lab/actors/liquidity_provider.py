"""Adds to the ether market and takes from it again, in amounts and at times drawn from its own seeded stream."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rollproof.lab.stack import Stack

ETHER: Final = 10**18
ADD_EVERY: Final = 40  # steps, on average
REMOVE_EVERY: Final = 60
PATIENCE: Final = 60  # seconds that a transaction may wait
SLIPPAGE_BPS: Final = 100


class LiquidityProvider:
    """Needs "Router", "Pair", "WETH" and "USDC" deployed, and its approvals, as `deployments.defi` leaves them."""

    def __init__(self, name: str = "liquidity-provider") -> None:
        self.name = name
        self._rng: random.Random | None = None

    def act(self, stack: Stack) -> None:
        rng = self._rng = self._rng or stack.rng(self.name)
        # Every draw is made in every step: what is held never shifts the stream.
        adds, removes, part = rng.randrange(ADD_EVERY) == 0, rng.randrange(REMOVE_EVERY) == 0, rng.randrange(1, 101)
        if adds:
            self._add(stack, part * ETHER // 10)
        elif removes:
            self._remove(stack, part)

    def _add(self, stack: Stack, ether: int) -> None:
        deployed, account = stack.deployed, stack.account(self.name, "l2")
        ether_reserve, dollar_reserve = reserves(stack)
        dollars = ether * dollar_reserve // ether_reserve + 1
        weth, usdc = deployed["WETH"], deployed["USDC"]
        held = [stack.view("l2", token, "balanceOf", account.address)[0] for token in (weth, usdc)]
        if held[0] < ether or held[1] < dollars:
            return
        least = [amount * (10_000 - SLIPPAGE_BPS) // 10_000 for amount in (ether, dollars)]
        data = deployed["Router"].encode(
            "addLiquidity", weth.address, usdc.address, ether, dollars, *least, account.address, stack.time + PATIENCE
        )
        stack.send("l2", account, deployed["Router"].address, data=data)

    def _remove(self, stack: Stack, part: int) -> None:
        """At most a tenth of its shares: the market stays."""
        deployed, account = stack.deployed, stack.account(self.name, "l2")
        [shares] = stack.view("l2", deployed["Pair"], "balanceOf", account.address)
        removed = shares * part // 1000
        if not removed:
            return
        weth, usdc = deployed["WETH"].address, deployed["USDC"].address
        data = deployed["Router"].encode(
            "removeLiquidity", weth, usdc, removed, 0, 0, account.address, stack.time + PATIENCE
        )
        stack.send("l2", account, deployed["Router"].address, data=data)


def reserves(stack: Stack) -> tuple[int, int]:
    """What the pair holds: wei, and smallest units of the dollar token."""
    pair = stack.deployed["Pair"]
    first, second, _ = stack.view("l2", pair, "getReserves")
    # The pair keeps its tokens in the order of their addresses.
    return (first, second) if stack.deployed["WETH"].address < stack.deployed["USDC"].address else (second, first)
