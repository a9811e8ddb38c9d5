"""One inspection as lines on stdout: records, or text with call trees."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rollproof.report import call_tree, finding_json, finding_text
from rollproof.report.text import visible
from rollproof.types import Severity

if TYPE_CHECKING:
    from rollproof.detect.call_tree import CallTree
    from rollproof.detect.execution import Execution
    from rollproof.detect.inspection import Inspection


@dataclass(frozen=True)
class Output:
    """How to show inspections; ``fail_on`` None never fails. ``depth`` and ``max_rows`` bound a tree."""

    json: bool = False
    sarif: str | None = None
    html: Path | None = None
    labels: Path | None = None
    fail_on: Severity | None = Severity.LOW
    tree: bool = False
    transaction: bytes | None = None
    depth: int = 64
    max_rows: int = 2_000
    verbose: int = 0
    quiet: bool = False


def json_lines(found: Inspection, output: Output, names: Mapping[bytes, str]) -> Iterator[str]:
    """The records of one inspection; ``names`` are labels."""
    if not found.looked:
        yield finding_json.line(
            {
                "record": "unknown",
                "detector": None,
                "chain_id": found.chain_id,
                "block": found.number,
                "transaction": None,
                "reason": found.reason,
                "source": found.source,
            }
        )
    said: list[finding_json.Said] = [*found.findings, *found.unjudged]
    for each in [*said, *(found.suppressed if output.verbose else ())]:
        yield finding_json.line({**finding_json.record(each, names), "source": found.source})
    if output.verbose > 1 or found.notes:
        yield finding_json.line(
            {
                "record": "inspection",
                "chain_id": found.chain_id,
                "block": found.number,
                "source": found.source,
                "findings": len(found.findings),
                "transactions": found.transactions,
                "second_pass": found.second_pass,
                "seconds": round(found.seconds, 6),
                "stages": {stage: round(seconds, 6) for stage, seconds in found.stages.items()},
                "rpc": found.rpc,
                "notes": found.notes,
            }
        )


def text_lines(found: Inspection, output: Output, names: Mapping[bytes, str]) -> Iterator[str]:
    """The same for people."""
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    if not found.looked:
        yield f"unknown   {name(found)}  {visible(found.reason)}"
    for each in found.findings:
        yield finding_text.finding(each, names, source=name(found), colour=colour, verbose=output.verbose)
    if output.verbose:
        yield from finding_text.unjudged(finding_text.reasons(found.unjudged), f"{name(found)}  ")
        yield from (finding_text.suppressed(each, name(found)) for each in found.suppressed)
    if output.verbose > 1:
        stages = ", ".join(f"{stage} {seconds * 1000:.1f} ms" for stage, seconds in found.stages.items())
        yield f"          {name(found)}  {found.transactions} transactions, {found.second_pass} followed; {stages}"
    if output.tree:
        yield from _trees(found, output, names)


def _trees(found: Inspection, output: Output, names: Mapping[bytes, str]) -> Iterator[str]:
    for execution in executions(found, output):
        yield f"calls of {transaction(execution)}"
        for line in call_tree.lines(tree(found, execution, output), names, found.marks):
            yield f"  {line}"


def tree(found: Inspection, execution: Execution, output: Output) -> CallTree:
    """One execution's calls within the bounds that were asked for."""
    from rollproof.detect.call_tree import CallTree

    return CallTree(execution, output.depth, output.max_rows, marks=found.marks)


def transaction(execution: Execution) -> str:
    """What to call it: its hash, or its place where the source has none."""
    return f"0x{execution.transaction.hex()}" if execution.transaction else f"transaction {execution.index}"


def executions(found: Inspection, output: Output) -> list[Execution]:
    """The executions whose tree is wanted: the one that was asked for, the only one, or those with a finding."""
    there = [] if found.executed is None else list(found.executed.executions)
    if output.transaction is not None:
        return [each for each in there if each.transaction == output.transaction]
    if len(there) == 1:
        return there
    wanted = {each.transaction for each in found.findings if each.transaction is not None}
    return [each for each in there if each.transaction in wanted]


def name(found: Inspection) -> str:
    """What to call a block or trace: chain and number, else its file's name."""
    if found.chain_id is None or found.number is None:
        return visible(Path(found.source).name or "trace")
    return f"{found.chain_id}:{found.number}"
