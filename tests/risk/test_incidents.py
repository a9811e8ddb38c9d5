"""Two incidents replayed from their presets with the shipped positions, and the published figures beside the model's.

Base, 25 June 2026: 116 minutes. dYdX Chain, 10 October 2025: eight hours in a crash, and stale prices at the restart.
The facts are typed here once more, from the sources that the presets name.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from html import unescape
from typing import Any

import msgspec
import numpy as np
import pytest

import rollproof as rp
from risk.cascade_bed import Flat
from risk.terminal_books import isolated
from rollproof.report import risk_frame, risk_html, risk_markdown, risk_notebook, risk_text
from rollproof.risk import preset
from rollproof.risk.closed import outage
from rollproof.risk.closed.stale import stale_value
from rollproof.risk.duration import Fixed
from rollproof.risk.failure import Halt, Load, Published, Scenario, StaleOracle
from rollproof.risk.market import YEAR, gbm, jump_diffusion
from rollproof.risk.price import price
from rollproof.risk.record import record
from rollproof.risk.result import Priced
from rollproof.risk.settings import Settings
from rollproof.venue import positions
from rollproof.venue.book import Book, Floats
from rollproof.venue.rules import registry

QUICK = Settings(paths=32_768, replicates=16, cascade_paths=512, variant_paths=0, accounts=1_000)
RULES = {"base-2026-06": "gmx", "dydx-2025-10": "dydx"}
# minutes of halt; then what was published: words in its name, value, unit
FACTS: dict[str, tuple[float, list[tuple[str, float, str]]]] = {
    "base-2026-06": (116.0, [("length", 116.0, "minutes"), ("funds lost", 0.0, "USD")]),
    "dydx-2025-10": (
        480.0,
        [("length", 480.0, "minutes"), ("27 accounts", 462_097.79, "USD"), ("open interest", 23.1, "bp")],
    ),
}


@pytest.fixture(scope="module")
def replays() -> dict[str, Priced]:
    return {
        name: rp.risk(positions.example(), rules=rules, scenario=name, settings=QUICK)
        for name, rules in RULES.items()
    }  # fmt: skip


@pytest.mark.parametrize("name", FACTS)
def test_the_halt_is_as_long_as_it_was(replays: dict[str, Priced], name: str) -> None:
    minutes, _ = FACTS[name]
    failure = replays[name].failures[0]
    assert failure.kind == "halt"
    grace = registry.load(RULES[name]).liquidation.grace_seconds
    assert failure.worst
    for event in failure.worst:  # each path of the worst lasts as long as all of them
        assert event.seconds == pytest.approx(minutes * 60 + grace, rel=1e-12)
    assert failure.cascade is not None
    assert failure.cascade["path"]["resumed"] == pytest.approx(minutes * 60)
    assert replays[name].compared[0].model == pytest.approx(minutes)


@pytest.mark.parametrize("name", FACTS)
def test_published_figures_stand_beside_the_model_s(replays: dict[str, Priced], name: str) -> None:
    said = replays[name].compared
    assert len(said) == len(FACTS[name][1])
    for found, (words, value, unit) in zip(said, FACTS[name][1], strict=True):
        assert words in found.what
        assert (found.published, found.unit) == (value, unit)
        assert found.source
        assert found.why  # how to read it, or why the model has none
        assert found.model is None or math.isfinite(found.model)


def spoken(text: str) -> str:
    """Without markup, line breaks and thousands separators."""
    bare = unescape(re.sub(r"<[^>]*>", " ", text))
    return " ".join(re.sub(r"(?<=\d),(?=\d{3})", "", bare).replace("\\", "").replace("|", " ").split())


@pytest.mark.parametrize("name", FACTS)
def test_all_reports_show_both(replays: dict[str, Priced], name: str) -> None:
    whole = json.loads(json.dumps(record(replays[name]), allow_nan=False))
    shown = {
        "text": risk_text.text(whole),
        "markdown": risk_markdown.markdown(whole),
        "html": risk_html.html(whole, {}),
        "notebook": risk_notebook.html(whole),
    }
    assert [(each["published"], each["unit"]) for each in whole["compared"]] == [
        (value, unit) for _, value, unit in FACTS[name][1]
    ]
    for what, text in shown.items():
        page = spoken(text)
        page = page[page.index("Published and modelled") :]
        for found, (_, value, unit) in zip(whole["compared"], FACTS[name][1], strict=True):
            number = r"no such figure" if found["model"] is None else rf"{found['model']:.3g}0*\.?0*"
            row = rf"{re.escape(found['what'])}\s+{value:.10g}\s+{number}\s+{unit}"
            assert re.search(row, page), (what, row)
            assert found["source"].split(";")[0] in unescape(text), what
    frame = risk_frame.frames(whole)["comparisons"]
    assert frame["published"].to_list() == [value for _, value, _ in FACTS[name][1]]
    assert frame["model"].to_list() == [each["model"] for each in whole["compared"]]


NOT_COMPARED: dict[str, Any] = {"seconds": 0, "cpu_seconds": 0, "settings": 0}


@pytest.mark.parametrize("name", FACTS)
def test_a_replay_is_the_same_again(replays: dict[str, Priced], name: str) -> None:
    again = rp.risk(positions.example(), rules=RULES[name], scenario=name, settings=replace(QUICK, workers=1))
    first, second = ({**record(each), **NOT_COMPARED} for each in (replays[name], again))
    assert json.dumps(first) == json.dumps(second)


@pytest.mark.parametrize("name", FACTS)
def test_accounts_add_up_to_the_venue(replays: dict[str, Priced], name: str) -> None:
    """Each account's expected bad debt is a closed form or a small simulation; the venue's is the terminal layer's."""
    priced = replays[name]
    bad_debt = priced.failures[0].bad_debt
    assert bad_debt is not None
    of_accounts = sum(each.bad_debt for each in priced.accounts)
    assert of_accounts == pytest.approx(bad_debt.mean.value, rel=0.05)
    failure = preset.load(name).failures[0]
    book = positions.example()
    grace = registry.load(RULES[name]).liquidation.grace_seconds
    _, debt = outage.failure_outage(book, jump_diffusion(book.assets), failure, grace_seconds=grace)
    known = of_one_subaccount(book, debt)
    compared = [each for each in priced.accounts if each.account in known]
    assert len(compared) > 20
    for each in compared:
        assert each.bad_debt == pytest.approx(known[each.account], rel=1e-9)


