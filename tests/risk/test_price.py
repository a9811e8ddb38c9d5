"""A scenario priced by all layers together: what agrees, what is refused, what is the same bits again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import rollproof as rp
from rollproof.errors import Malformed, Missing, Unsupported
from rollproof.risk import preset, terminal
from rollproof.risk.closed import outage
from rollproof.risk.contagion.network_file import example as example_network
from rollproof.risk.market import jump_diffusion
from rollproof.risk.price import price
from rollproof.risk.record import FORMAT, record
from rollproof.risk.request import risk
from rollproof.risk.result import Priced
from rollproof.risk.settings import Settings
from rollproof.risk.spread import spread
from rollproof.venue import positions
from rollproof.venue.rules import registry
from rollproof.venue.state import VenueState

QUICK = Settings(paths=8_192, replicates=8, cascade_paths=256, variant_paths=1_024)


@pytest.fixture(scope="module")
def base() -> Priced:
    return risk(positions.example(), rules="gmx", scenario="base-2026-06", settings=QUICK)


def test_the_mean_is_the_sum_of_closed_forms(base: Priced) -> None:
    """A halt's expected bad debt of single-asset subaccounts is known exactly; the example's few others add to it."""
    book, failure = positions.example(), preset.load("base-2026-06").failures[0]
    grace = registry.load("gmx").liquidation.grace_seconds
    assert grace == 300
    _, debt = outage.book_outage(book, jump_diffusion(book.assets), failure.duration.mean + grace)
    priced = base.failures[0].bad_debt
    assert priced is not None
    several = np.isnan(debt)
    part = terminal.price(
        book, registry.load("gmx"), VenueState.of(book), jump_diffusion(book.assets), failure, paths=8_192, seed=0
    )
    assert 0 < several.sum() < book.subaccounts
    share = part.by_asset["several"].value / part.loss.tails[-1].es.value
    assert 0 < share < 0.5
    low, high = priced.mean.low, priced.mean.high
    assert float(np.nansum(debt)) < high
    assert float(np.nansum(debt)) > low * (1 - 2 * share)


def test_every_part_of_an_answer_is_there(base: Priced) -> None:
    [failure] = base.failures
    assert failure.kind == "halt"
    assert failure.duration == "116 minutes"
    assert failure.not_priced == ()
    assert failure.cascade is not None
    assert failure.hedge
    assert failure.worst
    assert failure.worst[0].seconds == 116 * 60 + 300
    assert base.annual is not None
    assert base.annual.tails[-1][2].value > 0
    assert base.accounts[0].seconds is not None
    assert [each.asset for each in base.heat_maps]
    assert base.compared[0].published == base.compared[0].model == 116


def test_the_interval_over_truths_is_wider_than_monte_carlo(base: Priced) -> None:
    found = base.failures[0].uncertainty
    tails = base.failures[0].bad_debt
    assert found is not None
    assert tails is not None
    for (low, high), tail in zip(found.shortfalls, tails.tails, strict=True):
        assert low <= tail.es.value <= high
        assert high - low > 10 * (tail.es.high - tail.es.low)
    assert {each.kind for each in found.variants} == {"law", "parameters", "market"}
    assert base.annual is not None
    year = base.annual.uncertainty
    assert year is not None
    assert {each.kind for each in year.variants} == {"law", "parameters", "market", "intensity"}
    assert year.shortfalls[-1][1] > base.annual.tails[-1][2].high


def test_the_same_seed_gives_the_same_bits_with_other_workers(base: Priced) -> None:
    again = risk(positions.example(), rules="gmx", scenario="base-2026-06", settings=replace(QUICK, workers=1))
    other = risk(positions.example(), rules="gmx", scenario="base-2026-06", settings=replace(QUICK, seed=1))
    left_out = ("seconds", "cpu_seconds", "settings")
    plain = [{k: v for k, v in record(each).items() if k not in left_out} for each in (base, again, other)]
    assert json.dumps(plain[0]) == json.dumps(plain[1])
    assert json.dumps(plain[0]["failures"]) != json.dumps(plain[2]["failures"])


def test_the_record_is_json_without_nan(base: Priced) -> None:
    text = json.dumps(record(base), allow_nan=False)
    again = json.loads(text)
    assert again["format"] == FORMAT
    assert again["failures"][0]["bad_debt"]["tails"][2]["level"] == 0.999
    assert again["seed"] == 0


def test_every_preset_is_priced_by_some_layer() -> None:
    tiny = Settings(paths=1_024, replicates=2, cascade_paths=64, variant_paths=0)
    book, rules = positions.example(), registry.load("dydx")
    for name in preset.names():
        priced = price(book, rules, preset.load(name), settings=tiny)
        for failure in priced.failures:
            assert failure.bad_debt is not None, (name, failure.kind, failure.not_priced)
            assert failure.uncertainty is None
        assert priced.annual is not None


def test_what_no_layer_prices_is_said_and_no_year_is_made_up() -> None:
    """Options under portfolio margin: the cascade refuses them, and only it prices censorship."""
    priced = price(
        positions.example("options"), registry.load("derive-pm"), preset.load("censorship"),
        settings=replace(QUICK, variant_paths=0),
    )  # fmt: skip
    [failure] = priced.failures
    assert failure.bad_debt is None
    assert any("censorship" in line for line in failure.not_priced)
    assert any("cascade" in line for line in failure.not_priced)
    assert priced.annual is None
    json.dumps(record(priced), allow_nan=False)


def test_a_venue_s_loss_spreads_in_its_network(base: Priced) -> None:
    found = spread(example_network(), base)
    assert found["node"] == "perpetuals"
    assert [case["case"] for case in found["cases"]] == ["mean", "es_97.5", "es_99", "es_99.9"]
    losses = [case["loss"] for case in found["cases"]]
    assert losses == sorted(losses)
    assert found["cases"][-1]["equity_loss"]["perpetuals"] == pytest.approx(losses[-1])
    with pytest.raises(Unsupported, match="USD"):
        spread(replace(example_network(), quote="EUR"), base)


def test_bad_input_is_refused_by_name(tmp_path: Path) -> None:
    book = positions.example()
    with pytest.raises(Unsupported, match="gmxx"):
        risk(book, rules="gmxx")
    with pytest.raises(Unsupported, match="base-2062"):
        risk(book, rules="gmx", scenario="base-2062")
    with pytest.raises(Malformed, match=r"DOGE"):
        risk(book, rules="gmx", volatility={"DOGE": 1.0})
    with pytest.raises(Malformed, match=r"volatility of ETH.*-1"):
        risk(book, rules="gmx", volatility={"ETH": -1.0})
    with pytest.raises(Missing, match="SOL"):
        price(book, registry.load("gmx"), preset.load("outage"), model=jump_diffusion(("BTC", "ETH")), settings=QUICK)
    with pytest.raises(Unsupported, match="call"):
        risk(positions.example("options"), rules="gmx")
    history = tmp_path / "prices.csv"
    history.write_text("timestamp,BTC,ETH\n1,2,3\n")
    with pytest.raises(Malformed, match="SOL"):
        risk(book, rules="gmx", market=history)


def test_the_package_is_the_call() -> None:
    priced = rp.risk(
        positions.example(), rules="gmx", scenario="base-2026-06-26", settings=replace(QUICK, variant_paths=0)
    )
    assert priced.failures[0].duration == "20 minutes"
