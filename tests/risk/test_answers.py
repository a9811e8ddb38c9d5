"""What answers are put together from: events, contributions, samples, other truths, the year, the table of accounts."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from risk.terminal_books import RULES, book, halt, isolated, perpetual
from rollproof.risk import accounts, preset, prior
from rollproof.risk.accounts import account_table
from rollproof.risk.duration import Empirical, Exponential, Fixed, Lognormal
from rollproof.risk.failure import Halt, InvalidState, Resume, StaleOracle
from rollproof.risk.market import YEAR, Jumps, gbm, jump_diffusion
from rollproof.risk.price import price as price_scenario
from rollproof.risk.result import Priced
from rollproof.risk.settings import Markets, Settings
from rollproof.risk.tail import losses_of
from rollproof.risk.terminal import price
from rollproof.risk.uncertainty import Tried, uncertainty, variants
from rollproof.risk.yearly import Sample, yearly
from rollproof.venue import positions
from rollproof.venue.black76 import value as black76
from rollproof.venue.book import Kind
from rollproof.venue.rules import registry
from rollproof.venue.state import VenueState

TWO = isolated([100.0, 10.0], [(0, 1e4, 0.03), (0, -6e3, 0.05), (1, 9e3, 0.06), (1, -9e3, 0.04)])
MODEL = jump_diffusion(TWO.assets, (0.7, 1.1), loading=0.5, own=Jumps(30.0, 0.02, 0.08))


def test_a_path_is_shown_at_the_end_of_the_grace_period() -> None:
    """Prices matter at both ends of it as soon as somebody may be topped up, here hardly ever anybody."""
    failure = Halt(
        intensity_per_year=1.0, duration=Fixed(5_000.0),
        resume=Resume(grace_seconds=2_000.0, top_up_probability=1e-12),
    )  # fmt: skip
    found = price(TWO, RULES, VenueState.of(TWO), MODEL, failure, paths=16_384, seed=1)
    for event in (*found.worst, *found.binding.values()):
        assert event.seconds == pytest.approx(7_000.0, rel=1e-12)
        prices = TWO.marks * [1 + event.moves[asset] for asset in TWO.assets]
        assert float(np.maximum(-TWO.equity(prices), 0.0).sum()) == pytest.approx(event.loss, rel=1e-9)


def test_contributions_are_those_of_plain_paths() -> None:
    """What each asset adds to the shortfall: the same with and without importance sampling."""
    found, plain = (
        price(TWO, RULES, VenueState.of(TWO), MODEL, halt(7_200.0), paths=paths, seed=2, importance=importance)
        for paths, importance in ((131_072, True), (1_048_576, False))
    )
    assert set(found.by_asset) == set(plain.by_asset) == {"A0", "A1"}
    for name, one in found.by_asset.items():
        other = plain.by_asset[name]
        assert abs(one.value - other.value) < 4 * math.hypot(one.standard_error, other.standard_error)
        assert math.hypot(one.standard_error, other.standard_error) < 0.05 * found.loss.tails[2].es.value


def test_the_sample_is_the_answer_path_by_path() -> None:
    failure = StaleOracle(intensity_per_year=1.0, duration=Fixed(3_600.0), share=0.3)
    found = price(TWO, RULES, VenueState.of(TWO), MODEL, failure, paths=16_384, seed=3)
    sample = found.sample
    again = losses_of(sample.losses, sample.weights, seed=3, method=found.loss.method, groups=sample.groups)
    assert again.mean == found.loss.mean
    assert again.tails == found.loss.tails
    assert found.taken is not None
    assert found.loss.mean.value == pytest.approx(found.taken.mean.value + found.bad_debt.mean.value, rel=1e-12)


def test_a_stale_price_is_traded_against_by_the_whole_venues_open_interest() -> None:
    """The state knows of three times the book's interest, and of an asset that nobody in the book holds."""
    held = book([100.0, 10.0], [1e6], [perpetual(0, 0, 5.0, 100.0)])
    state = VenueState(open_interest=np.array([15.0, 200.0]), skew=np.zeros(2))
    failure = StaleOracle(intensity_per_year=1.0, duration=Fixed(3_600.0), share=0.5, fee=0.001)
    found = price(held, RULES, state, gbm(held.assets, (0.7, 1.1)), failure, paths=65_536, seed=4).taken
    assert found is not None
    expected = 0.0
    for sigma, interest in ((0.7, 1_500.0), (1.1, 2_000.0)):
        deviation = sigma * math.sqrt(3_600 / YEAR)
        for strike, side in ((1.001, 1), (0.999, -1)):
            d1 = -math.log(strike) / deviation + deviation / 2
            option = stats.norm.cdf(side * d1) - strike * stats.norm.cdf(side * (d1 - deviation))
            expected += 0.5 * interest * side * float(option)
    assert found.mean.standard_error < 0.005 * expected
    assert abs(found.mean.value - expected) < 4 * found.mean.standard_error


