"""Inspections as they come, on stdout; SARIF and a page at the end; and the exit code."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import rollproof as rp
from rollproof.cli.talk import CANCELLED, complain, say
from rollproof.errors import RollproofError
from rollproof.report import call_tree, finding_html, finding_json, finding_text, labels, progress, sarif
from rollproof.report.text import visible
from rollproof.types import Finding, Severity

if TYPE_CHECKING:
    from rollproof.detect.call_tree import CallTree
    from rollproof.detect.execution import Execution
    from rollproof.detect.inspection import Inspection

MAX_SECTIONS = 500  # findings of a page


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


@dataclass
class Tally:
    """What came so far; findings and pages are kept only where something is written at the end."""

    severities: Counter[Severity] = field(default_factory=Counter)
    sources: int = 0
    transactions: int = 0
    second_pass: int = 0
    unknown: int = 0
    suppressed: int = 0
    failures: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    unjudged: dict[str, Counter[str]] = field(default_factory=dict)  # reason -> detectors
    sections: list[str] = field(default_factory=list)
    left_out: int = 0

    def add(self, found: Inspection) -> None:
        """Counts one inspection."""
        self.sources += 1
        self.severities.update(each.severity for each in found.findings)
        self.transactions += found.transactions
        self.second_pass += found.second_pass
        self.unknown += len(found.unjudged)
        for reason, detectors in finding_text.reasons(found.unjudged).items():
            self.unjudged.setdefault(reason, Counter()).update(detectors)
        self.suppressed += len(found.suppressed)
        if not found.looked:
            self.failures.append(f"{found.source}: {found.reason}")
        self.failures += [f"{found.source}: {gap}" for gap in found.gaps]

    def code(self, fail_on: Severity | None, *, cut_short: bool) -> int:
        """1 for a finding that counts, 2 where something was not looked at, else 0."""
        if fail_on is not None and any(count and each.rank >= fail_on.rank for each, count in self.severities.items()):
            return 1
        return 2 if cut_short or self.failures or not self.sources else 0


def print_inspections(inspections: Callable[[], Iterable[Inspection]], output: Output) -> int:
    """Prints inspections as they come and returns the exit code; what stops the run keeps what was printed."""
    tally, names = Tally(), {}
    began, cut_short = monotonic(), False
    try:
        names = labels.read(output.labels) if output.labels is not None else {}
        show = not output.quiet and progress.wanted()
        for found in progress.followed(inspections(), lambda _: _sentence(tally, began), show=show):
            tally.add(found)
            known = {**found.names, **names}
            _show(found, output, known)
            _keep(found, output, known, tally)
    except BrokenPipeError:
        return _enough()
    except KeyboardInterrupt:
        return CANCELLED
    except (RollproofError, ImportError) as error:
        complain(str(error))
        tally.failures.append(str(error))
        cut_short = True
    except OSError as error:
        said = f"{Path(error.filename or 'input').name}: {error.strerror or type(error).__name__}"
        complain(said)
        tally.failures.append(said)
        cut_short = True
    seconds = monotonic() - began
    try:
        if output.json and output.verbose and tally.sources:
            print(finding_json.line(_summary(tally, seconds)), flush=True)
        elif not output.json and not output.verbose and output.sarif != "-":
            for line in finding_text.unjudged(tally.unjudged):
                print(line, flush=True)
        _write(output, names, tally)
    except BrokenPipeError:
        return _enough()
    except OSError as error:
        complain(f"{Path(error.filename or 'output').name}: {error.strerror or type(error).__name__}")
        cut_short = True
    if not output.quiet and tally.sources:
        say(_sentence(tally, began))
    return tally.code(output.fail_on, cut_short=cut_short)


def _enough() -> int:
    """The exit code where whoever reads our lines has seen enough; nothing more is written to them."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return CANCELLED


def _show(found: Inspection, output: Output, names: Mapping[bytes, str]) -> None:
    if not output.quiet and (found.findings or output.verbose):
        for note in found.notes:
            say(f"{_name(found)}: {note}")
    if output.sarif == "-":
        return
    lines = _json_lines(found, output, names) if output.json else _text_lines(found, output, names)
    for line in lines:
        print(line, flush=False)
    sys.stdout.flush()


def _json_lines(found: Inspection, output: Output, names: Mapping[bytes, str]) -> Iterator[str]:
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
        yield finding_json.line(finding_json.record(each, names))
    if output.verbose > 1:
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


