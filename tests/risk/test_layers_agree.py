"""Where several layers can answer, they answer the same: closed form, quadrature, table, simulation, stepped cascade.

Quadrature, and the sums of equities, are written here from the definition of the model and share no code with the
layers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy import optimize, special, stats

from risk.cascade_bed import Flat
from risk.terminal_books import book, isolated, perpetual
from rollproof.risk import liquidity
from rollproof.risk.cascade import cascade, outcome, outcomes
from rollproof.risk.cascade.timing import Grid
from rollproof.risk.closed.outage import failure_outage
from rollproof.risk.duration import Duration, Empirical, Exponential, Fixed, Lognormal
from rollproof.risk.estimate import Estimate
from rollproof.risk.failure import Halt, Load
from rollproof.risk.market import YEAR, Jumps, Model, gbm, jump_diffusion
from rollproof.risk.terminal import price
from rollproof.risk.terminal.exposure import exposure_of
from rollproof.venue.book import Book, Floats
from rollproof.venue.state import VenueState

RULES = Flat()  # half a percent of maintenance margin: whoever is bankrupt is liquidatable
MERTON = Jumps(50.0, -0.04, 0.05)
# One asset at 2,000; both sides; margins of 1.25 to 30 percent, one that is in profit, one already under water.
MIXED = isolated(
    [2_000.0],
    [(0, 9e4, 0.025), (0, 5e4, 0.05), (0, 1e5, 0.1), (0, -8e4, 0.02), (0, -6e4, 0.06), (0, 2e4, 0.3), (0, -3e4, 0.15)],
)
MIXED = replace(MIXED, entry=MIXED.entry * np.array([1.0, 0.99, 1.0, 1.0, 1.01, 1.0, 1.0]))
LONGS = isolated([2_000.0], [(0, 9e4, 0.025), (0, 5e4, 0.05), (0, 1e5, 0.1)])
SHORTS = isolated([2_000.0], [(0, -9e4, 0.025), (0, -5e4, 0.05), (0, -1e5, 0.1)])

DIFFUSION = gbm(("A0",), drift=0.5)
JUMPING = jump_diffusion(("A0",), drift=-0.4, beta=1.3, own=Jumps(20.0, 0.03, 0.06))
HALT = Fixed(116 * 60.0)
PATHS = 524_288  # so many that a percent of margin is many standard errors
LAWS: dict[str, Duration] = {
    "fixed": HALT,
    "exponential": Exponential(3_600.0),
    "lognormal": Lognormal(6_000.0, 1.27),
    "empirical": Empirical((780.0, 7_200.0, 40_800.0)),
}


class Price:
    """The law of the asset's price when the halt ends: normal in the logarithm given the length and the jumps."""

    def __init__(self, model: Model, law: Duration) -> None:
        if isinstance(law, Fixed):
            years, weight = np.array([law.seconds / YEAR]), np.ones(1)
        elif isinstance(law, Empirical):
            years, weight = np.array(law.seconds) / YEAR, np.full(len(law.seconds), 1 / len(law.seconds))
        else:
            nodes, weights = special.roots_legendre(240)
            weight = 8.2 * weights * stats.norm.pdf(8.2 * nodes)
            tail = stats.norm.sf(8.2 * nodes)
            seconds = (
                -law.mean_seconds * np.log(tail)
                if isinstance(law, Exponential)
                else law.median_seconds * np.exp(law.log_deviation * 8.2 * nodes)
            )
            years = seconds / YEAR
        kinds = [
            (model.common.intensity, model.beta[0] * model.common.mean, abs(model.beta[0]) * model.common.deviation),
            (model.own_intensity[0], model.own_mean[0], model.own_deviation[0]),
        ]
        sigma = model.volatility[0]
        nu = model.drift[0] - sigma**2 / 2 - sum(rate * math.expm1(m + d**2 / 2) for rate, m, d in kinds)
        rows = []
        for first in range(1 if kinds[0][0] == 0 else 40):
            for second in range(1 if kinds[1][0] == 0 else 20):
                share = weight.copy()
                for count, (rate, _, _) in zip((first, second), kinds, strict=True):
                    share = share * stats.poisson.pmf(count, rate * years)
                mean = nu * years + first * kinds[0][1] + second * kinds[1][1]
                variance = sigma**2 * years + first * kinds[0][2] ** 2 + second * kinds[1][2] ** 2
                rows.append(np.stack([share, mean, np.sqrt(variance)]))
        whole = np.concatenate(rows, axis=1)
        self.share, self.mean, self.deviation = whole[:, whole[0] > 1e-15]

    def below(self, ratio: Floats) -> Floats:
        """P(ratio < x) at each."""
        return self._sum((np.log(np.atleast_1d(ratio)) - self.mean[:, None]) / self.deviation[:, None])

    def above(self, ratio: Floats) -> Floats:
        return self._sum((self.mean[:, None] - np.log(np.atleast_1d(ratio))) / self.deviation[:, None])

    def integral_below(self, low: float, high: float) -> float:
        """Of P(ratio < x) over x: Gauss-Legendre in panels that halve towards the end where it is large."""
        return sum(float(weights @ self.below(x)) for x, weights in panels(high, low))

    def integral_above(self, low: float, high: float) -> float:
        return sum(float(weights @ self.above(x)) for x, weights in panels(low, high))

    def _sum(self, standard: Floats) -> Floats:
        return np.asarray(self.share @ special.ndtr(standard))


