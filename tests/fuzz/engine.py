"""The loop: mutate an input, run it, keep it where it reached a line that none reached before.

A target is a function of bytes. The errors of `rollproof.errors` are answers; anything else it raises, and any input
that takes longer than `PATIENCE`, is a finding.
"""

from __future__ import annotations

import hashlib
import random
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import rollproof
from rollproof.errors import RollproofError

PATIENCE = 20  # seconds for one input
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


class Slow(Exception):
    """An input that took longer than `PATIENCE`."""


def attempt(target: Target, data: bytes) -> None:
    """Run one input. Raises whatever is not one of our own errors."""
    try:
        target.run(data)
    except RollproofError as error:
        text = str(error)
        if not text or "\n" in text or len(text) > 2000:
            raise AssertionError(f"not a one-line message: {text[:200]!r}") from error


def fuzz(target: Target, seconds: float, seed: int, most_runs: int | None = None) -> Report:
    """Run one target for some seconds (or at most ``most_runs`` inputs)."""
    rng = random.Random(f"{seed} {target.name}")
    report, seen = Report(), set[tuple[CodeType, int]]()
    corpus: list[bytes] = []
    began = time.monotonic()
    waiting = list(target.seeds())
    while time.monotonic() - began < seconds and (most_runs is None or report.runs < most_runs):
        if waiting:
            data = waiting.pop()
        else:
            # Half of the time what was found last: it leads further.
            recent = corpus[-20:] if rng.random() < 0.5 else corpus
            data = target.mutate(rng.choice(recent), rng)
        report.runs += 1
        with _lines() as reached:
            try:
                with _patience():
                    attempt(target, data)
            except Exception as error:  # noqa: BLE001 - that is what is looked for
                report.findings.setdefault(_place(error), (data, traceback.format_exc()))
        if not reached <= seen or not corpus:
            seen |= reached
            corpus.append(data)
            if len(corpus) > MOST_KEPT:
                del corpus[rng.randrange(len(corpus) // 2)]
    report.seconds, report.kept, report.lines = time.monotonic() - began, len(corpus), len(seen)
    return report


def keep(report: Report, directory: Path) -> list[Path]:
    """Writes the inputs of the findings; their names are their hashes."""
    written = []
    for data, _ in report.findings.values():
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / hashlib.sha256(data).hexdigest()[:16]
        path.write_bytes(data)
        written.append(path)
    return written


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if frame.filename.startswith(_SOURCE)] or frames
    return f"{type(error).__name__} at {Path(ours[-1].filename).name}:{ours[-1].lineno}"


@contextmanager
def _lines() -> Any:
    reached: Lines = set()

    def local(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            reached.add((frame.f_code, frame.f_lineno))
        return local

    def enter(frame: FrameType, _: str, __: Any) -> Any:
        return local if frame.f_code.co_filename.startswith(_SOURCE) else None

    before = sys.gettrace()
    threading.settrace(enter)
    sys.settrace(enter)
    try:
        yield reached
    finally:
        sys.settrace(before)
        threading.settrace(before)  # type: ignore[arg-type]


@contextmanager
def _patience() -> Any:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def late(_: int, __: FrameType | None) -> None:
        raise Slow(f"more than {PATIENCE} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(PATIENCE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