def test_a_wrong_balance_of_some_accounts_takes_their_share() -> None:
    """A fifth too much, for a quarter of accounts, of which a half leaves: a fortieth of 400 quote."""
    held = book([10.0], [400.0], [perpetual(0, 0, 1.0, 10.0)])
    failure = InvalidState(intensity_per_year=1.0, duration=Fixed(60.0), balance_error=0.2, share=0.25, withdrawn=0.5)
    found = price(held, RULES, VenueState.of(held), gbm(held.assets), failure, paths=1_024, seed=5)
    assert found.taken is not None
    assert found.taken.mean.value == pytest.approx(10.0, abs=0.02)


class TestOtherTruths:
    def test_a_halt_of_a_given_length_could_have_been_another(self) -> None:
        failure = Halt(intensity_per_year=1.0, duration=Fixed(60.0))
        tried = list(variants(failure, MODEL, Markets((0.5, 1.5), (0.25, 4.0)), seed=1))
        exponential, lognormal = tried[:2]
        # the fit of fourteen published lengths: mean 197 minutes; median 100, deviation 1.27
        assert isinstance(exponential.failure.duration, Exponential)
        assert exponential.failure.duration.mean_seconds / 60 == pytest.approx(197, abs=0.5)
        assert isinstance(lognormal.failure.duration, Lognormal)
        assert lognormal.failure.duration.median_seconds / 60 == pytest.approx(100, abs=0.5)
        drawn = [each for each in tried if each.kind == "parameters"]
        assert len({str(each.failure.duration) for each in drawn}) == len(drawn) == 16
        assert all(each.model is MODEL for each in (*tried[:2], *drawn))

    def test_markets_are_those_of_the_factors(self) -> None:
        failure = Halt(intensity_per_year=1.0, duration=Fixed(60.0))
        markets = list(variants(failure, MODEL, Markets((0.5, 1.5), (0.25, 4.0)), seed=1))[-4:]
        assert [each.model.volatility[1] / 1.1 for each in markets] == pytest.approx([0.5, 1.5, 1, 1])
        assert [each.model.common.intensity / 50.0 for each in markets] == pytest.approx([1, 1, 0.25, 4.0])
        assert [each.model.own_intensity[0] / 30.0 for each in markets] == pytest.approx([1, 1, 0.25, 4.0])
        assert all(each.kind == "market" and each.failure is failure for each in markets)

    def test_a_stale_price_of_a_given_length_has_no_law(self) -> None:
        tried = list(variants(StaleOracle(intensity_per_year=1.0, duration=Fixed(60.0)), MODEL, Markets(), seed=1))
        assert {each.kind for each in tried} == {"market"}

    def test_a_law_is_taken_as_known_from_as_many_lengths_as_were_published(self) -> None:
        """Refitted to its own evenly spread quantiles, an exponential law keeps its mean but for what 14 lose."""
        failure = StaleOracle(intensity_per_year=1.0, duration=Exponential(1_000.0))
        tried = list(variants(failure, MODEL, Markets(), seed=1))
        count = len(prior.published().outages)
        even = -np.log1p(-(np.arange(count) + 0.5) / count)
        assert isinstance(tried[0].failure.duration, Exponential)
        assert tried[0].failure.duration.mean_seconds == pytest.approx(1_000 * even.mean(), rel=1e-12)
        means = [each.failure.duration.mean for each in tried if each.name.startswith("exponential, draw")]
        assert np.std(means) / np.mean(means) == pytest.approx(count**-0.5, rel=0.6)

    def test_the_answer_itself_is_in_the_interval(self) -> None:
        failure = Halt(intensity_per_year=1.0, duration=Fixed(60.0))
        tried = list(variants(failure, MODEL, Markets((0.5,), ()), seed=1))[-1:]
        of_variant, answer = (losses_of(np.full(10, loss), seed=0, method="") for loss in (3.0, 7.0))
        sample = Sample(1.0, np.full(10, 3.0), np.ones(10), np.arange(10))
        found, samples = uncertainty(tried, lambda failure, model: Tried(of_variant, sample), answer)
        assert found.mean == (3.0, 7.0)
        assert found.shortfalls == ((3.0, 7.0),) * 3
        assert [(each.mean, each.shortfalls) for each in found.variants] == [(3.0, (3.0, 3.0, 3.0))]
        assert samples == [sample]


