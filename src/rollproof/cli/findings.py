"""Inspections as they come, on stdout; SARIF and a page at the end; and the exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import rollproof as rp
from rollproof.cli import shown
from rollproof.cli.shown import Output
from rollproof.cli.talk import CANCELLED, complain, say
from rollproof.cli.tally import Tally
from rollproof.errors import RollproofError
from rollproof.report import finding_html, finding_json, finding_text, labels, progress, sarif

if TYPE_CHECKING:
    from rollproof.detect.inspection import Inspection

MAX_SECTIONS = 500  # findings of a page


def print_inspections(inspections: Callable[[], Iterable[Inspection]], output: Output) -> int:
    """Prints inspections as they come and returns the exit code; what stops the run keeps what was printed."""
    tally, cut_short = Tally(), False
    names: Mapping[bytes, str] = {}
    try:
        names = labels.read(output.labels) if output.labels is not None else {}
        visible = not output.quiet and progress.wanted()
        for found in progress.followed(inspections(), lambda _: tally.sentence(), show=visible):
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
    try:
        if output.json and output.verbose and tally.sources:
            print(finding_json.line(tally.record()), flush=True)
        elif not output.json and not output.verbose and output.sarif != "-":
            for line in finding_text.unjudged(tally.unjudged):
                print(line, flush=True)
        _write(output, names, tally)
    except BrokenPipeError:
        return _enough()
    except RollproofError as error:
        complain(str(error))
        cut_short = True
    except OSError as error:
        complain(f"{Path(error.filename or 'output').name}: {error.strerror or type(error).__name__}")
        cut_short = True
    if not output.quiet and tally.sources:
        say(tally.sentence())
    return tally.code(output.fail_on, cut_short=cut_short)


def _enough() -> int:
    """The exit code where whoever reads our lines has seen enough; nothing more is written to them."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return CANCELLED


def _show(found: Inspection, output: Output, names: Mapping[bytes, str]) -> None:
    if not output.quiet:
        for note in found.notes:
            say(f"{shown.name(found)}: {note}")
    if output.sarif == "-":
        return
    lines = shown.json_lines(found, output, names) if output.json else shown.text_lines(found, output, names)
    for line in lines:
        print(line, flush=False)
    sys.stdout.flush()


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
    for execution in shown.executions(found, output):
        if len(tally.sections) < MAX_SECTIONS:
            calls = tree(shown.tree(found, execution, output), names, found.marks)
            tally.sections.append(f"<h2>Calls of {shown.transaction(execution)}</h2>{calls}")
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
