"""The loop: mutate an input, run it, keep it where it reached a line that none reached before.

A target is a function of bytes. The errors of `rollproof.errors` are answers; anything else it raises, and any input
that takes longer than `PATIENCE`, is a finding. An input that does not come back ends the process, and is kept.
"""

from __future__ import annotations

import faulthandler
import hashlib
import os
import random
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import rollproof
from rollproof.errors import RollproofError

PATIENCE = 60  # seconds for one input
MOST_KEPT = 2000  # inputs
_SOURCE = str(Path(rollproof.__file__).parent)

Lines = set[tuple[CodeType, int]]


@dataclass(frozen=True, slots=True)
class Target:
    """``seeds`` gives inputs to begin with, ``mutate`` changes one, ``run`` is what is tried."""

    name: str
    run: Callable[[bytes], None]
    seeds: Callable[[], Sequence[bytes]]
    mutate: Callable[[bytes, random.Random], bytes]


@dataclass(slots=True)
class Report:
    """What one target's run came to. ``findings``: the first input for each place that raised, and its traceback."""

    runs: int = 0
    seconds: float = 0.0
    kept: int = 0
    lines: int = 0
    findings: dict[str, tuple[bytes, str]] = field(default_factory=dict)


def attempt(target: Target, data: bytes) -> None:
    """Run one input. Raises whatever is not one of our own errors."""
    try:
        target.run(data)
    except RollproofError as error:
        text = str(error)
        if not text or "\n" in text or len(text) > 2000:
            raise AssertionError(f"not a one-line message: {text[:200]!r}") from error


def fuzz(
    target: Target, seconds: float, seed: int, *, most_runs: int | None = None, directory: Path | None = None
) -> Report:
    """Run one target for some seconds (or at most ``most_runs`` inputs).

    With a ``directory`` an input that does not come back is kept there, and ends the process with exit code 1.
    """
    rng = random.Random(f"{seed} {target.name}")
    report, seen = Report(), set[tuple[CodeType, int]]()
    corpus: list[bytes] = []
    began = time.monotonic()
    waiting = list(target.seeds())
    watchdog = _Watchdog(directory)
    while time.monotonic() - began < seconds and (most_runs is None or report.runs < most_runs):
        if waiting:
            data = waiting.pop()
        else:
            # Half of the time what was found last: it leads further.
            recent = corpus[-20:] if rng.random() < 0.5 else corpus
            data = target.mutate(rng.choice(recent), rng)
        report.runs += 1
        watchdog.started(data)
        with _lines() as reached:
            try:
                attempt(target, data)
            except Exception as error:  # noqa: BLE001 - that is what is looked for
                report.findings.setdefault(_place(error), (data, traceback.format_exc()))
        if not reached <= seen or not corpus:
            seen |= reached
            corpus.append(data)
            if len(corpus) > MOST_KEPT:
                del corpus[rng.randrange(len(corpus) // 2)]
    watchdog.stop()
    report.seconds, report.kept, report.lines = time.monotonic() - began, len(corpus), len(seen)
    return report


def keep(report: Report, directory: Path) -> list[Path]:
    """Writes the inputs of the findings; their names are their hashes."""
    return [_write(directory, data) for data, _ in report.findings.values()]


def _write(directory: Path, data: bytes) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / hashlib.sha256(data).hexdigest()[:16]
    path.write_bytes(data)
    return path


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if frame.filename.startswith(_SOURCE)] or frames
    return f"{type(error).__name__} at {Path(ours[-1].filename).name}:{ours[-1].lineno}"


@contextmanager
def _lines() -> Iterator[Lines]:
    reached: Lines = set()

    def local(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            reached.add((frame.f_code, frame.f_lineno))
        return local

    def enter(frame: FrameType, _: str, __: Any) -> Any:
        return local if frame.f_code.co_filename.startswith(_SOURCE) else None

    threading.settrace(enter)
    sys.settrace(enter)
    try:
        yield reached
    finally:
        sys.settrace(None)
        threading.settrace(None)


class _Watchdog:
    """Ends the process, the input kept, where one takes longer than `PATIENCE`: native code may not return."""

    def __init__(self, directory: Path | None) -> None:
        self._data, self._seconds, self._ended = b"", 0, threading.Event()
        if directory is not None:
            threading.Thread(target=self._watch, args=(directory,), daemon=True).start()

    def started(self, data: bytes) -> None:
        self._data, self._seconds = data, 0

    def stop(self) -> None:
        self._ended.set()

    def _watch(self, directory: Path) -> None:
        while not self._ended.wait(1.0):
            self._seconds += 1  # not the clock's: a process that was stopped for a while is not slow
            if self._seconds > PATIENCE:
                kept = _write(directory, self._data)
                faulthandler.dump_traceback(all_threads=True)
                print(f"an input has run for more than {PATIENCE} s: kept {kept}", file=sys.stderr, flush=True)
                os._exit(1)
