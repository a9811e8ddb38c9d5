"""Who pays bad debt: the invariants of deleveraging, and amounts worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rollproof.errors import Malformed
from rollproof.risk.adl import deleverage, pro_rata, ranked
from rollproof.risk.waterfall import layers, waterfall
from rollproof.venue.book import Floats
from rollproof.venue.rules.liquidation import AdlRank, Backstop

MONEY = st.floats(-1e9, 1e9)
PROFITS = hnp.arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 8)), elements=MONEY)


@given(PROFITS, st.floats(0, 1e10), st.integers(0, 2**32))
def test_winners_give_what_is_needed_and_no_more_than_they_won(profits: Floats, deficit: float, seed: int) -> None:
    deficits = np.full(len(profits), deficit)
    won = np.maximum(profits, 0.0)
    budget = np.minimum(deficit, won.sum(axis=-1))
    score = np.random.default_rng(seed).random(profits.shape[-1:])
    for given_up in (pro_rata(deficits, profits), ranked(deficits, profits, score)):
        assert (given_up >= 0).all()
        assert (given_up <= won).all()
        assert given_up.sum(axis=-1) == pytest.approx(budget, rel=1e-12, abs=1e-6)


@given(PROFITS, st.floats(0, 1e10), st.integers(0, 2**32))
def test_by_rank_nobody_gives_while_somebody_before_has_profit_left(profits: Floats, deficit: float, seed: int) -> None:
    score = np.random.default_rng(seed).random(profits.shape[-1:])
    order = np.argsort(-score)
    given_up = ranked(np.full(len(profits), deficit), profits, score)[:, order]
    left = np.maximum(profits, 0.0)[:, order] - given_up
    for path in range(len(profits)):
        for later in range(1, len(order)):
            if given_up[path, later] > 1e-6:
                assert (left[path, :later] <= 1e-6).all()


def test_by_hand() -> None:
    profits = np.array([[50.0, -20.0, 30.0, 20.0]])
    assert pro_rata(np.array([40.0]), profits).tolist() == [[20.0, 0.0, 12.0, 8.0]]
    assert ranked(np.array([40.0]), profits, np.array([1.0, 9.0, 3.0, 2.0])).tolist() == [[0.0, 0.0, 30.0, 10.0]]
    assert pro_rata(np.array([400.0]), profits).tolist() == [[50.0, 0.0, 30.0, 20.0]]
    assert pro_rata(0.0, profits[0]).tolist() == [0.0] * 4
    assert pro_rata(5.0, np.zeros(2)).tolist() == [0.0, 0.0]


@given(
    st.floats(-1e6, 1e6).filter(lambda size: abs(size) > 1e-3),
    st.floats(1.0, 1e5),
    st.floats(0.5, 2.0),
    hnp.arrays(np.float64, st.integers(1, 6), elements=st.floats(-1e6, 1e6)),
)
def test_closing_positions_against_each_other_creates_no_money(
    size: float, mark: float, ratio: float, sizes: Floats
) -> None:
    price = mark * ratio
    got = deleverage(size, mark, price, sizes, np.arange(len(sizes)))
    taken = got.closed.sum()  # of the other side, so of the opposite sign
    # What the bankrupt account closes is what others close, and it is spared what they give.
    assert got.left == pytest.approx(size + taken, abs=1e-6)
    assert abs(got.left) <= abs(size) + 1e-9
    spared = -taken * (price - mark)
    assert got.given.sum() == pytest.approx(spared, rel=1e-9, abs=1e-6)
    assert (np.abs(got.closed) <= np.abs(sizes) + 1e-12).all()
    assert (got.closed * sizes >= 0).all()
    assert not got.closed[np.sign(sizes) == np.sign(size)].any()


def test_a_bankrupt_long_is_closed_at_its_bankruptcy_price() -> None:
    """Long 10 from 100 with 50: bankrupt at 95. At a mark of 90 it owes 50, and the shorts behind it give that."""
    got = deleverage(10.0, 90.0, 95.0, np.array([-4.0, 7.0, -9.0]), np.array([2, 0, 1]))
    assert got.closed.tolist() == [-1.0, 0.0, -9.0]
    assert got.given.tolist() == [5.0, 0.0, 45.0]
    assert got.left == 0.0
    with pytest.raises(Malformed):
        deleverage(10.0, 0.0, 95.0, np.array([-4.0]), np.array([0]))


AMOUNTS = hnp.arrays(np.float64, 5, elements=st.floats(0, 1e9))


@given(AMOUNTS, AMOUNTS, AMOUNTS, st.sampled_from(AdlRank), st.booleans(), st.booleans())
def test_layers_add_up(
    shortfall: Floats, fund: Floats, profits: Floats, rank: AdlRank, shared: bool, first: bool
) -> None:
    paid = waterfall(shortfall, fund, profits, Backstop(fund_first=first, adl_rank=rank, socialised=shared))
    assert paid.insurance + paid.adl + paid.socialised + paid.providers == pytest.approx(shortfall, abs=1e-6)
    for layer in (paid.insurance, paid.adl, paid.socialised, paid.providers):
        assert (layer >= 0).all()
    assert (paid.insurance <= fund).all()
    assert (paid.adl <= profits).all()
    assert (paid.haircut <= 1).all()
    assert not (paid.providers if shared else paid.socialised).any()
    assert first or not paid.insurance.any()
    assert rank is not AdlRank.NONE or not paid.adl.any()
    # A later layer is touched only where the ones before are used up.
    assert (
        np.isclose(paid.insurance, fund) | (paid.adl + paid.socialised + paid.providers <= 1e-6) | ~np.bool_(first)
    ).all()


def test_layers_by_hand() -> None:
    backstop = Backstop(adl_rank=AdlRank.PROFIT_LEVERAGE, socialised=True)
    paid = waterfall(np.array([10.0, 50.0, 200.0]), 30.0, np.array([40.0, 40.0, 40.0]), backstop)
    assert paid.insurance.tolist() == [10.0, 30.0, 30.0]
    assert paid.adl.tolist() == [0.0, 20.0, 40.0]
    assert paid.socialised.tolist() == [0.0, 0.0, 130.0]
    assert paid.haircut.tolist() == [0.0, 0.5, 1.0]
    known = layers(np.array([50.0]), np.array([5.0]), np.array([100.0]), backstop)
    assert (known.insurance.tolist(), known.adl.tolist()) == ([5.0], [45.0])