def of_one_subaccount(book: Book, debt: Floats) -> dict[str, float]:
    """What is known of accounts that have a single subaccount."""
    count = np.bincount(book.owner, minlength=len(book.accounts))
    chosen = [at for at in range(book.subaccounts) if count[book.owner[at]] == 1 and not np.isnan(debt[at])]
    return {str(book.accounts[book.owner[at]]): float(debt[at]) for at in chosen}


def calm(scenario: Scenario) -> Scenario:
    """The same, in a market that the load does not stress."""
    return msgspec.structs.replace(
        scenario, failures=tuple(msgspec.structs.replace(each, load=Load()) for each in scenario.failures)
    )


def test_the_crash_is_in_the_market_of_dydx(replays: dict[str, Priced]) -> None:
    scenario = preset.load("dydx-2025-10")
    halt, stale = scenario.failures
    assert isinstance(halt, Halt)
    assert isinstance(stale, StaleOracle)
    assert halt.load.probability == stale.load.probability == 1.0
    quiet = rp.risk(positions.example(), rules="dydx", scenario=calm(scenario), settings=QUICK)
    for loud, still in zip(replays["dydx-2025-10"].failures, quiet.failures, strict=True):
        one, other = loud.bad_debt, still.bad_debt
        assert one is not None
        assert other is not None
        assert all(event.stressed for event in loud.worst)
        assert not any(event.stressed for event in still.worst)
        pairs = [(one.mean, other.mean), *((a.es, b.es) for a, b in zip(one.tails, other.tails, strict=True))]
        for more, less in pairs:
            assert more.value - less.value > 8 * math.hypot(more.standard_error, less.standard_error)
    # by closed form, of those subaccounts that have one: twice the volatility and four times the jumps
    book, model = positions.example(), jump_diffusion(positions.example().assets)
    stressed = outage.book_outage(book, model.stressed(2.0, 4.0), Fixed(8 * 3_600.0))[1]
    known = of_one_subaccount(book, stressed)
    compared = [each for each in replays["dydx-2025-10"].accounts if each.account in known]
    assert len(compared) > 20
    for each in compared:
        assert each.bad_debt == pytest.approx(known[each.account], rel=1e-9)