class TestYear:
    def sample(self, intensity: float, seed: int, mean: float = 100.0) -> Sample:
        losses = np.random.default_rng(seed).exponential(mean, 16_000)
        return Sample(intensity, losses, np.ones(16_000), np.arange(16_000) % 16)

    def test_failures_add_up(self) -> None:
        samples = [self.sample(0.4, 1), self.sample(1.1, 2, 30.0)]
        year = yearly(samples)
        assert year is not None
        assert year.intensity[0] == pytest.approx(1.5)
        expected = 0.4 * samples[0].losses.mean() + 1.1 * samples[1].losses.mean()
        assert year.mean.value == pytest.approx(expected, rel=1e-6)
        # the standard error of a mean of 16,000 exponentials
        error = math.hypot(0.4 * 100, 1.1 * 30) / math.sqrt(16_000)
        assert year.mean.standard_error == pytest.approx(error, rel=0.6)
        assert year.mean.high - year.mean.value == pytest.approx(stats.t.ppf(0.975, 15) * year.mean.standard_error)

    def test_rarer_and_more_frequent_failures(self) -> None:
        """The mean moves in proportion: by the interval of the published rate over that rate."""
        year = yearly([self.sample(0.8, 3)], [("market", "dearer", [self.sample(0.8, 3, 200.0)])])
        assert year is not None
        assert year.uncertainty is not None
        rate, low, high = prior.intensity(prior.published())
        dearer, rare, often = year.uncertainty.variants
        assert (dearer.name, rare.kind, often.kind) == ("dearer", "intensity", "intensity")
        mean = year.mean.value
        assert [each.mean / mean for each in (dearer, rare, often)] == pytest.approx(
            [2.0, low / rate, high / rate], rel=1e-4
        )
        assert year.uncertainty.mean == pytest.approx((mean * low / rate, mean * 2.0))
        assert year.uncertainty.shortfalls[2][0] <= year.tails[2][2].value <= year.uncertainty.shortfalls[2][1]

    def test_weights_of_paths_without_a_loss_make_up_for_noise(self) -> None:
        """Likelihood ratios that average 0.9: the mean stays the sample's."""
        losses = np.where(np.arange(1_600) % 10 == 0, 50.0, 0.0)
        year = yearly([Sample(2.0, losses, np.full(1_600, 0.9), np.arange(1_600) % 16)])
        assert year is not None
        assert year.mean.value == pytest.approx(2.0 * 0.9 * 5.0, rel=1e-6)


@pytest.fixture(scope="module")
def dydx() -> Priced:
    quick = Settings(paths=8_192, replicates=8, cascade_paths=0, variant_paths=512)
    return price_scenario(positions.example(), registry.load("dydx"), preset.load("dydx-2025-10"), settings=quick)


def test_the_year_is_made_of_the_failures_and_each_variant_of_its_own(dydx: Priced) -> None:
    assert dydx.annual is not None
    wholes = [each.loss or each.bad_debt for each in dydx.failures]
    means = [each.mean.value for each in wholes if each is not None]
    assert dydx.annual.mean.value == pytest.approx(0.55 * sum(means), rel=1e-3)
    assert dydx.annual.uncertainty is not None
    of_year = {each.name: each.mean for each in dydx.annual.uncertainty.variants}
    looked = 0
    for at, failure in enumerate(dydx.failures):
        assert failure.uncertainty is not None
        for variant in failure.uncertainty.variants:
            expected = 0.55 * (variant.mean + means[1 - at])
            assert of_year[f"{failure.kind}: {variant.name}"] == pytest.approx(expected, rel=1e-2)
            looked += 1
    assert looked == 22 + 4


