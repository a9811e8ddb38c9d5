"""A book kept block by block says what the same book valued from scratch says."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from rollproof.errors import Malformed, RollproofError, Unsupported
from rollproof.risk import live as live_module
from rollproof.risk.closed.outage import book_outage
from rollproof.risk.live import Live
from rollproof.risk.market import jump_diffusion
from rollproof.venue import positions
from rollproof.venue.book import Book
from rollproof.venue.rules import registry
from rollproof.venue.rules.rules import Rules
from rollproof.venue.state import VenueState

MARKS = {"BTC": 100_000.0, "ETH": 3_500.0, "SOL": 160.0}
SCHEMA = dict.fromkeys(positions.COLUMNS, pl.Float64) | dict.fromkeys(("account", "asset", "kind", "mode"), pl.String)
LINEAR = ("dydx", "gmx", "synthetix", "hyperliquid", "perp-v2", "vega", "lab", "drift")

Rows = list[dict[str, Any]]


def book_of(accounts: dict[str, Rows], marks: dict[str, float]) -> Book:
    """Through the table reader: nothing of what is tested has a hand in it."""
    rows = [{"account": name, **row} for name, rows in accounts.items() for row in rows]
    return positions.read(pl.DataFrame(rows, schema=SCHEMA).drop("venue"), prices=marks, venue="v")


def perpetuals(rng: random.Random, marks: dict[str, float]) -> Rows:
    """An account of one to three isolated positions, or a cross one of as many; now and then bankrupt already."""
    cross = rng.random() < 0.4
    rows: Rows = []
    worth = 0.0
    for asset in rng.sample(sorted(marks), rng.randint(1, len(marks))):
        notional = 10 ** rng.uniform(2, 6.5)
        size = notional / marks[asset] * rng.choice((-1, 1, 1))
        entry = marks[asset] * rng.uniform(0.9, 1.1)
        margin = max(notional / rng.choice((2, 5, 10, 20, 40)) - size * (marks[asset] - entry), 0.0)
        row = {"asset": asset, "size": size, "entry_price": entry}
        rows.append(row | ({"mode": "cross"} if cross else {"margin": margin}))
        worth += margin
    return [*rows, {"asset": "USD", "kind": "collateral", "size": worth + 1, "mode": "cross"}] if cross else rows


def loans(rng: random.Random, marks: dict[str, float]) -> Rows:
    amount = 10 ** rng.uniform(2, 6)
    held, owed = rng.sample(sorted(marks), 2)
    debt = rng.choice(("USD", owed))
    value = amount * rng.uniform(0.3, 1.05)
    return [
        {"asset": held, "kind": "collateral", "size": amount / marks[held]},
        {"asset": debt, "kind": "debt", "size": value / marks.get(debt, 1.0)},
    ]


def options(rng: random.Random, marks: dict[str, float]) -> Rows:
    asset = rng.choice(sorted(marks))
    size = 10 ** rng.uniform(3, 6) / marks[asset]
    kind = rng.choice(("call", "put"))
    strike = marks[asset] * rng.uniform(0.8, 1.2)
    cash = size * marks[asset] * rng.uniform(0.05, 0.5)
    rest = {"mode": "portfolio", "asset": asset}
    return [
        {"kind": kind, "size": -size, "strike": strike, "expiry": 0.1, "volatility": 0.7, **rest},
        {"size": size * rng.uniform(-1, 1), "entry_price": marks[asset], **rest},
        {"asset": "USD", "kind": "collateral", "size": cash, "mode": "portfolio"},
    ]


def assert_as_from_scratch(
    live: Live, accounts: dict[str, Rows], marks: dict[str, float], rules: Rules, pool: float
) -> None:
    book = book_of(accounts, marks)
    state = VenueState(pool=pool)
    equity, liquidatable = book.equity(book.marks), rules.liquidatable(book, book.marks, state)
    now = live.now
    assert now.bad_debt == pytest.approx(np.maximum(-equity, 0).sum(), rel=1e-12, abs=1e-9)
    assert now.bankrupt == (equity < 0).sum()
    assert now.liquidatable == liquidatable.sum()
    assert set(now.accounts) == {book.accounts[owner] for owner in book.owner[liquidatable]}
    exposed = liquidatable[book.subaccount] & (book.kind != 3)
    assert now.liquidatable_notional == pytest.approx(book.notional[exposed].sum(), rel=1e-12)
    # And if prices moved from here.
    shares = np.array([-0.6, -0.2, -0.03, 0.0, 0.1, 0.5])
    owed = [np.maximum(-book.equity(book.marks * (1 + share)), 0).sum() for share in shares]
    scale = book.notional.sum()
    assert live.bad_debt(dict.fromkeys(book.assets, shares)) == pytest.approx(owed, rel=1e-9, abs=1e-12 * scale)
    one = book.marks * np.where(np.arange(len(book.assets)) == 0, 0.7, 1)
    expected = np.maximum(-book.equity(one), 0).sum()
    assert live.bad_debt({book.assets[0]: -0.3}) == pytest.approx([expected], rel=1e-9, abs=1e-12 * scale)


@pytest.mark.parametrize(
    ("family", "beside"),
    [("dydx", 0), ("dydx", 1024), *((family, 10) for family in (*LINEAR, "lending", "derive-pm"))],
)
def test_every_block_is_as_from_scratch(family: str, beside: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "FEWEST_BESIDE", beside)  # how often the whole is worked out anew
    rng = random.Random(f"{family} {beside}")
    marks = {"ETH": 3_500.0, "WSTETH": 4_200.0, "CBETH": 3_850.0} if family == "lending" else dict(MARKS)
    if family == "derive-pm":
        del marks["SOL"]
    make = {"lending": loans, "derive-pm": options}.get(family, perpetuals)
    rules, pool = registry.load(family), 5e6  # GMX counts profits as far as the pool can pay them
    accounts = {f"a{at}": make(rng, marks) for at in range(60)}
    live = Live(book_of(accounts, marks), rules, VenueState(pool=pool), block=100)
    assert_as_from_scratch(live, accounts, marks, rules, pool)
    seen, fresh = 0, 60
    for block in range(101, 110):
        deviation = rng.choice((0.0005, 0.002, 0.01, 0.08))
        moved = {asset: mark * np.exp(rng.gauss(0, deviation)) for asset, mark in marks.items() if rng.random() < 0.8}
        marks |= moved
        changed = {name: make(rng, marks) for name in rng.sample(sorted(accounts), rng.randint(0, 4))}
        for _ in range(rng.randint(0, 2)):
            changed[f"a{fresh}"] = make(rng, marks)
            fresh += 1
        closed = [name for name in rng.sample(sorted(accounts), rng.randint(0, 2)) if name not in changed]
        accounts = {name: rows for name, rows in accounts.items() if name not in closed} | changed
        now = live.update(
            block=block,
            changed=book_of(changed, marks) if changed else None,
            closed=[*closed, "nobody"],
            marks=moved,
        )
        assert now.block == block
        seen += now.liquidatable
        assert_as_from_scratch(live, accounts, marks, rules, pool)
    assert seen > 0, "nobody was ever in trouble: nothing was tested"


def test_few_are_looked_at_while_prices_hardly_move() -> None:
    rng = random.Random(1)
    accounts = {f"a{at}": perpetuals(rng, MARKS) for at in range(6_000)}
    book, rules = book_of(accounts, MARKS), registry.load("hyperliquid")
    live = Live(book, rules)
    short = live.now.revalued
    now = live.update(block=1, marks={"ETH": 3_500 * 1.001})
    # A tenth of a percent: leverage of 40 and up to 100 less what was lost already are a few of a hundred.
    assert now.revalued - short < 0.02 * book.subaccounts
    # A crash cannot be cheap, but the answers stay right, and the next block is cheap again.
    crash = {asset: mark * 0.8 for asset, mark in MARKS.items()}
    after = live.update(block=2, marks=crash)
    again = book.at(np.array([crash[asset] for asset in book.assets]))
    assert after.bad_debt == pytest.approx(np.maximum(-again.equity(again.marks), 0).sum(), rel=1e-12)
    assert after.liquidatable == rules.liquidatable(again, again.marks, VenueState()).sum()
    assert live.update(block=3, marks=crash).revalued == after.liquidatable


def test_an_outage_that_begins_now_is_the_closed_form_of_the_book_now() -> None:
    accounts = {
        "long": [{"asset": "ETH", "size": 10, "entry_price": 3_500, "margin": 1_750}],
        "short": [{"asset": "SOL", "size": -100, "entry_price": 160, "margin": 800}],
        "both": [
            {"asset": "ETH", "size": 1, "entry_price": 3_500, "mode": "cross"},
            {"asset": "BTC", "size": 0.1, "entry_price": 100_000, "mode": "cross"},
            {"asset": "USD", "kind": "collateral", "size": 1_000},
        ],
    }
    live = Live(book_of(accounts, MARKS), registry.load("dydx"))
    live.update(block=1, marks={"ETH": 3_450.0}, closed=["short"])
    del accounts["short"]
    model = jump_diffusion(["BTC", "ETH", "SOL"])
    outage = live.outage(model, 7_200)
    marks = MARKS | {"ETH": 3_450.0}
    probability, debt = book_outage(book_of(accounts, marks), model, 7_200)
    assert live.book.accounts[live.book.owner[0]] == "long"
    assert outage.probability[0] == pytest.approx(probability[0], rel=1e-12)
    assert outage.probability[0] > 0
    assert outage.total == pytest.approx(np.nansum(debt), rel=1e-12)
    assert outage.unpriced == 1


def test_a_new_asset_comes_with_who_has_it() -> None:
    accounts = {"a": [{"asset": "ETH", "size": 10, "entry_price": 3_500, "margin": 1_000}]}
    live = Live(book_of(accounts, MARKS), registry.load("perp-v2"))
    accounts["b"] = [{"asset": "DOGE", "size": 1e5, "entry_price": 0.2, "margin": 1_000}]
    marks = MARKS | {"DOGE": 0.15}
    now = live.update(block=1, changed=book_of({"b": accounts["b"]}, marks))
    assert now.bad_debt == pytest.approx(1e5 * 0.05 - 1_000)
    assert now.accounts == ("a", "b")  # a has 1,000 of the 2,187.5 that it needs
    now = live.update(block=2, marks={"DOGE": 0.195})
    assert now.bad_debt == 0
    assert live.bad_debt({"DOGE": np.array([-0.5, 0.0])}) == pytest.approx([1e5 * (0.2 - 0.0975) - 1_000, 0])
    assert live.book.assets == ("ETH", "DOGE")


def test_what_cannot_be_is_refused_and_leaves_the_book_as_it_was() -> None:
    accounts = {"a": [{"asset": "ETH", "size": 10, "entry_price": 3_500, "margin": 1_000}]}
    live = Live(book_of(accounts, MARKS), registry.load("dydx"), block=5)
    other = {"b": [{"asset": "BTC", "size": 1, "entry_price": 100_000, "margin": 10_000}]}
    option = {
        "c": [{"asset": "ETH", "kind": "call", "size": 1, "margin": 9, "strike": 1, "expiry": 1, "volatility": 1}]
    }
    wrong: list[tuple[type[RollproofError], str, dict[str, Any]]] = [
        (Malformed, "block 4 is before 5", {"block": 4}),
        (Malformed, "no asset 'DOGE'", {"marks": {"DOGE": 1.0}}),
        (Malformed, "mark nan of 'ETH' is not above zero", {"marks": {"ETH": float("nan")}}),
        (Malformed, "mark 0.0 of 'ETH' is not above zero", {"marks": {"ETH": 0.0}}),
        (Malformed, "changes are in 'EUR', the book in USD", {"changed": replace(book_of(other, MARKS), quote="EUR")}),
        (Unsupported, "dydx", {"changed": book_of(option, MARKS)}),
    ]
    before = live.now
    for kind, message, arguments in wrong:
        with pytest.raises(kind, match=message):
            live.update(**{"block": 6, "closed": ["a"], **arguments})
        assert live.now is before
        assert positions.to_frame(live.book).equals(positions.to_frame(book_of(accounts, MARKS)))
    for moves, message in (
        ({"DOGE": 0.1}, "no asset 'DOGE'"),
        ({"ETH": -1.0}, "'ETH' moves by numbers above -1"),
        ({"ETH": float("nan")}, "'ETH' moves by numbers above -1"),
    ):
        with pytest.raises(Malformed, match=message):
            live.bad_debt(moves)
    assert live.bad_debt({}).tolist() == [0.0]
