"""Findings for people: one line each, indented below it who lost and gained what, and what it rests on.

Everything here may come from a hostile chain, node or file: control characters are shown, never sent to the terminal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from rollproof.report import naming
from rollproof.report.finding_json import NATIVE, plain
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


def finding(
    found: Finding,
    names: Mapping[bytes, str] | None = None,
    *,
    source: str = "",
    colour: bool = False,
    verbose: int = 0,
) -> str:
    """The lines of one finding, without a final newline. ``verbose`` 1 adds its id, its frames and all addresses.

    ``source`` is shown where the finding names neither a chain nor a block.
    """
    names = names or {}
    word = f"{found.severity.value:<8}"
    if colour:
        word = f"\x1b[{_COLOURS[found.severity]}m{word}\x1b[0m"
    lines = [
        f"{word}  {visible(found.detector)}  {_place(found, source)}",
        f"    {naming.labelled(found.title, names)}",
    ]
    if found.confidence.value != "observed":
        lines.append(f"    {found.confidence.value}: not seen to happen")
    lines += _some([_amount(each, names) for each in found.amounts], "amounts")
    lines += _some([_slot(each, names) for each in found.slots], "slots")
    lines += _some([f"    {naming.labelled(note, names)}" for note in found.notes], "notes")
    if found.counterfactual:
        lines += ["    counterfactual", *_some(_pairs(found.counterfactual, names, verbose), "entries")]
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


def suppressed(kept_back: Suppressed, source: str = "") -> str:
    """One line about a finding that was kept back, and why."""
    return (
        f"{'(' + kept_back.severity.value + ')':<8}  {visible(kept_back.detector)}  {_place(kept_back, source)}\n"
        f"    suppressed: {visible(kept_back.title)}: {visible(kept_back.reason)}"
    )


def unjudged(reasons: Mapping[str, Mapping[str, int]], where: str = "") -> list[str]:
    """Two lines for each reason why something could not be judged; a reason has its detectors, and how often each."""
    lines = []
    for reason, detectors in reasons.items():
        often = max(detectors.values(), default=0)
        place = where or ("" if often == 1 else f"{often:,} times: ")
        shown = list(detectors)
        left = f" and {len(shown) - MAX_LISTED} more" if len(shown) > MAX_LISTED else ""
        lines.append(f"unknown   {place}{visible(reason)}")
        lines.append(f"    {', '.join(map(visible, shown[:MAX_LISTED]))}{left}")
    return lines


def reasons(several: Iterable[Unjudged]) -> dict[str, Counter[str]]:
    """Reason -> detectors, and how often each could not judge for it."""
    found: dict[str, Counter[str]] = {}
    for each in several:
        found.setdefault(each.reason, Counter())[each.detector] += 1
    return found


def summary(
    severities: Mapping[Severity, int], *, sources: int, transactions: int, unknown: int, failed: int, seconds: float
) -> str:
    """The closing sentence: findings by severity, what was looked at, and what could not be."""
    total = sum(severities.values())
    parts = [f"{severities[each]} {each.value}" for each in Severity if severities.get(each)]
    said = f"{_count(total, 'finding')}{' (' + ', '.join(parts) + ')' if parts else ''}"
    text = f"{said} in {_count(transactions, 'transaction')} of {_count(sources, 'block or trace')}"
    unknowns = f", {unknown} unknown" if unknown else ""
    return f"{text}{unknowns}{f', {failed} not wholly looked at' if failed else ''} in {seconds:.1f} s"


def _count(number: int, what: str) -> str:
    many = what if number == 1 else "blocks or traces" if what == "block or trace" else f"{what}s"
    return f"{number:,} {many}"


def _place(said: Finding | Suppressed | Unjudged, source: str = "") -> str:
    place = naming.place(said)
    if place == naming.TRACE and source:
        place = visible(source)
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


def _pairs(values: Mapping[str, Any], names: Mapping[bytes, str], verbose: int) -> list[str]:
    shown = {key: plain(value) for key, value in values.items() if value not in (None, (), [], {})}
    if not verbose:
        shown.pop("cannot_know", None)  # the same for every one of them
    said = {visible(key.replace("_", " ")): naming.labelled(_inline(value), names) for key, value in shown.items()}
    return [f"        {key}: {value}" for key, value in said.items()]


def _inline(value: Any) -> str:
    """JSON's values in words: lists with commas, objects as key and value; no token is wei."""
    if isinstance(value, list):
        parts = [_inline(each) for each in value[:MAX_LISTED]]
        between = "; " if any(" " in part for part in parts) else ", "
        return between.join([*parts, *(["…"] if len(value) > MAX_LISTED else [])])
    if isinstance(value, dict):
        return ", ".join(
            f"{key} {NATIVE if value[key] is None and key == 'token' else _inline(value[key])}" for key in value
        )
    return "none" if value is None else str(value)
