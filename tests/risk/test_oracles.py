"""Reference values that the other tests of the engine do not assert, and the list of those that they do.

docs/validation.md names, for every published or independently computed value, the test that asserts it; the last test
here checks that each of those tests is there.
"""

from __future__ import annotations

import ast
import math
import re
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from risk.cascade_bed import HALT, Flat, open_, perpetuals
from risk.terminal_books import RULES, halt, isolated
from rollproof.risk import liquidity, prior
from rollproof.risk.adl import pro_rata, ranked
from rollproof.risk.annual import Annual, Severity, annual
from rollproof.risk.cascade import outcome, outcomes
from rollproof.risk.cascade.timing import Grid
from rollproof.risk.closed.hedge import discrete_hedge_error
from rollproof.risk.closed.liquidity_provision import trade_probability
from rollproof.risk.closed.outage import bad_debt, shortfall_probability
from rollproof.risk.closed.ruin import ruin_probability
from rollproof.risk.closed.shortfall import kupiec
from rollproof.risk.duration import Duration, Exponential, Lognormal
from rollproof.risk.failure import Halt
from rollproof.risk.market import YEAR, Jumps, gbm, jump_diffusion
from rollproof.risk.tail import losses_of
from rollproof.risk.terminal import Terminal, price
from rollproof.venue.state import VenueState

MERTON = Jumps(50.0, -0.04, 0.05)
ROOT = Path(__file__).resolve().parents[2]


def terminal(margin: float, failure: Halt, jumps: Jumps | None = None, side: int = 1) -> Terminal:
    """One position of a unit of notional."""
    model = gbm(("A0",)) if jumps is None else jump_diffusion(("A0",), common=jumps)
    held = isolated([1.0], [(0, float(side), margin)])
    return price(held, RULES, VenueState.of(held), model, failure, paths=131_072, seed=3)


# The law of a halt's length fitted to fourteen published ones: exponential with mean 197 minutes in a market that only
# diffuses, lognormal with a median of 100 minutes and a deviation of 1.27 in one that jumps. Margin; then probability
# and bad debt of each, computed by quadrature over the length.
LENGTHS = [
    ("0.0125", (".160", "1.7e-3"), (".143", "2.2e-3")),
    ("0.025", (".0505", "5.4e-4"), (".0519", "1.1e-3")),
    ("0.05", ("4.8e-3", "4.9e-5"), ("1.4e-2", "4.4e-4")),
    ("0.10", ("3.5e-5", "3.4e-7"), ("3.0e-3", "8.7e-5")),
    ("0.20", ("8e-10", "7e-12"), ("8.7e-5", "2.9e-6")),
]


def last_digit(written: str) -> float:
    """What one unit of the last digit that is written is worth."""
    digits, _, power = written.partition("e")
    return float(10.0 ** (int(power or 0) - len(digits.partition(".")[2])))


@pytest.mark.parametrize(("margin", "diffusing", "jumping"), LENGTHS, ids=[row[0] for row in LENGTHS])
def test_halts_of_the_lengths_on_record_to_the_digits_stated(
    margin: str, diffusing: tuple[str, str], jumping: tuple[str, str]
) -> None:
    laws: tuple[tuple[Duration, Jumps | None, tuple[str, str]], ...] = (
        (Exponential(197 * 60.0), None, diffusing),
        (Lognormal(100 * 60.0, 1.270), MERTON, jumping),
    )
    for law, jumps, stated in laws:
        for function, written in zip((shortfall_probability, bad_debt), stated, strict=True):
            found = float(function(1, float(margin), 0.8, law, jumps=jumps))
            # half a unit, and a tenth more because the laws' parameters are given rounded
            assert found == pytest.approx(float(written), abs=0.6 * last_digit(written))


@pytest.mark.parametrize("row", LENGTHS[:4], ids=[row[0] for row in LENGTHS[:4]])
def test_the_simulated_layer_finds_the_same_table(row: tuple[str, tuple[str, str], tuple[str, str]]) -> None:
    margin, *columns = row
    laws: tuple[Duration, Duration] = (Exponential(197 * 60.0), Lognormal(100 * 60.0, 1.270))
    for law, jumps, stated in zip(laws, (None, MERTON), columns, strict=True):
        found = terminal(float(margin), Halt(intensity_per_year=1.0, duration=law), jumps).bad_debt
        for estimate, written in zip((found.probability, found.mean), stated, strict=True):
            assert estimate.standard_error < 0.01 * estimate.value
            bound = 4 * estimate.standard_error + 0.6 * last_digit(written)
            assert abs(estimate.value - float(written)) < bound


