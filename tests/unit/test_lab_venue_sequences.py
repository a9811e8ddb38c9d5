"""Random sequences of operations on the venue: the contract and the model agree on every one, and nothing is lost."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unit.venue_chain import FLAT, PRICES, VenueChain
from unit.venue_model import ONE, UNIT, USD, Settings

TRADERS = [f"trader-{number}" for number in range(6)]
SETTINGS = Settings(
    skew_scale=2_000 * ONE, max_open_interest=400 * ONE, funding_factor=10**13, max_funding_rate=10**12, max_age=7_200
)
KINDS = (
    *("trade",) * 8, *("price",) * 4, *("liquidate",) * 4, *("deleverage",) * 2, "close", "close", "deposit",
    "withdraw", "margin", "insure", "add", "remove", "wait",
)  # fmt: skip


@pytest.fixture(scope="module")
def base() -> VenueChain:
    """Little in the pool and in the fund, so that every way a loss can go is taken."""
    venue = VenueChain([SETTINGS, replace(SETTINGS, skew_scale=60 * ONE, max_open_interest=10 * ONE, step=5_000)])
    assert venue.add_liquidity("provider", 20_000 * USD) is None
    for name in TRADERS:
        assert venue.deposit(name, 1_000 * USD) is None
    return venue


def apply(venue: VenueChain, kind: str, name: str, market: int, share: int, *, up: bool, isolated: bool) -> str | None:
    """One operation; ``share`` (0 to 1,000,000) is its size in millionths of what makes sense for its kind."""
    model, who = venue.model, venue.address(name)
    account = model.accounts[who]
    position = account.positions.get(market)
    price = model.markets[market].price
    sign = 1 if up else -1
    if kind == "trade":
        if position is not None and share % 3 == 0:
            return venue.trade(name, market, -position.size * share // 10**6, isolated=position.isolated)
        margin = account.balance * share // 10**6
        size = margin * UNIT // price * (1 + share % 55) * (ONE - share % 3) // ONE  # up to 55 times
        isolated = isolated if position is None else position.isolated
        return venue.trade(name, market, sign * size, isolated=isolated, margin=margin if isolated else 0)
    if kind == "price":
        moved = max(1, price * (10**6 + sign * share * share // 10**7) // 10**6)  # up to 10 %, mostly much less
        moved = min(4 * PRICES[market], max(PRICES[market] // 4, moved))
        venue.push(*(moved if each == market else its.price for each, its in enumerate(model.markets)))
        return None
    if kind == "liquidate":
        return venue.liquidate(market, name, keeper=TRADERS[share % 6])
    if kind == "deleverage":
        queue = model.queue(market, who) if position is not None else [venue.address("trader-0")]
        return venue.deleverage(market, name, queue[: 1 + share % 3])
    if kind == "margin":
        held = account.balance if up else 0 if position is None else position.margin
        return venue.move_margin(name, market, sign * held * share // 900_000)
    if kind == "withdraw":
        return venue.withdraw(name, account.balance * share // 900_000)
    if kind == "deposit":
        return venue.deposit(name, share * 300)
    if kind == "insure":
        return venue.insure(share * 20)
    if kind == "add":
        return venue.add_liquidity("provider", share * 2_000)
    if kind == "remove":
        owned = model.shares[venue.address("provider")]
        return venue.remove_liquidity("provider", owned * share // 900_000)
    if kind == "close":
        return venue.close(name, market)
    venue.wait(share * 100 // 10**6 * 60)
    return None


OPERATION = st.tuples(
    st.sampled_from(KINDS), st.sampled_from(TRADERS[:4]), st.integers(0, 1), st.integers(0, 10**6), st.booleans(),
    st.booleans(),
)  # fmt: skip


@settings(max_examples=40, deadline=None, derandomize=True)
@given(operations=st.lists(OPERATION, max_size=25))
def test_every_sequence_keeps_the_books(
    base: VenueChain, operations: list[tuple[str, str, int, int, bool, bool]]
) -> None:
    venue = base.branch()
    for kind, name, market, share, up, isolated in operations:
        apply(venue, kind, name, market, share, up=up, isolated=isolated)
        assert venue.held() == venue.model.holdings()
    venue.push(*(each.price for each in venue.model.markets))
    venue.agree()


@pytest.mark.parametrize("seed", range(3))
def test_a_long_run_takes_every_way_a_loss_can_go(base: VenueChain, seed: int) -> None:
    venue, draw = base.branch(), random.Random(seed)
    refused: Counter[str | None] = Counter()
    for number in range(700):
        kind, name, market = draw.choice(KINDS), draw.choice(TRADERS), draw.randrange(2)
        outcome = apply(
            venue, kind, name, market, draw.randrange(10**6 + 1), up=draw.random() < 0.5, isolated=draw.random() < 0.5
        )
        refused[outcome] += 1
        assert venue.held() == venue.model.holdings()
        if number % 10 == 0:
            venue.agree()
    venue.agree()
    assert set(venue.model.happened) >= {"step", "whole", "covered", "bad-debt", "adl"}
    expected = {
        "InsufficientMargin", "InsufficientBalance", "Healthy", "NoPosition", "NeedsDeleveraging",
        "StalePrice",
    }  # fmt: skip
    assert expected <= set(refused)
    assert refused[None] > 200


def test_flat_markets_give_back_what_was_put_in() -> None:
    """Without fees, premium and funding, and at one price, whoever trades as they like loses only rounding."""
    venue, draw = VenueChain([FLAT, FLAT]), random.Random(5)
    assert venue.add_liquidity("provider", 10**6 * USD) is None
    for name in TRADERS:
        venue.deposit(name, 10_000 * USD)
    for _ in range(60):
        name, market = draw.choice(TRADERS), draw.randrange(2)
        venue.trade(name, market, draw.randrange(-ONE, ONE) // (1 + 29 * market))
    for name in TRADERS:
        for market in (0, 1):
            venue.close(name, market)
    left = [venue.model.accounts[venue.address(name)].balance for name in TRADERS]
    assert all(10_000 * USD - 40 <= each <= 10_000 * USD for each in left)
    assert venue.view("pool") == 10**6 * USD + 6 * 10_000 * USD - sum(left)
    venue.agree()
