"""Parts of the terminal layer: exposures against the book's own equity, counts, likelihood ratios, shocks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from risk.terminal_books import RULES, Row, book, halt, isolated, perpetual, simulated
from rollproof.risk.duration import Empirical, Exponential, Lognormal
from rollproof.risk.failure import Halt, Load, Resume
from rollproof.risk.market import YEAR, Jumps, jump_diffusion
from rollproof.risk.terminal import price
from rollproof.risk.terminal.chance import keys, uniform
from rollproof.risk.terminal.draw import draw
from rollproof.risk.terminal.exposure import exposure_of
from rollproof.risk.terminal.mixture import Component, mixture_of, nominal
from rollproof.risk.terminal.sampling import counts_of
from rollproof.risk.terminal.shocks import seconds, shocks_of
from rollproof.risk.terminal.sobol import points
from rollproof.venue.book import Book, Floats, Kind
from rollproof.venue.state import VenueState

SEED = np.random.SeedSequence(17)
MARKS = [1.0, 50.0, 2_000.0]


def _dense(of: Book, prices: Floats, years: Floats, before: Floats | None = None) -> Floats:
    """(paths,) equity below zero by the book's own valuation; ``prices`` are (assets, paths)."""
    out = np.empty(prices.shape[1])
    for path in range(prices.shape[1]):
        equity = of.equity(prices[:, path], elapsed_years=years[path])
        owes = equity < 0
        if before is not None:
            owes &= of.equity(before[:, path]) < 0
        out[path] = -equity[owes].sum()
    return out


@st.composite
def books(draw: st.DrawFn, options: bool) -> Book:
    """Subaccounts of all sorts: empty, indebted, hedged to nothing, of one asset or several, with options."""
    cash = draw(st.lists(st.floats(-50.0, 200.0), min_size=1, max_size=8))
    rows = list[Row]()
    for _ in range(draw(st.integers(1, 14))):
        asset = draw(st.integers(0, 2))
        kind = draw(st.sampled_from(list(Kind) if options else [Kind.PERPETUAL, Kind.COLLATERAL, Kind.DEBT]))
        units = draw(st.sampled_from([0.0, 1.0, 2.5, 10.0])) * 100 / MARKS[asset]
        size = units if kind >= Kind.COLLATERAL or draw(st.booleans()) else -units
        optional = kind in (Kind.CALL, Kind.PUT)
        rows.append(
            (
                draw(st.integers(0, len(cash) - 1)), asset, kind, size,
                MARKS[asset] * draw(st.floats(0.5, 1.5)) if kind == Kind.PERPETUAL else 0.0,
                MARKS[asset] * draw(st.sampled_from([0.8, 1.0, 1.3])) if optional else 0.0,
                draw(st.sampled_from([0.001, 0.02, 0.5])) if optional else 0.0,
                draw(st.sampled_from([0.4, 0.9])) if optional else 0.0,
            )
        )  # fmt: skip
    return book(MARKS, cash, rows)


@settings(max_examples=120, deadline=None)
@given(st.booleans().flatmap(books), st.integers(0, 2**32 - 1))
def test_bad_debt_is_the_books_own(given_book: Book, seed: int) -> None:
    drawn = np.random.default_rng(seed)
    prices = np.array(MARKS)[:, None] * np.exp(0.4 * drawn.standard_normal((3, 7)))
    years = drawn.uniform(0.0, 0.03, 7)  # some options have expired by then
    exposure = exposure_of(given_book)
    groups = exposure.bad_debt(prices[exposure.chosen], years)
    assert groups.shape == (len(exposure.groups), 7)
    np.testing.assert_allclose(
        groups.sum(axis=0) + exposure.owed, _dense(given_book, prices, years), rtol=1e-9, atol=1e-8
    )