def test_the_fit_of_published_lengths_by_kolmogorov_and_smirnov() -> None:
    """A distance of 0.16 for the lognormal law; at the 5 % level fourteen values bear 0.349 (Smirnov's table)."""
    durations = prior.seconds(prior.published())
    lognormal = prior.laws(durations)[1].law
    distance = float(stats.kstest(lognormal.cdf(durations), "uniform").statistic)
    assert distance == pytest.approx(0.16, abs=0.005)
    assert distance < 0.349


def test_the_closed_form_lies_within_a_foreign_monte_carlo() -> None:
    """Four million paths of another programme, margin 2.5 %, 116 minutes: 2.1888e-2 and 3.571e-4, with their errors."""
    years = 116 * 60 / YEAR
    assert abs(float(shortfall_probability(1, 0.025, 0.8, years, jumps=MERTON)) - 2.1888e-2) < 4 * 7e-5
    assert abs(float(bad_debt(1, 0.025, 0.8, years, jumps=MERTON)) - 3.571e-4) < 4 * 2e-6


def test_one_position_after_an_exponential_halt() -> None:
    """Mean 60 minutes, margin 1.25 %: the price at an exponential time is an asymmetric Laplace variable."""
    found = terminal(0.0125, Halt(intensity_per_year=1.0, duration=Exponential(3_600.0))).bad_debt
    for estimate, stated, error in ((found.probability, 6.297240e-2, 1e-2), (found.mean, 3.747122e-4, 2.5e-3)):
        assert estimate.standard_error < error * stated
        assert abs(estimate.value - stated) < 4 * estimate.standard_error


def test_the_safe_margin_is_safe_in_the_simulated_layer() -> None:
    """m* = 0.03613 leaves 1e-3 after 116 minutes; stated to half of 1e-5, which moves the probability by 0.5 %."""
    found = terminal(0.03613, halt(116 * 60.0)).bad_debt.probability
    assert found.standard_error < 5e-6
    assert abs(found.value - 1e-3) < 4 * found.standard_error + 5e-6
    assert pytest.approx(27.7, abs=0.05) == 1 / 0.03613


def test_five_percent_with_jumps_in_the_simulated_layer() -> None:
    """Series and cosine expansion agree to nine digits: 1.55550196e-4."""
    found = terminal(0.05, halt(116 * 60.0), MERTON).bad_debt.mean
    assert found.standard_error < 2.5e-3 * found.value
    assert abs(found.value - 1.55550196e-4) < 4 * found.standard_error


def test_a_level_2_5_percent_away_is_passed_as_often_as_a_foreign_walk_says() -> None:
    """A walk of 116 steps of a minute, of another programme: 0.029767 with an error of 0.00027."""
    book, paths = perpetuals(("X",), [0], [1.0], [2.5]), 200_000
    got = outcomes(
        book, Flat(rate=0.0), VenueState(), gbm(("X",)), open_(HALT), liquidity.infinite(book.assets), paths=paths,
        grid=Grid(60.0, 60.0, 0.0), seed=21, workers=1,
    )  # fmt: skip
    seen = float((got[:, outcome.LIQUIDATED] > 0).mean())
    error = math.hypot(0.00027, math.sqrt(seen * (1 - seen) / paths))
    assert abs(seen - 0.029767) < 4 * error
    assert error < 0.0005  # the walk that is looked at always, 0.033571, is eight errors away
    assert abs(seen - 0.033571) > 4 * error


@pytest.mark.parametrize(
    ("law", "level", "var", "es"),
    [
        (stats.norm(), 0.999, 3.090232, 3.367090),
        (stats.t(4), 0.975, 2.776445, 3.993557),
        (stats.t(4), 0.999, 7.173182, 9.686219),
    ],
    ids=["normal 99.9", "t4 97.5", "t4 99.9"],
)
def test_tails_of_an_even_sample_to_four_digits(law: stats.rv_continuous, level: float, var: float, es: float) -> None:
    """No noise: the quantiles in the middle of equal probabilities. What the last of them leaves out is known."""
    count = 2_000_000
    sample = law.ppf((np.arange(count) + 0.5) / count)
    [tail] = losses_of(sample, seed=0, method="even", levels=(level,)).tails
    assert tail.var.value == pytest.approx(var, rel=2e-4)
    assert tail.es.value == pytest.approx(es, rel=1e-3)
    direct = integrate.quad(law.ppf, level, 1 - 1e-13, limit=400, points=[1 - 1e-6])[0] / (1 - level)
    assert direct == pytest.approx(es, rel=2e-4)


