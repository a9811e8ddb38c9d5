"""Tables of hinges equal the sum over positions, one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollproof.risk.table import Hinges, table_of
from rollproof.venue.book import Floats

ASSETS = 3
PRICE = st.floats(0.01, 1e6)
ROW = st.tuples(st.integers(0, ASSETS - 1), st.floats(-1e5, 1e6), st.floats(0.0, 1e6), st.booleans())


def _hinges(rows: list[tuple[int, float, float, bool]]) -> Hinges:
    return Hinges(
        np.array([row[0] for row in rows], dtype=np.int64),
        np.array([row[1] for row in rows]),
        np.array([row[2] for row in rows]),
        np.array([row[3] for row in rows], dtype=bool),
    )


def _dense(hinges: Hinges, prices: Floats, earlier: Floats | None = None) -> Floats:
    """Sums position by position."""
    total = np.zeros_like(prices)
    for asset, at, weight, falling in zip(hinges.asset, hinges.at, hinges.weight, hinges.falling, strict=True):
        sign = 1.0 if falling else -1.0
        loss = weight * np.maximum(sign * (at - prices[asset]), 0.0)
        if earlier is not None:
            loss = np.where(sign * (at - earlier[asset]) > 0, loss, 0.0)
        total[asset] += loss
    return total


@settings(max_examples=300, deadline=None)
@given(st.lists(ROW, max_size=40), st.lists(PRICE, min_size=1, max_size=8), st.data())
def test_a_table_is_the_dense_sum(
    rows: list[tuple[int, float, float, bool]], at: list[float], data: st.DataObject
) -> None:
    hinges = _hinges(rows)
    if rows:  # prices on the hinges themselves too
        at = at + [abs(row[1]) + 0.01 for row in rows[:3]] + [row[1] for row in rows if row[1] > 0][:3]
    prices = np.tile(np.array(at), (ASSETS, 1))
    table = table_of(hinges, ASSETS)
    dense = _dense(hinges, prices)
    np.testing.assert_allclose(table.loss(prices), dense, rtol=1e-12, atol=1e-12)
    earlier = np.tile(np.array(data.draw(st.permutations(at))), (ASSETS, 1))
    lasting = _dense(hinges, prices, earlier)
    # who is exactly at a hinge at the earlier price has lost nothing then; the table may count them or not
    away = np.array([[not np.any(np.isin(price, hinges.at)) for price in row] for row in earlier])
    np.testing.assert_allclose(table.lasting(earlier, prices)[away], lasting[away], rtol=1e-12, atol=1e-12)


def test_many_positions_to_the_last_digits() -> None:
    drawn = np.random.default_rng(2)
    count = 5_000
    hinges = Hinges(
        drawn.integers(0, ASSETS, count), drawn.lognormal(0, 0.2, count), drawn.lognormal(0, 2, count),
        drawn.random(count) < 0.5,
    )  # fmt: skip
    prices = drawn.lognormal(0, 0.3, (ASSETS, 200))
    np.testing.assert_allclose(table_of(hinges, ASSETS).loss(prices), _dense(hinges, prices), rtol=1e-12)


def test_three_positions_by_hand() -> None:
    """Longs of 2 and 1 with bankruptcy at 90 and 80, a short of 3 with bankruptcy at 110."""
    table = table_of(_hinges([(0, 90.0, 2.0, True), (0, 80.0, 1.0, True), (0, 110.0, 3.0, False)]), 1)
    prices = np.array([[70.0, 80.0, 85.0, 90.0, 100.0, 110.0, 120.0]])
    np.testing.assert_allclose(table.loss(prices), [[50.0, 20.0, 10.0, 0.0, 0.0, 0.0, 30.0]], atol=1e-12)
    # bankrupt at 85 was only the first: further down it owes more, and the second one's debt is new
    earlier = np.full_like(prices, 85.0)
    np.testing.assert_allclose(table.lasting(earlier, prices), [[40.0, 20.0, 10.0, 0, 0, 0, 0]], atol=1e-12)


@pytest.mark.parametrize(
    "row",
    [(0, float("nan"), 1.0, True), (0, 1.0, float("inf"), True), (0, 1.0, -1.0, True)],
    ids=["nan", "inf", "negative"],
)
def test_hinges_that_are_no_numbers_are_refused(row: tuple[int, float, float, bool]) -> None:
    with pytest.raises(ValueError, match="hinges"):
        table_of(_hinges([row]), 1)
