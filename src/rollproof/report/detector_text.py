"""What explains a detector, as text for people, as JSON lines, and as the page docs/detectors.md."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from rollproof.types import Severity

WIDTH: Final = 100

_INTRODUCTION: Final = """# Detectors

What each one looks for. A detector says `unknown` where the source does not show what it **needs**; our own
re-execution shows everything. The severity is the highest that it gives: high and critical are for harm that was
observed, what is only possible is medium at most.

Written by `make detectors`.
"""


class Explained(Protocol):
    """The constants of a detector."""

    @property
    def id(self) -> str: ...
    @property
    def severity(self) -> Severity: ...
    @property
    def title(self) -> str: ...
    @property
    def what(self) -> str: ...
    @property
    def why(self) -> str: ...
    @property
    def example(self) -> str: ...
    @property
    def references(self) -> Sequence[str]: ...
    @property
    def since(self) -> str: ...
    @property
    def scope(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Described:
    """A detector, and in words what its source has to show."""

    detector: Explained
    needs: str


def record(described: Described) -> dict[str, Any]:
    """Plain values."""
    detector = described.detector
    return {
        "id": detector.id,
        "severity": detector.severity.value,
        "title": detector.title,
        "what": _paragraph(detector.what),
        "why": _paragraph(detector.why),
        "example": _paragraph(detector.example),
        "references": list(detector.references),
        "needs": described.needs.split(", ") if described.needs else [],
        "scope": detector.scope,
        "since": detector.since,
    }


def line(described: Described) -> str:
    """One JSON object, ASCII, without a final newline."""
    return json.dumps(record(described), separators=(",", ":"))


def text(described: Described) -> str:
    """All of it, wrapped."""
    values = record(described)
    lines = [f"{values['id']}  {values['severity']}  {values['title']}"]
    for name in ("what", "why", "example"):
        lines += ["", *_wrapped(name, values[name])]
    lines += ["", *_wrapped("needs", described.needs or "nothing in particular")]
    lines += _wrapped("scope", f"one {values['scope']} at a time; since {values['since']}")
    for at, reference in enumerate(values["references"]):
        lines += _wrapped("references" if not at else "", reference)
    return "\n".join(lines)


def table(several: Sequence[Described]) -> Iterator[str]:
    """One line for each."""
    width = max((len(each.detector.id) for each in several), default=0)
    for each in several:
        yield f"{each.detector.id:<{width}}  {each.detector.severity.value:<8}  {each.detector.title}"


def page(several: Sequence[Described]) -> str:
    """Markdown: a table, and a section for each."""
    lines = [_INTRODUCTION, "| detector | severity | what it finds |", "|---|---|---|"]
    lines += [
        f"| [`{each.id}`](#{each.id}) | {each.severity.value} | {_cell(each.title)} |"
        for each in (described.detector for described in several)
    ]
    for each in several:
        values = record(each)
        lines += ["", f"## {values['id']}", "", f"**{values['title']}** ({values['severity']})"]
        lines += ["", values["what"], "", f"*Why it matters.* {values['why']}", "", f"*Example.* {values['example']}"]
        lines += ["", f"*Needs.* {each.needs or 'nothing in particular'}; one {values['scope']} at a time."]
        if values["references"]:
            lines += ["", "*References.* " + "; ".join(values["references"])]
    return "\n".join(lines) + "\n"


def _paragraph(text: str) -> str:
    return " ".join(text.split())


def _wrapped(label: str, text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=f"{label:<12}", subsequent_indent=" " * 12)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
