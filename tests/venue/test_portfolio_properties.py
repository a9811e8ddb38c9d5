"""What holds of every scenario-based family, on random books."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollproof.errors import Unsupported
from rollproof.venue.book import Book, Floats
from rollproof.venue.rules.crossing import nearest
from rollproof.venue.rules.deribit import Deribit
from rollproof.venue.rules.derive_portfolio import DerivePortfolio
from rollproof.venue.rules.derive_standard import DeriveStandard
from rollproof.venue.rules.holding import HoldingRules
from rollproof.venue.rules.paradex import Paradex
from rollproof.venue.rules.registry import load
from rollproof.venue.state import VenueState
from venue.option_books import Account, Row, book, call, held, perpetual, put

STATE = VenueState()
FAMILIES: tuple[HoldingRules, ...] = (DerivePortfolio(), DeriveStandard(), Deribit(), Paradex())
each_family = pytest.mark.parametrize("rules", FAMILIES, ids=lambda rules: rules.family)
MARKS = {"ETH": 2000.0, "BTC": 60_000.0}

shares = st.floats(0.5, 2.0)
sizes = st.floats(-5, 5).filter(lambda size: abs(size) > 0.01)
assets = st.sampled_from(sorted(MARKS))


@st.composite
def positions(draw: st.DrawFn) -> Row:
    asset, size, share = draw(assets), draw(sizes), draw(shares)
    kind = draw(st.integers(0, 3))
    if kind == 0:
        return perpetual(size, MARKS[asset] * share, asset)
    if kind == 3:
        return held(abs(size), asset)
    days, volatility = draw(st.sampled_from([0.5, 7.0, 30.0, 200.0])), draw(st.floats(0.2, 1.5))
    return (call if kind == 1 else put)(size, MARKS[asset] * share, days, volatility, asset)


accounts = st.builds(Account, st.floats(-1e5, 5e5), st.lists(positions(), min_size=1, max_size=6))
books = st.lists(accounts, min_size=1, max_size=4).map(lambda given: book(MARKS, *given))


def surplus(rules: HoldingRules, of: Book, prices: Floats) -> Floats:
    return rules.equity(of, prices, STATE) - rules.maintenance(of, prices, STATE)


@each_family
@settings(max_examples=20, deadline=None)
@given(books)
def test_maintenance_is_at_most_initial_and_nothing_is_negative(rules: HoldingRules, of: Book) -> None:
    initial, maintenance = rules.initial(of, of.marks, STATE), rules.maintenance(of, of.marks, STATE)
    assert np.isfinite(initial).all()
    assert (maintenance >= -1e-9).all()
    assert (maintenance <= initial * (1 + 1e-12) + 1e-9).all()


@each_family
@settings(max_examples=10, deadline=None)
@given(books)
def test_a_liquidation_price_is_where_equity_is_the_maintenance_margin(rules: HoldingRules, of: Book) -> None:
    found = rules.liquidation_price(of, of.marks, STATE)
    scale = 1e-9 * (np.abs(of.cash).max() + np.abs(of.size).max() * 2e6)
    for row in np.flatnonzero(np.isfinite(found)):
        for factor, signs in ((1.0, {0.0}), (1 - 1e-6, {1.0, -1.0}), (1 + 1e-6, {1.0, -1.0})):
            prices = of.marks.copy()
            prices[of.asset[row]] = found[row] * factor
            left = surplus(rules, of, prices)[of.subaccount[row]]
            if factor == 1.0:
                assert abs(left) <= scale
            else:
                assert np.sign(left) in signs | {0.0}
    holding = of.subaccount.astype(np.int64) * len(of.assets) + of.asset
    for one in np.unique(holding):  # all rows of a holding have the same price
        assert len(np.unique(found[holding == one])) == 1


@each_family
@settings(max_examples=10, deadline=None)
@given(books)
def test_a_bankruptcy_price_makes_equity_nothing(rules: HoldingRules, of: Book) -> None:
    found = rules.bankruptcy_price(of, of.marks, STATE)
    scale = 1e-9 * (np.abs(of.cash).max() + np.abs(of.size).max() * 2e6)
    for row in np.flatnonzero(np.isfinite(found)):
        prices = of.marks.copy()
        prices[of.asset[row]] = found[row]
        assert abs(of.equity(prices)[of.subaccount[row]]) <= scale


@each_family
@settings(max_examples=5, deadline=None)
@given(st.lists(accounts, min_size=2, max_size=3))
def test_a_subaccount_is_margined_alike_alone_and_among_others(rules: HoldingRules, given_: list[Account]) -> None:
    together = book(MARKS, *given_)
    alone = [book(MARKS, account) for account in given_]
    for name in ("initial", "maintenance"):
        wanted = [float(getattr(rules, name)(of, of.marks, STATE)[0]) for of in alone]
        np.testing.assert_allclose(getattr(rules, name)(together, together.marks, STATE), wanted, rtol=1e-11, atol=1e-7)
    prices = np.concatenate([rules.liquidation_price(of, of.marks, STATE) for of in alone])
    np.testing.assert_allclose(rules.liquidation_price(together, together.marks, STATE), prices, rtol=1e-8)


@pytest.mark.parametrize("rules", [DerivePortfolio(), DeriveStandard(), Paradex()], ids=lambda rules: rules.family)
@settings(max_examples=10, deadline=None)
@given(books, st.floats(0.1, 10))
def test_margins_grow_with_the_positions(rules: HoldingRules, of: Book, factor: float) -> None:
    larger = replace(of, size=of.size * factor)
    for name in ("initial", "maintenance"):
        wanted = getattr(rules, name)(of, of.marks, STATE) * factor
        np.testing.assert_allclose(getattr(rules, name)(larger, of.marks, STATE), wanted, rtol=1e-10, atol=1e-7)


@pytest.mark.parametrize("rules", [DerivePortfolio(), Deribit(), Paradex()], ids=lambda rules: rules.family)
@settings(max_examples=20, deadline=None)
@given(books)
def test_an_account_at_its_initial_margin_survives_the_near_moves(rules: HoldingRules, of: Book) -> None:
    """The point of scenario margin: no move of one asset within the grid, volatility kept, makes equity negative."""
    free = replace(of, size=np.where(of.kind == 3, 0.0, of.size))  # collateral that has no derivatives is not scanned
    needed = rules.initial(free, free.marks, STATE)
    lifted = replace(free, cash=free.cash + needed - free.equity(free.marks))
    for asset in range(len(of.assets)):
        for move in (-0.135, -0.045, 0.0, 0.045, 0.135) if rules.family == "derive-pm" else (-0.12, -0.04, 0.0, 0.08):
            prices = of.marks.copy()
            prices[asset] *= 1 + move
            slack = 1e-9 * (needed + 1)
            if rules.family == "paradex":  # scans volatility up and down, never the same: at most a little more is lost
                slack = slack + 0.05 * needed
            assert (lifted.equity(prices) >= -slack).all()


def test_a_linear_books_prices_are_those_of_the_equation() -> None:
    # Derive, 1 long from 2,000 with 200 in cash: 200 + p - 2000 = (0.8 * 0.18 + 0.03) p
    of = book({"ETH": 2000.0}, Account(200, [perpetual(1, 2000)]))
    assert DerivePortfolio().liquidation_price(of, of.marks, STATE)[0] == pytest.approx(1800 / (1 - 0.174), rel=1e-12)
    assert DerivePortfolio().bankruptcy_price(of, of.marks, STATE)[0] == pytest.approx(1800, rel=1e-12)


def test_a_short_strangle_is_liquidated_on_the_nearer_side() -> None:
    rows = [call(-1, 2600, 30, 0.6), put(-1, 1500, 30, 0.6)]
    for mark, above in ((2400.0, True), (1550.0, False)):
        of = book({"ETH": mark}, Account(700, rows))
        found = Paradex().liquidation_price(of, of.marks, STATE)[0]
        assert (found > mark) == above


def test_crossings_are_found_on_both_sides_and_the_nearer_wins() -> None:
    def parabola(which: np.ndarray[tuple[int], np.dtype[np.int64]], price: Floats) -> Floats:
        low = np.array([50.0, 90.0, 120.0, 1.0, 99.8, 99.6])[which]
        high = np.array([110.0, 500.0, 130.0, 2.0, 100.4, 100.2])[which]
        return np.asarray((price - low) * (price - high))

    found = nearest(parabola, np.full(6, 100.0))
    np.testing.assert_allclose(found, [110, 90, 120, 2, 99.8, 100.2], rtol=1e-12)
    np.testing.assert_array_equal(nearest(lambda which, price: price + 1, np.array([5.0])), [np.nan])


@each_family
def test_an_empty_book_and_a_name_from_the_registry(rules: HoldingRules) -> None:
    empty = book(MARKS, Account(5.0))
    assert rules.maintenance(empty, empty.marks, STATE)[0] == 0
    assert len(rules.liquidation_price(empty, empty.marks, STATE)) == 0
    assert load(rules.family) == rules


def test_parameters_can_be_set_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(
        'family = "derive-pm"\nrate = 0.05\n[volatility]\nfloor_up = 0.3\n'
        "[[scenarios]]\nmove = -0.5\nvolatility = 0.5\n[collateral.SOL]\nmaintenance = 0.3\ninitial = 0.1\n",
        encoding="utf-8",
    )
    rules = load(path)
    of = book({"SOL": 100.0}, Account(0, [perpetual(1, 100, "SOL"), held(1, "SOL")]))
    assert isinstance(rules, DerivePortfolio)
    assert rules.maintenance(of, of.marks, STATE)[0] == pytest.approx(0.8 * 100 + 3 + 30)
    path.write_text('family = "paradex"\nhedge = 0.01\n', encoding="utf-8")
    with pytest.raises(Unsupported, match="hedge"):
        load(path)
