"""Shipped scenarios, scenarios of one's own, and what is known of how long outages last."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rollproof.errors import Malformed, Unsupported
from rollproof.risk import preset, prior
from rollproof.risk.duration import Empirical, Exponential, Fixed, Lognormal
from rollproof.risk.failure import Halt, StaleOracle

GOOD = b"""
name = "mine"
title = "t"
[[failures]]
kind = "halt"
intensity_per_year = 1
duration = { law = "fixed", seconds = 60 }
"""


@pytest.mark.parametrize("name", preset.names())
def test_every_preset_reads_and_says_where_it_is_from(name: str) -> None:
    scenario = preset.load(name)
    assert scenario.name == name
    assert scenario.notes, "what is assumed or biased"
    for published in scenario.published:
        assert published.source
    dated = name.rsplit("-", 1)[-1].isdigit()
    assert bool(scenario.sources) == dated  # an incident names who reported it


def test_the_two_incidents_that_are_replayed() -> None:
    base = preset.load("base-2026-06").failures[0]
    assert isinstance(base, Halt)
    assert base.duration == Fixed(116 * 60)
    halt, stale = preset.load("dydx-2025-10").failures
    assert isinstance(halt, Halt)
    assert halt.duration == Fixed(8 * 3600)
    assert halt.resume.stale_oracle_seconds > 0
    assert isinstance(stale, StaleOracle)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b'"halt"', b'"halted"', "halted"),
        (b'"fixed"', b'"weibull"', "weibull"),
        (b"intensity_per_year = 1", b"intensity_per_year = -1", r"failures\[0\].intensity_per_year"),
        (b"intensity_per_year = 1", b"intensity_per_year = nan", r"failures\[0\].intensity_per_year"),
        (b"seconds = 60", b"seconds = inf", "duration.seconds"),
        (b"seconds = 60", b"minutes = 60", "minutes"),
        (b'title = "t"', b'titel = "t"', "titel"),
        (b"[[failures]]", b"[[failures", "mine"),
        (b"[[failures]]", b"failures = []\n[x]", "mine"),
        (
            b"intensity_per_year = 1",
            b"intensity_per_year = 1\nresume = { top_up_probability = 2 }",
            "top_up_probability",
        ),
    ],
)
def test_a_wrong_scenario_is_refused_by_what_is_wrong(old: bytes, new: bytes, said: str) -> None:
    assert preset.parsed(GOOD, "mine").failures
    with pytest.raises(Malformed, match=said):
        preset.parsed(GOOD.replace(old, new), "mine")


def test_an_unknown_preset_is_refused_by_name_and_a_file_is_read(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match=r"base-2027.*known are .*base-2026-06"):
        preset.load("base-2027")
    path = tmp_path / "mine.toml"
    path.write_bytes(GOOD)
    assert preset.load(path) == preset.load(str(path)) == preset.parsed(GOOD, "mine")
    with pytest.raises(Malformed, match="more than"):
        preset.parsed(b"#" * (preset.MAX_BYTES + 1), "big")


def test_fourteen_outages_do_not_choose_a_law() -> None:
    """Median 97, mean 197, ln-mean 4.607, ln-sd 1.270; AIC 177.9 against 178.4: as fitted independently before."""
    durations = prior.seconds(prior.published())
    minutes = durations / 60
    assert [len(minutes), float(np.median(minutes)), round(float(minutes.mean()))] == [14, 97.0, 197]
    exponential, lognormal = prior.laws(durations)
    assert isinstance(lognormal.law, Lognormal)
    assert np.log(lognormal.law.median_seconds / 60) == pytest.approx(4.607, abs=5e-4)
    assert lognormal.law.log_deviation == pytest.approx(1.270, abs=5e-4)
    assert (round(exponential.aic, 1), round(lognormal.aic, 1)) == (177.9, 178.4)
    assert exponential.weight + lognormal.weight == pytest.approx(1)
    longest = [float(each.law.quantile(np.array([0.999]))[0]) for each in (lognormal, exponential)]
    assert longest[0] / longest[1] == pytest.approx(3.73, abs=0.01)  # almost four-fold
    assert lognormal.law.quantile(np.array([0.9, 0.99])) / 60 == pytest.approx([510, 1922], abs=1)


def test_bootstrapped_laws_spread_around_the_fit() -> None:
    durations = prior.seconds(prior.published())
    drawn = prior.draws(durations, 200, seed=1)
    assert drawn == prior.draws(durations, 200, seed=1)
    means = [law.mean for name, law in drawn if name == "exponential"]
    # The mean of 14 exponentials has a relative standard deviation of 1 / sqrt(14) = 0.267.
    assert np.std(means) / np.mean(means) == pytest.approx(0.267, abs=0.05)
    spreads = [law.log_deviation for _, law in drawn if isinstance(law, Lognormal)]
    assert min(spreads) < 1.0 < 1.27 < max(spreads)


def test_the_rate_has_a_wide_interval() -> None:
    rate, low, high = prior.intensity(prior.published())
    assert rate == pytest.approx(14 / 25.5)
    assert low < rate / 1.5
    assert high > rate * 1.5


@pytest.mark.parametrize(
    "law",
    [Fixed(60.0), Exponential(100.0), Lognormal(100.0, 1.2), Empirical((3.0, 1.0, 2.0))],
    ids=lambda law: type(law).__name__,
)
def test_quantile_and_distribution_function_agree(law: Fixed | Exponential | Lognormal | Empirical) -> None:
    probability = np.linspace(0.01, 0.99, 37)
    seconds = law.quantile(probability)
    assert (np.diff(seconds) >= 0).all()
    assert (law.cdf(seconds) >= probability - 1e-9).all()  # the smallest such duration
    assert (law.cdf(seconds * (1 - 1e-9) - 1e-9) <= probability + 1e-9).all()
    even = (np.arange(400_000) + 0.5) / 400_000
    assert law.quantile(even).mean() == pytest.approx(law.mean, rel=2e-3)


def test_a_published_figure_names_a_figure_of_the_model_or_none() -> None:
    figure = b"published = [{ what = 'a', value = 1, unit = 'b', source = 's', quantity = 'losses' }]\n[[failures]]"
    with pytest.raises(Malformed, match="quantity"):
        preset.parsed(GOOD.replace(b"[[failures]]", figure), "mine")