@settings(max_examples=60, deadline=None)
@given(books(options=True), st.integers(0, 2**32 - 1))
def test_certain_top_ups_leave_the_debt_of_those_who_owed_before(given_book: Book, seed: int) -> None:
    drawn = np.random.default_rng(seed)
    before, prices = np.array(MARKS)[None, :, None] * np.exp(0.4 * drawn.standard_normal((2, 3, 7)))
    years = np.full(7, 0.01)
    exposure = exposure_of(given_book)
    chosen = exposure.chosen
    groups = exposure.topped_up(before[chosen], np.zeros(7), prices[chosen], years, 1.0, keys(7, SEED))
    expected = _dense(given_book, prices, years, before)
    np.testing.assert_allclose(groups.sum(axis=0) + exposure.owed, expected, rtol=1e-9, atol=1e-8)


@settings(max_examples=60, deadline=None)
@given(books(options=True), st.integers(0, 2**32 - 1))
def test_no_top_ups_leave_all_debt(given_book: Book, seed: int) -> None:
    drawn = np.random.default_rng(seed)
    before, prices = np.array(MARKS)[None, :, None] * np.exp(0.4 * drawn.standard_normal((2, 3, 7)))
    years = np.full(7, 0.01)
    exposure = exposure_of(given_book)
    chosen = exposure.chosen
    groups = exposure.topped_up(before[chosen], np.zeros(7), prices[chosen], years, 0.0, keys(7, SEED))
    np.testing.assert_allclose(groups, exposure.bad_debt(prices[chosen], years), rtol=1e-9, atol=1e-8)


def test_top_ups_are_drawn_account_by_account() -> None:
    """Three accounts that are solvent first and owe 1, 2 and 4 later: each sum of them with its probability."""
    for linear in (True, False):
        owing = isolated([1.0, 1.0], [(0, 10.0, 0.4), (0, 10.0, 0.3), (0, 10.0, 0.1)])
        if not linear:  # another asset in each makes them subaccounts of several
            owing = book(
                [1.0, 1.0],
                [4.0, 3.0, 1.0],
                [perpetual(i, a, s, 1.0) for i in range(3) for a, s in ((0, 10.0), (1, 1e-9))],
            )
        exposure = exposure_of(owing)
        assert (exposure.revalued is None) is linear
        paths = 80_000
        calm, hard = np.ones((len(exposure.assets), paths)), np.ones((len(exposure.assets), paths))
        hard[0] = 0.5
        zero = np.zeros(paths)
        debt = exposure.topped_up(calm, zero, hard, zero, 0.3, keys(paths, SEED)).sum(axis=0)
        values, counts = np.unique(np.round(debt, 6), return_counts=True)
        np.testing.assert_allclose(values, [0, 1, 2, 3, 4, 5, 6, 7], atol=1e-5)
        expected = [0.3 ** (3 - each.bit_count()) * 0.7 ** each.bit_count() for each in range(8)]
        assert stats.chisquare(counts, np.array(expected) * paths).pvalue > 1e-4


def test_chances_are_uniform_and_independent() -> None:
    key = keys(200, SEED)
    chances = np.array([[uniform(each, account) for account in range(200)] for each in key])
    assert stats.kstest(chances.ravel(), "uniform").pvalue > 1e-3
    for one, other in ((chances[:, :-1], chances[:, 1:]), (chances[:-1], chances[1:])):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 4 / 200


def test_isolated_positions_are_tables_and_the_rest_is_revalued() -> None:
    mixed = book(
        MARKS,
        [10.0, 10.0, 10.0, 10.0],
        [
            perpetual(0, 2, 0.1, 2_000.0),
            perpetual(1, 0, 5.0, 1.0), perpetual(1, 1, 1.0, 50.0),
            (2, 1, Kind.CALL, -1.0, 0.0, 50.0, 0.1, 0.8),
            perpetual(3, 1, 1.0, 50.0), perpetual(3, 1, -1.0, 55.0),  # hedged: no price moves it
        ],
    )  # fmt: skip
    exposure = exposure_of(mixed)
    assert exposure.assets == ("A0", "A1", "A2")
    assert exposure.groups == ("A0", "A1", "A2", "several")
    assert len(exposure.table.at) == 1
    assert exposure.revalued is not None
    assert len(exposure.revalued.constant) == 2


