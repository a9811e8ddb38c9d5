"""A risk report as Markdown (CommonMark with GitHub's tables): every name from outside is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

from rollproof.report import risk_report
from rollproof.report.risk_document import Block, Link, Picture, Points, Refused, Table, Wider
from rollproof.report.text import visible

# What CommonMark or GitHub's extensions read as markup: also what would become a link, a mention or a formula. HTML is
# escaped as HTML, since not every renderer knows a backslash before it.
_MARKUP: Final = re.compile(r"[\\`*_{}\[\]#!|~$@^]|(?<=[A-Za-z])\.(?=\w)|(?<=[A-Za-z]):(?=/)")
_LEADING: Final = re.compile(r"^(\s*)(?:([-+=])|(\d+)([.)]))(?=\s|$|[-=])")
_ADDRESS: Final = re.compile(r"https://[A-Za-z0-9.-]+(?:/[A-Za-z0-9._~%/?#=&+,:@-]*)?")


def markdown(record: Mapping[str, Any]) -> str:
    """The whole report of one record, every account in it. Raises Unsupported for a record of another format."""
    return "\n\n".join(_parts(record)) + "\n"


def _parts(record: Mapping[str, Any]) -> Iterator[str]:
    for section in risk_report.sections(record, full=True):
        blocks = [part for each in section.blocks for part in _block(each)]
        pictures_only = bool(section.blocks) and all(isinstance(each, Picture) for each in section.blocks)
        if section.title and not pictures_only:
            yield f"{'#' * section.level} {escaped(section.title)}"
        yield from blocks


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Table):
        yield from _table(block)
    elif isinstance(block, Points):
        yield "\n".join(f"- {_inline(item)}" for item in block.items)
    elif not isinstance(block, Picture):
        yield _inline(block)


def _table(table: Table) -> Iterator[str]:
    if table.title:
        yield f"**{escaped(table.title)}**"
    rule = [":--" if at in table.left else "--:" for at in range(len(table.head))]
    lines = [[_inline(cell) for cell in table.head], rule, *([_inline(cell) for cell in row] for row in table.rows)]
    yield "\n".join(f"| {' | '.join(line)} |" for line in lines)
    if any(isinstance(cell, Wider) for row in table.rows for cell in row):
        yield "Bold: the wider of the two intervals."


def _inline(said: str) -> str:
    if isinstance(said, Wider | Refused):
        return f"**{escaped(said)}**"
    if isinstance(said, Link) and _ADDRESS.fullmatch(said):
        return f"<{said}>"
    return escaped(said)


def escaped(said: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    shown = escape(_MARKUP.sub(lambda found: "\\" + found[0], visible(said).strip()), quote=False)
    return _LEADING.sub(lambda found: f"{found[1]}{found[3] or ''}\\{found[2] or found[4]}", shown)
