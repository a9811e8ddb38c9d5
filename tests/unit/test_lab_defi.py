"""Tokens, the market for ether, lending, the multisig and governance of the lab, each against arithmetic of its own."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rollproof import _core
from rollproof.chain import abi
from rollproof.lab import multisig
from rollproof.lab.actors.arbitrageur import SYMBOL, Arbitrageur, amount_out, wanted
from rollproof.lab.actors.liquidity_provider import LiquidityProvider, reserves
from rollproof.lab.contract import Contract
from rollproof.lab.deployments.defi import MAX_AGE
from unit.defi_lab import ANYTHING, ETHER, USD, Lab, calls, deployment, events

LATER = 2**40  # no deadline
GUARDIANS = ("guardian-1", "guardian-2", "guardian-3")
AGREED = _core.keccak256(b"ERC3156FlashBorrower.onFlashLoan")


@pytest.fixture
def lab() -> Lab:
    return Lab(full=True)


# What other tools look for: written down from their own documentation, not computed.


@pytest.mark.parametrize(
    ("artifact", "event", "topic"),
    [
        ("ERC20", "Transfer", "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"),
        ("ERC20", "Approval", "8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925"),
        ("Pair", "Swap", "d78ad95fa46c994b6551d0da85fc275fe613ce37657fb8d5e3d130840159d822"),
        ("Pair", "Sync", "1c411e9a96e071241c2f21f7726b17ae89e3cab4c78be50e062b03a9fffbbad1"),
        ("Pair", "Mint", "4c209b5fc8ad50758f13e2e1088ba56a560dff690a1c6fef26394f4c03821c4f"),
        ("Pair", "Burn", "dccd412f0b1252819cb1fd330b93224ca42612892bb3f4f789976e6d81936496"),
        ("LendingPool", "LiquidationCall", "e413a321e8681d831f4dbccbca790d2952b56f977908e45be37335533e005286"),
        ("GuardianSafe", "ExecutionSuccess", "442e715f626346e8c54381002da614f62bee8d27386535b2521ec8540898556e"),
        ("GuardianSafe", "ExecutionFailure", "23428b18acfb3ea64b08dc0c1d296ea9c09702c09083ca5272e64d115b687d23"),
        ("Governor", "ProposalCreated", "7d84a6263ae0d98d3329bd7b46bb4e8d6f98cd35a7adb45c274c8b7fd5ebd5e0"),
        ("UpgradeableProxy", "Upgraded", "bc7cd75a20ee27fd9adebab32041f755214dbc6bffa90cc0225b39da2e5c2d3b"),
    ],
)
def test_events_are_those_that_tools_know(artifact: str, event: str, topic: str) -> None:
    assert Contract.load(artifact).topic(event).hex() == topic


# Tokens.


def test_token_moves_only_what_is_there_and_allowed() -> None:
    lab = Lab()
    token = lab.deploy("T", "ERC20", "Token", "T", 6)
    victim, bystander = lab.address("victim"), lab.address("bystander")
    assert [lab.view(token, each) for each in ("name", "symbol", "decimals")] == ["Token", "T", 6]
    assert lab.refused("victim", token, "mint", victim, 1).startswith("OnlyOwner")
    lab.ok("deployer", token, "mint", victim, 100)
    assert lab.refused("victim", token, "transfer", bystander, 101).startswith("ERC20InsufficientBalance")
    assert lab.refused("victim", token, "transfer", bytes(20), 1).startswith("ERC20InvalidReceiver")
    [moved] = events(token, "Transfer", lab.ok("victim", token, "transfer", bystander, 40))
    assert moved == {"from": victim, "to": bystander, "value": 40}
    lab.ok("victim", token, "approve", bystander, 30)
    assert lab.refused("bystander", token, "transferFrom", victim, bystander, 31).startswith("ERC20Insufficient")
    lab.ok("bystander", token, "transferFrom", victim, bystander, 10)
    assert lab.view(token, "allowance", victim, bystander) == 20
    lab.ok("victim", token, "approve", bystander, ANYTHING)
    lab.ok("bystander", token, "transferFrom", victim, bystander, 10)
    assert lab.view(token, "allowance", victim, bystander) == ANYTHING
    lab.ok("bystander", token, "burn", 60)
    assert (lab.view(token, "totalSupply"), lab.held(victim, "T")) == (40, 40)
    lab.ok("deployer", token, "transferOwnership", victim)
    lab.ok("victim", token, "mint", victim, 1)
    assert lab.refused("deployer", token, "mint", victim, 1).startswith("OnlyOwner")


def test_callback_token_tells_both_sides() -> None:
    lab = Lab()
    token = lab.deploy("T", "CallbackToken", "Token", "T", 18)
    victim, bystander = lab.address("victim"), lab.address("bystander")
    lab.ok("deployer", token, "mint", victim, 100)
    # A hook that reverts: a transfer that fails has told it.
    sent = lab.transact("deployer", None, deployment(bytes.fromhex("5f5ffd")))
    lab.ok("victim", token, "setHooks", sent["created"], bytes(20))
    assert lab.do("victim", token, "transfer", bystander, 1)["status"] == 0  # told as sender
    lab.ok("victim", token, "setHooks", bytes(20), sent["created"])
    lab.ok("victim", token, "transfer", bystander, 1)
    assert lab.do("bystander", token, "transfer", victim, 1)["status"] == 0  # told as receiver
    assert lab.do("deployer", token, "mint", victim, 1)["status"] == 0
    lab.ok("victim", token, "setHooks", bytes(20), bytes(20))
    lab.ok("bystander", token, "transfer", victim, 1)
    assert lab.held(victim, "T") == 100


# The market.


@dataclass
class Model:
    """A pair in whole numbers: reserves, shares, and what the one provider has of them."""

    first: int = 0
    second: int = 0
    supply: int = 0

    def mint(self, first: int, second: int) -> int:
        if self.supply == 0:
            made = isqrt(first * second) - 1000
            self.supply = 1000
        else:
            made = min(first * self.supply // self.first, second * self.supply // self.second)
        self.first, self.second, self.supply = self.first + first, self.second + second, self.supply + made
        return made

    def burn(self, shares: int) -> tuple[int, int]:
        out = shares * self.first // self.supply, shares * self.second // self.supply
        self.first, self.second, self.supply = self.first - out[0], self.second - out[1], self.supply - shares
        return out


class Market:
    """A pair of two tokens that the provider has in plenty, and its model."""

    def __init__(self) -> None:
        self.lab, self.model = Lab(), Model()
        tokens = [self.lab.deploy(each, "ERC20", each, each, 18) for each in ("A", "B")]
        self.pair = self.lab.deploy("Pair", "Pair", tokens[0].address, tokens[1].address)
        self.tokens = sorted(tokens, key=lambda each: each.address)
        self.me = self.lab.address("victim")
        for token in tokens:
            self.lab.ok("deployer", token, "mint", self.me, 10**40)

    def bring(self, *amounts: int) -> None:
        for token, amount in zip(self.tokens, amounts, strict=True):
            if amount:
                self.lab.ok("victim", token, "transfer", self.pair.address, amount)

    def mint(self, first: int, second: int) -> None:
        self.bring(first, second)
        self.lab.ok("victim", self.pair, "mint", self.me)
        self.model.mint(first, second)

    def agree(self) -> None:
        model, pair = self.model, self.pair
        held = tuple(self.lab.view(token, "balanceOf", pair.address) for token in self.tokens)
        assert self.lab.view(pair, "getReserves")[:2] == held == (model.first, model.second)
        assert self.lab.view(pair, "totalSupply") == model.supply


AMOUNT = st.integers(1, 10**21)
STEP = st.one_of(
    st.tuples(st.just("swap"), st.booleans(), AMOUNT),
    st.tuples(st.just("mint"), AMOUNT, AMOUNT),
    st.tuples(st.just("burn"), st.integers(1, 999), st.just(0)),
    st.tuples(st.just("gift"), AMOUNT, AMOUNT),
    st.tuples(st.just("skim"), AMOUNT, AMOUNT),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(10**9, 10**21), st.integers(10**9, 10**21), st.lists(STEP, min_size=1, max_size=6))
def test_pair_is_its_model_and_a_share_never_loses(first: int, second: int, steps: list[tuple[str, int, int]]) -> None:
    market = Market()
    lab, pair, model = market.lab, market.pair, market.model
    market.mint(first, second)
    market.agree()
    for kind, left, right in steps:
        product, supply = model.first * model.second, model.supply
        if kind == "swap":
            reserve_in, reserve_out = (model.first, model.second) if left else (model.second, model.first)
            got = amount_out(right, reserve_in, reserve_out)
            market.bring(*((right, 0) if left else (0, right)))
            more = (0, got + 1) if left else (got + 1, 0)
            refused = lab.refused("victim", pair, "swap", *more, market.me, b"")
            assert refused == "ProductFell()" or (got + 1 == reserve_out and refused.startswith("TooMuchOut"))
            if got:
                swap = lab.ok("victim", pair, "swap", *((0, got) if left else (got, 0)), market.me, b"")
                [event] = events(pair, "Swap", swap)
                assert (event["amount0In"], event["amount1In"]) == ((right, 0) if left else (0, right))
            else:
                lab.ok("victim", pair, "sync")
            model.first, model.second = (
                (model.first + right, model.second - got) if left else (model.first - got, model.second + right)
            )
        elif kind == "mint":
            if min(left * model.supply // model.first, right * model.supply // model.second) == 0:
                market.bring(left, right)
                assert lab.refused("victim", pair, "mint", market.me) == "NoLiquidity()"
                lab.ok("victim", pair, "skim", market.me)
            else:
                market.mint(left, right)
        elif kind == "burn":
            shares = lab.view(pair, "balanceOf", market.me) * left // 1000
            if min(shares * model.first // model.supply, shares * model.second // model.supply) > 0:
                lab.ok("victim", pair, "transfer", pair.address, shares)
                [burnt] = events(pair, "Burn", lab.ok("victim", pair, "burn", market.me))
                assert (burnt["amount0"], burnt["amount1"]) == model.burn(shares)
        elif kind == "gift":
            market.bring(left, right)
            lab.ok("victim", pair, "sync")
            model.first, model.second = model.first + left, model.second + right
        else:
            market.bring(left, right)
            lab.ok("bystander", pair, "skim", market.me)
        market.agree()
        # The product for a share squared: what a share is worth, whatever the price.
        assert model.first * model.second * supply**2 >= product * model.supply**2


def test_flash_swap_is_paid_or_undone() -> None:
    market = Market()
    lab, pair = market.lab, market.pair
    market.mint(10**20, 4 * 10**20)
    taken = 10**19
    owed = -(-taken * 1000 // 997)  # the same token back, and the fee on it
    for amount in (owed - 1, owed):
        transfer = market.tokens[0].encode("transfer", pair.address, amount)
        callee = lab.transact("victim", None, deployment(calls([(market.tokens[0].address, transfer)])))["created"]
        lab.ok("victim", market.tokens[0], "transfer", callee, owed - taken)
        swap = (pair, "swap", taken, 0, callee, b"\x01")
        if amount < owed:
            assert lab.refused("victim", *swap) == "ProductFell()"
        else:
            [event] = events(pair, "Swap", lab.ok("victim", *swap))
            assert (event["amount0In"], event["amount0Out"], event["amount1In"]) == (owed, taken, 0)
    # Coming back in while it waits to be paid is refused.
    again = calls([(pair.address, pair.encode("sync"))])
    callee = lab.transact("victim", None, deployment(again))["created"]
    assert lab.do("victim", pair, "swap", taken, 0, callee, b"\x01")["status"] == 0


def test_price_adds_up_over_time() -> None:
    market = Market()
    lab, pair = market.lab, market.pair
    market.mint(10**20, 4 * 10**20)
    before, since = lab.view(pair, "price0CumulativeLast"), lab.view(pair, "getReserves")[2]
    lab.stack.run(5)
    lab.ok("victim", pair, "sync")
    now = lab.view(pair, "getReserves")[2]
    assert now - since == 12
    assert lab.view(pair, "price0CumulativeLast") - before == (4 << 112) * 12
    assert lab.view(pair, "price1CumulativeLast") == (1 << 112) // 4 * 12


def test_router_keeps_to_the_caller_s_bounds(lab: Lab) -> None:
    router, weth, usdc = lab["Router"], lab["WETH"].address, lab["USDC"].address
    victim = lab.address("victim")
    ether, dollars = reserves(lab.stack)
    got = amount_out(ETHER, ether, dollars)
    assert lab.view(router, "getAmountsOut", ETHER, [weth, usdc]) == (ETHER, got)
    swap = ("swapExactTokensForTokens", ETHER)
    assert lab.refused("victim", router, *swap, got + 1, [weth, usdc], victim, LATER).startswith("TooLittleOut")
    assert lab.refused("victim", router, *swap, 0, [weth, usdc], victim, 1) == "Expired(1)"
    assert lab.refused("victim", router, *swap, 0, [weth], victim, LATER) == "BadPath()"
    assert lab.refused("victim", router, *swap, 0, [weth, usdc] * 3, victim, LATER) == "BadPath()"
    assert lab.refused("victim", router, *swap, 0, [weth, victim], victim, LATER).startswith("NoPair")
    assert lab.refused("victim", router, "register", lab["Pair"].address).startswith("OnlyOwner")
    before = lab.held(victim, "USDC")
    lab.ok("victim", router, *swap, got, [weth, usdc], victim, LATER)
    assert lab.held(victim, "USDC") == before + got
    assert reserves(lab.stack) == (ether + ETHER, dollars - got)
    # Through two pairs.
    other = lab.deploy("Other", "ERC20", "Other", "O", 18)
    second = lab.deploy("Second", "Pair", usdc, other.address)
    lab.ok("deployer", router, "register", second.address)
    lab.ok("deployer", other, "mint", victim, 10**24)
    lab.ok("victim", other, "approve", router.address, ANYTHING)
    added = ("addLiquidity", usdc, other.address)
    lab.ok("victim", router, *added, 10**11, 10**23, 0, 0, victim, LATER)
    ether, dollars = reserves(lab.stack)
    middle = amount_out(ETHER, ether, dollars)
    last = amount_out(middle, 10**11, 10**23)
    before = lab.view(other, "balanceOf", victim)
    lab.ok("victim", router, *swap, last, [weth, usdc, other.address], victim, LATER)
    assert lab.view(other, "balanceOf", victim) == before + last
    # Liquidity in the pool's ratio, and back out.
    held = 10**11 + middle, 10**23 - last
    fitting = 10**9 * held[1] // held[0]
    refused = lab.refused("victim", router, *added, 10**9, 10**23, 0, fitting + 1, victim, LATER)
    assert refused.startswith("TooLittleTaken")
    [minted] = events(second, "Mint", lab.ok("victim", router, *added, 10**9, 10**23, 10**9, fitting, victim, LATER))
    assert {minted["amount0"], minted["amount1"]} == {10**9, fitting}
    shares = lab.view(second, "balanceOf", victim)
    lab.ok("victim", second, "approve", router.address, shares)
    removed = ("removeLiquidity", usdc, other.address, shares)
    assert lab.refused("victim", router, *removed, 10**12, 0, victim, LATER).startswith("TooLittleOut")
    lab.ok("victim", router, *removed, 0, 0, victim, LATER)
    assert lab.view(second, "balanceOf", victim) == 0


@given(st.integers(10**6, 10**24), st.integers(10**6, 10**24), st.integers(1, 10**12), st.integers(1, 10**12))
def test_wanted_is_where_one_more_does_not_pay(first: int, second: int, worth: int, of: int) -> None:
    def gain(amount: int) -> Fraction:
        paid = amount * 997
        return Fraction(paid * second * worth, (first * 1000 + paid) * of) - amount

    best = wanted(first, second, worth, of)
    assert best >= 0
    # The best amount is no whole number: what is compared with it lies further off than any rounding.
    away = max(best // 100, first // 100, 10)
    assert gain(best) >= gain(best + away)
    if best > away:
        assert gain(best) >= gain(best - away)


def test_arbitrageur_keeps_the_market_at_the_price_outside(lab: Lab) -> None:
    stack = lab.stack
    stack.actors.extend((Arbitrageur(), LiquidityProvider()))
    victim = lab.address("victim")
    data = lab["Router"].encode(
        "swapExactTokensForTokens", 90 * ETHER, 0, [lab["WETH"].address, lab["USDC"].address], victim, LATER
    )
    stack.send("l2", "victim", lab["Router"].address, data=data)  # eight per cent of the pool
    stack.step()
    ether, dollars = reserves(stack)
    price = stack.market.price(stack.time, SYMBOL)
    assert dollars * 10**20 // ether < price * 99 // 100
    stack.run(2)
    for _ in range(40):
        stack.step()
        ether, dollars = reserves(stack)
        # Within the fee of what the last trade saw.
        price = stack.market.price(stack.time, SYMBOL)
        assert abs(dollars * 10**20 // ether - price) * 1000 <= price * 5
    supply = lab.view(lab["Pair"], "totalSupply")
    stack.run(60)
    assert lab.view(lab["Pair"], "totalSupply") != supply
    assert not stack.refused


# Lending.


def test_interest_by_the_formula(lab: Lab) -> None:
    pool, victim = lab["LendingPool"], lab.address("victim")
    lab.ok("victim", lab["WETH"], "approve", pool.address, ANYTHING)
    lab.ok("victim", pool, "postCollateral", 50 * ETHER)
    lab.ok("victim", pool, "borrow", 60_000 * USD)
    index, since, cash = (lab.view(pool, each) for each in ("index", "accruedAt", "cash"))
    debt = lab.view(pool, "debtOf", victim)
    assert debt in (60_000 * USD, 60_000 * USD + 1)  # rounded up
    lab.stack.run(20)
    lab.ok("bystander", lab["USDC"], "approve", pool.address, ANYTHING)
    lab.ok("bystander", pool, "repay", victim, 0)  # accrues
    elapsed = lab.view(pool, "accruedAt") - since
    assert elapsed == 44
    # 2 % a year, and 20 % more by the part that is lent out; 18 decimals, by the second.
    year = 365 * 86_400
    rate = 2 * 10**16 // year + 20 * 10**16 // year * debt // (debt + cash)
    assert lab.view(pool, "index") == index + index * rate * elapsed // 10**18
    owed = lab.view(pool, "debtOf", victim)
    assert owed > debt
    lab.ok("victim", lab["USDC"], "approve", pool.address, ANYTHING)
    before = lab.held(victim, "USDC")
    lab.ok("victim", pool, "repay", victim, ANYTHING)
    assert lab.view(pool, "debtOf", victim) == 0
    assert 0 <= before - lab.held(victim, "USDC") - owed <= owed * rate * 6 // 10**18 + 2  # two or three blocks more
    lab.ok("victim", pool, "takeCollateral", 50 * ETHER)
    assert lab.view(pool, "cash") == lab.held(pool.address, "USDC")


def push(lab: Lab, price: int) -> None:
    word = SYMBOL.encode().ljust(32, b"\0")
    lab.ok("oracle-keeper", lab["PriceOracle"], "push", [word], [price])


def test_borrowing_stops_at_the_limit_and_liquidation_begins_past_its_own(lab: Lab) -> None:
    pool, victim = lab["LendingPool"], lab.address("victim")
    push(lab, 3_000 * 10**8)
    lab.ok("victim", lab["WETH"], "approve", pool.address, ANYTHING)
    lab.ok("victim", pool, "postCollateral", 10 * ETHER)
    limit = 30_000 * USD * 75 // 100
    assert lab.view(pool, "borrowLimit", victim) == limit
    assert lab.refused("victim", pool, "borrow", limit + 1).startswith("Undercollateralised")
    lab.ok("victim", pool, "borrow", limit - 1)
    assert lab.refused("victim", pool, "takeCollateral", 1).startswith("Undercollateralised")
    debt: int = lab.view(pool, "debtOf", victim)

    def healthy(price: int) -> bool:
        return debt <= 10 * ETHER * (price // 100) // ETHER * 8_000 // 10_000

    edge = next(price for price in range(2_812 * 10**8, 2_814 * 10**8, 100) if healthy(price))
    push(lab, edge)
    assert not lab.view(pool, "liquidatable", victim)
    push(lab, edge - 1)
    assert lab.view(pool, "liquidatable", victim)
    lab.ok("liquidator", lab["USDC"], "approve", pool.address, ANYTHING)
    keeper = lab.address("liquidator")
    done = lab.ok("liquidator", pool, "liquidate", victim, 10_000 * USD)
    [event] = events(pool, "LiquidationCall", done)
    price = (edge - 1) // 100  # dollar units an ether
    seized = 10_000 * USD * 105 * ETHER // (price * 100)
    assert (event["debtToCover"], event["liquidatedCollateralAmount"]) == (10_000 * USD, seized)
    assert lab.held(keeper, "WETH") == seized
    push(lab, 3_000 * 10**8)
    assert lab.refused("liquidator", pool, "liquidate", victim, 1).startswith("Healthy")


def test_what_collateral_does_not_cover_is_the_depositors_loss(lab: Lab) -> None:
    pool, victim = lab["LendingPool"], lab.address("victim")
    push(lab, 3_000 * 10**8)
    provider = lab.address("liquidity-provider")
    shares = lab.view(pool, "sharesOf", provider)
    lab.ok("victim", lab["WETH"], "approve", pool.address, ANYTHING)
    lab.ok("victim", pool, "postCollateral", 10 * ETHER)
    lab.ok("victim", pool, "borrow", 22_000 * USD)
    push(lab, 1_050 * 10**8)
    worth = lab.view(pool, "worth", shares)
    lab.ok("liquidator", lab["USDC"], "approve", pool.address, ANYTHING)
    done = lab.ok("liquidator", pool, "liquidate", victim, ANYTHING)
    [event], [bad] = events(pool, "LiquidationCall", done), events(pool, "BadDebt", done)
    assert (event["debtToCover"], event["liquidatedCollateralAmount"]) == (10_000 * USD, 10 * ETHER)
    assert 12_000 * USD <= bad["amount"] <= 12_000 * USD + USD  # and a few seconds' interest
    assert lab.view(pool, "totalDebt") == 0
    assert abs(worth - lab.view(pool, "worth", shares) - 12_000 * USD) <= USD
    assert lab.view(pool, "cash") == lab.held(pool.address, "USDC")


def test_old_prices_are_not_lent_on(lab: Lab) -> None:
    pool = lab["LendingPool"]
    lab.ok("victim", lab["WETH"], "approve", pool.address, ANYTHING)
    lab.ok("victim", pool, "postCollateral", ETHER)
    push(lab, 3_000 * 10**8)
    lab.stack.run(MAX_AGE // 2 - 1)
    lab.ok("victim", pool, "borrow", USD)
    found = lab.do("victim", pool, "borrow", USD)
    assert lab["FeedOracle"].reason(found["output"]).startswith("Stale(")


def test_the_first_depositor_cannot_take_the_second_s_money() -> None:
    lab = Lab(full=True)
    usdc, weth, oracle = lab["USDC"], lab["WETH"], lab["FeedOracle"]
    pool = lab.deploy("Fresh", "LendingPool", weth.address, usdc.address, oracle.address, 7_500)
    for name in ("attacker", "victim"):
        lab.ok("deployer", usdc, "mint", lab.address(name), 10**12)
        lab.ok(name, usdc, "approve", pool.address, ANYTHING)
    lab.ok("attacker", pool, "deposit", 1)
    lab.ok("attacker", usdc, "transfer", pool.address, 10**11)
    before = lab.held(lab.address("victim"), "USDC")
    lab.ok("victim", pool, "deposit", 10**10)
    lab.ok("victim", pool, "withdraw", lab.view(pool, "sharesOf", lab.address("victim")))
    assert before - lab.held(lab.address("victim"), "USDC") <= 1
    assert lab.view(pool, "worth", lab.view(pool, "sharesOf", lab.address("attacker"))) <= 1


def test_flash_loan_comes_back_with_its_fee(lab: Lab) -> None:
    pool, usdc = lab["LendingPool"], lab["USDC"]
    cash = lab.view(pool, "cash")
    fee = cash * 5 // 10_000
    approve = (usdc.address, usdc.encode("approve", pool.address, ANYTHING))
    reenter = (pool.address, pool.encode("repay", lab.address("victim"), 0))

    def receiver(code: bytes) -> bytes:
        made: bytes = lab.transact("victim", None, deployment(code))["created"]
        lab.ok("deployer", usdc, "mint", made, fee)
        return made

    good = receiver(calls([approve], AGREED))
    assert (lab.view(pool, "maxFlashLoan", usdc.address), lab.view(pool, "flashFee", usdc.address, cash)) == (cash, fee)
    assert lab.view(pool, "maxFlashLoan", lab["WETH"].address) == 0
    loan = ("flashLoan", good, usdc.address)
    [event] = events(pool, "FlashLoan", lab.ok("victim", pool, *loan, cash, b""))
    assert event == {"receiver": good, "token": usdc.address, "amount": cash, "fee": fee}
    assert lab.view(pool, "cash") == lab.held(pool.address, "USDC") == cash + fee
    assert lab.refused("victim", pool, *loan, cash + fee + 1, b"").startswith("NotEnoughCash")
    assert lab.refused("victim", pool, *loan, cash, b"").startswith("TransferFailed")  # the fee is used up
    assert lab.refused("victim", pool, "flashLoan", good, lab["WETH"].address, 1, b"").startswith("WrongToken")
    silent = receiver(calls([approve], bytes(32)))
    assert lab.refused("victim", pool, "flashLoan", silent, usdc.address, 1, b"").startswith("NotAgreed")
    entering = receiver(calls([approve, reenter], AGREED))
    assert lab.do("victim", pool, "flashLoan", entering, usdc.address, 1, b"")["status"] == 0


# The multisig.


def test_safe_needs_enough_owners_in_order(lab: Lab) -> None:
    safe, usdc = lab["GuardianSafe"], lab["USDC"]
    owners = [lab.stack.account(name, "l2") for name in GUARDIANS]
    assert lab.view(safe, "getOwners") == tuple(each.address for each in owners)
    assert (lab.view(safe, "getThreshold"), lab.view(safe, "nonce"), lab.view(safe, "VERSION")) == (2, 0, "1.4.1")
    to, data = usdc.address, usdc.encode("transfer", lab.address("victim"), 5)
    hashed = multisig.transaction_hash(1338, safe.address, to, data, nonce=0)
    signed = multisig.signatures(hashed, owners)
    first, second, third = signed[:65], signed[65:130], signed[130:]

    def attempt(signatures: bytes, sender: str = "bystander") -> str:
        return lab.refused(sender, safe, "execTransaction", *multisig.arguments(to, data, signatures))

    stranger = multisig.signatures(hashed, [lab.stack.account("attacker", "l2")])
    assert attempt(first) == "GS020"
    assert attempt(second + first) == "GS026"
    assert attempt(first + first) == "GS026"
    assert attempt(stranger + third) == "GS026"
    assert attempt(first + second[:64] + b"\x00") == "NotSupported(a signature by a contract)"
    assert attempt(first + second[:64] + bytes([second[64] + 4])) == "NotSupported(a signature by eth_sign)"
    lowest = min(owners, key=lambda each: each.address)
    approved = bytes(12) + lowest.address + bytes(32) + b"\x01"
    assert attempt(approved + second) == "GS025"
    done = lab.ok("bystander", safe, "execTransaction", *multisig.arguments(to, data, first + third))
    assert events(safe, "ExecutionSuccess", done) == [{"txHash": hashed, "payment": 0}]
    assert (lab.held(lab.address("victim"), "USDC") - 1_000_000 * USD, lab.view(safe, "nonce")) == (5, 1)
    assert attempt(first + third) == "GS026"  # the nonce is another


def test_safe_takes_an_owner_s_word_on_the_chain(lab: Lab) -> None:
    safe, usdc = lab["GuardianSafe"], lab["USDC"]
    names = {lab.address(name): name for name in GUARDIANS}
    low, middle, _ = sorted(names)
    data = usdc.encode("transfer", lab.address("victim"), 5)
    hashed = multisig.transaction_hash(1338, safe.address, usdc.address, data, nonce=0)
    words = b"".join(bytes(12) + each + bytes(32) + b"\x01" for each in (low, middle))
    arguments = multisig.arguments(usdc.address, data, words)
    assert lab.refused("attacker", safe, "approveHash", hashed) == "GS030"
    lab.ok(names[low], safe, "approveHash", hashed)
    assert lab.refused("bystander", safe, "execTransaction", *arguments) == "GS025"
    lab.ok(names[middle], safe, "execTransaction", *arguments)  # who sends it agrees to it


def test_safe_changes_its_owners_only_by_itself(lab: Lab) -> None:
    safe, stack = lab["GuardianSafe"], lab.stack
    one, two, three = (lab.address(name) for name in GUARDIANS)
    new = lab.address("bystander")

    def decide(call: str, *arguments: object) -> bool:
        data = safe.encode(call, *arguments)
        return bool(lab.included(multisig.execute(stack, "l2", safe, GUARDIANS[:2], safe.address, data))["status"])

    assert lab.refused("guardian-1", safe, "changeThreshold", 1) == "GS031"
    assert decide("addOwnerWithThreshold", new, 2)
    assert lab.view(safe, "getOwners") == (new, one, two, three)
    assert not decide("addOwnerWithThreshold", new, 2)
    assert not decide("changeThreshold", 5)
    assert not decide("removeOwner", one, three, 2)  # not the one before it
    assert decide("removeOwner", two, three, 2)
    assert decide("swapOwner", new, one, three)
    assert lab.view(safe, "getOwners") == (new, three, two)
    assert not lab.view(safe, "isOwner", one)


def test_safe_s_failed_call_is_logged_where_gas_was_set(lab: Lab) -> None:
    safe, usdc = lab["GuardianSafe"], lab["USDC"]
    data = usdc.encode("transfer", bytes(20), 1)
    owners = [lab.stack.account(name, "l2") for name in GUARDIANS[:2]]
    for gas in (0, 100_000):
        hashed = multisig.transaction_hash(1338, safe.address, usdc.address, data, nonce=0, safe_tx_gas=gas)
        signed = multisig.signatures(hashed, owners)
        arguments = multisig.arguments(usdc.address, data, signed, safe_tx_gas=gas)
        if gas:
            done = lab.ok("bystander", safe, "execTransaction", *arguments)
            assert events(safe, "ExecutionFailure", done) == [{"txHash": hashed, "payment": 0}]
        else:
            assert lab.refused("bystander", safe, "execTransaction", *arguments) == "GS013"


def test_safe_moves_ether(lab: Lab) -> None:
    safe, victim = lab["GuardianSafe"], lab.address("victim")
    sent = lab.transact("bystander", safe.address, b"", value=ETHER)
    assert events(safe, "SafeReceived", sent) == [{"sender": lab.address("bystander"), "value": ETHER}]
    before = lab.held(victim)
    lab.included(multisig.execute(lab.stack, "l2", safe, GUARDIANS[1:], victim, b"", value=ETHER))
    assert lab.held(victim) == before + ETHER


# Governance.


def test_votes_count_as_they_were_when_the_vote_opened(lab: Lab) -> None:
    governor, token, treasury = lab["Governor"], lab["GovernanceToken"], lab["Treasury"]
    pay = treasury.encode("pay", lab["USDC"].address, lab.address("victim"), 1_000)
    described = _core.keccak256(b"a grant")
    batch = ([treasury.address], [0], [pay])
    assert lab.refused("victim", governor, "propose", *batch, "a grant").startswith("BelowThreshold")
    made = lab.ok("bystander", governor, "propose", *batch, "a grant")
    [event] = events(governor, "ProposalCreated", made)
    proposal = event["proposalId"]
    assert lab.refused("bystander", governor, "propose", *batch, "a grant").startswith("AlreadyThere")
    assert (event["targets"], event["calldatas"]) == ((treasury.address,), (pay,))
    while lab.stack.l2.head.number < event["voteStart"]:
        lab.stack.step()
    # Too late: these votes are somebody else's as far as this proposal goes.
    lab.ok("bystander", token, "transfer", lab.address("victim"), 100_000 * ETHER)
    [late] = events(governor, "VoteCast", lab.ok("victim", governor, "castVote", proposal, 1))
    assert late["weight"] == 0
    [vote] = events(governor, "VoteCast", lab.ok("bystander", governor, "castVote", proposal, 1))
    assert vote["weight"] == 100_000 * ETHER
    assert lab.refused("bystander", governor, "queue", *batch, described).startswith("WrongState")
    assert lab.refused("bystander", governor, "castVote", proposal, 1).startswith("AlreadyVoted")
    lab.stack.run(6)
    assert lab.refused("attacker", governor, "castVote", proposal, 0).startswith("WrongState")
    lab.ok("bystander", governor, "queue", *batch, described)
    early = lab.do("bystander", governor, "execute", *batch, described)
    assert lab["Timelock"].reason(early["output"]).startswith("NotReady")
    lab.stack.run(10)
    before = lab.held(lab.address("victim"), "USDC")
    lab.ok("victim", governor, "execute", *batch, described)
    assert lab.held(lab.address("victim"), "USDC") == before + 1_000
    assert lab.view(governor, "state", proposal) == 7
    assert lab.refused("victim", governor, "execute", *batch, described).startswith("WrongState")


def test_a_vote_against_is_heard(lab: Lab) -> None:
    governor, treasury = lab["Governor"], lab["Treasury"]
    batch = ([treasury.address], [0], [b""])
    [event] = events(governor, "ProposalCreated", lab.ok("bystander", governor, "propose", *batch, "no"))
    lab.stack.run(2)
    assert lab.refused("bystander", governor, "castVote", event["proposalId"], 3).startswith("BadSupport")
    lab.ok("bystander", governor, "castVote", event["proposalId"], 1)
    lab.ok("liquidity-provider", governor, "castVote", event["proposalId"], 0)
    lab.stack.run(8)
    assert lab.view(governor, "state", event["proposalId"]) == 3
    assert lab.view(governor, "proposalVotes", event["proposalId"]) == (200_000 * ETHER, 100_000 * ETHER, 0)
    refused = lab.refused("bystander", governor, "queue", *batch, _core.keccak256(b"no"))
    assert refused.startswith("WrongState")


def test_past_votes(lab: Lab) -> None:
    token, stack = lab["GovernanceToken"], lab.stack
    seen = []
    for amount in (5, 7, 0, 11):
        if amount:
            lab.ok("bystander", token, "transfer", lab.address("victim"), amount)
        else:
            stack.step()
        seen.append((stack.l2.head.number, lab.held(lab.address("victim"), "GovernanceToken")))
    stack.step()
    assert [votes for _, votes in seen] == [5, 12, 12, 23]
    for number, votes in [(seen[0][0] - 1, 0), (0, 0), *seen]:
        assert lab.view(token, "getPastVotes", lab.address("victim"), number) == votes
    call = stack.l2.call(token.address, token.encode("getPastVotes", lab.address("victim"), stack.l2.head.number))
    assert token.reason(call.output).startswith("NotYet")


def test_only_the_timelock_reaches_the_treasury_and_its_code(lab: Lab) -> None:
    treasury, timelock = lab["Treasury"], lab["Timelock"]
    implementation = 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC  # EIP-1967
    admin = 0xB53127684A568B3173AE13B9F8A6016E243E63B6E8EE1178D6A717850B5D6103
    held = [lab.stack.l2.storage(treasury.address, slot).to_bytes(20, "big") for slot in (implementation, admin)]
    assert held == [lab["TreasuryCode"].address, timelock.address]
    assert lab.refused("attacker", treasury, "pay", lab["USDC"].address, lab.address("attacker"), 1).startswith("Only")
    for call, kinds, values in (
        ("upgradeTo(address)", ["address"], [lab["TreasuryCode"].address]),
        ("changeAdmin(address)", ["address"], [lab.address("attacker")]),
        ("upgradeToAndCall(address,bytes)", ["address", "bytes"], [lab["TreasuryCode"].address, b""]),
    ):
        data = abi.selector(call) + abi.encode(kinds, values)
        assert lab.transact("attacker", treasury.address, data)["status"] == 0
    nothing = ([treasury.address], [0], [b""], bytes(32), bytes(32))
    assert lab.refused("attacker", timelock, "scheduleBatch", *nothing, 20).startswith("Unauthorised")
    assert lab.refused("attacker", timelock, "updateDelay", 0).startswith("Unauthorised")
    assert lab.refused("attacker", timelock, "cancel", bytes(32)).startswith("Unauthorised")
    # The guardians may propose past the governor, but not past the delay.
    data = timelock.encode("scheduleBatch", *nothing, 19)
    failed = lab.included(multisig.execute(lab.stack, "l2", lab["GuardianSafe"], GUARDIANS[:2], timelock.address, data))
    assert failed["status"] == 0
    data = timelock.encode("scheduleBatch", *nothing, 20)
    passed = lab.included(multisig.execute(lab.stack, "l2", lab["GuardianSafe"], GUARDIANS[:2], timelock.address, data))
    assert events(timelock, "CallScheduled", passed)[0]["delay"] == 20
