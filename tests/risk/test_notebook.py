"""The worked notebook runs from its first cell to its last, and its prose has no figure that no cell computes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

PATH = Path(__file__).resolve().parents[2] / "docs" / "notebooks" / "outage.ipynb"


def read() -> Any:
    return nbformat.read(PATH, as_version=4)  # type: ignore[no-untyped-call]


def cells(kind: str) -> list[Any]:
    return [each for each in read().cells if each.cell_type == kind]


def test_no_output_is_committed() -> None:
    assert all(not each.outputs and each.execution_count is None for each in cells("code"))
    nbformat.validate(read())


def test_the_prose_has_no_figure_of_its_own() -> None:
    """Names of scenarios and files, in backticks, and the month of an incident are no results."""
    for each in cells("markdown"):
        prose = re.sub(r"`[^`]*`|June 2026", "", each.source)
        assert not re.search(r"\d", prose), each.source


@pytest.mark.slow
def test_it_runs_in_a_fresh_kernel_without_a_warning() -> None:
    notebook = read()
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": "/"}}).execute()
    code = [each for each in notebook.cells if each.cell_type == "code"]
    outputs = [output for each in code for output in each.outputs]
    assert not [each for each in outputs if each.output_type == "error"]
    said = [each.text for each in outputs if each.output_type == "stream" and each.name == "stderr"]
    assert said == []
    pictures = [each for each in outputs if "image/svg+xml" in each.get("data", {})]
    assert len(pictures) == 3
    assert all(each.outputs for each in code[1:])  # every cell but the imports shows something
    report = next(each.data["text/html"] for each in outputs if "<h1>" in each.get("data", {}).get("text/html", ""))
    assert "base-2026-06" in report
    text = "\n".join(each.text for each in outputs if each.output_type == "stream")
    budget, shortfall = (
        float(re.search(pattern, text)[1].replace(",", ""))  # type: ignore[index]
        for pattern in (r"budget ([\d,]+) USD", r"the shortfall there is ([\d,]+) USD")
    )
    assert 0.5 * budget < shortfall <= budget
