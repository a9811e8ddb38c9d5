"""Ordinary use of tokens and of the ether market: wraps, approves, swaps, provides, and swaps before it pays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rollproof.chain import abi
from rollproof.lab.actors.arbitrageur import amount_out
from rollproof.lab.actors.customer import ANYTHING, ETHER, USD, Customer
from rollproof.lab.actors.liquidity_provider import reserves
from rollproof.lab.bytecode import assemble

NAME: Final = "swapper"
_TIME: Final = 300  # seconds that a transaction may wait

# uniswapV2Call of a flash swap: its data is a token and how much of it goes back to the pair.
PAYER: Final = assemble(
    """
    0xa9059cbb 224 SHL PUSH0 MSTORE CALLER 4 MSTORE 196 CALLDATALOAD 36 MSTORE
    PUSH0 PUSH0 68 PUSH0 PUSH0 164 CALLDATALOAD GAS CALL POP STOP
    """
)
# Any hook of a token is welcome, and nothing is done about it.
WELCOME: Final = assemble("STOP")


def swapper() -> Customer:
    return Customer(NAME, [_wrap, _allow, _by_router, _by_hand, _flash_swap, _provide, _refused, _hooks, _votes])


def _wrap(me: Customer) -> Iterator[None]:
    ether = me.draw.randrange(1, 1_000) * ETHER // 1_000
    me.call("WETH", "deposit", value=ether)
    me.send(me.of("WETH").address, value=ether)  # by the fallback
    yield
    me.call("WETH", "withdraw", ether)
    me.call("WETH", "withdraw", 10**30)
    yield


def _allow(me: Customer) -> Iterator[None]:
    """Somebody else may take a part, takes it, and cannot take more."""
    amount, other = me.draw.randrange(1, 1_000) * USD, me.stack.account("bystander", "l2").address
    me.mint("USDC", amount)
    me.call("USDC", "approve", other, amount)
    yield
    me.call("USDC", "transferFrom", me.address, other, amount, by="bystander")
    yield
    me.call("USDC", "transferFrom", me.address, other, 1, by="bystander")
    me.call("USDC", "transfer", other, 10**30)
    me.call("USDC", "mint", me.address, USD)  # OnlyOwner
    me.mint("USDC", USD)
    yield
    me.call("USDC", "burn", USD)
    yield


def _by_router(me: Customer) -> Iterator[None]:
    weth, usdc, router = (me.of(name).address for name in ("WETH", "USDC", "Router"))
    amount = me.draw.randrange(100, 5_000) * USD
    me.mint("USDC", amount)
    me.call("USDC", "approve", router, ANYTHING)
    me.call("Router", "swapExactTokensForTokens", amount, 0, [usdc, weth], me.address, me.stack.time + _TIME)
    yield
    ether = me.ask("WETH", "balanceOf", me.address)
    me.call("WETH", "approve", router, ANYTHING)
    me.call("Router", "swapExactTokensForTokens", ether, 0, [weth, usdc], me.address, me.stack.time + _TIME)
    yield


def _by_hand(me: Customer) -> Iterator[None]:
    """Pays the pair first; anybody may take what lies in it, so the whole is one block's business or is lost."""
    ether, dollars = reserves(me.stack)
    paid = me.draw.randrange(1, 100) * ETHER // 100
    got = amount_out(paid, ether, dollars) * 99 // 100
    weth, pair = me.of("WETH"), me.of("Pair")
    me.call(weth, "deposit", value=paid)
    me.call(weth, "transfer", pair.address, paid)
    outs = (0, got) if weth.address < me.of("USDC").address else (got, 0)
    me.call(pair, "swap", *outs, me.address, b"")
    yield
    me.mint("USDC", USD)
    yield
    me.call("USDC", "transfer", pair.address, USD)  # more than the reserves say
    me.call(pair, "skim", me.address)
    me.call("USDC", "transfer", pair.address, USD)
    me.call(pair, "sync")  # and a gift to all who provide
    yield


def _flash_swap(me: Customer) -> Iterator[None]:
    """Takes dollars, and pays the same dollars back with the fee of 0.3 per cent."""
    payer, amount = me.program(PAYER), me.draw.randrange(1_000, 50_000) * USD
    me.mint("USDC", amount // 100, payer)
    yield
    usdc = me.of("USDC").address
    outs = (0, amount) if me.of("WETH").address < usdc else (amount, 0)
    for owed in (amount * 1_000 // 997 + 1, amount):  # the second one leaves the fee out: ProductFell
        me.call("Pair", "swap", *outs, payer, abi.encode(["address", "uint256"], [usdc, owed]))
    yield


def _provide(me: Customer) -> Iterator[None]:
    weth, usdc, router = (me.of(name).address for name in ("WETH", "USDC", "Router"))
    ether, dollars = reserves(me.stack)
    added = me.draw.randrange(1, 50) * ETHER // 10
    worth = added * dollars // ether * 101 // 100
    me.mint("USDC", worth)
    me.call("WETH", "deposit", value=added)
    me.call("WETH", "approve", router, ANYTHING)
    me.call("USDC", "approve", router, ANYTHING)
    me.call("Router", "addLiquidity", weth, usdc, added, worth, 0, 0, me.address, me.stack.time + _TIME)
    yield
    shares = me.ask("Pair", "balanceOf", me.address)
    me.call("Pair", "approve", router, shares)
    me.call("Router", "removeLiquidity", weth, usdc, shares // 2, 0, 0, me.address, me.stack.time + _TIME)
    me.call("Pair", "transfer", me.of("Pair").address, shares - shares // 2)  # the rest by hand
    me.call("Pair", "burn", me.address)
    yield


def _refused(me: Customer) -> Iterator[None]:
    weth, usdc, later = me.of("WETH").address, me.of("USDC").address, me.stack.time + _TIME
    me.call("Router", "swapExactTokensForTokens", USD, 10**30, [usdc, weth], me.address, later)  # TooLittleOut
    me.call("Router", "swapExactTokensForTokens", USD, 0, [usdc, weth], me.address, 1)  # Expired
    me.call("Router", "swapExactTokensForTokens", USD, 0, [usdc, me.address], me.address, later)  # NoPair
    me.call("Pair", "swap", 1, 1, me.address, b"")  # NothingIn
    me.call("Pair", "mint", me.address)  # NoLiquidity
    yield


def _hooks(me: Customer) -> Iterator[None]:
    """A token that tells its holders when it moves."""
    token, hook, other = me.of("CallbackToken"), me.program(WELCOME), me.stack.account("bystander", "l2").address
    me.mint("CallbackToken", 10 * ETHER)
    me.call(token, "setHooks", hook, hook)
    yield
    me.call(token, "transfer", other, ETHER)  # asks the sender's
    me.call(token, "transfer", me.address, ETHER, by="bystander")  # tells the receiver's
    me.call(token, "setHooks", other, bytes(20))  # an account without code: the next transfer reverts
    me.call(token, "transfer", other, ETHER)
    yield
    me.call(token, "setHooks", bytes(20), bytes(20))
    yield


def _votes(me: Customer) -> Iterator[None]:
    """Votes change hands, by the one who has most of them left, and come back."""
    token, votes = me.of("GovernanceToken"), me.draw.randrange(1, 100) * ETHER
    me.call(token, "transfer", me.address, votes, by="deployer")
    yield
    me.call(token, "approve", me.stack.account("deployer", "l2").address, votes)
    yield
    me.call(token, "transferFrom", me.address, me.stack.account("deployer", "l2").address, votes, by="deployer")
    me.call(token, "transfer", me.address, 10**30)
    yield
