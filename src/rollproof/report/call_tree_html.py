"""A call tree as HTML that opens and closes without a script; every outside text escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import Final

from rollproof.report.call_tree import Marks, Names, Row, Tree, found_in, said
from rollproof.report.text import visible

MAX_NESTED: Final = 120  # elements inside each other; browsers flatten from 512 on
OPEN_DEPTH: Final = 3  # levels that are open to begin with

STYLE: Final = (
    ".tree{font:12px/1.5 ui-monospace,monospace;overflow-wrap:anywhere}"
    ".tree details,.tree div{margin-left:1.2em}"
    ".tree summary{cursor:pointer}"
    ".tree .undone{color:#8c959f;text-decoration:line-through}"
    ".tree .failed{color:#cf222e}"
    ".tree .write{color:#953800}.tree .read{color:#57606a}.tree .log{color:#0550ae}.tree .transfer{color:#1a7f37}"
    ".tree mark{background:#fff1a8;color:#24292f}"
)


def tree(rows: Iterable[Row], names: Names | None = None, marks: Marks | None = None) -> str:
    """The element of one tree. It needs ``STYLE`` to look right and nothing else."""
    return f'<div class="tree">{"".join(_elements(rows, names or {}, marks or {}))}</div>'


def html(found: Tree) -> str:
    """A tree for a notebook, with its style."""
    return f"<style>{STYLE}</style>{tree(found, found.names, found.marks)}"


def _elements(rows: Iterable[Row], names: Names, marks: Marks) -> Iterator[str]:
    inside: list[int] = []  # depths of the calls that are open
    for row in rows:
        while inside and inside[-1] >= row.depth:
            inside.pop()
            yield "</details>"
        deep = f"[{row.depth}] " if row.depth >= MAX_NESTED else ""
        text = deep + escape(said(row, names))
        if row.what != "call":
            kind = f"{row.what} undone" if row.undone else row.what
            yield f'<div class="{kind}">{text}</div>'
            continue
        found = found_in(row, marks)
        marked = f" <mark>{escape(', '.join(map(visible, found)))}</mark>" if found else ""
        kind = "failed" if not row.success else "undone" if row.undone else "call"
        line = f'<span class="{kind}">{text}</span>{marked}'
        if row.depth >= MAX_NESTED:
            yield f"<div>{line}</div>"
        else:
            inside.append(row.depth)
            yield f"<details{' open' if row.depth < OPEN_DEPTH or found else ''}><summary>{line}</summary>"
    yield "</details>" * len(inside)