def panels(steep: float, far: float) -> Iterator[tuple[Floats, Floats]]:
    """Points and weights between ``steep`` and ``far``, panels of a halved width towards the former."""
    nodes, weights = special.roots_legendre(24)
    ends = steep + (far - steep) * np.append(0.5 ** np.arange(14.0), 0.0)
    for outer, inner in pairwise(ends):
        yield (outer + inner) / 2 + (outer - inner) / 2 * nodes, abs(outer - inner) / 2 * weights


def dense(of: Book, prices: Floats) -> Floats:
    """(paths,) bad debt at ``prices`` (paths,) of the first asset: subaccount by subaccount."""
    out = np.zeros(len(prices))
    for row in range(of.rows):
        equity = of.cash[of.subaccount[row]] + of.size[row] * (prices - of.entry[row])
        out += np.maximum(-equity, 0.0)
    return out


def by_quadrature(of: Book, law: Price) -> float:
    """Expected bad debt: weight (K - S)+ integrates to weight times the integral of P(S < x) up to K."""
    total, mark = 0.0, float(of.marks[0])
    for row in range(of.rows):
        size = float(of.size[row])
        bankrupt = (float(of.entry[row]) - float(of.cash[of.subaccount[row]]) / size) / mark
        if size > 0:
            total += size * mark * law.integral_below(0.05, bankrupt)
        else:
            total -= size * mark * law.integral_above(bankrupt, 12.0)
    return total


def shortfall_by_quadrature(of: Book, law: Price, level: float) -> float:
    """Expected shortfall of a loss that is convex in the price: beyond a value on both sides."""
    mark = float(of.marks[0])

    def loss(ratio: float) -> float:
        return float(dense(of, np.array([ratio * mark]))[0])

    def sides(value: float) -> tuple[float, float]:
        low = optimize.brentq(lambda x: loss(x) - value, 0.02, 1.0, xtol=1e-13) if loss(0.02) > value else 0.02
        high = optimize.brentq(lambda x: loss(x) - value, 1.0, 20.0, xtol=1e-13) if loss(20.0) > value else 20.0
        return low, high

    def exceeded(value: float) -> float:
        low, high = sides(value)
        return float(law.below(np.array(low))[0] + law.above(np.array(high))[0])

    still = loss(1.0)
    var = optimize.brentq(lambda value: exceeded(value) - (1 - level), still + 1e-6, 1e6, xtol=1e-7)
    low, high = sides(var)
    # the integral of the exceedance over losses, side by side, in the price
    kinks = [
        (float(of.entry[row]) - float(of.cash[of.subaccount[row]]) / float(of.size[row])) / mark
        for row in range(of.rows)
    ]
    excess = 0.0
    for begin, end, side in ((0.02, low, -1), (high, 20.0, 1)):
        ends = [begin, *sorted(each for each in kinks if begin < each < end), end]
        for left, right in pairwise(ends if end > begin else []):
            slope = (loss(right) - loss(left)) / (right - left)
            area = law.integral_below(left, right) if side < 0 else law.integral_above(left, right)
            excess += side * slope * area
    return float(var + excess / (1 - level))


