"""Blocks a second with one and two threads, and peak memory on longer and longer ranges, of the command itself."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.blocks import BLOCKS, recorded
from bench.timing import table
from rollproof.replay import evidence

ROUNDS = 3
COUNTS = (1, 10, 100)
# Runs the command in a process of its own and says how long its verdicts took and what memory it had at most.
PROGRAM = """
import json, resource, sys, time
from rollproof.replay.verify import verify
jobs, paths = int(sys.argv[1]), sys.argv[2:]
began, count = time.perf_counter(), 0
for verdict in verify(paths, jobs=jobs, second_opinion="never"):
    assert verdict.outcome == "holds", verdict
    count += 1
took = time.perf_counter() - began
print(json.dumps([count, took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
"""


def run() -> str:
    with tempfile.TemporaryDirectory() as directory:
        files = []
        for found in recorded():
            files.append(str(Path(directory) / f"{found.name}.evidence"))
            evidence.write(files[-1], found.claim, found.preimages)
        speed = [_speed("records (JSON, gzip)", [str(BLOCKS)]), _speed("evidence files", files)]
        largest = max(files, key=lambda file: Path(file).stat().st_size)
        ranges = {count: [_linked(directory, largest, at) for at in range(count)] for count in COUNTS}
        memory = [
            (str(count), *(f"{_measure(jobs, ranges[count])[2] / 1024:.0f}" for jobs in (1, 2))) for count in COUNTS
        ]
    head = ("all recorded blocks as", "blocks/s, -j 1", "blocks/s, -j 2", "-j 2 / -j 1")
    return (
        table(head, speed)
        + "\n\n"
        + table(("blocks of the largest recorded one", "peak MB, -j 1", "peak MB, -j 2"), memory)
    )


def _linked(directory: str, largest: str, at: int) -> str:
    path = Path(directory) / f"copy-{at}.evidence"
    if not path.exists():
        path.hardlink_to(largest)
    return str(path)


def _speed(name: str, paths: list[str]) -> tuple[str, ...]:
    best = dict.fromkeys((1, 2), 0.0)
    for _ in range(ROUNDS):
        for jobs in best:
            count, took, _ = _measure(jobs, paths)
            best[jobs] = max(best[jobs], count / took)
    return name, f"{best[1]:.0f}", f"{best[2]:.0f}", f"{best[2] / best[1]:.2f}"


def _measure(jobs: int, paths: list[str]) -> tuple[int, float, int]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(jobs), *paths], check=True, capture_output=True, text=True
    )
    count, took, memory = json.loads(done.stdout)
    return count, took, memory
