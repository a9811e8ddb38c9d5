"""A finding as HTML, for notebooks and for a page of a whole run: inline style, no script, outside text escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Final

from rollproof.report import naming
from rollproof.report.call_tree_html import STYLE
from rollproof.report.finding_json import plain
from rollproof.report.text import visible
from rollproof.types import Finding, Severity

COLOURS: Final = {
    Severity.CRITICAL: "#8250df",
    Severity.HIGH: "#cf222e",
    Severity.MEDIUM: "#9a6700",
    Severity.LOW: "#0550ae",
    Severity.INFO: "#57606a",
}
MAX_ROWS: Final = 50  # of amounts or slots of one finding

_CELL = "text-align:left;padding:2px 12px 2px 0;vertical-align:top"
_MONO = f"{_CELL};font-family:monospace;overflow-wrap:anywhere"


def html(finding: Finding, names: Mapping[bytes, str] | None = None) -> str:
    """The HTML of one finding: severity, sentence, place, who lost and gained what, the slots it rests on."""
    names = names or {}
    head = (
        f'<b style="color:{COLOURS[finding.severity]}">{finding.severity.value}</b> <b>{_text(finding.detector)}</b> '
        f"{_text(naming.place(finding))}<br>{_text(naming.labelled(finding.title, names))}"
    )
    rows = []
    if finding.transaction is not None:
        rows.append(_row("transaction", "0x" + finding.transaction.hex(), mono=True))
    rows.append(_row("confidence", finding.confidence.value))
    rows += [
        _row(
            "amount",
            f"{naming.ether(each.amount)} ether"
            if each.token is None
            else f"{each.amount:+} of {naming.address(each.token, names, full=True)}",
            naming.address(each.account, names, full=True),
        )
        for each in finding.amounts[:MAX_ROWS]
    ]
    rows += [
        _row(
            "slot",
            f"{naming.slot(each.slot)} of {naming.address(each.account, names)}",
            f"{naming.word(each.before)} → {naming.word(each.after)}",
        )
        for each in finding.slots[:MAX_ROWS]
    ]
    left = max(len(finding.amounts) - MAX_ROWS, 0) + max(len(finding.slots) - MAX_ROWS, 0)
    if left:
        rows.append(_row("left out", f"{left} amounts or slots"))
    rows += [_row("note", naming.labelled(note, names)) for note in finding.notes[:MAX_ROWS]]
    for key, value in (finding.counterfactual or {}).items():
        rows.append(_row(f"counterfactual {key}", str(plain(value))))
    if finding.evidence:
        rows.append(_row("evidence", finding.evidence))
    rows.append(_row("id", finding.id, mono=True))
    return f"<div>{head}<table>{''.join(rows)}</table></div>"


def short(finding: Finding) -> str:
    """The one-line ``repr`` of a finding."""
    about = finding.subject if finding.transaction is None else "0x" + finding.transaction.hex()[:8]
    place = naming.place(finding)
    return f"<Finding {finding.severity.value} {visible(finding.detector)} {place} {visible(about)}>"


def page(title: str, sections: Iterable[str], notes: Iterable[str] = ()) -> Iterable[str]:
    """The parts of a page that needs no other file and runs no script. Sections are HTML, notes are text."""
    yield (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{_text(title)}</title><style>body{{font:14px/1.5 system-ui,sans-serif;margin:2em;color:#24292f}}"
        f"section{{margin:0 0 2em}}{STYLE}</style></head><body><h1>{_text(title)}</h1>"
    )
    for section in sections:
        yield f"<section>{section}</section>\n"
    for note in notes:
        yield f"<p>{_text(note)}</p>\n"
    yield "</body></html>\n"


def _row(label: str, *values: str, mono: bool = False) -> str:
    cells = "".join(f'<td style="{_MONO if mono else _CELL}">{_text(value)}</td>' for value in values)
    return f'<tr><th style="{_CELL}">{_text(label)}</th>{cells}</tr>'


def _text(value: str) -> str:
    return escape(visible(value))