def test_a_cross_book_with_options_prices_as_plain_monte_carlo_does() -> None:
    mixed = book(
        MARKS,
        [30.0, 20.0, 5.0],
        [
            perpetual(0, 0, -200.0, 1.0), perpetual(0, 1, 5.0, 50.0), perpetual(0, 2, 0.1, 2_000.0),
            (1, 1, Kind.CALL, -8.0, 0.0, 55.0, 0.02, 0.9), (1, 1, Kind.PUT, -8.0, 0.0, 45.0, 0.02, 0.9),
            perpetual(1, 1, 1.0, 50.0), (2, 2, Kind.DEBT, 0.05, 0, 0, 0, 0), (2, 1, Kind.COLLATERAL, 2.2, 0, 0, 0, 0),
        ],
    )  # fmt: skip
    model = jump_diffusion(mixed.assets, (0.7, 1.0, 0.8), own=Jumps(30.0, 0.02, 0.1))
    failure = Halt(intensity_per_year=1.0, duration=Exponential(10_000.0))
    _, prices, years = simulated(model, mixed.marks, failure, 200_000, seed=4)
    dense = np.zeros(len(prices))
    for low in range(0, len(prices), 20_000):
        part = slice(low, low + 20_000)
        dense[part] = (
            exposure_of(mixed)
            .bad_debt(np.ascontiguousarray(prices[part].T)[exposure_of(mixed).chosen], years[part])
            .sum(axis=0)
        )
    ours = price(mixed, RULES, VenueState.of(mixed), model, failure, paths=65_536, seed=3)
    error = math.hypot(float(dense.std()) / math.sqrt(len(dense)), ours.loss.mean.standard_error)
    assert abs(ours.loss.mean.value - dense.mean()) < 4 * error
    worst = np.sort(dense)[-200:].mean()
    assert ours.loss.tails[2].es.value == pytest.approx(worst, rel=0.15)
    assert ours.by_asset.keys() == {"several"}


@pytest.mark.parametrize("rate", [1e-9, 0.003, 0.7, 12.0, 499.0, 501.0, 20_000.0])
def test_counts_are_poisson_by_inversion(rate: float) -> None:
    model = jump_diffusion(("A0",), common=Jumps(rate, 0.0, 0.0))
    shocks = shocks_of(model, np.ones(1), Exponential(1.0), Load(), 0.0, stages=1)
    ends = [4e-10, 1 - 4e-10] if rate < 1_000 else []  # beyond, the last digits of a sum of thousands of terms decide
    uniform = np.append(np.random.default_rng(1).random(500), ends)[:, None]
    paths = len(uniform)
    got = counts_of(
        nominal(shocks),
        shocks,
        np.zeros(paths, dtype=np.int64),
        np.zeros(paths, dtype=bool),
        (np.ones(paths),),
        uniform,
    )
    np.testing.assert_array_equal(got[:, 0], stats.poisson.ppf(uniform[:, 0], rate))


def test_a_component_s_counts_are_nothing_or_positive_poisson() -> None:
    model = jump_diffusion(("A0",), common=Jumps(3.0, 0.0, 0.0))
    shocks = shocks_of(model, np.ones(1), Exponential(1.0), Load(), 0.0, stages=1)
    moved = mixture_of([Component(1.0, 0.0, none={0: 0.25}, rate={0: 1.5})])
    uniform = (np.arange(100_000)[:, None] + 0.5) / 100_000
    paths = len(uniform)
    got = counts_of(
        moved, shocks, np.zeros(paths, dtype=np.int64), np.zeros(paths, dtype=bool), (np.ones(paths),), uniform
    )
    shares = np.bincount(got[:, 0])[:6] / paths
    expected = np.append(0.25, 0.75 * stats.poisson.pmf(np.arange(1, 6), 1.5) / -math.expm1(-1.5))
    np.testing.assert_allclose(shares, expected, atol=2e-5)


