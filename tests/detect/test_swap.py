"""Swaps told by the flow of tokens, whatever the pool is called, and what moves tokens and is no swap."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from detect.market import BOT, ONE, OTHER, OWNER, PAIR, ROUTER, THREE, TWO, USER, WETH, asked, pulled, pushed
from detect.story import account, burn, call, log, mint, move, one
from rollproof.detect import foreign
from rollproof.detect.ordering.swap import Swap, swaps

BALANCER = bytes.fromhex("ba12222222228d8ba445958a75a0704d566bf2c8")  # one account for many pools: seen by its net
LEG = (PAIR, ONE, 1000, TWO, 1990)
NEXT = (OTHER, TWO, 1990, THREE, 500)


def seen(tree: dict[str, Any], *, logs: bool = True) -> list[tuple[Any, ...]]:
    return [
        (each.pool, each.sender, each.recipient, each.token_in, each.amount_in, each.token_out, each.amount_out)
        for each in swaps(one(tree, logs=logs))
    ]


def by_router(*legs: Any) -> dict[str, Any]:
    return call(USER, ROUTER, *legs, function="swapMine()")


@pytest.mark.parametrize("logs", [True, False])
@pytest.mark.parametrize("function", ["swap(uint256,uint256,address,bytes)", "something()"])
def test_a_pool_that_is_paid_and_then_called(function: str, logs: bool) -> None:
    tree = by_router(*pushed(ROUTER, USER, LEG, USER, function=function))
    assert seen(tree, logs=logs) == [(PAIR, USER, USER, ONE, 1000, TWO, 1990)]


@pytest.mark.parametrize("logs", [True, False])
def test_a_pool_that_takes_what_it_is_owed(logs: bool) -> None:
    assert seen(call(USER, BOT, pulled(BOT, LEG)), logs=logs) == [(PAIR, BOT, BOT, ONE, 1000, TWO, 1990)]


@pytest.mark.parametrize("logs", [True, False])
def test_a_pool_that_pays_first_and_calls_back(logs: bool) -> None:
    assert seen(call(USER, BOT, asked(BOT, LEG)), logs=logs) == [(PAIR, BOT, BOT, ONE, 1000, TWO, 1990)]


def test_a_pool_that_its_user_calls_itself() -> None:
    tree = call(USER, PAIR, move(ONE, PAIR, USER, PAIR, 1000), move(TWO, PAIR, PAIR, USER, 1990), function="exchange()")
    assert seen(tree) == [(PAIR, USER, USER, ONE, 1000, TWO, 1990)]


def test_wei_for_a_token_and_back() -> None:
    buys = call(USER, PAIR, move(ONE, PAIR, PAIR, USER, 1990), value=1000, function="buy()")
    assert seen(buys) == [(PAIR, USER, USER, None, 1000, ONE, 1990)]
    sells = call(USER, PAIR, move(ONE, PAIR, USER, PAIR, 1990), call(PAIR, USER, value=990), function="sell()")
    assert seen(sells) == [(PAIR, USER, USER, ONE, 1990, None, 990)]


def test_two_pools_in_a_row_are_two_swaps_and_the_router_none() -> None:
    legs = [move(ONE, ROUTER, USER, PAIR, 1000)]
    legs += [call(ROUTER, PAIR, move(TWO, PAIR, PAIR, OTHER, 1990), function="go()")]
    legs += [call(ROUTER, OTHER, move(THREE, OTHER, OTHER, USER, 500), function="go()")]
    assert seen(by_router(*legs)) == [
        (PAIR, USER, OTHER, ONE, 1000, TWO, 1990),
        (OTHER, PAIR, USER, TWO, 1990, THREE, 500),
    ]


def test_a_contract_that_trades_with_its_own_tokens_is_no_pool() -> None:
    tree = call(USER, BOT, *pushed(BOT, BOT, LEG, BOT), *pushed(BOT, BOT, NEXT, BOT))
    assert [each[0] for each in seen(tree)] == [PAIR, OTHER]
    inner = call(USER, OWNER, call(OWNER, BOT, asked(BOT, LEG), asked(BOT, NEXT)))
    assert [each[0] for each in seen(inner)] == [PAIR, OTHER]


def test_the_second_pool_inside_the_first_one_s_call_back() -> None:
    closing = (OTHER, TWO, 1990, ONE, 1010)
    tree = call(USER, BOT, asked(BOT, LEG, *pushed(BOT, BOT, closing, BOT)))
    assert sorted(each[0] for each in seen(tree)) == sorted([PAIR, OTHER])


def test_a_signed_order_that_somebody_fills() -> None:
    maker, exchange = account("maker"), account("exchange")
    filled = call(
        BOT,
        exchange,
        move(ONE, exchange, BOT, maker, 1000),
        move(TWO, exchange, maker, BOT, 1990),
        function="fillOrder()",
    )
    assert seen(call(USER, BOT, filled)) == [(maker, BOT, BOT, ONE, 1000, TWO, 1990)]


def test_an_item_that_is_sold_is_no_swap() -> None:
    """Without logs an ERC-721's transferFrom looks like a token's: the id stands where the amount would."""
    seller, exchange, item = account("seller"), account("exchange"), account("item")
    sold = move(item, exchange, seller, USER, 2644)
    sold["output"] = "0x"
    tree = call(USER, exchange, sold, move(WETH, exchange, USER, seller, 3 * 10**18), function="match()")
    assert seen(tree, logs=False) == []


def test_a_purse_without_code_is_no_maker() -> None:
    purse = account("purse")
    tree = call(
        USER, BOT, move(ONE, BOT, purse, BOT, 1000), *pushed(BOT, BOT, LEG, BOT), move(TWO, BOT, BOT, purse, 1990)
    )
    assert [each[0] for each in seen(tree)] == [PAIR]


def test_an_account_that_passes_on_is_no_pool() -> None:
    """An aggregator's wallet, called once for each half."""
    wallet = account("wallet")
    tree = by_router(
        move(ONE, ROUTER, USER, wallet, 1000),
        call(ROUTER, wallet, pulled(wallet, LEG), function="first()"),
        call(ROUTER, wallet, pulled(wallet, NEXT), function="second()"),
        call(ROUTER, wallet, move(THREE, wallet, wallet, USER, 500), function="last()"),
    )
    assert [each[0] for each in seen(tree)] == [PAIR, OTHER]


