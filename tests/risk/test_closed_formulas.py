"""The other closed forms: published values, and for each an independent way to the same number."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, stats

from rollproof.errors import Malformed
from rollproof.risk.closed import (
    cascade_limit,
    drain,
    funding,
    garch,
    hedge,
    liquidity_provision,
    ruin,
    shortfall,
    stale,
)
from rollproof.risk.closed.characteristic import cosine_put, heston, kou, merton
from rollproof.risk.market import YEAR, Jumps
from rollproof.venue.black76 import value

MINUTE = 60 / YEAR
DAY = 1 / 365
JUMPS = Jumps(50.0, -0.04, 0.05)


class TestStale:
    def test_reference_values(self) -> None:
        bp = [
            float(stale.stale_value(0.8, t * MINUTE, fee=fee)) * 1e4
            for t, fee in ((1, 0), (1, 5e-4), (20, 5e-4), (60, 5e-4))
        ]
        assert bp == pytest.approx([4.4022, 2.3476, 17.2932, 31.6662], abs=5e-5)

    def test_simulated(self) -> None:
        rng = np.random.default_rng(2)
        sigma = 0.8 * np.sqrt(20 * MINUTE)
        price = np.exp(sigma * rng.standard_normal(400_000) - sigma**2 / 2)
        gain = np.maximum(np.abs(price - 1) - 5e-4, 0.0)
        found = float(stale.stale_value(0.8, 20 * MINUTE, fee=5e-4, both=True))
        assert abs(gain.mean() - found) < 4 * gain.std() / np.sqrt(len(gain))

    def test_the_limit_is_the_age_that_costs_the_budget(self) -> None:
        budget = np.array([2e-4, 1e-3, 5e-3])
        for jumps in (None, JUMPS):
            age = stale.staleness_limit(0.8, budget, fee=5e-4, jumps=jumps)
            assert [float(stale.stale_value(0.8, t, fee=5e-4, both=True, jumps=jumps)) for t in age] == pytest.approx(
                budget, rel=1e-6
            )
        assert float(stale.staleness_limit(0.0, 1e-4)) == pytest.approx(1.0)  # a price that cannot move


class TestDrain:
    def test_reference_values(self) -> None:
        assert drain.drain([2, -1, 3, 5, 1, 0], 0.8, 1.0) == pytest.approx([-0.64, -0.64, -1.92, -6.4, 0, 0], abs=1e-12)

    def test_rebalanced_by_the_hour_it_is_nearly_that(self) -> None:
        k = np.array([2.0, -1.0, 3.0, 5.0])
        hourly = drain.gap_growth(k, 0.8, 1 / 8_760) * 8_760 - k * -0.32
        # simulated figures carry a standard error; the expectation itself is this close to the limit
        assert hourly == pytest.approx([-0.64, -0.64, -1.92, -6.4], rel=4e-3)
        assert hourly[[0, 2, 3]] == pytest.approx([-0.6403, -1.9215, -6.4157], rel=4e-3)

    def test_growth_with_jumps_by_simulation(self) -> None:
        rng = np.random.default_rng(4)
        years, paths = 0.01, 300_000
        count = rng.poisson(JUMPS.intensity * years, paths)
        drift = -0.32 - JUMPS.intensity * np.expm1(JUMPS.mean + JUMPS.deviation**2 / 2)
        move = drift * years + 0.8 * np.sqrt(years) * rng.standard_normal(paths)
        move += count * JUMPS.mean + np.sqrt(count) * JUMPS.deviation * rng.standard_normal(paths)
        for k in (3.0, -2.0):
            sample = np.log(np.maximum(1 + k * np.expm1(move), 1e-6))
            found = float(drain.gap_growth(np.array(k), 0.8, years, jumps=[JUMPS]))
            assert abs(sample.mean() - found) < 4 * sample.std() / np.sqrt(paths)
            over = float(drain.gap_wipe_out_probability(k, 0.8, years, jumps=[JUMPS]))
            ended = 1 + k * np.expm1(move) <= 0
            assert abs(ended.mean() - over) < 4 * np.sqrt(over / paths) + 1e-9

    def test_a_jump_ends_a_token(self) -> None:
        # k = 10 ends at -10 %: ln .9 is 1.3072 deviations below the mean jump
        rate = 50 * stats.norm.cdf((np.log(0.9) + 0.04) / 0.05)
        assert float(drain.wipe_out_probability(10, JUMPS, 0.1)) == pytest.approx(-np.expm1(-0.1 * rate), rel=1e-12)
        assert drain.wipe_out_probability([0.0, 0.5, 1.0], JUMPS, 1.0).tolist() == [0.0, 0.0, 0.0]
        # k = -2 ends at +50 %
        rate = 50 * stats.norm.sf((np.log(1.5) + 0.04) / 0.05)
        assert float(drain.wipe_out_probability(-2, JUMPS, 1.0)) == pytest.approx(-np.expm1(-rate), rel=1e-9)


class TestHedge:
    def test_reference_values(self) -> None:
        error = hedge.discrete_hedge_error([100, 100], [100, 110], 0.8, [7 * DAY, 30 * DAY], [168, 720])
        assert error == pytest.approx([0.30190, 0.30408], abs=5e-6)
        gamma = hedge.gamma(100, 100, 0.8, 7 * DAY) * 100**2
        assert float(hedge.gap_deviation(gamma, 0.8, 116 * MINUTE)) == pytest.approx(0.035910, abs=5e-7)

    def test_gamma_is_the_second_difference(self) -> None:
        f = np.array([99.0, 100.0, 101.0])
        prices = value(f, np.array(105.0), np.array(0.8), np.array(0.1), call=np.array([True, True, True]))
        assert float(hedge.gamma(100, 105, 0.8, 0.1)) == pytest.approx(np.diff(prices, 2)[0], rel=2e-3)

    def test_the_error_by_quadrature_and_near_the_usual_rule(self) -> None:
        d, variance = math.log(100 / 130) - 0.8**2 * 0.1 / 2, 0.8**2 * 0.1
        integral = integrate.quad(
            lambda u: math.exp(-(d**2) / (variance * (1 + u))) / math.sqrt(1 - u * u), 0, 1, limit=200
        )[0]
        expected = math.sqrt(130**2 * variance / (4 * math.pi * 50) * integral)
        assert float(hedge.discrete_hedge_error(100, 130, 0.8, 0.1, 50)) == pytest.approx(expected, rel=1e-9)
        short = float(hedge.discrete_hedge_error(100, 100, 0.1, 0.01, 100))
        assert short == pytest.approx(100 * 0.1 * 0.1 / math.sqrt(8 * 100), rel=1e-4)

    def test_simulated(self) -> None:
        rng = np.random.default_rng(8)
        paths, steps, years = 20_000, 168, 7 * DAY
        dt = years / steps
        price = np.full(paths, 100.0)
        profit = np.zeros(paths)
        for step in range(steps):
            left = 0.8 * np.sqrt(years - step * dt)
            units = stats.norm.cdf(np.log(price / 100) / left + left / 2)
            after = price * np.exp(0.8 * np.sqrt(dt) * rng.standard_normal(paths) - 0.32 * dt)
            profit += units * (after - price)
            price = after
        error = profit - np.maximum(price - 100, 0)
        sample = error.std()
        # leading order in 1 / N: the remainder is about 2 % at 168 rebalances
        assert sample == pytest.approx(float(hedge.discrete_hedge_error(100, 100, 0.8, years, steps)), rel=0.03)


class TestLiquidityProvision:
    def test_reference_values(self) -> None:
        assert float(liquidity_provision.loss_rate(0.05)) * 1e4 == pytest.approx(3.125, abs=1e-12)
        blocks = 86_400 / 12
        assert float(liquidity_provision.trade_probability(0.05, blocks, 5e-4)) == pytest.approx(0.45455, abs=5e-6)
        assert float(liquidity_provision.arbitrage_rate(0.05, blocks, 5e-4)) * 1e4 == pytest.approx(1.42045, abs=5e-6)
        assert float(liquidity_provision.trade_probability(0.05, blocks, 30e-4)) == pytest.approx(0.12195, abs=5e-6)

    def test_simulated_arbitrage(self) -> None:
        # the log mispricing after each block is pulled back to within the fee
        rng = np.random.default_rng(6)
        lanes, blocks, fee = 4_000, 1_200, 5e-4
        gap, traded, profit, seen = np.zeros(lanes), 0, 0.0, 0
        for block in range(blocks):
            step = rng.exponential(12 / 86_400, lanes)
            gap += 0.05 * np.sqrt(step) * rng.standard_normal(lanes)
            out = np.abs(gap) > fee
            if block >= 200:
                seen += lanes
                traded += int(out.sum())
                profit += float(((np.abs(gap[out]) - fee) ** 2).sum()) / 8  # (1 + R) / 2 - sqrt(R), to second order
            gap = np.clip(gap, -fee, fee)
        rate = float(liquidity_provision.arbitrage_rate(0.05, 7_200, fee))
        assert traded / seen == pytest.approx(float(liquidity_provision.trade_probability(0.05, 7_200, fee)), rel=5e-3)
        assert profit / seen * 7_200 == pytest.approx(rate, rel=2e-2)

    def test_halt_loss(self) -> None:
        rng = np.random.default_rng(9)
        years, paths = 0.01, 400_000
        count = rng.poisson(0.5, paths)
        drift = -0.32 - JUMPS.intensity * np.expm1(JUMPS.mean + JUMPS.deviation**2 / 2)
        move = drift * years + 0.08 * rng.standard_normal(paths)
        move += count * JUMPS.mean + np.sqrt(count) * JUMPS.deviation * rng.standard_normal(paths)
        sample = (1 + np.exp(move)) / 2 - np.exp(move / 2)
        found = float(liquidity_provision.halt_loss(0.8, years, jumps=[JUMPS]))
        assert abs(sample.mean() - found) < 4 * sample.std() / np.sqrt(paths)
        # short and without jumps it is the rate times the time
        assert float(liquidity_provision.halt_loss(0.8, 1e-5)) == pytest.approx(0.08 * 1e-5, rel=1e-5)

    def test_blocks_too_rare(self) -> None:
        with pytest.raises(Malformed, match="block rate"):
            liquidity_provision.arbitrage_rate(3.0, 1.0, 0.0)


class TestShortfall:
    def test_reference_values(self) -> None:
        assert [float(x) for x in shortfall.normal_tail(0.999)] == pytest.approx([3.090232, 3.367090], abs=5e-7)
        var, es = shortfall.student_tail([0.975, 0.999], 4)
        assert var == pytest.approx([2.776445, 7.173182], abs=5e-7)
        assert es == pytest.approx([3.993557, 9.686219], abs=5e-7)
        ratio, p = shortfall.kupiec([5, 10], 250, 0.99)
        assert ratio == pytest.approx([1.9568, 12.9555], abs=5e-5)
        assert p == pytest.approx(stats.chi2.sf(ratio, 1))

    @pytest.mark.parametrize("level", [0.9, 0.99])
    def test_expected_shortfall_is_the_mean_of_the_tail(self, level: float) -> None:
        for tail, law in (
            (shortfall.normal_tail(level), stats.norm()),
            (shortfall.student_tail(level, 3.5), stats.t(3.5)),
        ):
            mean = integrate.quad(law.ppf, level, 1, limit=500)[0] / (1 - level)
            assert float(tail[1]) == pytest.approx(mean, rel=1e-6)

    def test_z2_critical_values_as_published(self) -> None:
        # Acerbi and Szekely give -0.70 and -1.8 for T = 250 at 2.5 %, for laws with tails from Student's t 5 up
        common = shortfall.z2_critical(250, 0.975, 0.05, paths=200_000, seed=1)
        rare = shortfall.z2_critical(250, 0.975, 1e-4, paths=1_000_000, seed=1)
        assert common == pytest.approx(-0.697, abs=0.01)
        assert rare == pytest.approx(-1.804, abs=0.06)
        assert shortfall.z2_critical(250, 0.975, 0.05, degrees=10, paths=200_000, seed=1) == pytest.approx(
            -0.70, abs=0.02
        )

    def test_z2_critical_value_by_convolution(self) -> None:
        # the sum of 250 losses, each nothing with probability .975 and else from the normal tail, on a lattice
        es, width, size = float(shortfall.normal_tail(0.975)[1]), 1e-3, 1 << 17
        edges = (np.arange(size + 1) - 0.5) * width
        mass = np.diff(np.minimum(stats.norm.sf(edges), 0.025)) * -1
        mass[0] += 1 - mass.sum()
        law = np.fft.irfft(np.fft.rfft(mass) ** 250, size)
        total = np.searchsorted(np.cumsum(law), 0.95) * width
        exact = 1 - total / (250 * 0.025 * es)
        assert shortfall.z2_critical(250, 0.975, 0.05, paths=400_000, seed=3) == pytest.approx(exact, abs=0.005)

    def test_z2_of_a_record(self) -> None:
        # two of four losses beyond 1, a quarter of them expected: 1 - (2 / 1.5 + 3 / 1.5) / (4 / 4)
        assert shortfall.z2([2.0, 0.5, 3.0, -1.0], 1.0, 1.5, 0.75) == pytest.approx(1 - 5 / 1.5)
        rng = np.random.default_rng(1)
        var, es = (float(x) for x in shortfall.normal_tail(0.975))
        right = [shortfall.z2(rng.standard_normal(250), var, es, 0.975) for _ in range(4_000)]
        assert abs(np.mean(right)) < 4 * np.std(right) / math.sqrt(len(right))
        critical = shortfall.z2_critical(250, 0.975, 0.05, paths=200_000, seed=2)
        assert np.mean(np.array(right) < critical) == pytest.approx(0.05, abs=0.015)
        wrong = [shortfall.z2(1.5 * rng.standard_normal(250), var, es, 0.975) for _ in range(500)]
        assert np.mean(np.array(wrong) < critical) > 0.8

    def test_kupiec_by_the_binomial_law(self) -> None:
        direct = -2 * (stats.binom.logpmf(7, 250, 0.01) - stats.binom.logpmf(7, 250, 7 / 250))
        assert float(shortfall.kupiec(7, 250, 0.99)[0]) == pytest.approx(direct, rel=1e-10)
        assert float(shortfall.kupiec(0, 250, 0.99)[0]) == pytest.approx(-500 * math.log(0.99), rel=1e-12)

    def test_bad_input(self) -> None:
        calls: tuple[Callable[[], object], ...] = (
            lambda: shortfall.normal_tail(1.0),
            lambda: shortfall.student_tail(0.9, 1.0),
            lambda: shortfall.kupiec(3, 2, 0.99),
            lambda: shortfall.z2([], 1.0, 1.0, 0.9),
            lambda: shortfall.z2([1.0], 1.0, 0.0, 0.9),
        )
        for call in calls:
            with pytest.raises(Malformed):
                call()


class TestRuin:
    def test_reference_values(self) -> None:
        assert ruin.ruin_probability([0, 5, 10], 1.0, 0.25) == pytest.approx([0.8, 0.29430, 0.10827], abs=5e-6)
        assert float(ruin.ruin_probability(5, 1.0, 0.0)) == 1.0

    def test_simulated(self) -> None:
        # at losses only can it fall: fund + fees since - loss, until ruin is out of reach
        rng = np.random.default_rng(12)
        fund = np.full(10_000, 5.0)
        for _ in range(1_000):
            alive = fund >= 0
            step = 1.25 * rng.exponential(1.0, len(fund)) - rng.exponential(1.0, len(fund))
            fund = np.where(alive, fund + step, fund)
        ruined = (fund < 0).mean()
        expected = float(ruin.ruin_probability(5, 1.0, 0.25))
        assert abs(ruined - expected) < 4 * math.sqrt(expected / len(fund))

    def test_the_fund_for_a_probability_has_it(self) -> None:
        fund = ruin.fund_for([0.5, 0.1, 1e-3], 2.0, 0.25)
        assert ruin.ruin_probability(fund, 2.0, 0.25) == pytest.approx([0.5, 0.1, 1e-3], rel=1e-12)
        assert float(ruin.fund_for(0.9, 2.0, 0.25)) == 0.0
        assert float(ruin.fund_for(0.1, 2.0, 0.0)) == np.inf
        with pytest.raises(Malformed):
            ruin.ruin_probability(-1, 1, 0.2)
        with pytest.raises(Malformed):
            ruin.fund_for(0, 1, 0.2)


class TestGarch:
    def test_reference_value_and_recursion(self) -> None:
        level = 2e-7 / 0.02
        assert float(garch.expected_variance(2e-7, 0.08, 0.90, 4 * level, 60)) == pytest.approx(1.653670e-3, abs=5e-10)
        h, total = 4 * level, 0.0
        for _ in range(60):
            total += h
            h = 2e-7 + 0.98 * h
        assert float(garch.expected_variance(2e-7, 0.08, 0.90, 4 * level, 60)) == pytest.approx(total, rel=1e-12)

    def test_simulated(self) -> None:
        rng = np.random.default_rng(14)
        h, total = np.full(100_000, 4e-5), np.zeros(100_000)
        for _ in range(60):
            r = np.sqrt(h) * rng.standard_normal(len(h))
            total += r
            h = 2e-7 + 0.08 * r**2 + 0.90 * h
        expected = float(garch.expected_variance(2e-7, 0.08, 0.90, 4e-5, 60))
        assert abs((total**2).mean() - expected) < 4 * (total**2).std() / math.sqrt(len(total))

    def test_explosive_is_refused(self) -> None:
        with pytest.raises(Malformed, match="below 1"):
            garch.expected_variance(1e-6, 0.2, 0.9, 1e-5, 10)


class TestCharacteristic:
    def test_heston_as_fang_and_oosterlee(self) -> None:
        function = heston(0.0175, 1.0, reversion=1.5768, mean=0.0398, noise=0.5751, correlation=-0.5711)
        price = 100 * float(cosine_put(function, 1.0, terms=4_096, width=24.0))  # no interest: put = call at the money
        assert price == pytest.approx(5.785155450, abs=2e-8)
        assert price == pytest.approx(gil_pelaez(function, 1.0, 0.0) * 100, abs=2e-8)

    def test_kou(self) -> None:
        function = kou(0.16, 0.5, intensity=1.0, up=0.4, rise=10.0, fall=5.0, drift=0.05)
        put = float(cosine_put(function, 0.98, terms=2_048))
        call = 100 * math.exp(-0.025) * (put + math.exp(0.025) - 0.98)
        assert call == pytest.approx(9.14732, abs=5e-6)
        assert call == pytest.approx(9.147317, abs=5e-7)

    def test_merton_by_inversion(self) -> None:
        function = merton(0.8, 0.05, drift=0.1, jumps=[JUMPS])
        put = float(cosine_put(function, 0.9, terms=2_048))
        assert put + math.exp(0.005) - 0.9 == pytest.approx(gil_pelaez(function, 0.9, 0.005), rel=1e-8)


def gil_pelaez(function: object, strike: float, growth: float) -> float:
    """Undiscounted call by J. Gil-Pelaez' (1951) inversion of the two probabilities."""
    k = math.log(strike)

    def integrand(u: float, shift: complex, scale: float) -> float:
        transform = complex(function(np.array([u + shift]))[0]) / scale  # type: ignore[operator]
        return float((np.exp(-1j * u * k) * transform / (1j * u)).real)

    def probability(shift: complex, scale: float) -> float:
        ends = [1e-10, 1.0, 5.0, 20.0, 100.0, 1_000.0]
        parts = (
            integrate.quad(integrand, a, b, args=(shift, scale), epsabs=1e-13, limit=400)[0] for a, b in pairwise(ends)
        )
        return 0.5 + sum(parts) / math.pi

    return math.exp(growth) * probability(-1j, math.exp(growth)) - strike * probability(0, 1.0)


