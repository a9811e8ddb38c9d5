"""The terminal layer against closed forms, quadrature and plain Monte Carlo that shares no code with it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, optimize, special, stats

from risk.terminal_books import RULES, book, halt, isolated, perpetual, plain_losses
from rollproof.errors import Missing, Unsupported
from rollproof.risk.duration import Duration, Empirical, Exponential, Fixed, Lognormal
from rollproof.risk.estimate import Estimate
from rollproof.risk.failure import (
    AnyFailure,
    BridgeDelay,
    Censorship,
    Halt,
    InvalidState,
    Load,
    Ordering,
    Reorg,
    Resume,
    StaleOracle,
    Throughput,
)
from rollproof.risk.market import YEAR, Jumps, Model, gbm, jump_diffusion
from rollproof.risk.tail import losses_of
from rollproof.risk.terminal import Terminal, price
from rollproof.venue.book import Book, Kind
from rollproof.venue.state import VenueState

MINUTES = 60.0
LONG_TAIL = Lognormal(6_000.0, 1.27)


def run(
    book: Book, model: Model, failure: AnyFailure, *, paths: int = 65_536, seed: int = 1, **more: object
) -> Terminal:
    return price(book, RULES, VenueState.of(book), model, failure, paths=paths, seed=seed, **more)  # type: ignore[arg-type]


def within(estimate: Estimate, expected: float, errors: float = 4.0) -> bool:
    """And an error that says something."""
    return abs(estimate.value - expected) < errors * estimate.standard_error < 0.05 * abs(expected)


# P(equity < 0) and expected bad debt of a unit of notional after 116 minutes, volatility 0.8, margin 2.5 %: Black and
# Scholes (1973); Merton (1976) with 50 jumps a year of mean -4 % and deviation 5 % in the logarithm.
@pytest.mark.parametrize(
    ("jumps", "probability", "bad_debt"),
    [(Jumps(0.0, 0.0, 0.0), 1.682135e-2, 6.979196e-5), (Jumps(50.0, -0.04, 0.05), 2.193467e-2, 3.585208e-4)],
    ids=["diffusion", "jumps"],
)
def test_one_position_after_a_halt_is_a_put(jumps: Jumps, probability: float, bad_debt: float) -> None:
    model = jump_diffusion(("A0",), 0.8, common=jumps)
    result = run(isolated([1.0], [(0, 1.0, 0.025)]), model, halt(116 * MINUTES), paths=262_144)
    assert within(result.bad_debt.probability, probability)
    assert within(result.bad_debt.mean, bad_debt)
    assert result.bad_debt is result.loss
    assert result.taken is None


class Law:
    """The law of one asset's price when the failure ends, by series and quadrature over the duration."""

    def __init__(self, duration: Duration, volatility: float, jumps: Jumps) -> None:
        if isinstance(duration, Fixed):
            self.years, self.weights = np.array([duration.seconds / YEAR]), np.array([1.0])
        elif isinstance(duration, Empirical):
            self.years = np.array(duration.seconds) / YEAR
            self.weights = np.full(len(self.years), 1 / len(self.years))
        else:
            nodes, weights = special.roots_legendre(400)
            scores = 9 * nodes
            self.weights = 9 * weights * stats.norm.pdf(scores)
            self.years = duration.quantile(np.clip(stats.norm.cdf(scores), 0, 1 - 1e-16)) / YEAR
        numbers = np.arange(200)
        expected = jumps.intensity * self.years[:, None]
        self.weights = (self.weights[:, None] * stats.poisson.pmf(numbers, expected)).ravel()
        variance = volatility**2 * self.years[:, None] + numbers * jumps.deviation**2
        compensator = jumps.intensity * math.expm1(jumps.mean + jumps.deviation**2 / 2)
        self.mean = ((-(volatility**2) / 2 - compensator) * self.years[:, None] + numbers * jumps.mean).ravel()
        self.deviation = np.sqrt(variance).ravel()

    def below(self, at: float) -> float:
        return float(self.weights @ stats.norm.cdf((math.log(at) - self.mean) / self.deviation))

    def put(self, strike: float) -> float:
        """E[(strike - S)+]."""
        d2 = (math.log(strike) - self.mean) / self.deviation
        forward = np.exp(self.mean + self.deviation**2 / 2)
        return float(self.weights @ (strike * stats.norm.cdf(d2) - forward * stats.norm.cdf(d2 - self.deviation)))

    def call(self, strike: float) -> float:
        """E[(S - strike)+], by parity with the martingale's mean of 1."""
        return 1.0 - strike + self.put(strike)

    def shortfall(self, side: int, margin: float, level: float) -> float:
        """Of a position of one unit: the loss is monotone in the price, so its tail is the price's."""
        if side > 0:
            quantile = optimize.brentq(lambda at: self.below(at) - (1 - level), 1e-3, 1.0, xtol=1e-14)
            bankrupt = 1 - margin
            edge = min(quantile, bankrupt)
            return self.put(edge) / (1 - level) + max(bankrupt - quantile, 0.0)
        quantile = optimize.brentq(lambda at: self.below(at) - level, 1.0, 50.0, xtol=1e-14)
        bankrupt = 1 + margin
        return self.call(max(quantile, bankrupt)) / (1 - level) + max(quantile - bankrupt, 0.0)


