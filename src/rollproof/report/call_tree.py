"""A call tree for people: one line a row, indented by depth, storage as before -> after, what was undone marked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Protocol

from rollproof.report import naming
from rollproof.report.text import visible

MAX_INDENT: Final = 40  # levels that are indented; deeper rows say their depth

_PLURALS: Final = {
    "call": "calls",
    "read": "storage reads",
    "write": "storage writes",
    "transient read": "transient reads",
    "transient write": "transient writes",
    "log": "logs",
    "transfer": "transfers",
    "selfdestruct": "self-destructs",
}

Names = Mapping[bytes, str]
Marks = Mapping[int, Sequence[str]]  # frame row -> what was found there


class Tree(Protocol):
    """Rows, and what is known of their addresses and frames."""

    @property
    def names(self) -> Names: ...
    @property
    def marks(self) -> Marks: ...
    def __iter__(self) -> Iterator[Row]: ...


class Row(Protocol):
    """One line of a tree; meanings as in ``detect.call_tree.Row``."""

    @property
    def depth(self) -> int: ...
    @property
    def what(self) -> str: ...
    @property
    def frame(self) -> int | None: ...
    @property
    def undone(self) -> bool: ...
    @property
    def kind(self) -> str: ...
    @property
    def account(self) -> bytes | None: ...
    @property
    def source(self) -> bytes | None: ...
    @property
    def code(self) -> bytes | None: ...
    @property
    def selector(self) -> bytes | None: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int | None: ...
    @property
    def before(self) -> int | None: ...
    @property
    def slot(self) -> bytes | None: ...
    @property
    def gas(self) -> int | None: ...
    @property
    def success(self) -> bool: ...
    @property
    def topics(self) -> Sequence[bytes]: ...
    @property
    def length(self) -> int: ...
    @property
    def count(self) -> Sequence[tuple[str, int]]: ...


def text(tree: Tree) -> str:
    """A whole tree, without a final newline."""
    return "\n".join(lines(tree, tree.names, tree.marks))


def lines(rows: Iterable[Row], names: Names | None = None, marks: Marks | None = None) -> Iterator[str]:
    """The lines of a tree. ``names`` are labels of addresses, ``marks`` what was found in a frame."""
    for row in rows:
        indent = "  " * min(row.depth, MAX_INDENT)
        deep = f"[{row.depth}] " if row.depth > MAX_INDENT else ""
        found = found_in(row, marks or {})
        mark = f"  <- {', '.join(map(visible, found))}" if found else ""
        yield f"{indent}{deep}{said(row, names or {})}{mark}"


def found_in(row: Row, marks: Marks) -> Sequence[str]:
    """What was found in a call; nothing for rows that are no call."""
    return marks.get(row.frame, ()) if row.what == "call" and row.frame is not None else ()


def said(row: Row, names: Names) -> str:
    """One row in words, on one line."""
    if row.what == "omitted":
        return f"… left out: {', '.join(_counted(what, count) for what, count in row.count)}"
    undone = "  (undone)" if row.undone and row.what != "call" else ""
    return _WORDS[row.what](row, names) + undone


def _call(row: Row, names: Names) -> str:
    parts = [row.kind, _name(row.account, names)]
    if row.code is not None:
        parts.append(f"code of {_name(row.code, names)}")
    if row.selector is not None:
        parts.append(visible(row.name) or "0x" + row.selector.hex())
    elif row.length:
        parts.append(f"{row.length} bytes")
    if row.value:
        parts.append(f"{naming.ether(row.value)} ether")
    if row.gas is not None:
        parts.append(f"{row.gas:,} gas")
    if not row.success:
        parts.append("FAILED")
    elif row.undone:
        parts.append("(undone)")
    return "  ".join(parts)


def _read(row: Row, _names: Names) -> str:
    return f"{row.what:<6} {_slot(row)} = {_word(row.value)}"


def _write(row: Row, _names: Names) -> str:
    return f"{row.what:<6} {_slot(row)}: {_word(row.before)} -> {_word(row.value)}"


def _log(row: Row, names: Names) -> str:
    what = visible(row.name) or (naming.short(row.topics[0]) if row.topics else "anonymous")
    return f"log    {what}  {len(row.topics)} topics, {row.length} bytes  {_name(row.account, names)}"


def _transfer(row: Row, names: Names) -> str:
    what = f" {visible(row.name)}" if row.name else ""
    moved = f"{row.value} of {_name(row.account, names)}{what}"
    return f"moves  {moved}: {_name(row.source, names)} -> {_name(row.code, names)}"


def _selfdestruct(row: Row, names: Names) -> str:
    return (
        f"SELFDESTRUCT {_name(row.source, names)} -> {_name(row.account, names)}  {naming.ether(row.value or 0)} ether"
    )


_WORDS: Final = {
    "call": _call,
    "read": _read,
    "write": _write,
    "transient read": _read,
    "transient write": _write,
    "log": _log,
    "transfer": _transfer,
    "selfdestruct": _selfdestruct,
}


def _slot(row: Row) -> str:
    if row.slot is None:
        return "slot ?"
    return f"slot {visible(row.name) or naming.slot(row.slot)}"


def _word(value: int | None) -> str:
    return "?" if value is None else naming.word(value)


def _name(address: bytes | None, names: Names) -> str:
    return "?" if address is None else naming.address(address, names)


def _counted(what: str, count: int) -> str:
    return f"{count:,} {_PLURALS.get(what, what) if count != 1 else _PLURALS.get(what, what).removesuffix('s')}"