def sharp(estimate: Estimate, expected: float, error: float) -> bool:
    """Within four standard errors, which are at most so large a share of what is expected."""
    assert estimate.standard_error < error * expected, (estimate, expected)
    return abs(estimate.value - expected) < 4 * estimate.standard_error


CASES = [
    pytest.param(of, model, law, id=f"{side}-{kind}-{length}")
    for side, of in (("mixed", MIXED), ("long", LONGS), ("short", SHORTS))
    for kind, model in (("diffusion", DIFFUSION), ("jumps", JUMPING))
    for length, law in LAWS.items()
    if side == "mixed" or length == "fixed"
]


def halted(law: Duration, load: Load | None = None) -> Halt:
    return Halt(intensity_per_year=1.0, duration=law, load=load or Load())


def closed(of: Book, model: Model, failure: Halt) -> float:
    return float(failure_outage(of, model, failure)[1].sum())


@pytest.mark.parametrize(("of", "model", "law"), CASES)
def test_closed_form_and_quadrature_and_simulation(of: Book, model: Model, law: Duration) -> None:
    resumed = Price(model, law)
    expected = by_quadrature(of, resumed)
    assert closed(of, model, halted(law)) == pytest.approx(expected, rel=2e-7)
    found = price(of, RULES, VenueState(), model, halted(law), paths=PATHS, seed=11)
    assert sharp(found.bad_debt.mean, expected, 2.5e-3)
    if len(resumed.share) < 500:
        for tail in found.bad_debt.tails[1:]:
            assert sharp(tail.es, shortfall_by_quadrature(of, resumed, tail.level), 2e-3), tail.level
    plain = price(of, RULES, VenueState(), model, halted(law), paths=131_072, seed=12, importance=False)
    assert plain.components == 1
    assert sharp(plain.bad_debt.mean, expected, 0.05)