@pytest.mark.parametrize(
    "duration",
    [Fixed(2_000.0), Exponential(6_000.0), LONG_TAIL, Empirical((780.0, 7_200.0, 40_800.0))],
    ids=["fixed", "exponential", "lognormal", "empirical"],
)
@pytest.mark.parametrize(("side", "margin"), [(1, 0.05), (-1, 0.05), (1, 0.4)], ids=["long", "short", "rarely"])
def test_shortfalls_of_one_asset_by_quadrature(duration: Duration, side: int, margin: float) -> None:
    jumps = Jumps(50.0, -0.04, 0.05)
    law = Law(duration, 0.8, jumps)
    result = run(isolated([3.0], [(0, side * 1.0, margin)]), jump_diffusion(("A0",), 0.8, common=jumps),
                 Halt(intensity_per_year=1.0, duration=duration))  # fmt: skip
    for tail in result.bad_debt.tails:
        assert within(tail.es, law.shortfall(side, margin, tail.level)), tail
    assert within(result.bad_debt.mean, law.put(1 - margin) if side > 0 else law.call(1 + margin))
    assert abs(result.mean_weight.value - 1) < 5 * result.mean_weight.standard_error


def test_the_quadrature_is_right() -> None:
    """The put by integration of the density, at one node."""
    law = Law(Fixed(116 * MINUTES), 0.8, Jumps(50.0, -0.04, 0.05))
    assert law.put(0.975) == pytest.approx(3.585208e-4, rel=1e-6)
    assert law.below(0.975) == pytest.approx(2.193467e-2, rel=1e-6)
    integral, _ = integrate.quad(law.below, 1e-6, 0.975, limit=200)  # E[(K - S)+] is the integral of P(S < x)
    assert integral == pytest.approx(3.585208e-4, rel=1e-5)


def test_a_loss_of_fourteen_deviations_is_found() -> None:
    """Diffusion alone, ten minutes, five per cent of margin: worth 1e-52, which no plain path will ever see."""
    result = run(isolated([1.0], [(0, 1.0, 0.05)]), gbm(("A0",), 0.8), halt(600.0))
    expected = Law(Fixed(600.0), 0.8, Jumps(0.0, 0.0, 0.0)).put(0.95)
    assert 1e-53 < expected < 1e-52
    error = result.bad_debt.mean.standard_error
    assert abs(result.bad_debt.mean.value - expected) < 4 * error < 0.2 * expected