def test_a_fee_to_somebody_else_is_part_of_what_goes_out() -> None:
    fee = account("treasury")
    tree = call(
        USER,
        BOT,
        move(ONE, BOT, BOT, PAIR, 1000),
        call(BOT, PAIR, move(TWO, PAIR, PAIR, fee, 10), move(TWO, PAIR, PAIR, BOT, 1980), function="go()"),
    )
    assert seen(tree) == [(PAIR, BOT, BOT, ONE, 1000, TWO, 1990)]


def wrap() -> dict[str, Any]:
    return call(USER, WETH, value=5, function="deposit()", logs=[log(WETH, "Deposit(address,uint256)", [USER], [5])])


def vault() -> dict[str, Any]:
    return call(USER, PAIR, move(ONE, PAIR, USER, PAIR, 1000), function="deposit()", logs=[mint(PAIR, USER, 990)])


def liquidity() -> dict[str, Any]:
    return call(
        USER,
        PAIR,
        move(ONE, PAIR, USER, PAIR, 1000),
        move(TWO, PAIR, USER, PAIR, 1990),
        function="add()",
        logs=[mint(PAIR, USER, 7)],
    )


def withdrawal() -> dict[str, Any]:
    return call(
        USER,
        PAIR,
        move(ONE, PAIR, PAIR, USER, 1000),
        move(TWO, PAIR, PAIR, USER, 1990),
        function="remove()",
        logs=[burn(PAIR, USER, 7)],
    )


def payments() -> dict[str, Any]:
    return call(USER, BOT, move(ONE, BOT, BOT, OWNER, 1000), move(TWO, BOT, BOT, OWNER, 1990))


def undone() -> dict[str, Any]:
    return call(USER, BOT, call(BOT, ROUTER, *pushed(ROUTER, BOT, LEG, BOT), error="execution reverted"))


@pytest.mark.parametrize("made", [wrap, vault, liquidity, withdrawal, payments, undone])
def test_what_is_no_swap(made: Any) -> None:
    assert seen(made()) == []


def test_the_recorded_block_has_the_swaps_that_its_calls_make(shared_data: Path) -> None:
    """Every live call of a Uniswap V2 or V3 pool's swap in real blocks is a swap of that pool."""
    selectors = (bytes.fromhex("022c0d9f"), bytes.fromhex("128acb08"))
    looked = 0
    for path in sorted((shared_data / "detection" / "mev-blocks").iterdir()):
        [block] = foreign.read(path)
        for execution in block.executions:
            found: dict[bytes, list[Swap]] = {}
            for swap in swaps(execution):
                found.setdefault(swap.pool, []).append(swap)
            for frame in execution.frames:
                if frame.input[:4] in selectors and not execution.reverted(frame.row) and frame.kind == 0:
                    looked += 1
                    assert frame.target in found, (path.name, execution.index, frame.target.hex())
    assert looked > 300


def test_every_pool_that_says_a_swap_in_a_recorded_block_is_seen(shared_data: Path) -> None:
    """By its events, which finding swaps does not look at."""
    [block] = foreign.read(*sorted((shared_data / "traced-blocks").glob("*.json.gz")))
    looked = 0
    for execution in block.executions:
        topics = execution.protocols.topics("swap")
        said = {log.address for log in execution.logs if log.topics and log.topics[0] in topics}
        said = {each for each in said if each != BALANCER}
        looked += len(said)
        assert said <= {each.pool for each in swaps(execution)}, execution.index
    assert looked > 20