@pytest.mark.parametrize(
    "load",
    [
        Load(),
        Load(probability=0.2, volatility_multiplier=2.0, jump_multiplier=3.0),
        Load(probability=1.0, volatility_multiplier=2.0),
    ],
    ids=["calm", "either", "stressed"],
)
@pytest.mark.parametrize("stages", [1, 2])
def test_any_proposal_gives_the_models_own_means(load: Load, stages: int) -> None:
    """Whatever is shifted, likelihood ratios average 1, prices their forward and indicators their probability."""
    model = jump_diffusion(("A0", "A1"), (0.5, 1.0), own=Jumps(200.0, 0.03, 0.05))
    shocks = shocks_of(model, np.array([2.0, 3.0]), Empirical((3_600.0, 86_400.0)), load, 7_200.0, stages=stages)
    likely = {0.0: 0.0, 1.0: 1.0}.get(load.probability, 0.6)
    mixture = mixture_of(
        [
            Component(0.2, load.probability),
            Component(0.4, likely, {0: 0.7, 1: -1.0, 3: 0.5}, {0: 1.1, 1: 0.9, 3: 1.3}, {0: 0.3}, {0: 0.8}),
            Component(0.4, load.probability, {2: 0.5}, {2: 1.0}, {1: 0.5, 2: 0.4}, {1: 0.3, 2: 1.0}),
        ]
    )
    values = []
    for seed in np.random.SeedSequence(9).spawn(8):
        paths = draw(shocks, mixture, 13, seed)
        long = paths.years[0] > 40_000 / YEAR
        values.append(
            [
                np.mean(paths.weights * each)
                for each in (
                    1.0,
                    paths.prices[-1][0],
                    paths.prices[0][1],
                    long,
                    paths.stressed,
                    paths.counts[:, 0] == 0,
                )
            ]
        )
    mean, error = np.mean(values, axis=0), np.std(values, axis=0, ddof=1) / math.sqrt(8)
    rate = model.common.intensity * np.array([1.0, load.jump_multiplier])
    nothing = sum(
        share * 0.5 * np.exp(-rate[market] * (length + (7_200.0 if stages == 1 else 0.0)) / YEAR)
        for market, share in ((0, 1 - load.probability), (1, load.probability))
        for length in (3_600.0, 86_400.0)
    )
    np.testing.assert_array_less(np.abs(mean - [1.0, 2.0, 3.0, 0.5, load.probability, nothing]), 5 * error + 1e-9)


def test_durations_keep_their_tail_where_probabilities_are_one() -> None:
    scores = np.array([-9.0, 0.0, 3.0, 9.0, 30.0])
    np.testing.assert_allclose(seconds(Lognormal(60.0, 1.5), scores), 60 * np.exp(1.5 * scores))
    np.testing.assert_allclose(seconds(Exponential(60.0), scores), -60 * stats.norm.logsf(scores))
    np.testing.assert_allclose(seconds(Empirical((1.0, 5.0)), scores), [1.0, 1.0, 5.0, 5.0, 5.0])


def test_points_are_inside_the_cube_and_do_not_use_up_their_seed() -> None:
    seed = np.random.SeedSequence(3)
    first, again = points(10, 5, seed), points(10, 5, seed)
    assert np.array_equal(first, again)
    assert first.min() > 0
    assert first.max() < 1
    assert np.all(np.bincount((first[:, 2] * 64).astype(int)) == 16)  # a net: as many in each of 64 intervals


def test_a_second_stage_only_where_prices_matter_twice() -> None:
    simple = isolated([1.0], [(0, 1.0, 0.05)])
    grace = Halt(intensity_per_year=1.0, duration=Exponential(600.0), resume=Resume(grace_seconds=600.0))
    longer = price(simple, RULES, VenueState.of(simple), jump_diffusion(("A0",)), grace, paths=4_096, seed=1)
    assert longer.binding[0.999].seconds > 600
    none = price(simple, RULES, VenueState.of(simple), jump_diffusion(("A0",)), halt(600.0), paths=4_096, seed=1)
    assert none.binding[0.999].seconds == pytest.approx(600)
