"""A verdict in a notebook: one table, inline style, no script; every outside text escaped."""

from __future__ import annotations

from html import escape

from rollproof.report import text
from rollproof.types import Difference, Outcome, Verdict

_COLOURS = {Outcome.HOLDS: "#1a7f37", Outcome.BROKEN: "#cf222e", Outcome.UNKNOWN: "#9a6700"}
_CELL = "text-align:left;padding:2px 12px 2px 0;vertical-align:top"
_MONO = f"{_CELL};font-family:monospace;overflow-wrap:anywhere"


def html(verdict: Verdict) -> str:
    """The HTML of one verdict: the outcome, the differences, and what was checked, not checked and assumed."""
    head = (
        f'<b style="color:{_COLOURS[verdict.outcome]}">{verdict.outcome.value}</b> '
        f"{_text(text.name(verdict))}{_text(f' ({verdict.fork})') if verdict.fork else ''}"
    )
    rows = [
        _row(label, ", ".join(values))
        for label, values in (
            ("checked", verdict.checked),
            ("not checked", verdict.not_checked),
            ("assumes", verdict.assumes),
        )
        if values
    ]
    if verdict.reason:
        rows.insert(0, _row("reason", verdict.reason))
    if verdict.confirmed is not None:
        rows.append(_row("confirmed", "by two virtual machines" if verdict.confirmed else "no"))
    if verdict.gas_used is not None:
        rows.append(_row("executed", f"{verdict.transactions} transactions, {verdict.gas_used:,} gas"))
    return f"<div>{head}{_differences(verdict.differences)}<table>{''.join(rows)}</table></div>"


def short(verdict: Verdict) -> str:
    """The one-line ``repr`` of a verdict."""
    return f"<Verdict {verdict.chain_id}:{verdict.number} {verdict.outcome.value}>"


def _differences(differences: tuple[Difference, ...]) -> str:
    if not differences:
        return ""
    head = "".join(f'<th style="{_CELL}">{title}</th>' for title in ("scope", "key", "claimed", "computed"))
    body = "".join(
        "<tr>"
        + "".join(
            f'<td style="{_MONO}">{_text("absent" if value is None else value)}</td>'
            for value in (d.scope, d.key, d.claimed, d.computed)
        )
        + "</tr>"
        for d in differences
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _row(label: str, value: str) -> str:
    return f'<tr><th style="{_CELL}">{label}</th><td style="{_CELL}">{_text(value)}</td></tr>'


def _text(value: str) -> str:
    return escape(text.visible(value))