def test_stale_prices_cost_what_an_option_is_worth(replays: dict[str, Priced]) -> None:
    """Ten minutes, a fee of 5 bp, a hundredth of open interest: a call and a put in the stressed market, by asset."""
    book = positions.example()
    model = jump_diffusion(book.assets).stressed(2.0, 4.0)
    expected = 0.0
    for at, asset in enumerate(book.assets):
        value = stale_value(
            float(model.volatility[at]), 600.0 / YEAR, fee=5e-4, both=True, jumps=outage.asset_jumps(model, asset)
        )
        expected += 0.01 * float(book.open_interest[at] * book.marks[at]) * float(value)
    taken = replays["dydx-2025-10"].failures[1].users
    assert taken is not None
    assert taken.mean.standard_error < 0.02 * expected
    assert abs(taken.mean.value - expected) < 4 * taken.mean.standard_error
    row = replays["dydx-2025-10"].compared[2]
    assert row.model == pytest.approx(taken.mean.value / book.open_interest_value * 1e4)


def test_longer_halts_of_the_same_venue_cost_more(replays: dict[str, Priced]) -> None:
    """Base's second halt, a day later, took 20 minutes."""
    short = rp.risk(positions.example(), rules="gmx", scenario="base-2026-06-26", settings=QUICK).failures[0].bad_debt
    long = replays["base-2026-06"].failures[0].bad_debt
    assert short is not None
    assert long is not None
    assert short.mean.value < 0.5 * long.mean.value
    assert all(a.es.value < b.es.value for a, b in zip(short.tails, long.tails, strict=True))


def test_a_hedge_that_stands_still_moves_as_its_market_does(replays: dict[str, Priced]) -> None:
    """A million of delta: the deviation of the price after the halt, dYdX's in the market that the crash made."""
    assets = positions.example().assets
    for name, factors in (("base-2026-06", (1.0, 1.0)), ("dydx-2025-10", (2.0, 4.0))):
        model, years = jump_diffusion(assets).stressed(*factors), FACTS[name][0] * 60 / YEAR
        # Var S_T / S_0 = exp((sigma^2 + rate E[(e^J - 1)^2]) T) - 1 for a martingale
        rate, mean, deviation = 50.0 * factors[1], -0.04, 0.05
        squared = math.exp(2 * mean + 2 * deviation**2) - 2 * math.exp(mean + deviation**2 / 2) + 1
        hedge = replays[name].failures[0].hedge
        assert hedge is not None
        for asset in assets:
            sigma = float(model.volatility[assets.index(asset)])
            expected = 1e6 * math.sqrt(math.expm1((sigma**2 + rate * squared) * years))
            [row] = hedge[asset]
            assert row["minutes"] == FACTS[name][0]
            assert row["per_million"]["deviation"] == pytest.approx(expected, rel=1e-9)


def test_the_model_s_figures_are_those_of_its_layers(replays: dict[str, Priced]) -> None:
    base, dydx = replays["base-2026-06"], replays["dydx-2025-10"]
    assert base.failures[0].bad_debt is not None
    assert base.failures[0].bad_debt.probability.value < 0.5  # so half of all such halts leave none
    assert base.compared[1].model == 0.0
    taken = dydx.failures[1].users
    assert taken is not None
    assert dydx.compared[1].model == taken.mean.value


def test_a_median_that_is_not_nothing() -> None:
    """A position that is half a percent under water: its bad debt's median is the strike less the price's median."""
    held = isolated([100.0], [(0, 1e6, -0.005)])
    scenario = Scenario(
        name="s", title="t", failures=(Halt(intensity_per_year=1.0, duration=Fixed(600.0)),),
        published=(Published(what="w", value=1.0, unit="USD", source="x", quantity="bad_debt_median"),),
    )  # fmt: skip
    quick = replace(QUICK, cascade_paths=0)
    [found] = price(held, Flat(), scenario, model=gbm(held.assets, 0.8), settings=quick).compared
    assert found.model == pytest.approx(1e6 * (1.005 - math.exp(-0.32 * 600 / YEAR)), rel=0.02)
