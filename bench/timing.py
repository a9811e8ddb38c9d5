"""Timing that survives a noisy machine: repeated, interleaved, the median kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median


def interleaved(work: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Median seconds of each piece of work, which are run in turn so that a drift of the machine meets all alike."""
    taken: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, run in work.items():
            taken[name].append(run())
    return {name: median(seconds) for name, seconds in taken.items()}


def seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table, numbers to the right."""
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])
