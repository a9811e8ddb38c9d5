"""A priced scenario in a notebook: the short report as tables, and the two figures that say most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rollproof.errors import Missing
from rollproof.report import figure, risk_html
from rollproof.report.risk_failure import whole_of
from rollproof.report.risk_numbers import estimate, named

FIGURES: Final = ("exceedance", "heat-map")


def html(record: Mapping[str, Any]) -> str:
    """The HTML of one record, no script; without figures where matplotlib is not there."""
    try:
        figures = {name: drawn.svg() for name, drawn in figure.all_of(record, only=FIGURES).items()}
    except Missing:
        figures = {}
    return f"<div>{risk_html.html(record, figures, full=False)}</div>"


def short(record: Mapping[str, Any]) -> str:
    """The one-line ``repr`` of a priced scenario."""
    scenario, quote = named((record.get("scenario") or {}).get("name")), named(record.get("quote"), 12)
    parts = []
    for each in record.get("failures") or ():
        whole = whole_of(each)
        said = "not priced" if whole is None else f"mean {estimate(whole.get('mean'))} {quote}"
        parts.append(f"{named(each.get('kind'), 24)} {said}")
    return f"<Priced {scenario} at {named(record.get('venue'))}: {', '.join(parts) or 'no failure'}>"
