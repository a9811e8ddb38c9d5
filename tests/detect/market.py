"""Pools, lenders and their users, as stories: who calls whom, and which tokens move."""

from __future__ import annotations

from typing import Any

from detect.story import account, call, move

USER, BOT, OWNER, ROUTER = account("user"), account("bot"), account("owner"), account("router")
ONE, TWO, THREE = account("one"), account("two"), account("three")
PAIR, OTHER, THIRD = account("pair"), account("other"), account("third")
WETH = bytes.fromhex("c02aaa39b223fe8d0a0e5c4f27ead9083c756cc2")
SWAP = "swap(uint256,uint256,address,bytes)"
Leg = tuple[bytes, bytes, int, bytes, int]  # pool, token in, amount in, token out, amount out


def pushed(trader: bytes, payer: bytes, leg: Leg, recipient: bytes, *, function: str = SWAP) -> list[dict[str, Any]]:
    """A swap where the pool is paid first and then called (Uniswap V2)."""
    pool, token_in, amount_in, token_out, amount_out = leg
    arguments = [0, amount_out, recipient, b""] if function == SWAP else []
    return [
        move(token_in, trader, payer, pool, amount_in),
        call(trader, pool, move(token_out, pool, pool, recipient, amount_out), function=function, arguments=arguments),
    ]


def pulled(trader: bytes, leg: Leg, *, function: str = "trade()") -> dict[str, Any]:
    """A swap where the pool takes what it is owed (Curve)."""
    pool, token_in, amount_in, token_out, amount_out = leg
    return call(
        trader,
        pool,
        move(token_in, pool, trader, pool, amount_in),
        move(token_out, pool, pool, trader, amount_out),
        function=function,
    )


def asked(trader: bytes, leg: Leg, *before: dict[str, Any], recipient: bytes | None = None) -> dict[str, Any]:
    """A swap where the pool pays first and calls back for what it is owed (Uniswap V3)."""
    pool, token_in, amount_in, token_out, amount_out = leg
    return call(
        trader,
        pool,
        move(token_out, pool, pool, recipient or trader, amount_out),
        call(pool, trader, *before, move(token_in, trader, trader, pool, amount_in), function="paid()"),
        function="trade()",
    )
