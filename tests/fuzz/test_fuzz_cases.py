"""Inputs that once were findings, the honest inputs that fuzzing begins with, and a short run of each target."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz import engine, targets
from fuzz.engine import Target
from rollproof.types import Outcome

CASES = sorted(path for path in (Path(__file__).parent / "cases").glob("*/*") if path.is_file())
BY_NAME = {target.name: target for target in targets.TARGETS}


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_was_found_once_is_refused_by_name(path: Path) -> None:
    engine.attempt(BY_NAME[path.parent.name], path.read_bytes())


@pytest.mark.parametrize("target", targets.TARGETS, ids=lambda target: target.name)
def test_the_inputs_to_begin_with_are_accepted(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fuzzing that begins with what is refused at the first byte looks at nothing."""
    outcomes: list[Outcome] = []
    judge = targets._judge

    def judged(*args: object) -> Outcome:
        outcomes.append(judge(*args))  # type: ignore[arg-type]
        return outcomes[-1]

    monkeypatch.setattr(targets, "_judge", judged)
    for data in target.seeds():
        target.run(data)
    assert set(outcomes) <= {Outcome.HOLDS}
    assert bool(outcomes) == (target.name in ("record", "evidence", "payload", "rpc"))


@pytest.mark.parametrize("target", targets.TARGETS, ids=lambda target: target.name)
def test_mutated_inputs_are_answered(target: Target) -> None:
    report = engine.fuzz(target, 10, seed=1, most_runs=60)
    assert report.runs == 60
    assert not report.findings, "\n".join(text for _, text in report.findings.values())
