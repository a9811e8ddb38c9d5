"""Deribit's risk matrix: the documentation's example, and numbers by hand."""

from __future__ import annotations

import numpy as np
import pytest

from rollproof.errors import Malformed, Unsupported
from rollproof.venue.book import Kind
from rollproof.venue.rules.deribit import Deribit
from rollproof.venue.rules.holding import Holdings
from rollproof.venue.state import VenueState
from venue.option_books import Account, book, call, held, option_value, perpetual, put

STATE = VenueState()

# docs.deribit.com, private/pme/simulate, response example: what a position of 0.314538364 BTC in the perpetual gains
# in each price bucket, in bitcoin at the moved price, and its share of the roll shock. The parameters are the defaults.
SIZE = 0.314538364
GAINS = (
    -0.05991206933333334, -0.04289159509090909, -0.027351162086956524, -0.013105765166666668, 0.0,
    0.012097629384615385, 0.023299138074074074, 0.033700538999999995, 0.043384601931034494,
)  # fmt: skip
EXTENDED = (-0.05991206933333334, -0.05991206933333334, *([0.04338460193103449] * 6))
MATRIX_MARGIN, MAINTENANCE = 0.06284313098, 0.050274504784
INDEX = 65_666.19


def test_the_documented_risk_matrix() -> None:
    rules = Deribit(dampener=0.0)
    of = book({"BTC": INDEX}, Account(10_000, [perpetual(SIZE, INDEX, "BTC")]))
    gains = rules.profits(of, of.marks, Holdings.of(of))[:, 0] / INDEX
    matrix = rules.matrix
    assert len(matrix) == 27
    buckets = np.array([each.move for each in matrix[::3]])
    np.testing.assert_allclose(buckets, np.linspace(-0.16, 0.16, 9), atol=1e-15)
    np.testing.assert_allclose(gains[:27].reshape(9, 3), (np.array(GAINS) * (1 + buckets))[:, None].repeat(3, axis=1))
    # in the extended table a perpetual moves by the price range at most
    np.testing.assert_allclose(gains[27:], np.array(EXTENDED) * (1 + np.array([-0.16] * 2 + [0.16] * 6)), rtol=1e-14)


def test_the_documented_dampener_leaves_nothing_of_a_small_position() -> None:
    of = book({"BTC": INDEX}, Account(10_000, [perpetual(SIZE, INDEX, "BTC")]))
    np.testing.assert_array_equal(Deribit().profits(of, of.marks, Holdings.of(of))[27:], 0)


def test_the_documented_roll_shock_and_maintenance_share() -> None:
    of = book({"BTC": INDEX}, Account(10_000, [perpetual(SIZE, INDEX, "BTC")]))
    # of 0.00315725898 bitcoin, 0.01 times the other position's 0.001187534 belong to that
    roll = Deribit().roll_shock(of, of.marks, Holdings.of(of))[0] / INDEX
    assert roll == pytest.approx(0.00315725898 - 0.01 * 0.001187534, rel=1e-9)
    margin = Deribit().initial(of, of.marks, STATE)[0]
    assert margin == pytest.approx((0.16 * SIZE + 0.01 * SIZE) * INDEX, rel=1e-12)
    assert Deribit().maintenance(of, of.marks, STATE)[0] / margin == pytest.approx(
        MAINTENANCE / MATRIX_MARGIN, rel=1e-9
    )


def test_options_far_out_of_the_money_need_the_extended_table() -> None:
    # 500 short calls at 300,000 with 7 days left: at 5 times the price they lose most; the dampener takes 100,000 for
    # each time the move goes beyond 16 %.
    size, strike, years = -500.0, 300_000.0, 7 / 365
    rules = Deribit()
    of = book({"BTC": 60_000.0}, Account(1e6, [call(size, strike, 7, 0.8, "BTC")]))
    up = 0.8 * (1 + 0.5 * (30 / 7) ** 0.3)
    now = option_value(Kind.CALL, 60_000, strike, 0.8, years)
    lost = size * (option_value(Kind.CALL, 360_000, strike, up, years) - now)
    wanted = lost + (5 / 0.16 - 1) * 100_000
    found = rules.profits(of, of.marks, Holdings.of(of))
    assert found[-1, 0] == pytest.approx(wanted, rel=1e-10)
    assert found.min() == found[-1, 0]
    assert found[:27].min() > found[-1, 0] / 1000


def test_a_delta_neutral_book_needs_its_roll_shock() -> None:
    # A long call and a short put at one strike are a forward of an expiry with half a year: delta 1, against -1 of a
    # perpetual. No move of the price hurts, and of the roll shock both parts count.
    legs = [call(1, 2000, 182.5, 0.6), put(-1, 2000, 182.5, 0.6), perpetual(-1, 2000)]
    of = book({"ETH": 2000.0}, Account(100, legs))
    rules = Deribit()
    assert rules.profits(of, of.marks, Holdings.of(of)).min() == pytest.approx(0, abs=1e-9)
    assert rules.initial(of, of.marks, STATE)[0] == pytest.approx(2000 * (0.075 * 0.5 + 0.01), rel=1e-9)


def test_collateral_has_its_haircut_or_is_refused() -> None:
    of = book({"ETH": 2000.0}, Account(0, [held(2)]))
    assert Deribit(collateral_haircut={"ETH": 0.1}).maintenance(of, of.marks, STATE)[0] == pytest.approx(400)
    with pytest.raises(Unsupported, match="'SOL'"):
        Deribit().maintenance(book({"SOL": 1.0}, Account(0, [held(1, "SOL")])), np.ones(1), STATE)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"price_range": 0.0}, "price_range"),
        ({"price_range": float("nan")}, "price_range"),
        ({"maintenance_factor": 1.1}, "maintenance_factor"),
        ({"dampener": -1.0}, "dampener"),
        ({"extended": (-1.0,)}, "extended"),
        ({"buckets": 5000}, "buckets"),
    ],
)
def test_parameters_out_of_range_are_named(change: dict[str, float], words: str) -> None:
    with pytest.raises(Malformed, match=words):
        Deribit(**change)  # type: ignore[arg-type]
