"""Where the time of `verify` from an evidence file goes, and the whole of it against bare execution."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from bench.blocks import recorded
from bench.timing import seconds, table
from rollproof import _core
from rollproof.replay import evidence
from rollproof.replay.verify import verify_file

ROUNDS = 9
STAGES = (
    "read and decompress",
    "decode claim and hash preimages",
    "decode transactions",
    "recover senders",
    "execute",
    "roots",
    "rules and comparison",
)


def run() -> str:
    sums = dict.fromkeys((*STAGES, "verify", "bare"), 0.0)
    with tempfile.TemporaryDirectory() as directory:
        for block in recorded():
            path = Path(directory) / f"{block.name}.evidence"
            evidence.write(path, block.claim, block.preimages)
            best: dict[str, float] = {}
            for _ in range(ROUNDS):
                for name, took in _once(path, block.arguments()).items():
                    best[name] = min(took, best.get(name, took))
            for name, took in best.items():
                sums[name] += took
    whole = sums["verify"]
    rows = [(name, f"{sums[name] * 1e3:.0f}", f"{sums[name] / whole:.0%}") for name in STAGES]
    rows.append(("verify, whole", f"{whole * 1e3:.0f}", "100%"))
    rows.append(("revm bare, state in memory", f"{sums['bare'] * 1e3:.0f}", f"{sums['bare'] / whole:.0%}"))
    return table(("stage, all recorded blocks", "ms", "share"), rows) + f"\n\nverify / bare: {whole / sums['bare']:.1f}"


def _once(path: Path, given: tuple[Any, ...]) -> dict[str, float]:
    took: dict[str, float] = {}
    began = time.perf_counter()
    evidence.inflate(path.read_bytes(), path.name)
    took["read and decompress"] = time.perf_counter() - began
    load = seconds(lambda: evidence.read(path))
    took["decode claim and hash preimages"] = max(0.0, load - took["read and decompress"])
    began = time.perf_counter()
    verdict = verify_file(path, second_opinion="never")
    took["verify"] = time.perf_counter() - began
    stages = verdict.stages
    took["decode transactions"], took["recover senders"] = stages["decode"], stages["recover"]
    took["execute"], took["roots"] = stages["execute"], stages["roots"]
    known = load + sum(stages[name] for name in ("decode", "recover", "execute", "roots"))
    took["rules and comparison"] = max(0.0, took["verify"] - known)
    took["bare"] = _core.time_execution(*given, watch="bare")
    return took
