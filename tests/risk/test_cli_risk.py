"""What a user of `rollproof risk` may rely on: exit codes, lines, files, and that nothing partial looks whole."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias
from xml.etree import ElementTree as ET

import pytest

from rollproof import cli
from rollproof.risk import uncertainty
from rollproof.venue import positions

HEADER = "account,asset,size,entry_price,margin,mode,mark_price\n"
LONG = "alice,BTC,1,100000,2500,isolated,100000\n"
SHORT = "bob,BTC,-1,100000,3000,isolated,100000\n"
QUICK = ("--paths", "1024", "--cascade-paths", "0", "-q")
HALT = """name = "{name}"
title = "A halt"
[[failures]]
kind = "{kind}"
intensity_per_year = {intensity}
duration = {{ law = "fixed", seconds = {seconds} }}
{more}
"""

Result: TypeAlias = tuple[int, str, str]
Risk: TypeAlias = Callable[..., Result]


@pytest.fixture
def risk(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Risk:
    """Runs `rollproof risk` in this process -> exit code, stdout, stderr."""
    monkeypatch.delenv("ETH_RPC_URL", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(uncertainty, "DRAWS", 1)  # of each law's parameters: the interval's width is no matter here

    def run(*arguments: str | Path) -> Result:
        monkeypatch.setattr(sys, "argv", ["rollproof", "risk", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        assert "internal error" not in err
        return int(stopped.value.code or 0), out, err

    return run


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "positions.csv"
    path.write_text(HEADER + LONG + SHORT)
    return path


def scenario(
    directory: Path,
    name: str = "mine",
    *,
    kind: str = "halt",
    intensity: float = 1,
    seconds: float = 7_200,
    more: str = "",
) -> Path:
    path = directory / f"{name}.toml"
    path.write_text(HALT.format(name=name, kind=kind, intensity=intensity, seconds=seconds, more=more))
    return path


def records(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


# What is listed, and how help ends


def test_list_names_scenarios_rules_adapters_and_settings(risk: Risk) -> None:
    code, out, err = risk("--list")
    assert code == 0
    assert err == ""
    for name in ("base-2026-06", "dydx-2025-10", "gmx", "derive-pm", "perp-v2", "maximum-leverage", "grace-period"):
        assert f"  {name}" in out


def test_help_ends_with_an_example_that_names_real_things(risk: Risk) -> None:
    code, out, _ = risk("--help")
    assert code == 0
    assert "rollproof risk positions.csv --rules gmx --scenario base-2026-06" in " ".join(out.split())


# The record


def test_the_json_is_coherent(risk: Risk, book: Path) -> None:
    code, out, err = risk(
        book, "--rules", "gmx", "--scenario", "base-2026-06", "--insurance-fund", "500", "--json", "--paths", "4096",
        "--cascade-paths", "512", "-q",
    )  # fmt: skip
    assert (code, err) == (0, "")
    (one,) = records(out)
    assert one["format"] == "rollproof-risk/1"
    assert (one["venue"], one["quote"], one["seed"], one["rules"]["family"]) == ("venue", "USD", 0, "gmx")
    (failure,) = one["failures"]
    debt = failure["bad_debt"]
    assert 0 <= debt["probability"]["low"] <= debt["probability"]["value"] <= debt["probability"]["high"] <= 1
    assert [tail["level"] for tail in debt["tails"]] == [0.975, 0.99, 0.999]
    for tail in debt["tails"]:
        assert tail["var"]["value"] <= tail["es"]["value"] + 1e-9
        assert tail["es"]["low"] <= tail["es"]["value"] <= tail["es"]["high"]
    shortfalls = [tail["es"]["value"] for tail in debt["tails"]]
    assert shortfalls == sorted(shortfalls)
    # contributions add up, basis points are of open interest, other truths span the answer
    assert math.fsum(failure["by_asset"].values()) == pytest.approx(shortfalls[-1])
    assert failure["basis_points"]["es_99.9"] == pytest.approx(shortfalls[-1] / one["book"]["open_interest"] * 1e4)
    for (low, high), value in zip(failure["uncertainty"]["shortfalls"], shortfalls, strict=True):
        assert low <= value <= high
    # who pays adds up to what is owed
    cascade = failure["cascade"]
    paid = [cascade[each]["value"] for each in ("insurance_used", "adl", "socialised", "providers")]
    assert math.fsum(paid) == pytest.approx(cascade["bad_debt"]["mean"]["value"])
    # one kind of failure: the year's mean is intensity times its mean
    expected = failure["intensity_per_year"] * debt["mean"]["value"]
    assert one["annual"]["mean"]["value"] == pytest.approx(expected, rel=1e-4)
    lengths = [each["seconds"] if each["seconds"] is not None else math.inf for each in one["accounts"]]
    assert lengths == sorted(lengths)
    assert {each["account"] for each in one["accounts"]} == {"alice", "bob"}
    published = {each["what"]: each for each in one["compared"]}
    assert published["length of the halt"]["published"] == 116


def test_the_mean_is_the_closed_form_s(risk: Risk, tmp_path: Path, book: Path) -> None:
    code, out, _ = risk(
        book, "--rules", "hyperliquid", "--scenario", scenario(tmp_path), "--json", "--paths", "65536",
        "--cascade-paths", "0", "-q",
    )  # fmt: skip
    assert code == 0
    (one,) = records(out)
    mean = one["failures"][0]["bad_debt"]["mean"]
    assert mean["value"] == pytest.approx(
        math.fsum(each["bad_debt"] for each in one["accounts"]), abs=4.5 * mean["standard_error"]
    )


def mean_and_shortfall(out: str) -> tuple[float, float]:
    debt = records(out)[0]["failures"][0]["bad_debt"]
    return debt["mean"]["value"], debt["tails"][-1]["es"]["value"]


@pytest.mark.parametrize("what", ["leverage", "volatility", "duration", "size"])
def test_more_risk_costs_more(risk: Risk, tmp_path: Path, book: Path, what: str) -> None:
    more = tmp_path / "more.csv"
    more.write_text(HEADER + {
        "leverage": LONG.replace("2500", "1250") + SHORT.replace("3000", "1500"),
        "size": LONG.replace("BTC,1,", "BTC,2,").replace("2500", "5000")
        + SHORT.replace("BTC,-1,", "BTC,-2,").replace("3000", "6000"),
    }.get(what, LONG + SHORT))  # fmt: skip
    other = scenario(tmp_path, "other", seconds=14_400 if what == "duration" else 7_200)
    options = ("--rules", "dydx", "--json", *QUICK)
    code, out, _ = risk(book, *options, "--scenario", scenario(tmp_path), "--volatility", "0.8")
    again, out_more, _ = risk(
        more, *options, "--scenario", other, "--volatility", "1.6" if what == "volatility" else "0.8"
    )
    assert (code, again) == (0, 0)
    (mean, shortfall), (mean_more, shortfall_more) = mean_and_shortfall(out), mean_and_shortfall(out_more)
    if what == "size":  # bad debt is homogeneous in the book
        assert mean_more == pytest.approx(2 * mean, rel=1e-9)
        assert shortfall_more == pytest.approx(2 * shortfall, rel=1e-9)
    else:
        assert mean_more > 1.2 * mean
        assert shortfall_more > shortfall


def test_who_hedges_inside_an_account_loses_less(risk: Risk, tmp_path: Path) -> None:
    cash = "alice,USD,collateral,2000,,,cross\n"
    bare = (
        "account,asset,kind,size,entry_price,mark_price,mode\n" + cash + "alice,BTC,perpetual,1,100000,100000,cross\n"
    )
    (tmp_path / "bare.csv").write_text(bare)
    (tmp_path / "hedged.csv").write_text(bare + "alice,ETH,perpetual,-20,4000,4000,cross\n")
    options = ("--rules", "dydx", "--scenario", scenario(tmp_path), "--json", *QUICK)
    alone, _ = mean_and_shortfall(risk(tmp_path / "bare.csv", *options)[1])
    hedged, _ = mean_and_shortfall(risk(tmp_path / "hedged.csv", *options)[1])
    assert hedged < 0.5 * alone


def test_who_is_bankrupt_already_owes_that_for_certain(risk: Risk, tmp_path: Path) -> None:
    path = tmp_path / "bankrupt.csv"
    path.write_text(HEADER + "alice,BTC,1,150000,1,isolated,100000\n")
    code, out, _ = risk(path, "--rules", "dydx", "--scenario", scenario(tmp_path, seconds=60), "--json", *QUICK)
    assert code == 0
    debt = records(out)[0]["failures"][0]["bad_debt"]
    assert debt["mean"]["low"] <= 49_999 <= debt["mean"]["high"] * 1.001
    assert debt["probability"]["high"] == pytest.approx(1, abs=1e-2)
    assert records(out)[0]["book"]["under_water"] == 1


def test_the_seed_decides_and_engine_and_jobs_do_not(risk: Risk, book: Path) -> None:
    options = (book, "--rules", "dydx", "--scenario", "outage", "--json", *QUICK)

    def shown(*more: str) -> list[Any]:
        code, out, _ = risk(*options, *more)
        assert code == 0
        return [
            {name: value for name, value in each.items() if name not in ("seconds", "cpu_seconds", "settings", "seed")}
            for each in records(out)
        ]

    first = shown("--seed", "3", "-j", "1")
    assert shown("--seed", "3", "-j", "2") == first
    assert shown("--seed", "4") != first


@pytest.mark.slow
def test_processes_compute_the_same(risk: Risk, tmp_path: Path, book: Path) -> None:
    old = scenario(
        tmp_path, kind="stale-oracle"
    )  # no law of the duration: few other truths, each with workers of its own
    options = (book, "--rules", "dydx", "--scenario", old, "--json", *QUICK)
    code, threads, _ = risk(*options)
    again, processes, _ = risk(*options, "--engine", "processes", "-j", "2")
    assert (code, again) == (0, 0)
    assert records(threads)[0]["failures"] == records(processes)[0]["failures"]


# Several of a kind


def test_every_venue_and_scenario_is_a_line(risk: Risk, tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    path.write_text(HEADER.replace("account", "account,venue") + "".join(
        row.replace(",BTC", f",{venue},BTC") for venue in ("north", "south") for row in (LONG, SHORT)
    ))  # fmt: skip
    options = ("--rules", "dydx", "--scenario", "base-2026-06", "--scenario", "outage", "--json", *QUICK)
    code, out, _ = risk(path, *options)
    assert code == 0
    found = [(each["venue"], each["scenario"]["name"]) for each in records(out)]
    assert found == [(venue, name) for venue in ("north", "south") for name in ("base-2026-06", "outage")]
    code, out, _ = risk(path, *options, "--venue", "south")
    assert [each["venue"] for each in records(out)] == ["south", "south"]
    code, out, err = risk(path, *options, "--venue", "west")
    assert (code, out) == (2, "")
    assert "west" in err


def test_what_no_layer_prices_is_said_and_the_exit_code_is_2(risk: Risk, tmp_path: Path, book: Path) -> None:
    both = scenario(tmp_path, more="[[failures]]\n" + HALT.format(
        name="", kind="throughput", intensity=1, seconds=600, more="notional_per_second = 1e5"
    ).partition("[[failures]]\n")[2])  # fmt: skip
    code, out, _ = risk(book, "--rules", "dydx", "--scenario", both, "--json", *QUICK)
    assert code == 2
    (one,) = records(out)
    halt, throughput = one["failures"]
    assert halt["bad_debt"] is not None
    assert throughput["bad_debt"] is None
    assert throughput["not_priced"]
    assert one["annual"] is None  # a year without one of its failures would look like a whole one
    code, text, _ = risk(book, "--rules", "dydx", "--scenario", both, *QUICK)
    assert code == 2
    assert "not priced" in text


# Options


def test_over_budget_is_exit_code_1_at_the_level_asked_for(risk: Risk, tmp_path: Path, book: Path) -> None:
    options = (book, "--rules", "dydx", "--scenario", scenario(tmp_path), *QUICK)
    debt = records(risk(*options, "--json")[1])[0]["failures"][0]["bad_debt"]
    low, high = debt["tails"][0]["es"]["value"], debt["tails"][-1]["es"]["value"]
    between = str((low + high) / 2)
    assert risk(*options, "--budget", between)[0] == 1
    assert risk(*options, "--budget", between, "--level", "0.975")[0] == 0
    assert risk(*options, "--budget", str(high * 1.001))[0] == 0


def test_prices_fit_the_market(risk: Risk, tmp_path: Path, book: Path) -> None:
    history, price = ["timestamp,BTC"], 100.0
    for step in range(400):  # returns of 0.1 % up and down, in an order without a pattern: no jumps
        price *= math.exp(0.001 if (step * step + step // 3) % 7 < 3 else -0.001)
        history.append(f"{1_750_000_000 + 300 * step},{price!r}")
    (tmp_path / "history.csv").write_text("\n".join(history) + "\n")
    code, out, _ = risk(
        book,
        "--rules",
        "dydx",
        "--scenario",
        scenario(tmp_path),
        "--prices",
        tmp_path / "history.csv",
        "--json",
        *QUICK,
    )
    assert code == 0
    (one,) = records(out)
    assert one["market"]["calibrated"] is True
    assert one["market"]["volatility"][0] == pytest.approx(0.001 * math.sqrt(365 * 86_400 / 300), rel=0.15)
    assert any("fitted" in note for note in one["notes"])


def test_a_mark_may_come_from_the_command_line(risk: Risk, tmp_path: Path) -> None:
    path = tmp_path / "bare.csv"
    path.write_text("account,asset,size,entry_price,margin\nalice,BTC,1,100000,5000\n")
    options = (path, "--rules", "dydx", "--scenario", scenario(tmp_path), "--json", *QUICK)
    assert risk(*options)[0] == 2
    code, out, _ = risk(*options, "--price", "BTC=99000")
    assert code == 0
    assert records(out)[0]["book"]["marks"] == {"BTC": 99_000}


def test_the_shipped_network_falls_with_the_venue(risk: Risk, tmp_path: Path) -> None:
    from rollproof.risk.contagion import network_file

    path = tmp_path / "network.toml"
    path.write_bytes(Path(network_file.__file__).with_name("example.toml").read_bytes())
    book = tmp_path / "large.csv"
    book.write_text(HEADER + "alice,BTC,10000,100000,20000000,isolated,100000\n")
    code, out, _ = risk(book, "--rules", "dydx", "--scenario", scenario(tmp_path), "--network", path, "--json", *QUICK)
    assert code == 0
    assert records(out)[0]["network"]


def test_a_recommendation_meets_the_budget(risk: Risk, tmp_path: Path, book: Path) -> None:
    code, out, _ = risk(
        book, "--rules", "dydx", "--scenario", scenario(tmp_path), "--recommend", "maximum-leverage",
        "--budget", "2000", "--json", *QUICK,
    )  # fmt: skip
    assert code == 1  # as it is, the book costs more
    (found,) = records(out)[0]["recommendations"]
    assert found["budget"] == 2_000
    assert found["loss"]["value"] <= 2_000
    assert 1 <= found["value"] <= 40


def test_a_setting_that_says_nothing_of_the_failure_is_refused_and_the_rest_answered(
    risk: Risk, tmp_path: Path, book: Path
) -> None:
    code, out, _ = risk(
        book, "--rules", "dydx", "--scenario", scenario(tmp_path, kind="stale-oracle"), "--recommend", "grace-period",
        "--budget", "1e9", "--json", *QUICK,
    )  # fmt: skip
    (one,) = records(out)
    assert one["failures"][0]["bad_debt"] is not None
    assert one["recommendations"] == []
    assert any("not recommended" in note for note in one["notes"])
    assert code == 2


# Files


def test_reports_and_figures(risk: Risk, tmp_path: Path, book: Path) -> None:
    report, figures = tmp_path / "out", tmp_path / "figures"
    report.mkdir()
    names = ("report.html", "report.md", "report.json")
    more = [each for name in names for each in ("--report", str(report / name))]
    code, out, _ = risk(
        book, "--rules", "dydx", "--scenario", "base-2026-06", "--figures", figures, "--json", *QUICK, *more
    )
    assert code == 0
    assert {each.name for each in report.iterdir()} == set(names)  # nothing half-written beside them
    assert json.loads((report / "report.json").read_text()) == records(out)[0]
    assert (report / "report.md").read_text().startswith("#")
    page = (report / "report.html").read_text()
    assert page.startswith("<!doctype html")
    assert page.count("<svg") >= 2
    assert "<script" not in page
    drawn = {each.suffix for each in figures.iterdir()}
    assert drawn == {".svg", ".png"}
    for each in figures.glob("*.svg"):
        ET.parse(each)  # noqa: S314
    for each in figures.glob("*.png"):
        assert each.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_report_that_cannot_be_written_is_refused_before_anything_is_computed(
    risk: Risk, tmp_path: Path, book: Path
) -> None:
    for path in (tmp_path / "no" / "out.html", tmp_path / "out.pdf", tmp_path):
        code, out, err = risk(book, "--rules", "dydx", *QUICK, "--report", path)
        assert (code, out) == (2, "")
        assert path.name in err or path.suffix in err


def test_names_of_strangers_cannot_write_elsewhere_or_to_the_terminal(risk: Risk, tmp_path: Path) -> None:
    path, figures = tmp_path / "hostile.csv", tmp_path / "figures"
    hostile = "<script>alert(1)</script>"
    path.write_text(HEADER.replace("account", "account,venue") + LONG.replace("alice", f"{hostile},../../up"))
    title = scenario(tmp_path, "esc", more="")
    title.write_text(title.read_text().replace('"A halt"', '"\\u001b[31mred\\n<b>x</b>"'))
    code, out, _ = risk(
        path, "--rules", "dydx", "--scenario", title, "--figures", figures, "--report", tmp_path / "out.html", *QUICK
    )
    assert code == 0
    assert "\x1b" not in out
    page = (tmp_path / "out.html").read_text()
    assert hostile not in page
    assert "<b>x</b>" not in page
    assert {each.name for each in tmp_path.iterdir()} == {"hostile.csv", "esc.toml", "figures", "out.html"}
    assert all(each.parent == figures for each in figures.iterdir())


# What is refused: one line, the thing by its name, exit code 2, nothing on stdout


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (HEADER + "a,BTC,nan,100000,5,isolated,100000\n", ("row 2", "size", "nan")),
        (HEADER + LONG + "a,BTC,inf,100000,5,isolated,100000\n", ("row 3", "size", "inf")),
        (HEADER + "a,BTC,1,100000,-5,isolated,100000\n", ("row 2", "margin", "-5")),
        (HEADER + "a,BTC,1,100000,5,isolated,0\n", ("row 2", "mark_price")),
        (HEADER + "a,BTC,1,-1,5,isolated,100000\n", ("row 2", "entry_price")),
        (HEADER + "a,BTC,0,100000,5,isolated,100000\n", ("row 2", "size")),
        (HEADER + "a,BTC,1e400,100000,5,isolated,100000\n", ("row 2", "size")),
        (HEADER + LONG + LONG, ("row 3", "alice")),
        (HEADER + "a,BTC,1,1,,cross,100\na,ETH,1,1,,portfolio,100\n", ("mode", "overlap")),
        (HEADER.replace("size", "lots") + LONG, ("lots",)),
        ("account,asset\na,BTC\n", ("size", "missing")),
        (HEADER.replace("account", "account,account") + "a," + LONG, ("account", "twice")),
        (HEADER + "a,BTC,1\n", ("row 2", "3 fields")),
        (HEADER + '"a,BTC,1,100000,5,isolated,100000\n', ("row 2",)),
        (HEADER + "a" * 1_000_000 + ",BTC,1,100000,5,isolated,100000\n", ("row 2", "account")),
        (HEADER.encode() + b"\xff\xfe,BTC,1,100000,5,isolated,100000\n", ("row 2", "UTF-8")),
        (HEADER + "\x1b[31m,BTC,1,100000,5,isolated,100000\n", ("row 2", "account")),
        (HEADER, ("no rows",)),
        ("", ("no header",)),
    ],
)  # fmt: skip
def test_wrong_positions(risk: Risk, tmp_path: Path, content: str | bytes, named: tuple[str, ...]) -> None:
    path = tmp_path / "wrong.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    code, out, err = risk(path, "--rules", "dydx", "--scenario", "outage", *QUICK)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert len(err) < 3_000
    assert "wrong.csv" in err
    assert "\x1b" not in err
    for each in named:
        assert each in err


@pytest.mark.parametrize("form", ["\ufeff{}", "{}", '"{}"'])
def test_marks_of_byte_order_line_ends_and_quotes_do_not_matter(risk: Risk, tmp_path: Path, form: str) -> None:
    rows = (HEADER + LONG + SHORT).splitlines()
    if form.startswith('"'):
        rows = [",".join(form.format(cell) for cell in row.split(",")) for row in rows]
    text = "\r\n".join(rows) + "\r\n"
    path = tmp_path / "same.csv"
    path.write_text(form.format(text) if form.startswith("\ufeff") else text, encoding="utf-8", newline="")
    code, out, _ = risk(path, "--rules", "dydx", "--scenario", "outage", "--json", *QUICK)
    assert code == 0
    assert records(out)[0]["book"]["rows"] == 2


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--rules", "gmxx"), "gmxx"),
        (("--rules", "nowhere.toml"), "nowhere.toml"),
        (("--scenario", "base-2026-07"), "base-2026-07"),
        (("--scenario", "nowhere.toml"), "nowhere.toml"),
        (("--engine", "abacus"), "abacus"),
        (("--jobs", "0"), "--jobs"),
        (("--seed", "-1"), "--seed"),
        (("--paths", "0"), "--paths"),
        (("--budget", "nan"), "--budget"),
        (("--insurance-fund", "-1"), "--insurance-fund"),
        (("--pool", "nan"), "--pool"),
        (("--level", "0.9995", "--budget", "1"), "--level"),
        (("--recommend", "luck", "--budget", "1"), "luck"),
        (("--recommend", "maximum-leverage"), "--budget"),
        (("--price", "BTC"), "BTC"),
        (("--price", "BTC=nan"), "BTC"),
        (("--price", "BTC=5"), "BTC"),
        (("--price", "ETH=1", "--price", "ETH=2"), "twice"),
        (("--volatility", "-1"), "volatility"),
        (("--volatility", "DOGE=1"), "DOGE"),
        (("--volatility", "1", "--volatility", "2"), "twice"),
        (("--volatility", "1", "--prices", "a.csv"), "--prices"),
        (("--prices", "nowhere.csv"), "nowhere.csv"),
        (("--liquidity", "nowhere.toml"), "nowhere.toml"),
        (("--network", "nowhere.toml"), "nowhere.toml"),
        (("--evidence", "nowhere.evidence"), "--evidence"),
        (("--config", "lab-l2.toml"), "--config"),
    ],
)
def test_wrong_options(risk: Risk, book: Path, options: tuple[str, ...], named: str) -> None:
    given = ("--rules", "dydx") if "--rules" not in options else ()
    code, out, err = risk(book, *given, *QUICK, *options)
    assert (code, out) == (2, "")
    assert named in err


def test_an_option_that_would_be_ignored_is_refused(risk: Risk) -> None:
    code, out, err = risk("--evidence", "block.evidence", "--budget", "1")
    assert (code, out) == (2, "")
    assert "--budget" in err
    code, out, err = risk("--venue", "0x" + "11" * 20, "--rpc-url", "http://127.0.0.1:1", "--insurance-fund", "5")
    assert (code, out) == (2, "")
    assert "--insurance-fund" in err


def test_a_book_of_cash_has_nothing_to_price(risk: Risk, tmp_path: Path) -> None:
    path = tmp_path / "cash.csv"
    path.write_text("account,asset,kind,size\nalice,USD,collateral,5\n")
    code, out, err = risk(path, "--rules", "dydx", "--scenario", scenario(tmp_path), *QUICK)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "only cash" in err


def test_rules_are_asked_for_and_a_venue_needs_a_node(risk: Risk, book: Path) -> None:
    assert "--rules" in risk(book)[2]
    assert "--rpc-url" in risk("--venue", "0x" + "11" * 20)[2]
    code, out, err = risk("--venue", "0x" + "11" * 20, "--rpc-url", "http://127.0.0.1:1", "-q")
    assert (code, out) == (2, "")
    assert "connection failed" in err
    assert risk()[0] == 2


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "name"),
        ("{{{", "line 1"),
        ("a = " + "[" * 50_000 + "]" * 50_000, "recursion"),
        (HALT.format(name="x", kind="implosion", intensity=1, seconds=1, more=""), "implosion"),
        (HALT.format(name="x", kind="halt", intensity='"often"', seconds=1, more=""), "intensity_per_year"),
        (HALT.format(name="x", kind="halt", intensity="nan", seconds=1, more=""), "intensity_per_year"),
        (HALT.format(name="x", kind="halt", intensity=1e6, seconds=1, more=""), "intensity_per_year"),
        (HALT.format(name="x", kind="halt", intensity=1, seconds=-1, more=""), "seconds"),
        (HALT.format(name="x", kind="halt", intensity=1, seconds=1, more="colour = 1"), "colour"),
        (HALT.format(name="x", kind="halt", intensity=1, seconds=1, more='resume = { backlog = "x" }'), "backlog"),
    ],
)
def test_wrong_scenarios(risk: Risk, tmp_path: Path, book: Path, text: str, named: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    code, out, err = risk(book, "--rules", "dydx", "--scenario", path, *QUICK)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "wrong.toml" in err
    assert named in err


def test_a_failure_as_frequent_and_one_as_short_as_can_be_are_priced(risk: Risk, tmp_path: Path, book: Path) -> None:
    often = scenario(tmp_path, "often", intensity=5_000, seconds=60)
    assert risk(book, "--rules", "dydx", "--scenario", often, "--json", *QUICK)[0] == 0
    once = scenario(tmp_path, "once")
    once.write_text(once.read_text().replace('law = "fixed", seconds = 7200', 'law = "empirical", seconds = [0.0]'))
    code, out, err = risk(book, "--rules", "dydx", "--scenario", once, "--json", *QUICK)
    assert (code, err) == (0, "")
    assert records(out)[0]["failures"][0]["bad_debt"]["mean"]["value"] == 0


@pytest.mark.parametrize("content", [b"", b"{}", b"account,asset\n", b"\x1f\x8b\x08\x00garbage", b"[" * 100_000])
def test_what_is_no_evidence_says_nothing_about_money(risk: Risk, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.evidence"
    path.write_bytes(content)
    code, out, err = risk("--evidence", path)
    assert code == 2
    assert "overpaid" not in out
    assert "a.evidence" in out + err


# A process


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "rollproof", "risk", *map(str, arguments)]


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_cancelled_leaves_no_report(tmp_path: Path) -> None:
    path, report = tmp_path / "many.csv", tmp_path / "out.html"
    rows = positions.to_frame(positions.example())
    rows.write_csv(path)
    running = subprocess.Popen(
        command(path, "--rules", "hyperliquid", "--report", report, "--paths", str(1 << 24), "--cascade-paths", "0"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    time.sleep(10)
    assert running.poll() is None
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert (out, err) == ("", "")
    assert {each.name for each in tmp_path.iterdir()} == {"many.csv"}


def test_whoever_stops_reading_is_not_told_of_an_error(book: Path, tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    ran = subprocess.run(
        command(book, "--rules", "dydx", "--scenario", scenario(tmp_path), "--json", *QUICK),
        stdout=write, stderr=subprocess.PIPE, text=True, check=False, timeout=120,
    )  # fmt: skip
    os.close(write)
    assert ran.returncode == 130
    assert ran.stderr == ""
