"""Alarms on traffic in which nobody is robbed: a sample of what ``python -m bench alarms`` counts, and its bound."""

from __future__ import annotations

from math import comb
from pathlib import Path

import pytest
from bench import alarms

from rollproof.detect.inspection import Inspection
from rollproof.types import Confidence, Finding, Severity


@pytest.mark.slow
def test_no_high_or_critical_finding_on_recorded_blocks(shared_data: Path) -> None:
    for tally in (alarms.recorded(), *alarms.foreign()):
        assert tally.transactions > 100
        assert tally.unseen == []
        assert [(each.detector, each.title) for each in tally.unargued] == [], tally.name


@pytest.mark.slow
def test_no_high_or_critical_finding_on_the_lab_without_a_fault() -> None:
    tally = alarms.lab(100, seed=2)
    assert tally.transactions > 300
    assert tally.unseen == []
    assert [(each.detector, each.title) for each in tally.unargued] == []


def test_an_argument_is_for_one_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        Finding("reentrancy", severity, Confidence.OBSERVED, 1, 2, place, "lost")
        for severity, place in (
            (Severity.HIGH, b"\x01" * 32), (Severity.CRITICAL, b"\x02" * 32), (Severity.MEDIUM, b"\x03" * 32),
        )
    ]  # fmt: skip
    monkeypatch.setattr(alarms, "ARGUED", {("reentrancy", "02" * 32): "it was an attack"})
    tally = alarms.tallied(
        "made up", [Inspection("a", findings=tuple(found), transactions=4), Inspection("b", reason="x")]
    )
    assert [each.transaction for each in tally.alarms] == [b"\x01" * 32, b"\x02" * 32]
    assert [each.transaction for each in tally.unargued] == [b"\x01" * 32]
    assert tally.unseen == ["b: x"]
    section = alarms.shown([tally])
    assert "it was an attack" in section
    assert "not argued for" in section
    assert "- b: x" in section


@pytest.mark.parametrize(("count", "trials"), [(0, 1), (0, 3000), (1, 10), (5, 10), (3, 3217), (10, 10)])
def test_the_bound_is_the_rate_at_which_so_few_are_seen_in_one_case_of_twenty(count: int, trials: int) -> None:
    bound = alarms.upper_bound(count, trials)
    if count == trials:
        assert bound == 1.0
        return
    tail = sum(comb(trials, seen) * bound**seen * (1 - bound) ** (trials - seen) for seen in range(count + 1))
    assert tail == pytest.approx(0.05, rel=1e-6)


def test_a_section_goes_between_its_marks(tmp_path: Path) -> None:
    document = tmp_path / "detection.md"
    document.write_text(f"before\n{alarms.BEGIN}\nold\n{alarms.END}\nafter\n", encoding="utf-8")
    alarms.write("new", document)
    assert document.read_text(encoding="utf-8") == f"before\n{alarms.BEGIN}\nnew\n{alarms.END}\nafter\n"
    document.write_text("nothing", encoding="utf-8")
    with pytest.raises(ValueError, match="no marks"):
        alarms.write("new", document)
