"""The command's numbers are the same whoever computes them: threads, processes, or a Ray cluster of two workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from rollproof.venue import positions

pytestmark = pytest.mark.slow
MARK = uuid4().hex
DIFFERS = ("seconds", "cpu_seconds")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("engines") / "positions.csv"
    positions.to_frame(positions.example()).write_csv(path)
    return path


def priced(file: Path, engine: str, workers: int) -> tuple[Mapping[str, Any], str]:
    """The answer but for time and who computed it, and what was said on stderr."""
    arguments = ("risk", str(file), "--rules", "gmx", "--scenario", "base-2026-06", "--paths", "8192", "--json", "-q",
                 "--cascade-paths", "2048", "--seed", "7", "--engine", engine, "-j", str(workers))  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "rollproof", *arguments], capture_output=True, text=True,
        env=os.environ | {"ROLLPROOF_TEST": MARK},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    [line] = done.stdout.splitlines()
    answer = {name: value for name, value in json.loads(line).items() if name not in DIFFERS}
    assert (answer["settings"].pop("engine"), answer["settings"].pop("workers")) == (engine, workers)
    return answer, done.stderr


@pytest.fixture(scope="module")
def by_one_thread(file: Path) -> Mapping[str, Any]:
    return priced(file, "threads", 1)[0]


def test_two_processes_answer_as_one_thread_does(file: Path, by_one_thread: Mapping[str, Any]) -> None:
    assert priced(file, "processes", 2) == (by_one_thread, "")


@pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra: pip install 'rollproof[ray]'")
def test_two_workers_of_ray_answer_as_one_thread_does(file: Path, by_one_thread: Mapping[str, Any]) -> None:
    assert priced(file, "ray", 2) == (by_one_thread, "")
    until = time.monotonic() + 20
    while (left := started()) and time.monotonic() < until:
        time.sleep(0.1)
    assert left == []


def started() -> list[int]:
    """Processes that have `MARK` in their environment, so that are the command's or its cluster's."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # gone, or somebody else's
            if MARK.encode() in environment.read_bytes():
                found.append(int(environment.parent.name))
    return found
