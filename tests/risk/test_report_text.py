"""The report for a terminal: the record's figures, both intervals, and nothing empty where nothing was priced."""

from __future__ import annotations

import re
from typing import Any

import pytest

from risk.report_records import bare, hostile, leaves, made
from rollproof.errors import Unsupported
from rollproof.report import risk_html, risk_markdown, risk_text

# Fields of a failure, and of the record, that may be None or empty.
MISSING = (
    "users", "cascade", "hedge", "uncertainty", "loss", "worst", "by_asset", "notes", "basis_points", "not_priced",
)  # fmt: skip


def cells(text: str, label: str) -> list[str]:
    """The cells of the first row that begins with ``label``."""
    line = next(line for line in text.splitlines() if line.strip().startswith(label))
    return re.split(r"\s{2,}", line.strip())


def parsed(shown: str) -> float:
    return float(shown.replace(",", ""))


def test_the_headline_says_what_it_comes_to() -> None:
    record = made()
    lines = risk_text.text(record).splitlines()
    assert lines[0].startswith("dydx-2025-10: dYdX Chain, 10 October 2025")
    head = " ".join(lines[1:6])
    assert "halt: one failure costs" in head
    assert "USD in its worst 0.1 % (ES 99.9 %)" in head
    assert "stale-oracle: one failure costs" in head


def test_figures_are_the_records_to_their_standard_error() -> None:
    record = made()
    text = risk_text.text(record)
    halt = record["failures"][0]["bad_debt"]
    for label, value in (
        ("expected", halt["mean"]),
        ("ES 97.5 %", halt["tails"][0]["es"]),
        ("VaR 99 %", halt["tails"][1]["var"]),
    ):
        row = cells(text, label)
        assert abs(parsed(row[1]) - value["value"]) <= value["standard_error"] / 2 + 1e-9
        low, high = (parsed(each) for each in row[2].split(" to "))
        assert abs(low - value["low"]) <= value["standard_error"] / 2 + 1e-9
        assert abs(high - value["high"]) <= value["standard_error"] / 2 + 1e-9


def test_basis_points_are_of_open_interest() -> None:
    record = made()
    shown = cells(risk_text.text(record), "ES 99.9 %")[-1]
    es = record["failures"][0]["bad_debt"]["tails"][2]["es"]["value"]
    assert parsed(shown) == pytest.approx(es / record["book"]["open_interest"] * 1e4, rel=5e-3)


def test_the_wider_interval_is_the_one_that_is_marked() -> None:
    record = made()
    failure = record["failures"][0]
    mean = failure["bad_debt"]["mean"]
    row = cells(risk_text.text(record), "expected")
    models = failure["uncertainty"]["mean"]
    assert models[1] - models[0] > mean["high"] - mean["low"]
    assert (row[2].endswith("*"), row[3].endswith("*")) == (False, True)
    mean["low"], mean["high"], mean["standard_error"] = models[0] - 1, models[1] + 1, mean["value"]
    row = cells(risk_text.text(record), "expected")
    assert (row[2].endswith("*"), row[3].endswith("*")) == (True, False)
    mean["high"] = None  # no bound is wider than any
    row = cells(risk_text.text(record), "expected")
    assert (row[2].endswith("or more *"), row[3].endswith("*")) == (True, False)


def test_users_losses_have_their_own_table_and_the_sum_the_interval_over_models() -> None:
    lines = risk_text.text(made()).splitlines()
    at = next(index for index, line in enumerate(lines) if line.startswith("stale-oracle: 10 minutes"))
    heads = [line.strip() for line in lines[at:] if line.strip().endswith(", USD")][:3]
    assert heads[:3] == ["Bad debt of one failure, USD", "Taken from the venue's users, USD", "Both together, USD"]
    part = lines[at : at + 40]
    assert sum("over models and parameters" in line for line in part) == 1  # beside the sum, which it is of