def test_an_asset_that_jumps_alone_is_found_among_others() -> None:
    """Eight assets with positions that are far from harm, and one short that a jump of its own asset ruins."""
    positions = [(each, 1.0, 0.9) for each in range(8)] + [(5, -1.0, 0.3)]
    model = jump_diffusion([f"A{each}" for each in range(8)], 0.3, loading=0.2, common=Jumps(0.0, 0.0, 0.0),
                           own=Jumps(4.0, 0.2, 0.2))  # fmt: skip
    result = run(isolated([1.0] * 8, positions), model, halt(3_600.0))
    law = Law(Fixed(3_600.0), 0.3, Jumps(4.0, 0.2, 0.2))
    assert law.call(1.3) < 1e-4  # one hour in two thousand has such a jump
    assert within(result.bad_debt.mean, law.call(1.3))
    assert within(result.bad_debt.tails[2].es, law.shortfall(-1, 0.3, 0.999))
    assert result.by_asset["A5"].value == pytest.approx(result.bad_debt.tails[2].es.value, rel=1e-3)
    assert result.bad_debt.effective_paths > 100 * result.bad_debt.paths


DIVERSE = isolated(
    [1.0, 20.0, 3_000.0, 0.05],
    [(0, 5.0, 0.03), (0, -4.0, 0.05), (1, 9.0, 0.1), (1, -6.0, 0.04), (2, 20.0, 0.02), (2, -10.0, 0.3), (3, 3.0, 0.05),
     (3, -8.0, 0.15), (2, 4.0, 0.08), (1, 1.0, 0.5)],
)  # fmt: skip
JUMPY = jump_diffusion(DIVERSE.assets, (0.6, 0.8, 1.0, 1.4), loading=0.6, own=Jumps(20.0, 0.05, 0.1))
STRESS = Load(probability=0.3, volatility_multiplier=2.5, jump_multiplier=4.0)


@pytest.mark.parametrize(
    "failure",
    [
        Halt(intensity_per_year=1.0, duration=LONG_TAIL),
        Halt(intensity_per_year=1.0, duration=LONG_TAIL, load=STRESS),
        Halt(intensity_per_year=1.0, duration=Exponential(3_600.0), resume=Resume(grace_seconds=1_800.0)),
        Halt(intensity_per_year=1.0, duration=Exponential(3_600.0), load=STRESS,
             resume=Resume(grace_seconds=3_600.0, top_up_probability=0.6)),
        Reorg(intensity_per_year=1.0, duration=Empirical((600.0, 1_200.0, 3_600.0))),
        StaleOracle(intensity_per_year=1.0, duration=Exponential(1_200.0), share=0.4, fee=0.001),
        StaleOracle(intensity_per_year=1.0, duration=Exponential(1_200.0), share=0.4, fee=0.001,
                    resume=Resume(grace_seconds=1_800.0)),
    ],
    ids=["halt", "stressed", "grace", "top-up", "reorg", "stale", "stale and grace"],
)  # fmt: skip
def test_importance_sampling_agrees_with_plain_monte_carlo(failure: AnyFailure) -> None:
    plain = losses_of(plain_losses(DIVERSE, JUMPY, failure, 12_000, seed=8), seed=8, method="plain")
    ours = run(DIVERSE, JUMPY, failure)
    assert ours.components > 3
    pairs = [(one.es, other.es) for one, other in zip(ours.loss.tails, plain.tails, strict=True)]
    pairs += [(one.var, other.var) for one, other in zip(ours.loss.tails, plain.tails, strict=True)]
    for one, other in [*pairs, (ours.loss.mean, plain.mean), (ours.loss.probability, plain.probability)]:
        assert abs(one.value - other.value) <= 4 * math.hypot(one.standard_error, other.standard_error)
    assert ours.loss.tails[2].es.standard_error < plain.tails[2].es.standard_error / 8
    assert sum(each.value for each in ours.by_asset.values()) == pytest.approx(ours.loss.tails[2].es.value, rel=1e-9)


