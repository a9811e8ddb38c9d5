"""What a drill found, as text for people, as JSON lines, and as Markdown: one row a scenario."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from rollproof.report.text import visible

_HEAD: Final = ("scenario", "family", "check", "result", "acted", "found by", "blocks", "seconds", "place", "alarms")
_TABLE: Final = (
    "| scenario | what goes wrong | result | acted | found by | blocks | seconds | place | alarms |",
    "|---|---|---|---|---|---|---|---|---|",
)
_INTRODUCTION: Final = """# The drill

Every fault that the lab can be given, with its default parameters and each on a lab of its own, and what the checks
that exist found of it.

- **acted**: the first block in which the fault did something, by its own declaration. A fault that does nothing has
  failed to run.
- **found by**: the check, and what it looked at: a *block* as a node serves it, or the *payload* that the honest
  node refused.
- **blocks**, **seconds**: from the first effect of the fault to its detection, by the simulated clock. A check
  looks after every step, so 0 means that it was found before the next block was built.
- **place**: whether the check named every account, slot, header field or phrase that the fault declares it
  touched, and nothing else.
- **alarms**: what checks say in a run of the same seed and length without the fault. All of them are false.
- **inspect** says what detectors find of medium severity and above; what is below are facts, such as an arbitrage. A
  block in which something is found may still hold: its transactions did what the rules say. The place is right where
  one detector, the one that the fault calls for, named its transactions and the account that was robbed or wronged.
- **not covered**: there is no check of the kind that the fault calls for. That is not a pass.

The numbers are about the faults in this list, on the lab's traffic, and say nothing about others.
"""
_LONGEST: Final = 160  # characters of one remark


class Recorded(Protocol):
    """A scenario or a result: anything that gives its plain values."""

    def record(self) -> dict[str, Any]: ...


def listed(scenario: Recorded, *, as_json: bool = False) -> str:
    """One line about a scenario that was not run."""
    values = scenario.record()
    if as_json:
        return _json(values)
    covered = "" if values["covered"] else "  (no such check yet)"
    return f"{values['scenario']:<24}  {values['family']:<16}  {values['check']:<8}  {values['title']}{covered}"


def line(result: Recorded) -> str:
    """A result as one JSON object, ASCII, without a final newline."""
    return _json(result.record())


def matrix(results: Sequence[Recorded]) -> str:
    """Aligned text: a row for each scenario, what is to be said about it indented below, and the sum."""
    rows = [_row(result.record()) for result in results]
    widths = [max(len(row[at]) for row, _ in [(_HEAD, ()), *rows]) for at in range(len(_HEAD))]
    lines = [_aligned(_HEAD, widths)]
    for cells, remarks in rows:
        lines += [_aligned(cells, widths), *(f"    {remark}" for remark in remarks)]
    return "\n".join([*lines, "", summary(results)])


def summary(results: Sequence[Recorded]) -> str:
    """The closing sentence. What no check covers is counted by itself."""
    records = [result.record() for result in results]
    counts = {name: sum(each["status"] == name for each in records) for name in ("detected", "missed", "failed to run")}
    misplaced = sum(each["status"] == "detected" and not each["right_place"] for each in records)
    uncovered = sum(each["status"] == "not covered" for each in records)
    alarms = max((len(each["false_alarms"]) for each in records), default=0)
    stray = sum(len(each["stray"]) for each in records)
    return (
        f"{len(records)} scenarios: {counts['detected']} detected ({misplaced} of them at a wrong place), "
        f"{counts['missed']} missed, {uncovered} not covered, {counts['failed to run']} failed to run; "
        f"{alarms} false alarms in the run without a fault, {stray} elsewhere"
    )


def markdown(results: Sequence[Recorded], seed: int) -> str:
    """The matrix as a document, the same for the same results."""
    written = f"Written by `rollproof drill --seed {seed} --markdown docs/drill.md`."
    records = [result.record() for result in results]
    control = next((each["control"] for each in records if each["control"]["l2"]), None)
    out = [*_INTRODUCTION.splitlines(), "", written, ""]
    if control is not None:
        out += [
            f"The run without a fault ends with L1 {control['l1']} and",
            f"L2 {control['l2']}, on every machine.",
            "",
        ]
    for family in dict.fromkeys(each["family"] for each in records):
        out += [f"## {family}", "", *_TABLE]
        for values in (each for each in records if each["family"] == family):
            (name, _, check, status, acted, by, *rest), _ = _row(values)
            found = f"not covered (needs `{check}`)" if status == "not covered" else status
            out.append(
                f"| `{_cell(name)}` | {_cell(values['title'])} | {found} | {acted} | {by} | {' | '.join(rest)} |"
            )
        out.append("")
    detected = [each for each in records if each["detection"] is not None]
    if detected:
        out += ["## What was said", ""]
        out += [f"- `{_cell(each['scenario'])}`: {_cell(_said(each))}" for each in detected]
        out.append("")
    return "\n".join([*out, summary(results) + ".", ""])


def _row(values: Mapping[str, Any]) -> tuple[tuple[str, ...], list[str]]:
    """The cells of a result, and what has to be said below them."""
    found = values["detection"]
    place = {None: "-", True: "right", False: "wrong"}[values["right_place"]]
    cells = (
        visible(values["scenario"]),
        values["family"],
        values["check"],
        values["status"],
        "-" if values["effect"] is None else f"{values['effect']['layer']} {values['effect']['block']}",
        "-" if found is None else f"{found['check']}: {', '.join(values['looked_at'])}",
        _or_dash(values["blocks_to_detection"]),
        _or_dash(values["seconds_to_detection"]),
        place,
        str(len(values["false_alarms"])),
    )
    remarks = [values["reason"]] if values["reason"] else []
    remarks += [f"not named: {each}" for each in values["unnamed"]]
    remarks += [f"named without cause: {each}" for each in values["beside"]]
    for kind, title in (("stray", "found where nothing was wrong"), ("false_alarms", "false alarm")):
        remarks += [f"{title}: {each['layer']} block {each['block']}: {each['sentence']}" for each in values[kind]]
    for check in dict.fromkeys(each["check"] for each in values["heard"]):
        said = [each for each in values["heard"] if each["check"] == check]
        more = f" (and {len(said) - 1} more)" if len(said) > 1 else ""
        remarks.append(f"{check} also says: {said[0]['layer']} block {said[0]['block']}: {said[0]['sentence']}{more}")
    return cells, [_short(each) for each in remarks]


def _said(values: Mapping[str, Any]) -> str:
    found = values["detection"]
    return f"{found['layer']} block {found['block']} is {found['outcome']}: {_short(found['sentence'])}"


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()


def _short(text: str) -> str:
    text = visible(text)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _or_dash(value: int | None) -> str:
    return "-" if value is None else str(value)


def _cell(text: str) -> str:
    return visible(text).replace("|", "\\|")


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(values, separators=(",", ":"), allow_nan=False)
