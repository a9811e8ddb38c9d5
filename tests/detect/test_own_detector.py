"""A detector of somebody else takes one file and one line: that of CONTRIBUTING.md, in this package and in another."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

from conftest import ROOT
from detect.stage import ETHER, Stage
from rollproof.cli import app
from rollproof.detect import registry
from rollproof.detect.run import Report
from rollproof.errors import Malformed

METADATA = "Metadata-Version: 2.1\nName: my-package\nVersion: 1\n"


@pytest.fixture
def written() -> str:
    """The example, as it is written."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    [code] = [each for each in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "LargePayment" in each]
    return str(code)


@pytest.fixture
def forget() -> Iterator[None]:
    """The registry looks again, before and after."""
    registry.detectors.cache_clear()
    yield
    registry.detectors.cache_clear()


def paid(ether: int) -> Report:
    stage = Stage()
    return stage.judged([stage.account(1).send(b"\x42" * 20, value=ether * ETHER, gas=21_000)])


def amounts(report: Report) -> list[int]:
    found = [each for each in report.findings if each.detector == "large-payment"]
    return [each.amounts[1].amount for each in found]


@pytest.mark.usefixtures("forget")
def test_in_this_package_it_is_a_module_and_a_line(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("rollproof.detect.large_payment")
    exec(compile(written, "CONTRIBUTING.md", "exec"), module.__dict__)  # noqa: S102
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(registry, "LISTED", (*registry.LISTED, "large_payment:LargePayment"))
    assert amounts(paid(1_001)) == [1_001 * ETHER]
    assert amounts(paid(1_000)) == []


@pytest.fixture
def package(tmp_path: Path, written: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Another distribution on the path, with the entry point of the example."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    [line] = re.findall(r"^large-payment = \"(.*)\"$", text, re.MULTILINE)
    module = line.partition(":")[0].split(".")
    file = tmp_path.joinpath(*module).with_suffix(".py")
    file.parent.mkdir(parents=True)
    file.write_text(written, encoding="utf-8")
    info = tmp_path / "my_package-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(METADATA, encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[rollproof.detectors]\nlarge-payment = {line}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in (module[0], ".".join(module)):
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("forget", "package")
def test_in_another_package_it_is_a_module_and_an_entry_point() -> None:
    assert amounts(paid(2_000)) == [2_000 * ETHER]
    told = CliRunner().invoke(app, ["explain", "large-payment"])
    assert told.exit_code == 0, told.output
    assert "Somebody wants to know." in told.output


@pytest.mark.usefixtures("forget")
def test_what_is_no_detector_is_refused_by_name(package: Path) -> None:
    points = package / "my_package-1.dist-info" / "entry_points.txt"
    points.write_text("[rollproof.detectors]\nodd = json:JSONDecoder\n", encoding="utf-8")
    with pytest.raises(Malformed, match="entry point odd"):
        registry.detectors()


@pytest.mark.usefixtures("forget")
def test_an_id_that_is_taken_is_refused_by_name(package: Path) -> None:
    file = package / "my_package" / "large_payment.py"
    file.write_text(file.read_text(encoding="utf-8").replace("large-payment", "sandwich"), encoding="utf-8")
    with pytest.raises(Malformed, match="two detectors are called sandwich"):
        registry.detectors()