# E[(S / S0 - 1 - fee)+] in basis points, Black and Scholes with volatility 0.8.
@pytest.mark.parametrize(
    ("seconds", "fee", "call"),
    [(60.0, 0.0, 4.4022), (60.0, 0.0005, 2.3476), (1_200.0, 0.0005, 17.2932), (3_600.0, 0.0005, 31.6662)],
)
def test_a_stale_price_is_worth_a_call_and_a_put(seconds: float, fee: float, call: float) -> None:
    book = isolated([10.0], [(0, 1e4, 5.0), (0, -1e4, 5.0)])
    failure = StaleOracle(intensity_per_year=1.0, duration=Fixed(seconds), share=0.25, fee=fee)
    result = run(book, gbm(("A0",), 0.8), failure)
    deviation = 0.8 * math.sqrt(seconds / YEAR)
    d1 = -math.log1p(-fee) / deviation + deviation / 2
    put = ((1 - fee) * stats.norm.cdf(deviation - d1) - stats.norm.cdf(-d1)) * 1e4
    assert result.taken is not None
    assert abs(result.taken.mean.value - 0.25 * (call + put)) < 4 * result.taken.mean.standard_error + 0.25 * 5e-5
    assert result.bad_debt.mean.value == 0
    assert result.loss.mean == result.taken.mean


def test_wrong_balances_that_leave_are_part_of_the_loss() -> None:
    """Half of a tenth of 100 and of 2 units at 10 leaves: by hand; then the bad debt of a halt as long."""
    held = book([10.0], [100.0, 5.0], [(0, 0, Kind.COLLATERAL, 2.0, 0, 0, 0, 0), perpetual(1, 0, 10.0, 10.0)])
    model = jump_diffusion(("A0",), 0.8)
    failure = InvalidState(intensity_per_year=1.0, duration=Fixed(3_600.0), balance_error=0.1, withdrawn=0.5)
    result = run(held, model, failure)
    assert result.taken is not None
    assert within(result.taken.mean, 0.05 * (105.0 + 20.0))  # the price is a martingale
    alone = run(held, model, halt(3_600.0))
    assert abs(result.bad_debt.mean.value - alone.bad_debt.mean.value) < 4 * math.hypot(
        result.bad_debt.mean.standard_error, alone.bad_debt.mean.standard_error
    )
    all_of_it = InvalidState(intensity_per_year=1.0, duration=Fixed(3_600.0), balance_error=9.0, withdrawn=1.0)
    assert within(run(held, model, all_of_it).taken.mean, 125.0)  # type: ignore[union-attr]
    too_low = InvalidState(intensity_per_year=1.0, duration=Fixed(3_600.0), balance_error=-0.1, withdrawn=1.0)
    assert run(held, model, too_low).taken is None


def _drawn_book(seed: int, weights: list[float], long: float, spread: float) -> Book:
    drawn = np.random.default_rng(seed)
    share = np.array(weights) / sum(weights)
    rows = [
        (int(drawn.choice(20, p=share)), float(drawn.lognormal(0.0, spread)) * (1 if drawn.random() < long else -1),
         1 / float(drawn.uniform(3.0, 30.0)))
        for _ in range(1_000)
    ]  # fmt: skip
    return isolated(np.exp(drawn.normal(2.0, 2.0, 20)).tolist(), rows)


@pytest.mark.parametrize(
    ("book", "own"),
    [
        (_drawn_book(1, [1 / (each + 1) for each in range(20)], 0.7, 1.5), Jumps(0.0, 0.0, 0.0)),
        (_drawn_book(2, [30.0, 10.0, 5.0] + [0.3] * 17, 0.1, 2.2), Jumps(30.0, 0.08, 0.15)),
    ],
    ids=["diversified, long", "concentrated, short"],
)
def test_a_path_is_worth_hundreds_of_plain_ones(book: Book, own: Jumps) -> None:
    """Of two very different books, with nothing set for either."""
    result = run(book, jump_diffusion(book.assets, 0.9, loading=0.6, own=own),
                 Halt(intensity_per_year=1.0, duration=LONG_TAIL), paths=65_536)  # fmt: skip
    assert result.bad_debt.effective_paths > 300 * result.bad_debt.paths
    assert result.bad_debt.tails[2].es.standard_error < 0.003 * result.bad_debt.tails[2].es.value
    assert 3 < result.components <= 17


