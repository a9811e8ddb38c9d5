"""Executed solutions of a public exploit course: how many give a finding above info of a family that is right."""

from __future__ import annotations

import json
from pathlib import Path

from rollproof.detect import foreign
from rollproof.detect.run import judge
from rollproof.types import Severity

NEEDED = 13  # of the 14 that show enough


def of_family(detector: str, families: list[str]) -> bool:
    return any(detector == each or detector.startswith(each + "-") for each in families)


def test_most_solutions_are_found(shared_data: Path) -> None:
    folder = shared_data / "detection"
    families = json.loads((folder / "dvdefi-families.json").read_text(encoding="utf-8"))
    right, missed = [], {}
    for path in (folder / "exploits-dvdefi.jsonl.gz",):
        for block in foreign.read(path):
            names = block.executions[0].names.values()
            course = challenge(names, families)
            if families[course] is None:
                continue
            above = {each.detector for each in judge(block).findings if each.severity is not Severity.INFO}
            if any(of_family(each, families[course]) for each in above):
                right.append(course)
            else:
                missed[course] = sorted(above)
    assert len(right) + len(missed) == sum(each is not None for each in families.values())
    assert len(right) >= NEEDED, missed


def challenge(names: object, families: dict[str, list[str] | None]) -> str:
    """Which challenge a trace is of, by the name that the course gives to its test."""
    plain = {name.removesuffix("Challenge").lower() for name in names if str(name).endswith("Challenge")}  # type: ignore[attr-defined]
    [found] = [each for each in families if each.replace("-", "") in plain]
    return found