def _text_lines(found: Inspection, output: Output, names: Mapping[bytes, str]) -> Iterator[str]:
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    if not found.looked:
        yield f"unknown   {_name(found)}  {visible(found.reason)}"
    for each in found.findings:
        yield finding_text.finding(each, names, source=_name(found), colour=colour, verbose=output.verbose)
    if output.verbose:
        yield from finding_text.unjudged(finding_text.reasons(found.unjudged), f"{_name(found)}  ")
        yield from (finding_text.suppressed(each, _name(found)) for each in found.suppressed)
    if output.verbose > 1:
        stages = ", ".join(f"{stage} {seconds * 1000:.1f} ms" for stage, seconds in found.stages.items())
        yield f"          {_name(found)}  {found.transactions} transactions, {found.second_pass} followed; {stages}"
    if output.tree:
        yield from _trees(found, output, names)


def _trees(found: Inspection, output: Output, names: Mapping[bytes, str]) -> Iterator[str]:
    for execution in _shown(found, output):
        yield f"calls of {_transaction(execution)}"
        for line in call_tree.lines(_tree(found, execution, output), names, found.marks):
            yield f"  {line}"


def _tree(found: Inspection, execution: Execution, output: Output) -> CallTree:
    from rollproof.detect.call_tree import CallTree

    return CallTree(execution, output.depth, output.max_rows, marks=found.marks)


def _transaction(execution: Execution) -> str:
    return f"0x{execution.transaction.hex()}" if execution.transaction else f"transaction {execution.index}"


def _shown(found: Inspection, output: Output) -> list[Execution]:
    """The executions whose tree is wanted: the one that was asked for, the only one, or those with a finding."""
    there = [] if found.executed is None else list(found.executed.executions)
    if output.transaction is not None:
        return [each for each in there if each.transaction == output.transaction]
    if len(there) == 1:
        return there
    wanted = {each.transaction for each in found.findings if each.transaction is not None}
    return [each for each in there if each.transaction in wanted]


def _keep(found: Inspection, output: Output, names: Mapping[bytes, str], tally: Tally) -> None:
    if output.sarif is not None:
        tally.findings += found.findings
    if output.html is None:
        return
    from rollproof.report.call_tree_html import tree

    for finding in found.findings:
        if len(tally.sections) < MAX_SECTIONS:
            tally.sections.append(finding_html.html(finding, names))
        else:
            tally.left_out += 1
    for execution in _shown(found, output):
        if len(tally.sections) < MAX_SECTIONS:
            shown = tree(_tree(found, execution, output), names, found.marks)
            tally.sections.append(f"<h2>Calls of {_transaction(execution)}</h2>{shown}")
        else:
            tally.left_out += 1


def _write(output: Output, names: Mapping[bytes, str], tally: Tally) -> None:
    """Raises OSError."""
    if output.sarif is not None:
        from rollproof.detect.explained import explained

        log = sarif.log(
            tally.findings,
            explained(),
            unjudged=tally.unjudged,
            failures=tally.failures,
            version=rp.__version__,
            names=names,
        )
        if output.sarif == "-":
            sys.stdout.write(sarif.dumps(log))
            sys.stdout.flush()
        else:
            Path(output.sarif).write_text(sarif.dumps(log), encoding="ascii")
    if output.html is not None:
        notes = [f"not looked at: {each}" for each in tally.failures[:MAX_SECTIONS]]
        notes += [f"{tally.left_out} findings or trees left out"] if tally.left_out else []
        notes += ["no finding"] if not sum(tally.severities.values()) else []
        with output.html.open("w", encoding="utf-8") as file:
            file.writelines(finding_html.page("Rollproof: findings", tally.sections, notes))


def _sentence(tally: Tally, began: float) -> str:
    return finding_text.summary(
        tally.severities,
        sources=tally.sources,
        transactions=tally.transactions,
        unknown=tally.unknown,
        failed=len(tally.failures),
        seconds=monotonic() - began,
    )


def _summary(tally: Tally, seconds: float) -> dict[str, Any]:
    return {
        "record": "summary",
        "sources": tally.sources,
        "failed": len(tally.failures),
        "transactions": tally.transactions,
        "second_pass": tally.second_pass,
        "trigger_rate": round(tally.second_pass / tally.transactions, 6) if tally.transactions else None,
        "findings": {each.value: tally.severities[each] for each in Severity},
        "unknown": tally.unknown,
        "suppressed": tally.suppressed,
        "seconds": round(seconds, 3),
    }


def _name(found: Inspection) -> str:
    if found.chain_id is None or found.number is None:
        return visible(Path(found.source).name or "trace")
    return f"{found.chain_id}:{found.number}"