def test_who_is_wiped_out_first_has_ten_rows_and_says_that_there_are_more() -> None:
    record = made()
    text = risk_text.text(record)
    shown = text[text.index("Who is wiped out first") :].split("\n\n")[0]
    assert sum(each["account"] in shown.split() for each in record["accounts"]) == 10
    assert f"and {len(record['accounts']) - 10} more" in shown
    assert all(each["account"] in risk_markdown.markdown(record) for each in record["accounts"])


def test_published_figures_stand_beside_the_models() -> None:
    record = made()
    published = next(each for each in record["compared"] if each["what"].startswith("losses of 27 accounts"))
    published["model"] = 1_234.5
    assert cells(risk_text.text(record), "losses of 27 accounts")[1:4] == ["462,097.79", "1,230", "USD"]
    published["model"] = None
    assert cells(risk_text.text(record), "losses of 27 accounts")[1:4] == ["462,097.79", "no such figure", "USD"]


def test_a_failure_that_nobody_priced_says_why() -> None:
    text = risk_text.text(bare())
    assert "halt: not priced: no layer knows this kind" in text
    assert "A year\n  not priced: it needs every failure" in text
    assert "no subaccount has an open position" in text
    assert "Liquidations and who pays\n    not priced: no cascade was run" in text
    table = text[text.index("halt: 1 hour") : text.index("A year")]
    assert not re.search(r"(?<![\d.])0(?![\d.])", table)  # nothing that could be read as no loss


@pytest.mark.parametrize("field", MISSING)
def test_every_part_of_a_failure_may_be_missing(field: str) -> None:
    record = made()
    for failure in record["failures"]:
        failure[field] = [] if isinstance(failure[field], list) else {} if isinstance(failure[field], dict) else None
    assert risk_text.text(record)
    record = made()
    for failure in record["failures"]:
        failure[field] = None
    for shown in (risk_text.text(record), risk_markdown.markdown(record), risk_html.page([(record, {})])):
        assert "None" not in shown
        assert "nan" not in shown.lower().split()


def test_every_number_may_be_missing() -> None:
    paths = [path for path in leaves(made(), lambda each: each) if path[-1] != "level" and "details" not in path]
    assert len(paths) > 100
    record = made()
    for path in paths:
        holder: Any = record
        for key in path[:-1]:
            holder = holder[key]
        if not isinstance(holder, list) or path[-2] not in ("exceedance", "tails"):
            holder[path[-1]] = None
    for shown in (risk_text.text(record), risk_markdown.markdown(record), risk_html.page([(record, {})])):
        assert "not known" in shown
        assert not re.search(r"\bNone\b|\bnan\b", shown)


def test_hostile_names_cannot_steer_a_terminal() -> None:
    text = risk_text.text(hostile())
    assert all(character.isprintable() for line in text.split("\n") for character in line)
    assert max(map(len, text.split("\n"))) < 1_500
    assert "\\x1b[31m" in text
    coloured = risk_text.text(hostile(), colour=True)
    assert set(re.findall(r"\x1b[^m]*m", coloured)) <= {"\x1b[0m", "\x1b[1m", "\x1b[1;4m", "\x1b[1;31m"}


def test_colour_adds_nothing_but_colour() -> None:
    record = made()
    coloured = risk_text.text(record, colour=True)
    assert "\x1b[1m" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == risk_text.text(record)


def test_columns_are_aligned_also_with_wide_characters() -> None:
    record = made()
    record["accounts"][0]["account"] = "漢字漢字"
    text = risk_text.text(record)
    lines = text.splitlines()
    at = next(index for index, line in enumerate(lines) if line.split()[:2] == ["account", "mode"])
    place = lines[at].index("mode")
    assert lines[at + 2].index("isolated") == place
    assert lines[at + 1].index("isolated") == place - 4  # four characters that take two columns each


def test_a_record_of_another_format_is_refused() -> None:
    for render in (risk_text.text, risk_markdown.markdown):
        with pytest.raises(Unsupported, match="rollproof-risk/1 is known"):
            render(made() | {"format": "rollproof-risk/2"})
