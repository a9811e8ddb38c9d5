"""Where the recorded blocks are, and the rule that CI does not pass by not looking."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The directory of recorded blocks and fixtures beside the checkout; skips the test where there is none."""
    if not SHARED.is_dir():
        pytest.skip("no recorded blocks: ../shared/data is not there")
    return SHARED


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks every test that asks for the recorded blocks, so that ``-m shared`` selects them."""
    for item in items:
        if "shared_data" in getattr(item, "fixturenames", ()):
            item.add_marker("shared")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI, with the recorded blocks there, a skipped test that needs them has not looked: it fails."""
    report = yield
    if (
        report.skipped
        and not hasattr(report, "wasxfail")
        and os.environ.get("CI") == "true"
        and SHARED.is_dir()
        and item.get_closest_marker("shared")
    ):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI although ../shared/data is there: {report.longrepr}"
    return report