@pytest.mark.parametrize("of", [MIXED, LONGS, SHORTS], ids=["mixed", "long", "short"])
def test_the_table_is_the_sum_of_equities(of: Book) -> None:
    ratios = np.concatenate([np.geomspace(0.05, 8.0, 20_001), [1.0]])
    table = exposure_of(of).table.loss((ratios * of.marks[0])[None, :])[0]
    np.testing.assert_allclose(table, dense(of, ratios * of.marks[0]), rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("step", [1e9, 300.0], ids=["one step", "many"])
@pytest.mark.parametrize("general", [False, True], ids=["fast", "general"])
@pytest.mark.parametrize("of", [MIXED, LONGS, SHORTS], ids=["mixed", "long", "short"])
def test_the_cascade_without_feedback_is_the_table_at_its_own_prices(of: Book, general: bool, step: float) -> None:
    """No impact, no cap, a full halt: path by path the loss is the table's at the price when the halt ends."""
    got = outcomes(
        of, RULES, VenueState(), JUMPING, halted(LAWS["lognormal"]), liquidity.infinite(of.assets), paths=2_000,
        grid=Grid(step, 60.0, 0.0), seed=5, general=general,
    )  # fmt: skip
    prices = of.marks[0] * np.exp(got[:, outcome.RESUME])
    table = exposure_of(of).table.loss(prices[None, :])[0]
    assert (table > 0).sum() > 50
    np.testing.assert_allclose(got[:, outcome.BAD_DEBT], table, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(table, dense(of, prices), rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize(("of", "model", "law"), CASES)
def test_the_cascade_without_feedback_has_the_mean_of_the_closed_form(of: Book, model: Model, law: Duration) -> None:
    found = cascade(
        of, RULES, VenueState(), model, halted(law), liquidity.infinite(of.assets), paths=200_000, step_seconds=1e9,
        horizon_seconds=0.0, seed=7,
    )  # fmt: skip
    assert sharp(found.bad_debt.mean, closed(of, model, halted(law)), 0.05)
    assert found.cascade_multiplier.value == 1.0


@pytest.mark.parametrize("model", [DIFFUSION, JUMPING], ids=["diffusion", "jumps"])
def test_prices_at_resume_have_the_law_of_the_closed_form(model: Model) -> None:
    """What the stepped layer draws, against the distribution function, over the whole range."""
    paths, of = 200_000, MIXED
    got = outcomes(
        of, RULES, VenueState(), model, halted(LAWS["lognormal"]), liquidity.infinite(of.assets), paths=paths,
        grid=Grid(3_600.0, 60.0, 0.0), seed=8,
    )  # fmt: skip
    law, ratios = Price(model, LAWS["lognormal"]), np.exp(got[:, outcome.RESUME])
    for at in (0.8, 0.9, 0.95, 0.98, 1.0, 1.02, 1.05, 1.1):
        expected = float(law.below(np.array(at))[0])
        seen = float((ratios < at).mean())
        assert abs(seen - expected) < 4 * math.sqrt(expected * (1 - expected) / paths), at
    # E[S_T] = exp(drift T) at each length: with this drift an average of nearly one
    years = Lognormal(6_000.0, 1.27).mean / YEAR
    error = ratios.std() / math.sqrt(paths)
    assert abs(ratios.mean() - math.exp(float(model.drift[0]) * years)) < 4 * error


def test_load_mixes_two_markets_in_every_layer() -> None:
    load = Load(probability=0.3, volatility_multiplier=2.0, jump_multiplier=3.0)
    failure = halted(HALT, load)
    stressed = JUMPING.stressed(2.0, 3.0)
    expected = 0.7 * by_quadrature(MIXED, Price(JUMPING, HALT)) + 0.3 * by_quadrature(MIXED, Price(stressed, HALT))
    assert closed(MIXED, JUMPING, failure) == pytest.approx(expected, rel=2e-7)
    found = price(MIXED, RULES, VenueState(), JUMPING, failure, paths=PATHS, seed=13)
    assert sharp(found.bad_debt.mean, expected, 2.5e-3)
    stepped = cascade(
        MIXED, RULES, VenueState(), JUMPING, failure, liquidity.infinite(MIXED.assets), paths=200_000,
        step_seconds=1e9, horizon_seconds=0.0, seed=9,
    )  # fmt: skip
    assert sharp(stepped.bad_debt.mean, expected, 0.02)


def richer(of: Book, factor: float) -> Book:
    return replace(of, cash=of.cash * factor)


def mirrored(of: Book) -> Book:
    return replace(of, size=-of.size)


WRONG = ("margin", "less margin", "side", "drift", "convexity", "volatility", "length")


@pytest.mark.parametrize(
    ("of", "model", "wrong"),
    [pytest.param(LONGS, DIFFUSION, each, id=f"long-diffusion-{each}") for each in WRONG]
    + [pytest.param(LONGS, JUMPING, each, id=f"long-jumps-{each}") for each in (*WRONG, "compensator", "beta")]
    + [pytest.param(SHORTS, JUMPING, each, id=f"short-jumps-{each}") for each in ("margin", "drift", "compensator")],
)
def test_the_comparison_would_notice(of: Book, model: Model, wrong: str) -> None:
    """The same comparison as above, with one thing wrong in the layer: it fails each time."""
    expected = by_quadrature(of, Price(model, HALT))
    seconds = HALT.seconds
    if wrong == "margin":
        of = richer(of, 1.01)
    elif wrong == "less margin":
        of = richer(of, 0.99)
    elif wrong == "side":
        of = mirrored(of)
    elif wrong == "drift":
        model = replace(model, drift=-model.drift)
    elif wrong == "convexity":  # the logarithm drifts by mu and not by mu - sigma^2 / 2
        model = replace(model, drift=model.drift + model.volatility**2 / 2)
    elif wrong == "compensator":
        model = replace(model, drift=model.drift + model.compensator)
    elif wrong == "volatility":
        model = replace(model, volatility=model.volatility * 1.01)
    elif wrong == "length":  # a year of 360 days
        seconds *= 365 / 360
    elif wrong == "beta":
        model = replace(model, beta=-model.beta)
    found = price(of, RULES, VenueState(), model, halted(Fixed(seconds)), paths=PATHS, seed=11).bad_debt.mean
    assert abs(found.value - expected) > 4 * found.standard_error
    assert closed(of, model, halted(Fixed(seconds))) != pytest.approx(expected, rel=1e-3)


# Two assets that move together, margined together: long 40 of the one against short 1.5 of the other, and others.
CROSS = book(
    [2_000.0, 60_000.0],
    [3_000.0, 4_000.0, 2_500.0],
    [
        perpetual(0, 0, 40.0, 2_010.0), perpetual(0, 1, -1.5, 59_800.0),
        perpetual(1, 0, 25.0, 1_980.0), perpetual(1, 1, 0.6, 60_500.0),
        perpetual(2, 0, -30.0, 2_000.0), perpetual(2, 1, 0.5, 60_000.0),
    ],
)  # fmt: skip
TWO = replace(
    jump_diffusion(("A0", "A1"), (0.9, 0.6), loading=0.8, drift=0.2, own=Jumps(15.0, -0.02, 0.07)),
    beta=np.array([1.2, 0.9]),
)


def dense_cross(of: Book, prices: Floats) -> Floats:
    """(paths,) bad debt at ``prices`` (assets, paths)."""
    out = np.zeros(prices.shape[1])
    for subaccount in range(of.subaccounts):
        equity = np.full(prices.shape[1], of.cash[subaccount])
        for row in np.flatnonzero(of.subaccount == subaccount):
            equity += of.size[row] * (prices[of.asset[row]] - of.entry[row])
        out += np.maximum(-equity, 0.0)
    return out


def cross_by_quadrature(of: Book, model: Model, years: float) -> float:
    """Gauss-Legendre in the first asset, Black and Scholes in the second given the first, over the numbers of jumps."""
    nodes, weights = _normal_grid()
    sigma, loading = model.volatility, model.loading
    covariance = sigma[0] * sigma[1] * loading[0] * loading[1]
    expected = model.common.intensity * years
    total = 0.0
    drift = model.drift - sigma**2 / 2
    drift = drift - model.common.intensity * np.expm1(
        model.beta * model.common.mean + (model.beta * model.common.deviation) ** 2 / 2
    )
    drift = drift - model.own_intensity * np.expm1(model.own_mean + model.own_deviation**2 / 2)
    for common in range(6):
        for own in np.ndindex(4, 4):
            counts = np.array(own)
            share = float(stats.poisson.pmf(common, expected))
            share *= float(np.prod(stats.poisson.pmf(counts, model.own_intensity * years)))
            if share < 1e-10:
                continue
            mean = drift * years + common * model.beta * model.common.mean + counts * model.own_mean
            spread = common * model.common.deviation**2
            variance = sigma**2 * years + model.beta**2 * spread + counts * model.own_deviation**2
            shared = covariance * years + model.beta[0] * model.beta[1] * spread
            x = mean[0] + math.sqrt(variance[0]) * nodes
            given_mean = mean[1] + shared / variance[0] * (x - mean[0])
            given_deviation = math.sqrt(variance[1] - shared**2 / variance[0])
            forward = of.marks[1] * np.exp(given_mean + given_deviation**2 / 2)
            for subaccount in range(of.subaccounts):
                first, second = np.flatnonzero(of.subaccount == subaccount)
                rest = of.cash[subaccount] - of.size[second] * of.entry[second]
                rest = rest + of.size[first] * (of.marks[0] * np.exp(x) - of.entry[first])
                # (-(rest + q S))+ : a put on S for q > 0, a call for q < 0, with strike -rest / q
                q = float(of.size[second])
                strike = -rest / q
                safe = np.maximum(strike, 1e-300)
                d1 = np.log(forward / safe) / given_deviation + given_deviation / 2
                call = forward * stats.norm.cdf(d1) - safe * stats.norm.cdf(d1 - given_deviation)
                call = np.where(strike > 0, call, forward - strike)
                option = call - (forward - strike) if q > 0 else call
                total += share * float(weights @ (abs(q) * option))
    return total


def _normal_grid() -> tuple[Floats, Floats]:
    x, weights = special.roots_legendre(800)
    z = 8.5 * x
    return np.asarray(z), np.asarray(8.5 * weights * stats.norm.pdf(z))


def test_two_assets_margined_together() -> None:
    years = 6_960 / YEAR
    expected = cross_by_quadrature(CROSS, TWO, years)
    # the quadrature, by a plain simulation of its own
    rng = np.random.default_rng(40)
    paths = 1_000_000
    common = rng.poisson(TWO.common.intensity * years, paths)
    jump = common * TWO.common.mean + np.sqrt(common) * TWO.common.deviation * rng.standard_normal(paths)
    factor, logs = rng.standard_normal(paths), []
    for at in range(2):
        own = rng.poisson(TWO.own_intensity[at] * years, paths)
        sigma, loading = TWO.volatility[at], TWO.loading[at]
        compensator = 50.0 * math.expm1(TWO.beta[at] * -0.04 + (TWO.beta[at] * 0.05) ** 2 / 2)
        compensator += 15.0 * math.expm1(-0.02 + 0.07**2 / 2)
        drawn = loading * factor + math.sqrt(1 - loading**2) * rng.standard_normal(paths)
        logs.append(
            (0.2 - sigma**2 / 2 - compensator) * years + sigma * math.sqrt(years) * drawn + TWO.beta[at] * jump
            + own * -0.02 + np.sqrt(own) * 0.07 * rng.standard_normal(paths)
        )  # fmt: skip
    prices = CROSS.marks[:, None] * np.exp(np.array(logs))
    sample = dense_cross(CROSS, prices)
    assert abs(sample.mean() - expected) < 4 * sample.std() / math.sqrt(paths) < 0.06 * expected

    exposure = exposure_of(CROSS)
    order = [CROSS.assets.index(each) for each in exposure.assets]
    debt = exposure.bad_debt(prices[order, :20_000], np.zeros(20_000)).sum(axis=0)
    np.testing.assert_allclose(debt, sample[:20_000], rtol=1e-12, atol=1e-8)

    failure = halted(HALT)
    found = price(CROSS, RULES, VenueState(), TWO, failure, paths=PATHS, seed=14)
    assert sharp(found.bad_debt.mean, expected, 5e-3)
    plain = price(CROSS, RULES, VenueState(), TWO, failure, paths=131_072, seed=15, importance=False)
    assert sharp(plain.bad_debt.mean, expected, 0.05)
    stepped = cascade(
        CROSS, RULES, VenueState(), TWO, failure, liquidity.infinite(CROSS.assets), paths=200_000, step_seconds=1e9,
        horizon_seconds=0.0, seed=16,
    )  # fmt: skip
    assert sharp(stepped.bad_debt.mean, expected, 0.05)
    # a margin that is three percent off, or a correlation of the other sign, is another number
    for other, model in (
        (richer(CROSS, 1.03), TWO),
        (CROSS, replace(TWO, loading=TWO.loading * np.array([1.0, -1.0]))),
    ):
        again = price(other, RULES, VenueState(), model, failure, paths=PATHS, seed=14).bad_debt.mean
        assert abs(again.value - expected) > 4 * again.standard_error


def test_one_position_priced_cross_or_isolated_is_the_same_position() -> None:
    """The general valuation, asked for by a second asset that is hardly there, is the table's."""
    alone = book([2_000.0, 60_000.0], [1_000.0], [perpetual(0, 0, 20.0, 2_000.0)])
    beside = book([2_000.0, 60_000.0], [1_000.0], [perpetual(0, 0, 20.0, 2_000.0), perpetual(0, 1, 1e-12, 60_000.0)])
    assert exposure_of(alone).revalued is None
    assert exposure_of(beside).revalued is not None
    results = [
        price(each, RULES, VenueState(), TWO, halted(LAWS["lognormal"]), paths=65_536, seed=17)
        for each in (alone, beside)
    ]
    one, other = (each.bad_debt.mean for each in results)
    assert abs(one.value - other.value) < 4 * math.hypot(one.standard_error, other.standard_error)
    assert max(one.standard_error, other.standard_error) < 4e-3 * one.value
