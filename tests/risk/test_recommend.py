"""Recommenders against closed forms, and re-priced: the value keeps the budget and what is just beyond breaks it."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import gamma, norm, poisson

from rollproof.errors import Malformed, Missing, Unsupported
from rollproof.risk import recommend
from rollproof.risk.annual import Severity, annual
from rollproof.risk.closed.log_price import log_price
from rollproof.risk.duration import Exponential, Fixed, Lognormal
from rollproof.risk.failure import AnyFailure, Censorship, Halt, InvalidState, Resume, StaleOracle, Throughput
from rollproof.risk.liquidity import illustrative
from rollproof.risk.market import YEAR, Model, gbm, jump_diffusion
from rollproof.risk.plain import plain
from rollproof.risk.recommend import (
    grace_period,
    insurance_fund,
    leverage,
    maintenance_margin,
    open_interest,
    oracle_staleness,
    price_band,
    throttle,
)
from rollproof.risk.recommend.question import Question
from rollproof.risk.recommend.result import Recommendation
from rollproof.risk.recommend.shortfall import Stepped, Terminal
from rollproof.risk.settings import Settings
from rollproof.venue import positions
from rollproof.venue.book import Book
from rollproof.venue.rules import registry
from rollproof.venue.rules.rules import LinearRules
from rollproof.venue.state import VenueState

BASE = 116 * 60.0  # seconds
SMALL = Settings(paths=8_192, replicates=8, cascade_paths=512, variant_paths=0, workers=2)
HALT = Halt(intensity_per_year=0.5, duration=Lognormal(6_012.0, 1.27))


def one(size: float = 10.0, margin: float = 25_000.0) -> Book:
    """One position of BTC at 100,000: a notional of a million for a size of 10."""
    header = "account,asset,kind,size,entry_price,margin,mode,mark_price"
    return positions.read(f"{header}\na,BTC,perpetual,{size},100000,{margin},isolated,100000\n".encode())


def asked(
    failure: AnyFailure = HALT,
    *,
    book: Book | None = None,
    budget: float = 100_000.0,
    level: float = 0.999,
    model: Model | None = None,
    settings: Settings = SMALL,
    rules: str = "gmx",
    state: VenueState | None = None,
) -> Question:
    book = positions.example() if book is None else book
    model = jump_diffusion(book.assets) if model is None else model
    return Question(
        book, registry.load(rules), state or VenueState.of(book), model, failure, illustrative(book.assets),
        budget=budget, level=level, settings=settings,
    )  # fmt: skip


def no_grace(question: Question) -> Question:
    """GMX has five minutes after an outage: a closed form of the outage alone has none."""
    return replace(question, rules=grace_period.without_grace(question.rules))


def keeps_and_breaks(found: Recommendation, *, largest: bool) -> None:
    """The value keeps the budget, and the next one that was priced on the lax side does not."""
    assert found.value is not None
    assert found.loss is not None
    assert found.loss.value <= found.budget
    beyond = [loss for value, loss, *_ in found.curve if (value > found.value if largest else value < found.value)]
    assert (beyond[0] if largest else beyond[-1]) > found.budget


# maximum leverage


@pytest.mark.parametrize("level", [0.99, 0.999])
def test_leverage_of_one_position_under_gbm_is_the_closed_form(level: float) -> None:
    """At the margin 1 - exp(nu T + sigma sqrt(T) z) (O4) the shortfall is put / (1 - level), by Black and Scholes."""
    years, sigma = BASE / YEAR, 0.8
    deviation = sigma * years**0.5
    strike = float(np.exp(-(sigma**2) * years / 2 + deviation * norm.ppf(1 - level)))
    d1 = -np.log(strike) / deviation + deviation / 2
    put = strike * norm.cdf(deviation - d1) - norm.cdf(-d1)
    question = asked(
        Halt(intensity_per_year=1.0, duration=Fixed(BASE)), book=one(), model=gbm(("BTC",), sigma), level=level,
        budget=float(1e6 * put / (1 - level)),
    )  # fmt: skip
    found = leverage.maximum_leverage(no_grace(question))
    assert found.value == pytest.approx(1 / (1 - strike), rel=2e-3)
    assert found.interval is not None
    assert found.interval[0] <= 1 / (1 - strike) <= found.interval[1] * (1 + 1e-3)
    assert found.checks["BTC long"] == pytest.approx(1 / (1 - strike), rel=1e-9)


def test_leverage_re_priced_keeps_the_budget_and_just_beyond_breaks_it() -> None:
    question = asked()
    found = leverage.maximum_leverage(question)
    keeps_and_breaks(found, largest=True)
    assert (found.monotone, found.monotone_paths, found.method) == (True, 1.0, "bisection")
    assert found.value is not None
    price = Terminal(question)
    price(question.book)  # the same pilot
    assert price(leverage.capped(question.book, found.value)).loss == found.loss
    assert price(leverage.capped(question.book, found.value * 1.003)).loss.value > question.budget
    after = leverage.leverage(leverage.capped(question.book, found.value))
    assert after.max() == pytest.approx(found.value)
    assert found.current_loss is not None
    assert found.current_loss.value > question.budget
    assert len(found.binding) == 3
    assert set(found.binding[0].moves) == {"BTC", "ETH", "SOL"}


@pytest.mark.slow
def test_other_truths_widen_the_interval_of_leverage() -> None:
    found = leverage.maximum_leverage(asked(settings=replace(SMALL, variant_paths=1)))
    assert {each.kind for each in found.variants} == {"law", "market"}
    assert found.variants_interval is not None
    assert found.interval is not None
    assert found.variants_interval[0] < found.interval[0] < found.interval[1] < found.variants_interval[1]
    calmer, wilder = (next(each for each in found.variants if name in each.name) for name in ("y x 0.6", "y x 1.5"))
    assert calmer.value is not None
    assert wilder.value is not None
    assert calmer.value > wilder.value


def test_a_budget_that_does_not_bind_needs_no_cap() -> None:
    found = leverage.maximum_leverage(asked(budget=1e9))
    assert found.value == pytest.approx(float(leverage.leverage(positions.example()).max()))
    assert any("does not bind" in each for each in found.notes)


def test_a_short_position_cannot_be_made_safe_from_every_rise() -> None:
    """A short at leverage 1 owes what a price adds beyond double: with a wide law, more than no budget at all."""
    question = asked(
        Halt(intensity_per_year=1.0, duration=Fixed(30 * 86_400.0)), book=one(-10.0), model=gbm(("BTC",), 2.0),
        budget=1.0,
    )  # fmt: skip
    found = leverage.maximum_leverage(question)
    assert found.value is None
    assert found.loss is None
    assert found.best is not None
    assert found.best.value == 1.0
    assert "maximum-leverage: no value from 1 to 40" in found.refused
    assert "within 1 USD; the best is 1, with" in found.refused
    assert found.notes[0] == found.refused


# maintenance margin


@pytest.mark.slow
def test_maintenance_margin_re_priced_keeps_the_budget() -> None:
    question = asked(settings=replace(SMALL, cascade_paths=4_096))
    found = maintenance_margin.maintenance_margin(question)
    keeps_and_breaks(found, largest=False)
    assert found.value is not None
    assert isinstance(question.rules, LinearRules)
    raised = maintenance_margin.with_maintenance(question.rules, found.value)
    book = maintenance_margin.standing(question.book, raised, question.state)
    assert Stepped(question)(book, rules=raised).loss == found.loss
    assert found.details["rates"]["BTC"] == pytest.approx(found.value * found.details["rates_now"]["BTC"])
    assert found.details["closed_before"] > 0
    assert any("in a halt nobody is liquidated" in each for each in found.notes)


def test_raised_rules_ask_for_so_much_more_and_nothing_else() -> None:
    book, rules = positions.example(), registry.load("hyperliquid")
    assert isinstance(rules, LinearRules)
    state = VenueState.of(book)
    twice = maintenance_margin.with_maintenance(rules, 2.0)
    assert np.allclose(twice.maintenance(book, book.marks, state), 2 * rules.maintenance(book, book.marks, state))
    assert np.array_equal(twice.initial(book, book.marks, state), rules.initial(book, book.marks, state))
    assert twice.liquidation == rules.liquidation
    assert twice.family == rules.family


def test_who_is_under_water_stays_whatever_the_margin_is() -> None:
    book = one(10.0, 25_000.0).at(np.array([97_000.0]))  # equity -5,000
    rules = registry.load("gmx")
    standing = maintenance_margin.standing(book, rules, VenueState.of(book))
    assert standing.size.tolist() == book.size.tolist()
    closed = maintenance_margin.standing(book.at(np.array([97_600.0])), rules, VenueState.of(book))  # equity 1,000
    assert closed.size.tolist() == [0.0]
    assert closed.cash.tolist() == pytest.approx([1_000.0])


def test_scenario_margins_have_no_maintenance_multiple() -> None:
    book = positions.example("options")
    with pytest.raises(Unsupported, match=r"maintenance-margin: derive-pm"):
        maintenance_margin.maintenance_margin(asked(book=book, rules="derive-pm"))


# insurance fund


def test_fund_of_exponential_losses_is_the_compound_poisson_quantile() -> None:
    """Sum of Poisson(1.5) exponentials of mean 1: tails are Poisson weights times gamma tails."""
    count, often, level = 400_000, 1.5, 0.99
    losses = -np.log1p(-(np.arange(count) + 0.5) / count)
    law = annual([Severity(often, losses, np.full(count, 1 / count))])

    counts = np.arange(1, 60)

    def tail(x: float) -> float:
        return float(poisson.pmf(counts, often) @ gamma.sf(x, counts))

    low, high = 0.0, 50.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if tail(middle) > 1 - level else (low, middle)
    shortfall = low + quad(tail, low, 80.0)[0] / (1 - level)
    assert insurance_fund.uncovered(law, 0.0, level) == pytest.approx(shortfall, rel=2e-3)
    assert insurance_fund.uncovered(law, 4.0, level) == pytest.approx(shortfall - 4.0, rel=2e-3)
    beyond = low + 3.0  # a fund beyond the value at risk: E[(L - F)+] / (1 - level)
    assert insurance_fund.uncovered(law, beyond, level) == pytest.approx(
        quad(tail, beyond, 80)[0] / (1 - level), rel=5e-3
    )


def test_fund_and_budget_are_the_year_s_shortfall_where_the_fund_is_below_the_value_at_risk() -> None:
    question = asked(budget=150_000.0)
    found = insurance_fund.insurance_fund(question)
    keeps_and_breaks(found, largest=False)
    assert found.value is not None
    assert found.period == "year"
    assert found.value < found.checks["value at risk of a year"]
    assert found.value + question.budget == pytest.approx(found.checks["expected shortfall of a year"], rel=1e-3)
    assert found.interval is not None
    assert found.interval[0] <= found.value <= found.interval[1]


def test_a_year_without_failures_needs_no_fund() -> None:
    found = insurance_fund.insurance_fund(asked(msgspec.structs.replace(HALT, intensity_per_year=0.0)))
    assert found.value == 0.0


# open interest


def test_bad_debt_is_proportional_to_the_book_so_the_cap_is_a_quotient() -> None:
    question = asked()
    found = open_interest.open_interest_cap(question)
    keeps_and_breaks(found, largest=True)
    assert found.current_loss is not None
    total = question.book.open_interest_value
    assert found.value == pytest.approx(total * question.budget / found.current_loss.value, rel=2e-3)
    assert found.checks["shortfall of half the book, of the whole"] == pytest.approx(0.5, rel=1e-9)
    uniform = found.details["uniform_by_asset"]
    assert found.value is not None
    assert sum(
        uniform[asset] * mark for asset, mark in zip(question.book.assets, question.book.marks, strict=True)
    ) == (pytest.approx(found.value))


def test_caps_by_asset_keep_the_budget_together() -> None:
    question = asked()
    found = open_interest.open_interest_cap(question)
    caps = np.array([found.details["by_asset"][asset] for asset in question.book.assets])
    price = Terminal(question)
    price(question.book)
    again = price(open_interest.scaled(question.book, caps / question.book.open_interest)).loss.value
    assert again <= question.budget * (1 + 1e-6)
    assert again == pytest.approx(question.budget, rel=0.02)
    part = open_interest.contributions(question, price, price(question.book).loss.value)
    dear = part / (question.book.open_interest * question.book.marks)
    assert np.argsort(-dear).tolist() == np.argsort(caps / question.book.open_interest).tolist()


def test_a_scaled_book_keeps_everybody_s_leverage() -> None:
    book = positions.example()
    smaller = open_interest.scaled(book, 0.25)
    assert smaller.open_interest_value == pytest.approx(book.open_interest_value / 4)
    assert np.allclose(leverage.leverage(smaller), leverage.leverage(book))


# grace period


def test_grace_period_is_a_trade_off_and_searched_as_one() -> None:
    question = asked(
        msgspec.structs.replace(HALT, resume=Resume(grace_seconds=600.0, top_up_probability=0.5)), budget=1e9
    )
    found = grace_period.grace_period(question)
    assert found.value is not None
    assert found.method.startswith("bounded search")
    assert found.details["mean_seconds_to_top_up"] == pytest.approx(600 / np.log(2))  # half answer in 600 s
    table = found.details["trade_off"]
    assert [row["seconds"] for row in table] == [0.0, 900.0, 1_800.0, 3_600.0, 7_200.0]
    assert table[0]["loss"] == table[0]["loss_without_top_ups"]
    assert found.loss is not None
    assert found.loss.value == min(loss for _, loss, *_ in found.curve)
    assert found.current_value == 600.0


# price band


def test_price_band_keeps_the_budget_and_a_wider_one_breaks_it() -> None:
    question = asked()
    found = price_band.price_band(question)
    keeps_and_breaks(found, largest=True)
    assert found.monotone_paths == 1.0
    assert found.value is not None
    assert found.details["false_triggers_a_year"] == pytest.approx((1 - found.value) * YEAR / 3_600)
    assert found.current_loss is not None
    # without a band the loss is that of the terminal layer, by other paths
    calm = Terminal(no_grace(question))(question.book).loss
    apart = abs(found.current_loss.value - calm.value)
    assert apart < 5 * (found.current_loss.standard_error + calm.standard_error)


def test_band_under_gbm_is_the_lognormal_quantile() -> None:
    model = gbm(("BTC",), 0.8)
    found = price_band.price_band(asked(book=one(), model=model, budget=3_000.0))
    assert found.value is not None
    reach, deviation = norm.ppf((1 + found.value) / 2), 0.8 * (3_600 / YEAR) ** 0.5
    low, high = np.exp(-(deviation**2) / 2 - reach * deviation) - 1, np.exp(-(deviation**2) / 2 + reach * deviation) - 1
    assert found.details["bands"]["BTC"] == pytest.approx([low, high], rel=1e-6)
    # the dearest realised loss is what the lower edge costs, and the shortfall is no more
    assert found.loss is not None
    assert found.loss.value <= 1e6 * -low - 25_000


# order throttle


def test_pair_shortfall_is_what_quadrature_of_the_two_payoffs_gives() -> None:
    """One asset, GBM: expected shortfall by integrating the sorted loss, without options formulas."""
    sigma, years, margin, level = 0.8, 8 * 3_600 / YEAR, 0.02, 0.99
    law = log_price(sigma, years)
    z = norm.ppf((np.arange(2_000_000) + 0.5) / 2_000_000)
    price = np.exp(-(sigma**2) * years / 2 + sigma * years**0.5 * z)
    loss = np.sort(np.maximum(1 - margin - price, 0) + np.maximum(price - 1 - margin, 0))
    assert throttle.pair_shortfall(law, margin, level) == pytest.approx(float(loss[-20_000:].mean()), rel=1e-4)
    rare = throttle.pair_shortfall(law, 0.09, level)  # fewer than 1 % of paths lose

    def owed(z: float) -> float:
        price = float(np.exp(-(sigma**2) * years / 2 + sigma * years**0.5 * z))
        return (max(0.91 - price, 0.0) + max(price - 1.09, 0.0)) * float(norm.pdf(z))

    edges = [(np.log(k) + sigma**2 * years / 2) / (sigma * years**0.5) for k in (0.91, 1.09)]
    expected = quad(owed, -12, edges[0])[0] + quad(owed, edges[1], 12)[0]
    assert rare == pytest.approx(expected / (1 - level), rel=1e-6)


def test_a_book_at_the_cap_of_one_asset_costs_the_budget() -> None:
    question = no_grace(asked(book=one(), budget=50_000.0))
    found = throttle.order_throttle(question)
    assert found.value is not None
    assert found.checks["shortfall of a book at the cap, Monte Carlo"] == pytest.approx(50_000.0, rel=0.01)
    caps = [row["cap_per_second"] for row in found.details["table"]]
    assert caps == sorted(caps, reverse=True)
    assert next(r["cap_per_second"] for r in found.details["table"] if r["volatility"] == 0.8) == pytest.approx(
        found.value
    )


def test_several_assets_cost_no_more_than_the_budget() -> None:
    found = throttle.order_throttle(no_grace(asked()))
    assert 0.5 * found.budget < found.checks["shortfall of a book at the cap, Monte Carlo"] <= found.budget * 1.01


# oracle staleness


def test_staleness_is_where_the_option_is_worth_the_fee() -> None:
    """An option at the money is worth 2 Phi(sigma sqrt(T) / 2) - 1 of its notional (Black and Scholes): 5 bp."""
    failure = StaleOracle(intensity_per_year=1.0, duration=Exponential(1_200.0), share=0.05, fee=0.0005)
    found = oracle_staleness.oracle_staleness(
        asked(failure, book=one(), model=gbm(("BTC",), 0.8), budget=1e6, settings=replace(SMALL, variant_paths=1))
    )
    seconds = (2 * norm.ppf((1 + 0.0005) / 2) / 0.8) ** 2 * YEAR
    assert found.value == pytest.approx(seconds, rel=1e-6)
    assert found.method == "closed form"
    assert {each.kind for each in found.variants} == {"market"}
    wilder = next(each.value for each in found.variants if each.name == "volatility x 1.5")
    assert wilder == pytest.approx(seconds / 1.5**2, rel=1e-6)  # the option's value depends on sigma sqrt(T) alone
    assert found.current_value == 1_200.0


def test_staleness_within_the_budget_where_that_is_less() -> None:
    failure = StaleOracle(intensity_per_year=1.0, duration=Exponential(1_200.0), share=0.05, fee=0.01)
    question = asked(failure, budget=5_000.0)
    found = oracle_staleness.oracle_staleness(question)
    keeps_and_breaks(found, largest=True)
    assert found.method == "bisection"
    assert found.value is not None
    assert all(found.value < limit for limit in found.checks.values())


def test_any_failure_may_ask_how_old_a_price_may_be() -> None:
    found = oracle_staleness.oracle_staleness(
        asked(Halt(intensity_per_year=1.0, duration=Fixed(60.0)), budget=50_000.0)
    )
    assert found.value is not None
    assert any("say nothing of trades" in each for each in found.notes)


# all of them


@pytest.mark.slow
def test_every_name_answers_and_is_plain() -> None:
    question = asked(settings=replace(SMALL, paths=4_096))
    for name in recommend.NAMES:
        found = recommend.named(name)(question, progress=lambda done, total: None)
        assert found.parameter == name
        assert found.evaluations == len(found.curve)
        assert [each[0] for each in found.curve] == sorted(each[0] for each in found.curve)
        json.dumps(plain(found), allow_nan=False)


@pytest.mark.slow
def test_results_are_the_same_for_a_seed_and_any_number_of_workers() -> None:
    for name in ("maximum-leverage", "grace-period", "price-band"):
        first, second = (
            plain(recommend.named(name)(asked(settings=replace(SMALL, paths=4_096, workers=workers))))
            for workers in (1, 3)
        )
        assert first == second
    other = leverage.maximum_leverage(asked(settings=replace(SMALL, paths=4_096, seed=1)))
    assert other.value != leverage.maximum_leverage(asked(settings=replace(SMALL, paths=4_096))).value


@pytest.mark.parametrize(
    ("name", "failure"),
    [
        ("grace-period", Throughput(intensity_per_year=1.0, duration=Fixed(600.0), notional_per_second=1.0)),
        ("order-throttle", Censorship(intensity_per_year=1.0, duration=Fixed(600.0))),
        ("price-band", Censorship(intensity_per_year=1.0, duration=Fixed(600.0))),
        ("maintenance-margin", InvalidState(intensity_per_year=1.0, duration=Fixed(600.0), balance_error=0.1)),
    ],
)
def test_a_failure_that_a_setting_says_nothing_of_is_refused_by_name(name: str, failure: AnyFailure) -> None:
    kind = failure.__struct_config__.tag
    with pytest.raises(Unsupported, match=f"{name}: not for {kind} failures, only for halt, (throughput|reorg)"):
        recommend.named(name)(asked(failure))


def test_a_failure_on_the_way_is_priced_by_the_cascade() -> None:
    failure = Throughput(intensity_per_year=1.0, duration=Fixed(3_600.0), notional_per_second=0.0)
    found = leverage.maximum_leverage(asked(failure, budget=50_000.0))
    keeps_and_breaks(found, largest=True)
    assert found.loss is not None
    assert found.loss.high == np.inf  # 512 paths bound no 99.9 % shortfall from above
    assert found.binding[0].moves.keys() == {"book"}


def test_longer_failures_are_weighted_back() -> None:
    """Half of the paths are of longer halts; the mean duration and the mean loss are the law's nevertheless."""
    question = asked(settings=replace(SMALL, cascade_paths=8_192))
    drawn = Stepped(question)(question.book)
    assert float(drawn.weights.mean()) == pytest.approx(1.0, abs=0.02)
    known = Terminal(question)(question.book)
    mean = float((known.weights * known.losses).mean())
    error = float((drawn.weights * drawn.losses).std()) / len(drawn.losses) ** 0.5
    assert float((drawn.weights * drawn.losses).mean()) == pytest.approx(mean, abs=4 * error + 0.1 * mean)


@pytest.mark.parametrize(
    ("budget", "level", "said"),
    [(-1.0, 0.99, "budget"), (np.nan, 0.99, "budget"), (1.0, 0.2, "level"), (1.0, 1.0, "level")],
)
def test_a_question_without_sense_is_refused(budget: float, level: float, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        asked(budget=budget, level=level)


def test_an_asset_without_a_law_is_named() -> None:
    with pytest.raises(Missing, match="SOL"):
        asked(model=jump_diffusion(("BTC", "ETH")))


def test_an_unknown_setting_is_refused_by_name() -> None:
    with pytest.raises(Unsupported, match=r"'speed': known are maximum-leverage"):
        recommend.named("speed")


def test_a_book_without_positions_is_refused() -> None:
    book = positions.read(b"account,asset,kind,size,mark_price\na,ETH,collateral,1,3500\n")
    with pytest.raises(Malformed, match="no subaccount"):
        leverage.maximum_leverage(asked(book=book, rules="perp-v2"))
    with pytest.raises(Malformed, match="no open interest"):
        open_interest.open_interest_cap(asked(book=book, rules="perp-v2"))
