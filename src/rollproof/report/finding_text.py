"""Findings for people: one line each, indented below it who lost and gained what, and what it rests on.

Everything here may come from a hostile chain, node or file: control characters are shown, never sent to the terminal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from rollproof.report import naming
from rollproof.report.finding_json import plain
from rollproof.report.text import visible
from rollproof.types import Amount, Finding, Severity, SlotChange, Suppressed, Unjudged

MAX_LISTED: Final = 12  # amounts, slots or notes of one finding

_COLOURS: Final = {
    Severity.CRITICAL: "1;35",
    Severity.HIGH: "1;31",
    Severity.MEDIUM: "33",
    Severity.LOW: "36",
    Severity.INFO: "2",
}


def finding(found: Finding, names: Mapping[bytes, str] | None = None, *, colour: bool = False, verbose: int = 0) -> str:
    """The lines of one finding, without a final newline. ``verbose`` 1 adds its id, its frames and all addresses."""
    names = names or {}
    word = f"{found.severity.value:<8}"
    if colour:
        word = f"\x1b[{_COLOURS[found.severity]}m{word}\x1b[0m"
    lines = [f"{word}  {visible(found.detector)}  {_place(found)}", f"    {visible(found.title)}"]
    if found.confidence.value != "observed":
        lines.append(f"    {found.confidence.value}: not seen to happen")
    lines += _some([_amount(each, names) for each in found.amounts], "amounts")
    lines += _some([_slot(each, names) for each in found.slots], "slots")
    lines += _some([f"    {visible(note)}" for note in found.notes], "notes")
    if found.counterfactual:
        lines.append(f"    counterfactual: {_pairs(found.counterfactual)}")
    if verbose or not found.amounts:
        shown = ", ".join(naming.address(each, names, full=True) for each in found.addresses[:MAX_LISTED])
        if shown:
            lines.append(f"    addresses {shown}")
    if verbose:
        if found.frames:
            lines.append(f"    frames {', '.join(map(str, found.frames[:MAX_LISTED]))}")
        lines.append(f"    id {found.id}")
    if found.evidence:
        lines.append(f"    evidence {visible(found.evidence)}")
    return "\n".join(lines)


def suppressed(kept_back: Suppressed) -> str:
    """One line about a finding that was kept back, and why."""
    return (
        f"{'(' + kept_back.severity.value + ')':<8}  {visible(kept_back.detector)}  {_place(kept_back)}\n"
        f"    suppressed: {visible(kept_back.title)}: {visible(kept_back.reason)}"
    )


def unjudged(several: Iterable[Unjudged]) -> list[str]:
    """Two lines for each reason why something could not be judged: what, and which detectors."""
    detectors: dict[tuple[str, str], dict[str, None]] = {}
    count: Counter[tuple[str, str]] = Counter()
    for each in several:
        key = (_place(each), each.reason)
        detectors.setdefault(key, {})[each.detector] = None
        count[key] += 1
    lines = []
    for (place, reason), found in detectors.items():
        shown = list(found)
        left = f" and {len(shown) - 8} more" if len(shown) > 8 else ""
        lines += [f"unknown   {place}  {visible(reason)}", f"    {', '.join(map(visible, shown[:8]))}{left}"]
    return lines


def summary(
    severities: Mapping[Severity, int], *, sources: int, transactions: int, unknown: int, failed: int, seconds: float
) -> str:
    """The closing sentence: findings by severity, what was looked at, and what could not be."""
    total = sum(severities.values())
    parts = [f"{severities[each]} {each.value}" for each in Severity if severities.get(each)]
    said = f"{_count(total, 'finding')}{' (' + ', '.join(parts) + ')' if parts else ''}"
    text = f"{said} in {_count(transactions, 'transaction')} of {_count(sources, 'block or trace')}"
    unknowns = f", {unknown} unknown" if unknown else ""
    return f"{text}{unknowns}{f', {failed} not looked at' if failed else ''} in {seconds:.1f} s"


def _count(number: int, what: str) -> str:
    many = what if number == 1 else "blocks or traces" if what == "block or trace" else f"{what}s"
    return f"{number:,} {many}"


def _place(said: Finding | Suppressed | Unjudged) -> str:
    place = naming.place(said)
    return place if said.transaction is None else f"{place}  0x{said.transaction.hex()}"


def _amount(each: Amount, names: Mapping[bytes, str]) -> str:
    who = naming.address(each.account, names, full=True)
    if each.token is None:
        return f"    {'+' if each.amount > 0 else ''}{naming.ether(each.amount)} ether  {who}"
    return f"    {each.amount:+} of token {naming.address(each.token, names, full=True)}  {who}"


def _slot(each: SlotChange, names: Mapping[bytes, str]) -> str:
    return (
        f"    slot {naming.slot(each.slot)} of {naming.address(each.account, names)}: "
        f"{naming.word(each.before)} -> {naming.word(each.after)}"
    )


def _some(lines: Sequence[str], what: str) -> list[str]:
    left = len(lines) - MAX_LISTED
    return [*lines[:MAX_LISTED], *([f"    and {left} more {what}"] if left > 0 else [])]


def _pairs(values: Mapping[str, Any]) -> str:
    return visible(", ".join(f"{key} {plain(value)}" for key, value in values.items() if value is not None))