class TestFunding:
    def test_reference_value(self) -> None:
        assert float(funding.perpetual_ratio(1_095, 0.0, 0.05, 0.0)) == pytest.approx(1.00004566, abs=5e-9)

    def test_it_is_the_expected_spot_at_the_anchoring_s_random_time(self) -> None:
        integral = integrate.quad(lambda t: 30 * math.exp(-30 * t) * math.exp((0.08 - 0.02) * t), 0, 3)[0]
        assert float(funding.perpetual_ratio(30, 0.0, 0.08, 0.02)) == pytest.approx(integral, rel=1e-9)

    def test_paying_the_premium_s_funding_leaves_the_carry(self) -> None:
        # whoever holds spot and is short the perpetual earns the funding and pays the interest of the quote currency
        ratio = float(funding.perpetual_ratio(1_095, 0.0, 0.05, 0.0))
        assert 1_095 * (ratio - 1) == pytest.approx(0.05 * ratio, rel=1e-9)
        assert float(funding.premium_for(0.05 * ratio, 1_095)) == pytest.approx(ratio - 1, rel=1e-9)

    def test_without_anchoring_there_is_no_price(self) -> None:
        with pytest.raises(Malformed, match="anchoring"):
            funding.perpetual_ratio(0.01, 0.0, 0.05, 0.0)


class TestCascadeLimit:
    def test_reference_values(self) -> None:
        drop = cascade_limit.total_drop(0.02, 1.0, [0.2, 0.5, 0.8, 0.95, 1.0, 1.2])
        assert drop == pytest.approx([0.025, 0.04, 0.1, 0.4, np.inf, np.inf])

    def test_round_by_round(self) -> None:
        drop, last = 0.0, 0.02
        for _ in range(400):
            drop, last = drop + last, last * 3e-9 * 2.5e8
        assert float(cascade_limit.total_drop(0.02, 3e-9, 2.5e8)) == pytest.approx(drop, rel=1e-12)
        assert float(cascade_limit.multiplier(3e-9, 2.5e8)) == pytest.approx(drop / 0.02, rel=1e-12)
        assert float(cascade_limit.total_drop(0.0, 1.0, 2.0)) == 0.0
