"""A risk report for a terminal: what it comes to first, then every figure beside both its intervals.

Names come from outside: control characters are shown, never sent to the terminal.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Final

from rich.cells import cell_len

from rollproof.report import risk_report
from rollproof.report.risk_document import Block, Picture, Points, Refused, Section, Table, Wider
from rollproof.report.text import visible

WIDTH: Final = 110  # of sentences; tables are as wide as they are

_INDENT: Final = {1: "", 2: "", 3: "  "}
_BOLD, _UNDERLINED, _RED = "1", "1;4", "1;31"


def text(record: Mapping[str, Any], *, colour: bool = False) -> str:
    """All lines of one record, without a final newline. Raises Unsupported for another format."""
    return "\n".join(_lines(record, colour=colour))


def _lines(record: Mapping[str, Any], *, colour: bool) -> Iterator[str]:
    for section in risk_report.sections(record, full=False):
        if section.level < 3 and section.level > 1:
            yield ""
        yield from _section(section, colour=colour)


def _section(section: Section, *, colour: bool) -> Iterator[str]:
    indent = _INDENT.get(section.level, "")
    if section.title:
        yield indent + _painted(visible(section.title), _UNDERLINED if section.level == 1 else _BOLD, colour)
    for block in section.blocks:
        yield from (f"{indent}  {line}".rstrip() for line in _block(block, colour=colour))


def _block(block: Block, *, colour: bool) -> Iterator[str]:
    if isinstance(block, Table):
        yield from _table(block, colour=colour)
    elif isinstance(block, Points):
        for item in block.items:
            yield from _wrapped(visible(item), "- ", "  ")
    elif isinstance(block, Refused):
        yield from (_painted(line, _RED, colour) for line in _wrapped(visible(block)))
    elif not isinstance(block, Picture):
        yield from _wrapped(visible(block))


def _wrapped(said: str, first: str = "", later: str = "") -> list[str]:
    """Lines, a number and its percent sign never apart."""
    kept = said.replace(" %", "\u00a0%")
    made = textwrap.wrap(kept, WIDTH, initial_indent=first, subsequent_indent=later, break_on_hyphens=False) or [first]
    return [line.replace("\u00a0", " ") for line in made]


def _table(table: Table, *, colour: bool) -> Iterator[str]:
    if table.title:
        yield from _wrapped(visible(table.title))
    marked = any(isinstance(cell, Wider) for row in table.rows for cell in row)
    rows = [table.head, *table.rows] if any(table.head) else list(table.rows)
    shown = [[visible(cell) + (" *" if isinstance(cell, Wider) else "") for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*shown, strict=True)]
    for number, (row, cells) in enumerate(zip(rows, shown, strict=True)):
        padded = []
        for at, (raw, cell) in enumerate(zip(row, cells, strict=True)):
            space = " " * (widths[at] - cell_len(cell))
            bold = isinstance(raw, Wider) or (number == 0 and any(table.head))
            painted = _painted(cell, _BOLD, colour and bold and bool(cell))
            padded.append(painted + space if at in table.left else space + painted)
        yield "  ".join(padded).rstrip()
    if marked:
        yield "* the wider of the two intervals"


def _painted(said: str, code: str, colour: bool) -> str:
    return f"\x1b[{code}m{said}\x1b[0m" if colour and said else said
