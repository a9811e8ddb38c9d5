"""The whole command over very many positions, and what it costs to start.

Each run is a process of its own, so that its seconds and its peak memory are its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

from bench.timing import table

POSITIONS = (1_000, 100_000, 1_000_000)
CROSS = (1_000, 100_000)  # accounts
EACH = 5  # assets of a cross account
ASSETS = 20
COMMAND = (sys.executable, "-m", "rollproof")
STARTS = (("--help",), ("risk", "--help"), ("risk", "--list"))


def run() -> str:
    with tempfile.TemporaryDirectory() as directory:
        there = Path(directory)
        return "\n\n".join((_starts(there), _books(there)))


def isolated(count: int, seed: int = 1) -> pl.DataFrame:
    """Isolated perpetuals, seven of ten long, leverage 2 to 40; open interest falls with the asset's rank."""
    drawn = np.random.default_rng(seed)
    rank = 1 / np.arange(1, ASSETS + 1)
    asset = drawn.choice(ASSETS, count, p=rank / rank.sum())
    marks = np.exp(drawn.normal(3.0, 2.0, ASSETS))
    notional = drawn.lognormal(7.0, 1.5, count)
    entry = marks[asset] * (1 + drawn.normal(0.0, 0.005, count))
    return pl.DataFrame(
        {
            "account": [f"a{each}" for each in range(count)],
            "asset": [f"A{each}" for each in asset],
            "size": np.where(drawn.random(count) < 0.7, 1.0, -1.0) * notional / entry,
            "entry_price": entry,
            "margin": notional / drawn.uniform(2.0, 40.0, count),
            "mark_price": marks[asset],
        }
    )


def cross(count: int, seed: int = 2) -> pl.DataFrame:
    """Accounts with perpetuals in `EACH` assets, two of three long, margined together; leverage 2 to 20."""
    drawn = np.random.default_rng(seed)
    marks = np.exp(drawn.normal(3.0, 2.0, ASSETS))
    asset = np.argsort(drawn.random((count, ASSETS)), axis=1)[:, :EACH]
    notional = drawn.lognormal(7.0, 1.5, (count, EACH))
    entry = marks[asset] * (1 + drawn.normal(0.0, 0.005, (count, EACH)))
    size = np.where(drawn.random((count, EACH)) < 0.65, 1.0, -1.0) * notional / entry
    names = [f"c{each}" for each in range(count)]
    rows = pl.DataFrame(
        {
            "account": np.repeat(names, EACH),
            "asset": [f"A{each}" for each in asset.ravel()],
            "kind": "perpetual",
            "size": size.ravel(),
            "entry_price": entry.ravel(),
            "mode": "cross",
            "mark_price": marks[asset].ravel(),
        }
    )
    cash = notional.sum(axis=1) / drawn.uniform(2.0, 20.0, count)
    money = pl.DataFrame({"account": names, "asset": "USD", "kind": "collateral", "size": cash, "mode": "cross"})
    return pl.concat([rows, money], how="diagonal")


def _starts(there: Path) -> str:
    rows = [(" ".join(("rollproof", *each)), *_seconds(*_measured(each, there))) for each in STARTS]
    positions = there / "small.csv"
    isolated(10).write_csv(positions)
    quick = ("risk", str(positions), "--rules", "gmx", "--paths", "1024", "--cascade-paths", "1", "-q", "--json")
    kernels = {"NUMBA_CACHE_DIR": str(there / "kernels")}
    again = ("risk of ten positions, kernels compiled", "the same again")
    rows += [(f"rollproof {name}", *_seconds(*_measured(quick, there, kernels))) for name in again]
    return table(("command", "CPU s", "wall s", "peak MB"), rows)


def _books(there: Path) -> str:
    rows = []
    books = [(f"{count:,} isolated positions", isolated(count)) for count in POSITIONS]
    books += [(f"{count:,} accounts of {EACH} positions", cross(count)) for count in CROSS]
    for name, frame in books:
        file = there / "positions.csv"
        frame.write_csv(file)
        for what, more in (("terminal layer", ("--cascade-paths", "0")), ("and cascade", ())):
            out = there / "out.json"
            cpu, wall, peak = _measured(("risk", str(file), "--rules", "gmx", "-q", "--json", *more), there)
            answer = json.loads(out.read_text())
            assert answer["failures"][0]["not_priced"] == []
            stepped = answer["settings"]["cascade_paths"]
            rows.append((name, what, f"{stepped:,}", *_seconds(cpu, wall, peak)))
    return table(("book", "layers", "cascade paths", "CPU s", "wall s", "peak MB"), rows)


def _measured(
    arguments: tuple[str, ...], there: Path, more: dict[str, str] | None = None
) -> tuple[float, float, float]:
    """CPU seconds, wall seconds and peak megabytes of the command, whose output is left in out.json."""
    program = (
        "import json, resource, subprocess, sys, time\n"
        "began = time.perf_counter()\n"
        "code = subprocess.run(sys.argv[2:], stdout=open(sys.argv[1], 'w')).returncode\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(json.dumps([code, used.ru_utime + used.ru_stime, time.perf_counter() - began, used.ru_maxrss]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(there / "out.json"), *COMMAND, *arguments],
        capture_output=True, text=True, check=True, env={**os.environ, **(more or {})},
    )  # fmt: skip
    code, cpu, wall, peak = json.loads(done.stdout)
    assert code == 0, done.stderr
    return cpu, wall, peak / 1024


def _seconds(cpu: float, wall: float, peak: float) -> tuple[str, str, str]:
    return f"{cpu:.1f}", f"{wall:.1f}", f"{peak:,.0f}"
