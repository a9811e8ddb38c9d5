"""What a hedge that stands still loses, in a risk report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rollproof.report.risk_document import Block, Section, Table
from rollproof.report.risk_numbers import digits, lasting, level, named


def section(hedge: Mapping[str, Any], quote: str, *, full: bool) -> Section:
    """By asset and length: per million of delta left open, and of the book's options where there are any."""
    rows, levels = [], []
    for asset, lengths in hedge.items():
        for each in lengths:
            said = each.get("length")
            long = lasting(None if each.get("minutes") is None else each["minutes"] * 60)
            length = long if said == "given" else f"{long} ({named(said)})"
            for key, words in (("per_million", "1,000,000 of delta"), ("options", "the book's options")):
                gap = each.get(key)
                if gap is None:
                    continue
                tails = (gap.get("tails") or ())[0 if full else 1 :]
                levels = [level(tail.get("level")) for tail in tails]
                shown = [digits((tail.get("es") or {}).get("value")) for tail in tails]
                rows.append((named(asset, 24), length, words, digits(gap.get("deviation")), *shown))
    if not rows:
        return Section("Hedge gap", ("not priced: no open interest to hedge",), 3)
    head = ("asset", "halted for", "unhedged", "deviation", *(f"ES {each}" for each in levels))
    table: Block = Table(
        head, tuple(rows), left=frozenset({0, 1, 2}), title=f"Loss of a hedge that nobody can trade, {quote}"
    )
    return Section("Hedge gap", (table,), 3)
