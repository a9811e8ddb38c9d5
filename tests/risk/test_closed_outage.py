"""The law of the price at resume: published or independently computed values, quadrature, and plain Monte Carlo."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import integrate, stats

from rollproof.errors import Malformed, Unsupported
from rollproof.risk.closed.characteristic import cosine_put, merton
from rollproof.risk.closed.log_price import log_price, mixture
from rollproof.risk.closed.outage import (
    asset_jumps,
    bad_debt,
    book_outage,
    failure_outage,
    over_durations,
    safe_leverage,
    safe_margin,
    shortfall_probability,
    time_to_ruin,
)
from rollproof.risk.closed.quadrature import nodes
from rollproof.risk.duration import Duration, Empirical, Exponential, Fixed, Lognormal
from rollproof.risk.failure import Halt, Load, Resume
from rollproof.risk.market import YEAR, Jumps, gbm, jump_diffusion
from rollproof.risk.terminal.price import price
from rollproof.venue.book import Book, Floats, Kind
from rollproof.venue.rules.hyperliquid import Hyperliquid
from rollproof.venue.state import VenueState

MINUTES = 60 / YEAR
HALT = 116 * MINUTES
JUMPS = Jumps(50.0, -0.04, 0.05)
OUTAGES = Lognormal(100 * 60.0, 1.270)  # the median and deviation of ln(length) of the L2 outages on record


def book(sizes: list[float], cash: list[float], *, entry: float = 100.0, assets: tuple[str, ...] = ("A", "B")) -> Book:
    """Isolated perpetuals, one a subaccount, all in asset A at a mark of 100."""
    count = len(sizes)
    none = np.zeros(count)
    return Book(
        "v", "USD", assets, np.full(len(assets), 100.0), [str(i) for i in range(count)],
        np.arange(count, dtype=np.int32), np.zeros(count, np.int32), np.zeros(count, np.int8), np.array(sizes),
        np.full(count, entry), none, none, none, np.arange(count, dtype=np.int32), np.zeros(count, np.int8),
        np.array(cash),
    )  # fmt: skip


def drawn(rng: np.random.Generator, years: Floats, jumps: Jumps | None, volatility: float = 0.8) -> Floats:
    """S_T / S_0, jump by jump."""
    jumps = jumps or Jumps(0.0, 0.0, 0.0)
    drift = -(volatility**2) / 2 - jumps.intensity * (np.exp(jumps.mean + jumps.deviation**2 / 2) - 1)
    out = drift * years + volatility * np.sqrt(years) * rng.standard_normal(len(years))
    count = rng.poisson(jumps.intensity * years)
    for _ in range(int(count.max())):
        out += np.where(count > 0, rng.normal(jumps.mean, jumps.deviation, len(years)), 0.0)
        count = count - 1
    return np.asarray(np.exp(out))


@pytest.mark.parametrize(
    ("value", "expected", "digits"),
    [
        (shortfall_probability(1, 0.025, 0.8, HALT), 1.682135e-2, 7),
        (bad_debt(1, 0.025, 0.8, HALT), 6.979196e-5, 7),
        (shortfall_probability(1, 0.025, 0.8, HALT, jumps=JUMPS), 2.193467e-2, 7),
        (bad_debt(1, 0.025, 0.8, HALT, jumps=JUMPS), 3.585208e-4, 7),
        (bad_debt(1, 0.05, 0.8, HALT, jumps=JUMPS), 1.55550196e-4, 9),
        (shortfall_probability(1, 0.0125, 0.8, Exponential(3_600.0)), 6.297240e-2, 7),
        (bad_debt(1, 0.0125, 0.8, Exponential(3_600.0)), 3.747122e-4, 7),
        (safe_margin(1e-3, 0.8, HALT), 0.03613, 4),
        (safe_leverage(1e-3, 0.8, HALT), 27.7, 3),
        # sigma 80 %, margin 5 %, 33 minutes: why jumps are the default
        (shortfall_probability(1, 0.05, 0.8, 33 * MINUTES), 3.0e-16, 2),
        (shortfall_probability(1, 0.05, 0.8, 33 * MINUTES, jumps=JUMPS), 1.3e-3, 2),
    ],
)  # fmt: skip
def test_reference_values(value: Floats, expected: float, digits: int) -> None:
    assert float(value) == pytest.approx(expected, rel=0.5 * 10 ** (1 - digits))


@pytest.mark.parametrize(
    ("margin", "diffusion", "jumping"),
    [
        (0.0125, (0.160, 1.7e-3), (0.143, 2.2e-3)),
        (0.025, (0.0505, 5.4e-4), (0.0519, 1.1e-3)),
        (0.05, (4.8e-3, 4.9e-5), (1.4e-2, 4.4e-4)),
        (0.10, (3.5e-5, 3.4e-7), (3.0e-3, 8.7e-5)),
        (0.20, (8e-10, 7e-12), (8.7e-5, 2.9e-6)),
    ],
)
def test_a_random_outage_of_the_lengths_on_record(
    margin: float, diffusion: tuple[float, float], jumping: tuple[float, float]
) -> None:
    mean = Exponential(197 * 60.0)
    found = [f(1, margin, 0.8, mean) for f in (shortfall_probability, bad_debt)]
    assert found == pytest.approx(diffusion, rel=0.05)
    found = [f(1, margin, 0.8, OUTAGES, jumps=JUMPS) for f in (shortfall_probability, bad_debt)]
    assert found == pytest.approx(jumping, rel=0.05)


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("law", [Fixed(6_960.0), Exponential(6_960.0), OUTAGES, Empirical((600.0, 6_960.0, 40_800.0))])
@pytest.mark.parametrize("jumps", [None, JUMPS])
def test_monte_carlo_agrees(side: int, law: Duration, jumps: Jumps | None) -> None:
    rng = np.random.default_rng(7)
    paths = 100_000
    price = drawn(rng, law.quantile(rng.random(paths)) / YEAR, jumps)
    for margin in (0.0125, 0.025, -0.01):
        equity = margin + side * (price - 1)
        for function, sample in (
            (shortfall_probability, (equity < 0).astype(float)),
            (bad_debt, np.maximum(-equity, 0.0)),
        ):
            value = float(function(side, margin, 0.8, law, jumps=jumps))
            assert abs(sample.mean() - value) < 4 * sample.std() / np.sqrt(paths), (margin, function.__name__)


@pytest.mark.parametrize(("side", "margin"), [(1, 0.0125), (-1, 0.02), (1, -0.01), (-1, -0.01)])
@pytest.mark.parametrize("function", [shortfall_probability, bad_debt])
def test_the_exponential_closed_form_is_the_quadrature_of_the_fixed_one(
    side: int, margin: float, function: Callable[..., Floats]
) -> None:
    law, mean = Exponential(3_600.0), 1 / 8_760
    found = float(function(side, margin, 0.8, law, drift=0.3))
    # Simpson in the logarithm of the duration
    log_years = np.linspace(np.log(1e-14), np.log(50 * mean), 40_001)
    years = np.exp(log_years)
    density = np.exp(-years / mean) / mean * years
    direct = integrate.simpson(function(side, margin, 0.8, years, drift=0.3) * density, x=log_years)
    assert found == pytest.approx(direct, rel=1e-7)
    nodes_only = over_durations(lambda time: function(side, margin, 0.8, time, drift=0.3), law)
    assert float(nodes_only) == pytest.approx(found, rel=1e-6)


def test_bad_debt_with_jumps_is_the_cosine_series() -> None:
    strikes = np.array([0.9, 0.95, 0.975, 1.0])
    series = bad_debt(1, 1 - strikes, 0.8, HALT, jumps=(JUMPS, Jumps(20.0, 0.02, 0.03)))
    cosine = cosine_put(merton(0.8, HALT, jumps=(JUMPS, Jumps(20.0, 0.02, 0.03))), strikes, terms=8_192, width=40.0)
    assert series == pytest.approx(cosine, rel=1e-8)


def test_bad_debt_is_the_integral_of_its_probability() -> None:
    for law in (
        log_price(0.8, HALT, jumps=JUMPS),
        log_price(0.8, Exponential(3_600.0), drift=1.0),
        log_price(0.8, OUTAGES),
    ):
        put = integrate.quad(lambda k, law=law: float(law.below(np.log(k))), 0.5, 0.97, epsabs=1e-14, limit=200)[0]
        assert float(law.put(0.97) - law.put(0.5)) == pytest.approx(put, rel=1e-6)
        call = integrate.quad(lambda k, law=law: float(law.above(np.log(k))), 1.02, 1.5, epsabs=1e-14, limit=200)[0]
        assert float(law.call(1.02) - law.call(1.5)) == pytest.approx(call, rel=1e-6)
        assert float(law.call(1.3) - law.put(1.3)) == pytest.approx(float(law.call(0.0)) - 1.3, rel=1e-9)


def test_the_law_is_a_law() -> None:
    law = mixture(0.8, 0.01, drift=0.2, jumps=[JUMPS])
    assert law.weight.sum() == pytest.approx(1.0, abs=1e-14)
    assert float(law.moment(1.0)) == pytest.approx(np.exp(0.2 * 0.01), rel=1e-13)
    x = np.linspace(-0.5, 0.5, 11)
    assert law.below(x) + law.above(x) == pytest.approx(np.ones(11), abs=1e-14)
    # of one normal, scipy's
    plain = mixture(0.8, 0.01)
    assert plain.below(x) == pytest.approx(stats.norm.cdf(x, -0.0032, 0.08), rel=1e-12)
    for probability in (1e-9, 0.3, 0.999):
        assert float(law.below(law.quantile(probability))) == pytest.approx(probability, rel=1e-9)
        assert float(law.above(law.quantile(probability, upper=True))) == pytest.approx(probability, rel=1e-9)
        stopped = log_price(0.8, Exponential(600.0))
        assert float(stopped.below(stopped.quantile(probability))) == pytest.approx(probability, rel=1e-9)
        assert float(stopped.above(stopped.quantile(probability, upper=True))) == pytest.approx(probability, rel=1e-9)


def test_moments_below_a_level_by_quadrature() -> None:
    law = mixture(0.8, 0.02, jumps=[Jumps(50.0, -0.04, 0.05)])
    density = law.below(np.linspace(-1, 0.03, 20_001))
    x = np.linspace(-1, 0.03, 20_001)
    middle = (x[1:] + x[:-1]) / 2
    for order in (0, 1, 2):
        direct = float(np.diff(density) @ np.exp(order * middle))
        assert float(law.moment_below(order, 0.03)) == pytest.approx(direct, rel=1e-6)


@pytest.mark.parametrize("law", [Fixed(60.0), Exponential(600.0), OUTAGES, Empirical((1.0, 2.0, 2.0))])
def test_duration_nodes_have_the_law_s_mean_and_weight_one(law: Duration) -> None:
    seconds, weights = nodes(law)
    assert weights.sum() == pytest.approx(1.0, abs=1e-14)
    assert float(seconds @ weights) == pytest.approx(law.mean, rel=1e-9)


def test_safe_margin_keeps_its_probability_and_no_less_does() -> None:
    for side in (1, -1):
        for years in (HALT, Exponential(6_960.0), OUTAGES):
            for jumps in (None, JUMPS):
                margin = safe_margin(1e-3, 0.8, years, side=side, jumps=jumps)
                assert float(shortfall_probability(side, margin, 0.8, years, jumps=jumps)) == pytest.approx(
                    1e-3, rel=1e-6
                )
    assert float(safe_leverage(0.9, 0.8, HALT)) == np.inf  # even without margin it is rarer


def test_a_mirrored_jump_changes_the_sides() -> None:
    # R and 1 / R of a diffusion with drift sigma^2: the same law of the logarithm, turned around
    down = log_price(0.8, HALT, drift=0.32, jumps=None)
    x = np.linspace(-0.1, 0.1, 7)
    assert down.below(x) == pytest.approx(down.above(-x), rel=1e-12)


def test_a_book_is_its_positions() -> None:
    cash = [500.0, 500.0, -10.0, 300.0]
    positions = book([100.0, -100.0, 50.0, -20.0], cash)
    model = jump_diffusion(("B", "A"), [1.2, 0.8], drift=0.1, own=Jumps(30.0, 0.0, 0.04))
    jumps = asset_jumps(model, "A")
    for law in (Fixed(6_960.0), OUTAGES):
        probability, debt = book_outage(positions, model, law)
        notional = np.abs(positions.size) * 100
        margin = np.array(cash) / notional
        side = np.sign(positions.size)
        assert probability == pytest.approx(
            shortfall_probability(side, margin, 0.8, law, drift=0.1, jumps=jumps), rel=1e-12
        )
        assert debt == pytest.approx(notional * bad_debt(side, margin, 0.8, law, drift=0.1, jumps=jumps), rel=1e-12)


def test_profit_so_far_is_margin() -> None:
    early = book([100.0], [0.0], entry=95.0)
    late = book([100.0], [500.0], entry=100.0)
    model = gbm(("A",))
    assert book_outage(early, model, 6_960)[0] == pytest.approx(book_outage(late, model, 6_960)[0], rel=1e-12)


def test_interpolation_of_a_large_book() -> None:
    rng = np.random.default_rng(3)
    count = 6_000
    sizes = np.where(rng.random(count) < 0.5, 1.0, -1.0) * rng.lognormal(3, 1, count)
    margin = rng.uniform(-0.02, 0.3, count)
    margin[:6] = (0.0, 1e-9, -1e-9, 1.2, -1.1, -1.3)
    sizes[3:6] = (1.0, -1.0, -2.0)
    large = book(sizes.tolist(), (margin * np.abs(sizes) * 100).tolist())
    model = jump_diffusion(("A",))
    probability, debt = book_outage(large, model, OUTAGES)
    chosen = np.r_[0:6, rng.integers(0, count, 200)]
    side, share = np.sign(sizes[chosen]), margin[chosen]
    jumps = asset_jumps(model, "A")
    assert probability[chosen] == pytest.approx(shortfall_probability(side, share, 0.8, OUTAGES, jumps=jumps), rel=2e-5)
    expected = np.abs(sizes[chosen]) * 100 * bad_debt(side, share, 0.8, OUTAGES, jumps=jumps)
    assert debt[chosen] == pytest.approx(expected, rel=2e-5)


def test_what_has_no_closed_form_is_not_a_number() -> None:
    cash = np.array([5.0, 5.0, -190.0, -3.0])
    mixed = Book(
        "v", "USD", ("A", "B"), np.array([100.0, 10.0]), ["a", "b", "c", "d"],
        np.array([0, 0, 1, 2, 2], np.int32), np.array([0, 1, 0, 0, 0], np.int32),
        np.array([0, 0, Kind.CALL, Kind.PERPETUAL, Kind.COLLATERAL], np.int8), np.array([1.0, 1.0, 1.0, -2.0, 2.0]),
        np.array([100.0, 10.0, 0.0, 90.0, 0.0]), np.array([0, 0, 100.0, 0, 0]), np.array([0, 0, 0.1, 0, 0]),
        np.array([0, 0, 0.8, 0, 0]), np.arange(4, dtype=np.int32), np.ones(4, np.int8), cash,
    )  # fmt: skip
    probability, debt = book_outage(mixed, jump_diffusion(("A", "B")), 6_960)
    assert np.isnan(probability[:2]).all()
    assert np.isnan(debt[:2]).all()
    # short perpetual covered by collateral: -190 - 2 (P - 90) + 2 P = -10 whatever the price; and cash alone, owed
    assert probability[2:].tolist() == [1.0, 1.0]
    assert debt[2:] == pytest.approx([10.0, 3.0])
    seconds = time_to_ruin(mixed, jump_diffusion(("A", "B")), 0.01)
    assert np.isnan(seconds[:2]).all()
    assert seconds[2:].tolist() == [0.0, 0.0]


def test_time_to_ruin_is_when_the_probability_is_reached_and_not_before() -> None:
    positions = book([100.0, -100.0, 100.0, -100.0, 100.0], [250.0, 250.0, 1_500.0, 1_500.0, -1.0])
    for model in (gbm(("A",)), jump_diffusion(("A",))):
        seconds = time_to_ruin(positions, model, 0.01)
        assert seconds[4] == 0
        for row in range(4):
            side, margin = np.sign(positions.size[row]), positions.cash[row] / 10_000
            jumps = asset_jumps(model, "A")
            at = shortfall_probability(side, margin, 0.8, seconds[row] / YEAR, jumps=jumps)
            assert float(at) == pytest.approx(0.01, rel=1e-3)
            earlier = np.linspace(0.01, 0.98, 50) * seconds[row] / YEAR
            assert (shortfall_probability(side, margin, 0.8, earlier, jumps=jumps) < 0.01).all()
    # diffusion without drift: the time at which sigma sqrt(T) z is the distance, to first order in sigma^2 T
    first = time_to_ruin(positions, gbm(("A",)), 0.01)[0]
    assert first / YEAR == pytest.approx((np.log(0.975) / 0.8 / stats.norm.ppf(0.01)) ** 2, rel=0.02)


def test_never_within_the_horizon_is_infinite() -> None:
    assert time_to_ruin(book([1.0], [99.0]), gbm(("A",)), 0.01, horizon=3_600.0)[0] == np.inf


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: shortfall_probability(0, 0.1, 0.8, HALT), "side"),
        (lambda: shortfall_probability(1, np.nan, 0.8, HALT), "margin"),
        (lambda: shortfall_probability(1, 0.1, np.nan, HALT), "volatility"),
        (lambda: shortfall_probability(1, 0.1, -0.8, HALT), "negative"),
        (lambda: shortfall_probability(1, 0.1, 0.8, -HALT), "negative"),
        (lambda: shortfall_probability(1, 0.1, 0.8, 1.0, jumps=Jumps(1e6, 0.0, 0.1)), "jumps expected"),
        (lambda: shortfall_probability(1, 0.1, 0.8, Fixed(np.inf)), "duration"),
        (lambda: shortfall_probability(1, 0.1, 0.8, Empirical(())), "duration"),
        (lambda: safe_margin(0.0, 0.8, HALT), "probability"),
    ],
)
def test_bad_input(call: Callable[[], object], message: str) -> None:
    with pytest.raises(Malformed, match=message):
        call()


def test_an_asset_without_a_market_is_refused_by_name() -> None:
    with pytest.raises(Unsupported, match="'A'"):
        book_outage(book([1.0], [5.0]), gbm(("B",)), 60)


def test_nothing_moves_in_no_time() -> None:
    assert shortfall_probability([1, -1, 1], [0.1, 0.1, -0.1], 0.8, 0.0).tolist() == [0.0, 0.0, 1.0]
    assert bad_debt([1, -1, 1], [0.1, 0.1, -0.1], 0.8, 0.0) == pytest.approx([0.0, 0.0, 0.1])
    assert float(shortfall_probability(1, 1.5, 0.8, HALT, jumps=JUMPS)) == 0.0


def test_without_volatility_only_jumps_move() -> None:
    law = Exponential(3_600.0)
    assert float(shortfall_probability(1, 0.01, 0.0, law)) == 0.0
    assert float(bad_debt(1, -0.01, 0.0, law)) == pytest.approx(0.01, rel=1e-9)
    # a jump that is always by 10 % wipes out 5 % of margin: P(at least one up to an exponential time) = l / (l + q)
    down = Jumps(50.0, np.log(0.9), 0.0)
    expected = 50.0 / (50.0 + YEAR / 3_600)
    assert float(shortfall_probability(1, 0.05, 0.0, law, jumps=down)) == pytest.approx(expected, rel=1e-6)


def test_load_and_grace() -> None:
    positions = book([100.0, -100.0], [300.0, 300.0])
    model = jump_diffusion(("A",))
    halt = Halt(
        intensity_per_year=1.0,
        duration=OUTAGES,
        resume=Resume(grace_seconds=900.0),
        load=Load(probability=0.3, volatility_multiplier=2.0, jump_multiplier=4.0),
    )
    probability, debt = failure_outage(positions, model, halt)
    rng = np.random.default_rng(17)
    paths = 400_000
    years = (halt.duration.quantile(rng.random(paths)) + 900) / YEAR
    calm = drawn(rng, years, JUMPS)
    stressed = drawn(rng, years, Jumps(200.0, -0.04, 0.05), 1.6)
    resumed = np.where(rng.random(paths) < 0.3, stressed, calm)
    for row, side in enumerate((1, -1)):
        equity = 300 + side * 1e4 * (resumed - 1)
        for sample, found in (((equity < 0).astype(float), probability), (np.maximum(-equity, 0.0), debt)):
            assert abs(sample.mean() - found[row]) < 4 * sample.std() / np.sqrt(paths)
    # the rules' grace period counts where it is longer
    longer = failure_outage(positions, model, halt, grace_seconds=3_600.0)[0]
    shorter = failure_outage(positions, model, halt, grace_seconds=60.0)[0]
    assert (longer > probability).all()
    assert shorter.tolist() == probability.tolist()


def test_the_simulated_layer_agrees() -> None:
    rng = np.random.default_rng(2)
    sizes = np.where(rng.random(40) < 0.6, 1.0, -1.0) * rng.lognormal(3, 1, 40)
    positions = book(sizes.tolist(), (rng.uniform(0.02, 0.2, 40) * np.abs(sizes) * 100).tolist(), assets=("A",))
    halt = Halt(intensity_per_year=1.0, duration=OUTAGES, load=Load(probability=0.2, volatility_multiplier=1.5))
    model = jump_diffusion(("A",))
    found = price(positions, Hyperliquid(), VenueState.of(positions), model, halt, paths=16_384, seed=5)
    expected = float(failure_outage(positions, model, halt)[1].sum())
    assert abs(found.bad_debt.mean.value - expected) < 4 * found.bad_debt.mean.standard_error
