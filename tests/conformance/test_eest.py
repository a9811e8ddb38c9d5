"""The Execution Spec Tests, all of them, through our own core. docs/conformance.md has the figures."""

from __future__ import annotations

from pathlib import Path

import pytest
from conformance import worst_case, zkevm
from conformance.fixtures import files, is_pointer, unpacked
from conformance.groups import DIRECTORIES, GROUPS, Group, files_of, group_id, top
from conformance.tally import POINTER, run_files

from rollproof.types import Outcome

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_fixtures(shared_data: Path, group: Group) -> None:
    """Every case of the group passes, every invalid block is refused for its own reason; only pointers are skipped."""
    root, paths = files_of(shared_data, group)
    tally = run_files(group[0], root, paths)
    assert not tally.failed, tally.failures()
    assert tally.passed.total() > 0
    assert set(tally.skipped.values()) <= {POINTER}, tally.skipped


@pytest.mark.parametrize("kind", DIRECTORIES)
def test_no_directory_is_left_out(shared_data: Path, kind: str) -> None:
    grouped = [path for group in GROUPS if group[0] == kind for path in files_of(shared_data, group)[1]]
    assert sorted(grouped) == files(top(shared_data, kind))


def test_draft_fork(shared_data: Path) -> None:
    """Amsterdam is a draft: unknown by its name, though the witness is read."""
    for path in files(unpacked(shared_data, "zkevm")):
        assert not is_pointer(path)
        seen = zkevm.look(path)
        assert seen.tests > 0
        for verdict in seen.verdicts:
            assert verdict.outcome is Outcome.UNKNOWN
            assert "fork Amsterdam" in verdict.reason


def test_worst_case(shared_data: Path) -> None:
    """Gas-heavy blocks hold from their witness alone."""
    paths = sorted((shared_data / "worst-case" / "zkevm-fixtures-input").glob("*.json"))
    assert len(paths) == 37
    verdicts = {path.name: worst_case.judge(path) for path in paths}
    assert not {name: verdict for name, verdict in verdicts.items() if verdict.outcome is not Outcome.HOLDS}
