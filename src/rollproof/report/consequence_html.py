"""What a wrong block costs a venue, as a block of HTML for notebooks and reports: inline style, no script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any, Final

from rollproof.report import consequence_text as shown
from rollproof.report.text import visible

MAX_ROWS: Final = 500

_COLOURS: Final = {"holds": "#1a7f37", "broken": "#cf222e", "unknown": "#9a6700"}
_CELL: Final = "text-align:right;padding:2px 12px 2px 0;vertical-align:top"
_LEFT: Final = "text-align:left;padding:2px 12px 2px 0;vertical-align:top;overflow-wrap:anywhere"
_LEFT_HEADS: Final = ("account", "what", "market", "venue", "health", "is a move of")


def html(values: Mapping[str, Any]) -> str:
    """The HTML of one record of `consequence_json`; every outside text escaped."""
    verdict = values["verdict"]
    colour = _COLOURS.get(verdict, "#57606a")
    place = _text(f"{values['chain_id']}-{values['number']}: {shown.headline(values)}")
    parts = [f'<b style="color:{colour}">{_text(verdict)}</b> {place}']
    if values["venue"] is not None and verdict == "broken" and not values["reason"]:
        token = values["collateral"]
        parts.append(
            f"<p>Venue <code>{_text(values['venue'])}</code> ({_text(values['adapter'])}), "
            f"amounts in {_text(token['symbol'])}.</p>"
        )
        moved = [each for each in values["markets"] if each["changed"]]
        if moved:
            head = ("market", "index claimed", "computed", "move", "mark claimed", "computed", "move")
            parts.append(_table(head, shown.markets(moved)))
        parts.append(_table(("venue", "claimed", "computed", "difference"), shown.venue(values)))
        rows = [each for each in (*values["accounts"], *values["outside"]) if each["labels"] != ["unchanged"]]
        if rows:
            parts.append(_table(shown.HEAD, list(shown.accounts(rows, values))[:MAX_ROWS]))
        if len(rows) > MAX_ROWS:
            parts.append(f"<p>and {len(rows) - MAX_ROWS} more</p>")
        parts += [f"<p>unknown: {_text(line)}</p>" for line in shown.unknowns(values)]
        parts += [f"<p>{_text(line)}</p>" for line in shown.beside(values)]
    parts += [f"<p>note: {_text(note)}</p>" for note in values["notes"]]
    parts += [f"<p>assumes: {_text(each)}</p>" for each in values["assumes"]]
    return f"<div>{''.join(parts)}</div>"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    styles = [_LEFT if name in _LEFT_HEADS else _CELL for name in head]
    top = "".join(f'<th style="{style}">{_text(name)}</th>' for name, style in zip(head, styles, strict=True))
    body = "".join(
        "<tr>"
        + "".join(f'<td style="{style}">{_text(cell)}</td>' for cell, style in zip(row, styles, strict=True))
        + "</tr>"
        for row in rows
    )
    return f"<table><tr>{top}</tr>{body}</table>"


def _text(value: str) -> str:
    return escape(visible(value))