def test_a_hedge_of_a_month_by_simulation() -> None:
    """S 100, K 110, volatility 0.8, 30 days, 720 rebalances: 0.30408 to leading order, a foreign simulation 0.30196."""
    rng = np.random.default_rng(30)
    paths, steps, years = 8_000, 720, 30 / 365
    dt, price_, profit = years / steps, np.full(paths, 100.0), np.zeros(paths)
    for step in range(steps):
        left = 0.8 * math.sqrt(years - step * dt)
        units = stats.norm.cdf(np.log(price_ / 110) / left + left / 2)
        after = price_ * np.exp(0.8 * math.sqrt(dt) * rng.standard_normal(paths) - 0.32 * dt)
        profit += units * (after - price_)
        price_ = after
    error = profit - np.maximum(price_ - 110, 0.0)
    spread = math.sqrt((stats.kurtosis(error) + 2) / (4 * paths))  # relative standard error of a deviation
    assert spread < 0.025
    assert abs(error.std() / 0.30196 - 1) < 4 * spread
    assert float(discrete_hedge_error(100, 110, 0.8, years, steps)) == pytest.approx(0.30408, abs=5e-6)


def test_arbitrage_against_thirty_basis_points_by_simulation() -> None:
    """0.12195 of blocks have a trade, a foreign simulation 0.12249."""
    rng = np.random.default_rng(31)
    lanes, gap, traded, seen = 4_000, np.zeros(4_000), 0, 0
    for block in range(3_000):
        gap += 0.05 * np.sqrt(rng.exponential(12 / 86_400, lanes)) * rng.standard_normal(lanes)
        out = np.abs(gap) > 30e-4
        if block >= 1_000:
            traded, seen = traded + int(out.sum()), seen + lanes
        gap = np.clip(gap, -30e-4, 30e-4)
    expected = float(trade_probability(0.05, 7_200, 30e-4))
    assert expected == pytest.approx(0.12195, abs=5e-6)
    assert traded / seen == pytest.approx(expected, rel=5e-3)


@pytest.mark.parametrize(("fund", "stated"), [(0.0, 0.8), (10.0, 0.10827)])
def test_ruin_by_the_ladder_heights(fund: float, stated: float) -> None:
    """Pollaczek and Khinchine: the worst is a geometric sum of exponentials, each 1 / 1.25 likely; no time runs."""
    rng = np.random.default_rng(32)
    number = rng.geometric(1 - 0.8, 1_000_000) - 1
    worst = np.where(number > 0, rng.gamma(np.maximum(number, 1), 1.0), 0.0)
    exceeded = float((worst > fund).mean()) if fund else float((number > 0).mean())
    assert abs(exceeded - stated) < 4 * math.sqrt(stated * (1 - stated) / 1e6)
    assert float(ruin_probability(fund, 1.0, 0.25)) == pytest.approx(stated, abs=5e-6)


def test_a_year_by_panjer_and_by_the_grid() -> None:
    """Panjer's recursion for a Poisson number of losses on a lattice, p_n = rate / n sum k f_k p_(n - k)."""
    severity, rate = np.array([0.0, 0.4, 0.3, 0.2, 0.0, 0.1]), 1.7
    known = np.zeros(60)
    known[0] = math.exp(-rate)
    for n in range(1, 60):
        known[n] = rate / n * sum(k * severity[k] * known[n - k] for k in range(1, min(n, 5) + 1))
    grid = 1 << 10
    law = annual([Severity(rate, np.arange(6.0), severity)], largest=grid - 1.0, grid=grid)
    assert law.step == 1.0
    np.testing.assert_allclose(law.probability[:60], known, rtol=1e-9, atol=1e-13)
    assert law.mean == pytest.approx(rate * float(severity @ np.arange(6)), rel=1e-9)
    for level in (0.975, 0.99, 0.999):
        var, es = law.tail(level)
        at = int(np.flatnonzero(np.cumsum(known) >= level)[0])
        assert var == at
        beyond = sum(known[n] * (n - at) for n in range(at, 60))
        assert es == pytest.approx(at + beyond / (1 - level), rel=1e-6)
    both = annual(
        [Severity(0.7, np.arange(6.0), severity), Severity(1.0, np.arange(6.0), severity)], largest=grid - 1.0,
        grid=grid,
    )  # fmt: skip
    np.testing.assert_allclose(both.probability, law.probability, rtol=1e-9, atol=1e-13)