def test_top_ups_that_always_happen_leave_who_was_bankrupt_already() -> None:
    """A halt with certain top-ups in a grace period of a second costs what it costs without any grace period."""
    model = jump_diffusion(("A0",), 0.8)
    book = isolated([1.0], [(0, 1.0, 0.03), (0, -1.0, 0.03)])
    topped = Halt(
        intensity_per_year=1.0, duration=Fixed(7_200.0), resume=Resume(grace_seconds=1.0, top_up_probability=1.0)
    )
    one, other = run(book, model, topped), run(book, model, halt(7_200.0))
    assert one.bad_debt.tails[2].es.value == pytest.approx(other.bad_debt.tails[2].es.value, rel=0.01)
    longer = Halt(
        intensity_per_year=1.0, duration=Fixed(1.0), resume=Resume(grace_seconds=7_200.0, top_up_probability=1.0)
    )
    assert run(book, model, longer).bad_debt.mean.value < 1e-3 * other.bad_debt.mean.value


def test_a_seed_gives_the_same_bits_whoever_computes() -> None:
    failure = Halt(intensity_per_year=1.0, duration=LONG_TAIL, load=STRESS)
    results = [run(DIVERSE, JUMPY, failure, paths=8_192, workers=workers) for workers in (1, 2, 5)]
    first = results[0]
    for other in results[1:]:
        assert other.loss.tails == first.loss.tails
        assert other.loss.mean == first.loss.mean
        assert other.worst == first.worst
        assert other.by_asset == first.by_asset
    assert run(DIVERSE, JUMPY, failure, paths=8_192, seed=2).loss.mean != first.loss.mean


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["processes", "ray"])
def test_other_engines_give_the_same_bits(engine: str) -> None:
    if engine == "ray":
        pytest.importorskip("ray")
    failure = Halt(intensity_per_year=1.0, duration=LONG_TAIL)
    one, other = (run(DIVERSE, JUMPY, failure, paths=8_192, engine=each, workers=2) for each in ("threads", engine))
    assert one.loss.tails == other.loss.tails
    assert one.binding == other.binding


def test_a_proposal_given_again_is_the_same_random_numbers() -> None:
    failure = Halt(intensity_per_year=1.0, duration=LONG_TAIL)
    first = run(DIVERSE, JUMPY, failure, paths=16_384)
    again = run(DIVERSE, JUMPY, failure, paths=16_384, proposal=first.proposal)
    assert again.pilot_paths == 0
    assert again.loss.tails == first.loss.tails
    # A percent more margin: far less noise in the difference than in either
    richer = isolated(DIVERSE.marks.tolist(), [
        (int(asset), float(size * entry), float(cash / abs(size * entry)) + 0.01)
        for asset, size, entry, cash in zip(DIVERSE.asset, DIVERSE.size, DIVERSE.entry, DIVERSE.cash, strict=True)
    ])  # fmt: skip
    differences = []
    for seed in range(6):
        results = [
            run(each, JUMPY, failure, paths=16_384, seed=seed, proposal=first.proposal) for each in (DIVERSE, richer)
        ]
        differences.append(results[0].loss.tails[2].es.value - results[1].loss.tails[2].es.value)
    assert min(differences) > 0
    assert np.std(differences) < first.loss.tails[2].es.standard_error / 2


