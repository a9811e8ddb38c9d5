"""Hedges that stand still: closed form, simulated repricing, and answers by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from rollproof.errors import Malformed, Unsupported
from rollproof.risk.basis_trade import BasisTrade, basis_gap
from rollproof.risk.closed import hedge
from rollproof.risk.depth_curve import DepthCurve
from rollproof.risk.duration import Duration, Empirical, Exponential, Fixed
from rollproof.risk.execution_cost import ImpactCurve
from rollproof.risk.hedge_repricing import exposure_of, simulate
from rollproof.risk.hedging import Exposure, catch_up_cost, hedge_gap
from rollproof.risk.liquidity import Depth, illustrative, linear
from rollproof.risk.market import YEAR, Jumps, gbm, jump_diffusion
from rollproof.venue.book import Book, Floats, Kind

MINUTES = 60 / YEAR
HALT = 116 * MINUTES
WEEK = 7 / 365
JUMPS = Jumps(50.0, -0.04, 0.05)


def options(sizes: list[float], strikes: list[float], kinds: list[Kind], years: float = WEEK) -> Book:
    """One subaccount with options, and perpetuals where the kind says so, at a mark of 100 and 80 % volatility."""
    count = len(sizes)
    option = np.array([kind in (Kind.CALL, Kind.PUT) for kind in kinds])
    return Book(
        "v", "USD", ("A",), np.array([100.0]), ["a"], np.zeros(count, np.int32), np.zeros(count, np.int32),
        np.array(kinds, np.int8), np.array(sizes), np.where(option, 0.0, 100.0), np.where(option, strikes, 0.0),
        np.where(option, years, 0.0), np.where(option, 0.8, 0.0), np.zeros(1, np.int32), np.zeros(1, np.int8),
        np.zeros(1),
    )  # fmt: skip


def moves(rng: np.random.Generator, years: Floats, jumps: Jumps | None) -> Floats:
    """S_T / S_0 - 1."""
    kind = jumps or Jumps(0.0, 0.0, 0.0)
    count = rng.poisson(kind.intensity * years)
    drift = -0.32 - kind.intensity * np.expm1(kind.mean + kind.deviation**2 / 2)
    out = drift * years + 0.8 * np.sqrt(years) * rng.standard_normal(len(years))
    out += count * kind.mean + np.sqrt(count) * kind.deviation * rng.standard_normal(len(years))
    return np.asarray(np.expm1(out))


def test_one_gap_of_a_week_s_option() -> None:
    book = options([1.0], [100.0], [Kind.CALL])
    exposure = exposure_of(book, "A")
    assert exposure.gamma == pytest.approx(float(hedge.gamma(100, 100, 0.8, WEEK)) * 1e4, rel=1e-12)
    assert exposure.carry == pytest.approx(-exposure.gamma * 0.64 / 2)
    gap = hedge_gap(exposure, 0.8, HALT)
    # leading order in the length of the gap
    assert gap.deviation == pytest.approx(0.035910, rel=2e-3)
    assert gap.mean == pytest.approx(0.0, abs=1e-5)


def test_a_long_gamma_hedge_loses_at_most_time_and_a_short_one_the_squared_move() -> None:
    long = hedge_gap(Exposure(gamma=1_000.0, carry=-320.0), 0.8, HALT, levels=(0.9, 0.9999))
    assert long.tails[1].var.value == pytest.approx(320.0 * HALT, rel=1e-3)
    # short: gamma sigma^2 T (Z^2 - 1) / 2, of which quantile and shortfall are the chi-square law's
    short = hedge_gap(Exposure(gamma=-1_000.0, carry=320.0), 0.8, HALT, levels=(0.99,))
    scale = 1_000 * 0.64 * HALT / 2
    z = stats.norm.isf(0.005)
    shortfall = scale * (2 * (z * stats.norm.pdf(z) + stats.norm.sf(z)) / 0.01 - 1)
    assert short.tails[0].var.value == pytest.approx(scale * (z**2 - 1), rel=2e-2)
    assert short.tails[0].es.value == pytest.approx(shortfall, rel=2e-2)


@pytest.mark.parametrize("exposure", [
    Exposure(delta=1_000.0), Exposure(delta=-1_000.0), Exposure(gamma=-5e4, carry=1.6e4),
    Exposure(delta=500.0, gamma=-5e4, carry=1.6e4), Exposure(delta=-900.0, gamma=3e4, carry=-9e3),
])  # fmt: skip
@pytest.mark.parametrize("law", [Fixed(6_960.0), Exponential(6_960.0), Empirical((600.0, 40_800.0))])
@pytest.mark.parametrize("jumps", [None, JUMPS])
def test_monte_carlo_agrees(exposure: Exposure, law: Duration, jumps: Jumps | None) -> None:
    rng = np.random.default_rng(21)
    paths = 100_000
    years = law.quantile(rng.random(paths)) / YEAR
    r = moves(rng, years, jumps)
    loss = -(exposure.delta * r + exposure.gamma * r**2 / 2 + exposure.carry * years)
    gap = hedge_gap(exposure, 0.8, law, jumps=jumps, levels=(0.975, 0.999))
    assert abs(loss.mean() - gap.mean) < 4 * loss.std() / np.sqrt(paths)
    square = (loss - gap.mean) ** 2
    assert abs(square.mean() - gap.deviation**2) < 4 * square.std() / np.sqrt(paths)
    for tail in gap.tails:
        exceeded = (loss > tail.var.value).mean()
        assert abs(exceeded - (1 - tail.level)) < 4 * np.sqrt((1 - tail.level) / paths)
        beyond = tail.var.value + np.maximum(loss - tail.var.value, 0.0) / (1 - tail.level)
        assert abs(beyond.mean() - tail.es.value) < 4 * beyond.std() / np.sqrt(paths)


def test_repricing_agrees_with_the_second_order_where_moves_are_small() -> None:
    book = options([-10.0, 5.0, 3.0], [100.0, 95.0, 0.0], [Kind.CALL, Kind.PUT, Kind.PERPETUAL], years=0.25)
    exposure = exposure_of(book, "A")
    losses = simulate(book, gbm(("A",)), "A", 6_960.0, paths=60_000, seed=3)
    gap = hedge_gap(exposure, 0.8, HALT)
    assert abs(losses.mean.value - gap.mean) < 4 * losses.mean.standard_error + 0.02 * gap.deviation
    for found, expected in zip(losses.tails, gap.tails, strict=True):
        assert found.es.value == pytest.approx(expected.es.value, rel=0.12)


def test_repricing_by_another_way() -> None:
    # a long call hedged by short perpetuals of the same book: at expiry the payoff, whatever the model of the price
    book = options([2.0, -1.0], [100.0, 0.0], [Kind.CALL, Kind.PERPETUAL], years=HALT / 2)
    model = jump_diffusion(("A",))
    losses = simulate(book, model, "A", 6_960.0, paths=100_000, seed=9, hedge_units=0.0)
    rng = np.random.default_rng(77)
    price = 100 * (1 + moves(rng, np.full(400_000, HALT), JUMPS))
    deviation = 0.8 * np.sqrt(HALT / 2)
    paid = 200 * (2 * stats.norm.cdf(deviation / 2) - 1)
    loss = paid - 2 * np.maximum(price - 100, 0) + (price - 100)
    error = np.hypot(losses.mean.standard_error, loss.std() / np.sqrt(len(loss)))
    assert abs(losses.mean.value - loss.mean()) < 4 * error
    assert losses.tails[0].var.value == pytest.approx(np.quantile(loss, 0.975), rel=0.03)


def test_seeds_and_delta() -> None:
    book = options([-10.0], [105.0], [Kind.PUT])
    model = jump_diffusion(("A",))
    one, same = (simulate(book, model, "A", 600.0, paths=2_000, seed=1) for _ in range(2))
    assert one.tails == same.tails
    assert one.seed == 1
    assert simulate(book, model, "A", 600.0, paths=2_000, seed=2).mean.value != one.mean.value
    # delta of the put by difference
    unhedged = exposure_of(book, "A", hedged=False)
    up, down = (book.equity(np.array([p]))[0] for p in (100.01, 99.99))
    assert unhedged.delta == pytest.approx((up - down) / 0.02 * 100, rel=1e-5)
    with pytest.raises(Unsupported, match="'B'"):
        exposure_of(book, "B")


def test_catching_up_by_hand_and_by_simulation() -> None:
    # linear impact: cost k Q^2 / 2; delta only, so Q = delta R and the expectation is k delta^2 E[R^2] / 2
    curve = ImpactCurve(linear(("A",), 1e-7), 0)
    found = catch_up_cost(Exposure(delta=1e5), curve, 0.8, HALT)
    assert found == pytest.approx(1e-7 * 1e10 / 2 * np.exp(0.64 * HALT), rel=1e-9)
    exposure = Exposure(delta=2e4, gamma=-4e6)
    impact = ImpactCurve(illustrative(("A",), Depth(daily_volume=1e8)), 0)
    found = catch_up_cost(exposure, impact, 0.8, HALT, jumps=JUMPS, depth=0.5)
    r = moves(np.random.default_rng(5), np.full(400_000, HALT), JUMPS)
    sample = impact.cost(np.abs((exposure.delta + exposure.gamma * r) * (1 + r)), depth=0.5).quote
    assert abs(sample.mean() - found) < 4 * sample.std() / np.sqrt(len(sample)) + 2e-3 * found
    with pytest.raises(Malformed, match="beyond the depth"):
        catch_up_cost(exposure, DepthCurve(np.array([10.0]), np.array([2e4])), 0.8, HALT)


def test_slippage_is_added_to_the_repriced_loss() -> None:
    book = options([-10_000.0], [100.0], [Kind.CALL])
    impact = ImpactCurve(illustrative(("A",), Depth(daily_volume=1e7)), 0)
    model = jump_diffusion(("A",))
    free = simulate(book, model, "A", 6_960.0, paths=20_000, seed=4)
    paid = simulate(book, model, "A", 6_960.0, paths=20_000, seed=4, curve=impact)
    expected = catch_up_cost(exposure_of(book, "A"), impact, 0.8, HALT, jumps=JUMPS)
    # to second order in the move delta changes by gamma r; repriced it is bounded by the size
    assert paid.mean.value - free.mean.value == pytest.approx(expected, rel=0.15)
    with pytest.raises(Malformed, match="of 20000 paths"):
        simulate(book, model, "A", 6_960.0, paths=20_000, seed=4, curve=DepthCurve(np.array([1.0]), np.array([1.0])))


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("law", [HALT, Exponential(6_960.0)])
def test_a_basis_trade_simulated(side: int, law: float | Duration) -> None:
    rng = np.random.default_rng(31)
    paths = 200_000
    years = np.full(paths, law) if isinstance(law, float) else law.quantile(rng.random(paths)) / YEAR
    price = 1 + moves(rng, years, JUMPS)
    trade = BasisTrade(side=side, notional=1e6, margin=0.05, maintenance=0.03, penalty=0.01)
    gap = basis_gap(trade, 0.8, law, jumps=JUMPS, levels=(0.99,))
    equity = 1e6 * (0.05 + side * (price - 1))
    liquidated = equity < 0.03 * 1e6 * price
    for sample, found in (
        (liquidated, gap.liquidated),
        (equity < 0, gap.bankrupt),
        (liquidated * 0.01 * 1e6 * price, gap.penalty),
    ):
        assert abs(sample.mean() - found) < 4 * sample.std() / np.sqrt(paths)
    call = np.maximum(0.05 * 1e6 * price - equity, 0.0)
    locked = np.maximum(side * 1e6 * (price - 1), 0.0)
    for sample, tail in ((call, gap.margin_call[0]), (locked, gap.locked[0])):
        assert abs((sample > tail.var.value).mean() - 0.01) < 4 * np.sqrt(0.01 / paths)
        beyond = tail.var.value + np.maximum(sample - tail.var.value, 0.0) / 0.01
        assert abs(beyond.mean() - tail.es.value) < 4 * beyond.std() / np.sqrt(paths)


def test_bad_input() -> None:
    for trade in (BasisTrade(0, 1.0, 0.1, 0.05), BasisTrade(1, 1.0, 0.04, 0.05)):
        with pytest.raises(Malformed, match="basis trade"):
            basis_gap(trade, 0.8, HALT)
    with pytest.raises(Malformed, match="level"):
        hedge_gap(Exposure(1.0), 0.8, HALT, levels=(1.0,))