def test_an_atom_is_the_value_at_risk_of_all_levels_up_to_it() -> None:
    """Definition 2.6 of Acerbi and Tasche: the smallest loss not exceeded with the level's probability."""
    law = Annual(2.0, np.array([0.5, 0.25, 0.25]))
    assert law.tail(0.5) == (0.0, 3.0)  # half of the worst half is 2, half is 4
    assert law.tail(0.75) == (2.0, 4.0)
    assert law.tail(0.8) == (4.0, 4.0)
    assert law.exceedance(np.array([0.0, 1.0, 2.0, 3.9, 4.0, 9.0])).tolist() == [0.5, 0.5, 0.25, 0.25, 0.0, 0.0]


def test_kupiec_s_ratio_at_its_stated_digits() -> None:
    ratio, _ = kupiec([5, 10], 250, 0.99)
    assert ratio == pytest.approx([1.9568, 12.9555], abs=5e-5)


# Deleveraging: D the deficit, u profits, x what each gives, B = sum x <= min(D, U).


@settings(max_examples=200, deadline=None)
@given(st.integers(-50, 5_000), st.lists(st.integers(-500, 1_000), min_size=1, max_size=8), st.data())
def test_deleveraging_takes_no_more_than_a_profit_and_no_more_than_the_deficit(
    deficit: int, profits: list[int], data: st.DataObject
) -> None:
    won = [max(each, 0) for each in profits]
    budget = max(min(deficit, sum(won)), 0)
    score = data.draw(st.permutations(range(len(profits))))
    even = pro_rata(float(deficit), np.array(profits, dtype=float))
    by_rank = ranked(float(deficit), np.array(profits, dtype=float), np.array(score, dtype=float))
    for given_ in (even, by_rank):
        assert (given_ >= 0).all()
        assert (given_ <= np.array(won)).all()
        assert float(given_.sum()) == pytest.approx(budget, rel=1e-12, abs=1e-12)
    # x_i = B u_i / U, in fractions
    whole = sum(won)
    expected = [float(Fraction(budget * each, whole)) if whole else 0.0 for each in won]
    assert even == pytest.approx(expected, rel=1e-12, abs=1e-12)
    # the queue, one winner after the other
    left, queue = budget, [0] * len(won)
    for who in sorted(range(len(won)), key=lambda at: -score[at]):
        queue[who] = min(left, won[who])
        left -= queue[who]
    assert by_rank.tolist() == queue


def test_profits_of_a_zero_sum_book_cover_a_deficit_of_its_losers() -> None:
    """Traders who face each other: what losers owe beyond their collateral is no more than what winners made."""
    rng = np.random.default_rng(5)
    for _ in range(200):
        size = rng.normal(size=6)
        size[-1] -= size.sum()
        cash, move = rng.uniform(0, 0.3, 6), rng.normal() * 0.4
        profit = size * move
        deficit = np.maximum(-(cash + profit), 0.0).sum()
        given_ = pro_rata(deficit, profit)
        assert float(given_.sum()) == pytest.approx(deficit, rel=1e-9, abs=1e-12)  # B = D


@cache
def named_in(file: Path) -> frozenset[str]:
    """Names of a file's tests: of functions, and of methods as Class::name."""
    found = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{each.name}" for each in node.body if isinstance(each, ast.FunctionDef)}
    return frozenset(found)


def test_every_test_that_the_validation_page_names_is_there() -> None:
    text = (ROOT / "docs" / "validation.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:risk|venue)/\w+\.py)::([\w:]+)`", text)
    assert len(named) > 60
    missing = [
        f"{file}::{name}" for file, name in named
        if not (ROOT / "tests" / file).is_file() or name not in named_in(ROOT / "tests" / file)
    ]  # fmt: skip
    assert missing == []
    # each oracle has a row, and a row that is covered names a test
    rows = dict(re.findall(r"^\| (O\d+[bJ]?) \|(.*)$", text, flags=re.MULTILINE))
    wanted = {f"O{number}" for number in range(1, 18)} | {"O1J", "O6b", "O10b"}
    assert wanted <= set(rows)
    assert all("::" in row for row in rows.values())
