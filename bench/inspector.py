"""What noting calls, storage, logs and self-destructs costs: against revm's own execution in the same process."""

from __future__ import annotations

from functools import partial

from bench.blocks import recorded
from bench.timing import interleaved, table
from rollproof import _core

ROUNDS = 21
WATCHES = ("bare", "frames", "trace")


def run() -> str:
    rows, sums = [], dict.fromkeys(WATCHES, 0.0)
    for block in recorded("op-mainnet-*"):
        given = block.arguments()
        work = {watch: partial(_core.time_execution, *given, watch=watch) for watch in WATCHES}
        took = interleaved(work, ROUNDS)
        for watch in WATCHES:
            sums[watch] += took[watch]
        rows.append(_row(block.name, block.gas, took))
    rows.append(_row("all", None, sums))
    return table(("block", "Mgas", "bare ms", "Mgas/s", "frames / bare", "trace / bare"), rows)


def _row(name: str, gas: int | None, took: dict[str, float]) -> tuple[str, ...]:
    bare = took["bare"]
    return (
        name,
        "" if gas is None else f"{gas / 1e6:.2f}",
        f"{bare * 1e3:.2f}",
        "" if gas is None else f"{gas / 1e6 / bare:.0f}",
        f"{took['frames'] / bare:.2f}",
        f"{took['trace'] / bare:.2f}",
    )
