"""What detectors cost on recorded blocks: execution with the first pass, the second pass, and every check."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial

from bench.blocks import Recorded, recorded
from bench.timing import interleaved, seconds, table
from rollproof import _core
from rollproof.detect import registry
from rollproof.detect.execution import ExecutedBlock
from rollproof.detect.run import judge
from rollproof.detect.source import executed_block
from rollproof.replay.counterfactual import Counterfactual

ROUNDS = 7
GROUPS = ("op-mainnet-*", "op-sepolia-*", "eth-mainnet-*", "*")
DEAREST = 5


def run() -> str:
    blocks = list(recorded())
    rows, costs = [], dict[str, float]()
    for block in blocks:
        for name, took in _each(block).items():
            costs[name] = costs.get(name, 0.0) + took
    known = {block.name: _measured(block) for block in blocks}
    for pattern in GROUPS:
        names = [block.name for block in blocks if block.name.startswith(pattern.rstrip("*"))]
        rows.append(_row(pattern.rstrip("-*") or "all", names, known))
    head = ("blocks", "transactions", "bare ms", "first pass ms", "checks ms", "inspected / bare",
            "inspected / block", "second pass ms", "picked")  # fmt: skip
    whole = sum(costs.values())
    dearest = sorted(costs.items(), key=lambda item: -item[1])[:DEAREST]
    said = ", ".join(f"{name} {took / whole:.0%}" for name, took in dearest)
    return (
        table(head, rows)
        + "\n\n*Bare*: revm on state in memory. *First pass*: with the trace and its queries. *Inspected*: first pass"
        + " and checks, without the second pass. *Block*: what it takes to execute a block from its witness (decode,"
        + " recover, execute, roots), with and without being inspected. *Checks*: all"
        + f" {len(registry.detectors())} detectors in Python. Of their time: {said}."
    )


def _measured(block: Recorded) -> dict[str, float]:
    given = block.arguments()
    done = _core.run_block(*given, inspect="picked")
    assert isinstance(done, _core.Done)
    work: dict[str, Callable[[], float]] = {
        watch: partial(_core.time_execution, *given, watch=watch) for watch in ("bare", "first", "picked")
    }
    work["block"] = lambda: seconds(lambda: _core.run_block(*given))
    work["checks"] = lambda: seconds(lambda: judge(_seen(block, done)))
    took = interleaved(work, ROUNDS)
    report = judge(_seen(block, done))
    return took | {"transactions": report.transactions, "second": report.second_pass}


def _each(block: Recorded) -> dict[str, float]:
    """Seconds of each detector alone on a block; what several of a family share is counted by the first."""
    done = _core.run_block(*block.arguments(), inspect="picked")
    assert isinstance(done, _core.Done)
    seen, took = _seen(block, done), defaultdict[str, float](float)
    for detector in registry.detectors():
        began = time.perf_counter()
        judge(seen, [detector])
        took[detector.id] += time.perf_counter() - began
    return took


def _seen(block: Recorded, done: _core.Done) -> ExecutedBlock:
    inputs = block.inputs
    env = inputs.env
    return executed_block(
        done, transactions=inputs.transactions, chain_id=inputs.config.chain_id, number=env.number,
        timestamp=env.timestamp, base_fee=env.base_fee, beneficiary=env.beneficiary, gas_limit=env.gas_limit,
        family=inputs.config.family, counterfactual=Counterfactual(inputs),
    )  # fmt: skip


def _row(name: str, names: list[str], known: dict[str, dict[str, float]]) -> tuple[str, ...]:
    sums = {key: sum(known[each][key] for each in names) for key in next(iter(known.values()))}
    inspected = sums["first"] + sums["checks"]
    return (
        f"{len(names)} {name}",
        f"{sums['transactions']:.0f}",
        *(f"{sums[key] * 1e3:.1f}" for key in ("bare", "first", "checks")),
        f"{inspected / sums['bare']:.2f}",
        f"{(sums['block'] - sums['bare'] + inspected) / sums['block']:.2f}",
        f"{(sums['picked'] - sums['first']) * 1e3:.1f}",
        f"{sums['second'] / max(sums['transactions'], 1):.1%}",
    )
