"""Trades the ether market towards the price outside, whenever that pays for the fee."""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING, Final

from rollproof.lab.actors.liquidity_provider import reserves

if TYPE_CHECKING:
    from rollproof.lab.market import Market
    from rollproof.lab.stack import Stack

SYMBOL: Final = "ETH-USD"
# Dollar units a wei at a market price of 1: 10**6 units a dollar, 10**18 wei an ether, 8 decimals of the price.
SCALE: Final = 10 ** (18 + 8 - 6)
FEE_IN: Final = 997  # of what is paid in, this part counts...
FEE_OF: Final = 1000  # ... of this
LEAST: Final = 10 * 10**6  # dollar units that a trade has to be worth
PATIENCE: Final = 60  # seconds that a transaction may wait
SLIPPAGE_BPS: Final = 50


class Arbitrageur:
    """``market`` says the price outside; None: `Stack.market`. One trade at a time.

    Needs "Router", "Pair", "WETH" and "USDC" deployed, and its approvals, as `deployments.defi` leaves them.
    """

    def __init__(self, market: Market | None = None, name: str = "arbitrageur") -> None:
        self.name = name
        self._market = market
        self._last: bytes | None = None

    def act(self, stack: Stack) -> None:
        if self._last is not None and self._last in stack.l2_pool:
            return
        price = (self._market or stack.market).price(stack.time, SYMBOL)
        ether, dollars = reserves(stack)
        buy, sell = wanted(dollars, ether, price, SCALE), wanted(ether, dollars, SCALE, price)
        weth, usdc = stack.deployed["WETH"], stack.deployed["USDC"]
        if buy >= LEAST:
            self._swap(stack, usdc.address, weth.address, min(buy, self._held(stack, "USDC")), dollars, ether)
        elif sell * price // SCALE >= LEAST:
            self._swap(stack, weth.address, usdc.address, min(sell, self._held(stack, "WETH")), ether, dollars)

    def _held(self, stack: Stack, token: str) -> int:
        address = stack.account(self.name, "l2").address
        return int(stack.view("l2", stack.deployed[token], "balanceOf", address)[0])

    def _swap(self, stack: Stack, paid: bytes, got: bytes, amount: int, reserve_in: int, reserve_out: int) -> None:
        if not amount:
            return
        account, router = stack.account(self.name, "l2"), stack.deployed["Router"]
        least = amount_out(amount, reserve_in, reserve_out) * (10_000 - SLIPPAGE_BPS) // 10_000
        data = router.encode(
            "swapExactTokensForTokens", amount, least, [paid, got], account.address, stack.time + PATIENCE
        )
        self._last = stack.send("l2", account, router.address, data=data)


def amount_out(amount: int, reserve_in: int, reserve_out: int) -> int:
    """What a pair gives for ``amount``, all in the tokens' smallest units, rounded down."""
    charged = amount * FEE_IN
    return charged * reserve_out // (reserve_in * FEE_OF + charged)


def wanted(reserve_in: int, reserve_out: int, worth: int, of: int) -> int:
    """How much to pay in until the next unit does not pay; 0 where none does.

    Outside, a unit of what comes out is worth ``worth / of`` units of what goes in. With reserves x and y, the part f
    of a payment a that counts after the fee, and that worth v, the gain y f a / (x + f a) v - a is greatest where
    x + f a is the root of x y f v.
    """
    target = isqrt(reserve_in * reserve_out * FEE_IN * worth // (FEE_OF * of))
    return max(0, (target - reserve_in) * FEE_OF // FEE_IN)