@pytest.mark.parametrize(
    "load", [Load(), STRESS, Load(probability=1.0, volatility_multiplier=2.0)], ids=["calm", "either", "hard"]
)
@pytest.mark.parametrize("top_up", [0.0, 0.5])
def test_a_proposal_of_another_failure_gives_no_other_answer(load: Load, top_up: float) -> None:
    """Found for a stressed halt with top-ups; used without stress, with nothing but stress, with one stage."""
    given = run(DIVERSE, JUMPY, Halt(intensity_per_year=1.0, duration=Exponential(7_200.0), load=STRESS,
                resume=Resume(grace_seconds=1_800.0, top_up_probability=0.3)), paths=16_384).proposal  # fmt: skip
    failure = Halt(intensity_per_year=1.0, duration=LONG_TAIL, load=load,
                   resume=Resume(grace_seconds=3_600.0, top_up_probability=top_up))  # fmt: skip
    own, other = run(DIVERSE, JUMPY, failure), run(DIVERSE, JUMPY, failure, proposal=given)
    assert other.pilot_paths == 0
    assert abs(other.mean_weight.value - 1) < 5 * other.mean_weight.standard_error
    for one, two in zip(own.loss.tails, other.loss.tails, strict=True):
        assert abs(one.es.value - two.es.value) < 4 * math.hypot(one.es.standard_error, two.es.standard_error)


def test_a_proposal_for_other_assets_is_not_used() -> None:
    given = run(isolated([1.0], [(0, 1.0, 0.05)]), jump_diffusion(("A0",)), halt(600.0), paths=4_096).proposal
    assert run(DIVERSE, JUMPY, halt(600.0), paths=4_096, proposal=given).pilot_paths > 0


def test_scenarios_say_what_happened() -> None:
    result = run(DIVERSE, JUMPY, Halt(intensity_per_year=1.0, duration=LONG_TAIL))
    assert set(result.binding) == {0.975, 0.99, 0.999}
    for tail in result.loss.tails:
        assert result.binding[tail.level].loss == pytest.approx(tail.var.value, rel=1e-2)
    for event in [*result.binding.values(), *result.worst]:
        prices = DIVERSE.marks * [1 + event.moves[asset] for asset in DIVERSE.assets]
        assert np.maximum(-DIVERSE.equity(prices), 0).sum() == pytest.approx(event.loss, rel=1e-9)
        assert event.seconds > 0
    losses = [event.loss for event in result.worst]
    assert losses == sorted(losses, reverse=True)
    assert np.mean(losses) == pytest.approx(result.loss.tails[2].es.value, rel=0.1)


def test_nothing_to_lose_is_said() -> None:
    result = run(isolated([1.0], [(0, 1.0, 2.0)]), jump_diffusion(("A0",)), halt(60.0))
    assert result.loss.mean.value == 0
    assert result.loss.probability.high > 0
    assert any("none of the pilot's 8,192 paths lost anything" in note for note in result.notes)
    assert result.components == 1


def test_what_is_owed_already_is_counted_on_every_path() -> None:
    owing = book([10.0], [-7.0, 100.0], [perpetual(1, 0, 1.0, 10.0)])
    result = run(owing, jump_diffusion(("A0",)), halt(600.0))
    assert result.loss.mean.value == pytest.approx(7.0, abs=0.02)
    assert result.by_asset["owed already"].value == pytest.approx(7.0, rel=1e-6)
    assert result.loss.tails[0].var.value == 7.0


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (Throughput(intensity_per_year=1.0, duration=Fixed(60.0), notional_per_second=1.0), "throughput"),
        (BridgeDelay(intensity_per_year=1.0, duration=Fixed(60.0)), "bridge-delay"),
        (Censorship(intensity_per_year=1.0, duration=Fixed(60.0)), "censorship"),
        (Ordering(intensity_per_year=1.0, duration=Fixed(60.0), slippage=0.01), "ordering"),
    ],
)
def test_kinds_that_terminal_prices_do_not_determine_are_refused_by_name(failure: AnyFailure, kind: str) -> None:
    with pytest.raises(Unsupported, match=f"a {kind} failure .* cascade"):
        run(DIVERSE, JUMPY, failure)


def test_an_asset_that_the_model_has_not_is_named() -> None:
    with pytest.raises(Missing, match="no A2, A3"):
        run(DIVERSE, jump_diffusion(("A0", "A1")), halt(60.0))


def test_one_replicate_has_no_interval() -> None:
    with pytest.raises(ValueError, match="two replicates"):
        run(DIVERSE, JUMPY, halt(60.0), replicates=1)