def test_basis_points_are_of_open_interest_and_of_all_that_is_lost(dydx: Priced) -> None:
    interest = positions.example().open_interest_value
    for failure in dydx.failures:
        whole = failure.loss or failure.bad_debt
        assert whole is not None
        assert failure.basis_points["mean"] == pytest.approx(whole.mean.value / interest * 1e4, rel=1e-12)
        for tail in whole.tails:
            assert failure.basis_points[f"es_{tail.level * 100:g}"] == pytest.approx(tail.es.value / interest * 1e4)
    assert dydx.failures[1].loss is not None


def test_an_account_with_an_option_by_quadrature() -> None:
    """A short call and cash: P(equity < 0) and expected bad debt over the price, for two lengths."""
    held = book([100.0], [9.0], [(0, 0, Kind.CALL, -1.0, 0.0, 100.0, 0.1, 0.8)])
    held = replace(held, mode=np.full(1, 2, np.int8))
    failure = Halt(intensity_per_year=1.0, duration=Empirical((86_400.0, 864_000.0)))
    [row], _ = account_table(held, gbm(held.assets), failure, seed=7)
    probability = debt = 0.0
    z = np.linspace(-8, 8, 40_001)
    weight = stats.norm.pdf(z) * (z[1] - z[0])
    for seconds in (86_400.0, 864_000.0):
        years = seconds / YEAR
        price_ = 100 * np.exp(-0.32 * years + 0.8 * math.sqrt(years) * z)
        equity = 9.0 - black76(price_, np.array(100.0), np.array(0.8), np.array(0.1 - years), call=np.array(True))
        probability += 0.5 * float(weight @ (equity < 0))
        debt += 0.5 * float(weight @ np.maximum(-equity, 0.0))
    assert 0.2 < probability < 0.8
    paths = accounts.PATHS
    assert abs(row.probability - probability) < 4 * math.sqrt(probability * (1 - probability) / paths)
    assert row.bad_debt == pytest.approx(debt, rel=0.15)


def test_an_account_of_two_assets_moves_with_the_market() -> None:
    """Long one asset and short the other with betas 2 and 0.5, by a simulation of its own; the same law otherwise."""
    held = book([100.0, 10.0], [400.0], [perpetual(0, 0, 100.0, 100.0), perpetual(0, 1, -600.0, 10.0)])
    model = replace(
        jump_diffusion(held.assets, (0.9, 0.5), loading=0.9, common=Jumps(2_000.0, -0.01, 0.02)),
        beta=np.array([2.0, 0.5]),
    )
    failure = Halt(intensity_per_year=1.0, duration=Fixed(36_000.0))
    [row], _ = account_table(held, model, failure, seed=8)
    rng, paths, years = np.random.default_rng(9), 400_000, 36_000 / YEAR
    number = rng.poisson(2_000 * years, paths)
    jump = number * -0.01 + np.sqrt(number) * 0.02 * rng.standard_normal(paths)
    factor = rng.standard_normal(paths)
    moves = []
    for sigma, beta in ((0.9, 2.0), (0.5, 0.5)):
        drift = -(sigma**2) / 2 - 2_000 * math.expm1(-0.01 * beta + (0.02 * beta) ** 2 / 2)
        normal = 0.9 * factor + math.sqrt(1 - 0.81) * rng.standard_normal(paths)
        moves.append(np.expm1(drift * years + sigma * math.sqrt(years) * normal + beta * jump))
    equity = 400.0 + 1e4 * moves[0] - 6e3 * moves[1]
    seen = float((equity < 0).mean())
    assert 0.05 < seen < 0.5
    assert abs(row.probability - seen) < 4 * math.sqrt(seen * (1 - seen) * (1 / accounts.PATHS + 1 / paths))
    assert row.bad_debt == pytest.approx(float(np.maximum(-equity, 0.0).mean()), rel=0.1)


def test_the_thinnest_are_simulated_where_not_all_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "SIMULATED", 1)
    rows = [perpetual(who, asset, size, 100.0) for who in range(2) for asset, size in ((0, 10.0), (1, 1.0))]
    held = replace(
        book([100.0, 100.0], [900.0, 50.0], rows), accounts=("rich", "thin"), owner=np.arange(2, dtype=np.int32)
    )
    found, notes = account_table(held, jump_diffusion(held.assets), halt(3_600.0), seed=1)
    assert [each.account for each in found] == ["thin"]
    assert any("1 of 2 subaccounts" in note for note in notes)
