"""Recommended settings in a risk report: the value, the loss there, and what binds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rollproof.report.risk_document import Block, Picture, Points, Refused, Section, Table
from rollproof.report.risk_numbers import digits, estimate, finite, interval, lasting, level, moved, named, span

CURVE: Final = 12  # points of a trade-off curve that are listed


def section(found: Mapping[str, Any], number: int, quote: str, *, full: bool) -> Section:
    """One recommendation."""
    return Section(f"Recommended: {named(found.get('parameter'))}", tuple(_blocks(found, number, quote, full=full)), 3)


def _blocks(found: Mapping[str, Any], number: int, quote: str, *, full: bool) -> Iterator[Block]:
    unit = named(found.get("unit") or "", 24)
    if finite(found.get("value")) is None:
        yield Refused(f"no value: {'; '.join(map(str, found.get('notes') or ())) or 'no reason given'}")
    else:
        yield _sentence(found, unit, quote)
    rows = list(_rows(found, unit, quote))
    if rows:
        yield Table(("", "", ""), tuple(rows), left=frozenset({0, 1, 2}))
    if full and found.get("curve"):
        yield Picture(f"recommendation-{number}", f"Loss by {named(found.get('parameter'))}")
    if finite(found.get("value")) is not None and (notes := found.get("notes")):
        yield Points(tuple(map(str, notes)))


def _sentence(found: Mapping[str, Any], unit: str, quote: str) -> str:
    said = f"{named(found.get('parameter'))} {digits(found.get('value'), 4)} {unit}".rstrip()
    if finite(found.get("budget")) is not None:
        said += f" keeps the loss within {digits(found['budget'], 4)} {quote}"
    if found.get("loss") is not None:
        said += f": it is {estimate(found['loss'])} {quote} there ({interval(found['loss'], floor=0.0)})"
    return said


def _rows(found: Mapping[str, Any], unit: str, quote: str) -> Iterator[tuple[str, str, str]]:
    around = found.get("interval")
    if isinstance(around, list | tuple) and len(around) == 2:
        yield "interval of the value", span(*around), unit
    elif isinstance(around, Mapping):
        yield "interval of the value", span(around.get("low"), around.get("high")), unit
    else:
        yield "interval of the value", "not computed", ""
    for name in ("current", "current_value"):
        if name in found:
            known = finite(found[name]) is not None
            yield "now", digits(found[name], 4) if known else "not known", unit if known else ""
    if found.get("current_loss") is not None:
        yield "loss now", estimate(found["current_loss"]), quote
    if finite(found.get("level")) is not None:
        yield "expected shortfall at", level(found["level"]), ""
    for each in _events(found.get("binding")):
        yield "binding", *each
    if found.get("method"):
        shape = "the loss is not monotone" if found.get("monotone") is False else ""
        yield "found by", named(found["method"], 120), "the loss is monotone" if found.get("monotone") else shape
    if finite(found.get("evaluations")) is not None:
        yield "evaluations", digits(found["evaluations"], 6), ""


def _events(binding: Any) -> Iterator[tuple[str, str]]:
    """The worst paths at the value: a path, or several, or words."""
    if isinstance(binding, str):
        yield named(binding, 160), ""
    elif isinstance(binding, Mapping):
        if "moves" in binding:
            largest = sorted(binding["moves"].items(), key=lambda item: -abs(finite(item[1]) or 0.0))[:4]
            moves = ", ".join(f"{named(name, 16)} {moved(value)}" for name, value in largest)
            yield f"{lasting(binding.get('seconds'))}: {moves}", f"loss {digits(binding.get('loss'), 4)}"
    elif isinstance(binding, list | tuple):
        for each in binding[:3]:
            yield from _events(each)
