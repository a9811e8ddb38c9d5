"""Recommended settings in a risk report: the value with both its intervals, the loss there, and what binds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rollproof.report.risk_document import Block, Picture, Points, Refused, Section, Table
from rollproof.report.risk_numbers import digits, estimate, finite, interval, lasting, level, moved, named, span

DETAILS: Final = 24  # rows of a table among the details
_OF: Final = {"failure": "one failure", "year": "a year"}


def section(found: Mapping[str, Any], number: int, quote: str, *, full: bool) -> Section:
    """One recommendation."""
    return Section(f"Recommended: {named(found.get('parameter'))}", tuple(_blocks(found, number, quote, full=full)), 3)


def _blocks(found: Mapping[str, Any], number: int, quote: str, *, full: bool) -> Iterator[Block]:
    notes = [str(each) for each in found.get("notes") or ()]
    refused = str(found.get("refused") or "")
    if finite(found.get("value")) is None:
        yield Refused(refused or f"no value: {'; '.join(notes) or 'no reason given'}")
    else:
        yield sentence(found, quote)
    yield Table(("", "", ""), tuple(_rows(found, quote)), left=frozenset({0, 1, 2}))
    if full:
        yield Picture(f"recommendation-{number}", f"Loss by {named(found.get('parameter'))}")
        yield from _details(found.get("details") or {})
    if notes := [each for each in notes if each != refused]:
        yield Points(tuple(notes))


def sentence(found: Mapping[str, Any], quote: str) -> str:
    """What is recommended, for what."""
    of = _OF.get(str(found.get("period")), named(found.get("period") or "one failure", 24))
    said = (
        f"{named(found.get('parameter'))} {digits(found.get('value'), 4)} {named(found.get('unit') or '', 40)}".rstrip()
    )
    within = f"the {level(found.get('level'))} shortfall of {of} within {digits(found.get('budget'), 6)} {quote}"
    return f"{said} keeps {within}: {estimate(found.get('loss'))} ({interval(found.get('loss'), floor=0.0)})"


def _rows(found: Mapping[str, Any], quote: str) -> Iterator[tuple[str, str, str]]:
    unit = named(found.get("unit") or "", 40)
    for words, key in (("95 % Monte Carlo", "interval"), ("over models and parameters", "variants_interval")):
        ends = found.get(key)
        if isinstance(ends, list | tuple) and len(ends) == 2:
            yield f"value, {words}", span(ends[0], ends[1]), unit
        else:
            yield f"value, {words}", "not computed", ""
    now = finite(found.get("current_value"))
    yield "value now", "not known" if now is None else digits(now, 4), "" if now is None else unit
    if found.get("current_loss") is not None:
        yield "loss now", f"{estimate(found['current_loss'])} ({interval(found['current_loss'], floor=0.0)})", quote
    for each in (found.get("binding") or ())[:3]:
        yield (
            "binding path",
            f"{lasting(each.get('seconds'))}: {_moves(each.get('moves') or {})}",
            (f"loses {digits(each.get('loss'), 4)} {quote}"),
        )
    for name, value in (found.get("checks") or {}).items():
        yield "check", named(name, 80), digits(value, 4)
    shape = "monotone on its grid" if found.get("monotone") is True else "not monotone on its grid"
    yield "found by", named(found.get("method"), 120), f"{shape}, {digits(found.get('evaluations'), 6)} evaluations"


def _moves(moves: Mapping[str, Any]) -> str:
    largest = sorted(moves.items(), key=lambda item: -abs(finite(item[1]) or 0.0))[:4]
    return ", ".join(f"{named(name, 16)} {moved(value)}" for name, value in largest) or "no moves"


def _details(details: Mapping[str, Any]) -> Iterator[Block]:
    """Whatever a recommender adds: numbers, numbers by name, and tables."""
    lines = []
    for key, value in details.items():
        name = named(key, 60).replace("_", " ")
        if isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
            yield _table(name, value)
        elif isinstance(value, Mapping):
            lines.append(f"{name}: {', '.join(f'{named(each, 24)} {_cell(of)}' for each, of in value.items())}")
        elif not isinstance(value, list) or (value and not isinstance(value[0], list)):
            lines.append(f"{name}: {_cell(value)}")
    if lines:
        yield Points(tuple(lines))


def _table(name: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    head = tuple(dict.fromkeys(key for row in rows for key in row))
    return Table(
        tuple(named(key, 40).replace("_", " ") for key in head),
        tuple(tuple(_cell(row.get(key)) for key in head) for row in rows[:DETAILS]),
        left=frozenset(),
        title=f"{name}, the first {DETAILS} of {len(rows)}" if len(rows) > DETAILS else name,
    )


def _cell(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{estimate(value)} ({interval(value)})" if "value" in value else "see the JSON"
    if isinstance(value, list | tuple):
        return " to ".join(digits(each, 4) for each in value)
    return named(value, 80) if isinstance(value, str) else digits(value, 4)
