"""A risk report as a document of plain text: sections of paragraphs, lists and tables, which renderers write down.

Strings are not escaped here. A renderer passes every one of them through `text.visible` and its own escaping, so that
no name from outside reaches a terminal, a page or a file as anything but text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


class Wider(str):
    """The wider one of two intervals that stand side by side: shown with emphasis."""

    __slots__ = ()


class Refused(str):
    """What could not be priced, and why: shown with emphasis."""

    __slots__ = ()


class Link(str):
    """An address of a source; only https ones become links."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a head; columns in ``left`` are words, the others numbers."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: frozenset[int] = frozenset({0})
    title: str = ""


@dataclass(frozen=True, slots=True)
class Points:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """Where a figure belongs, by its name in `figure.all_of`."""

    name: str
    title: str


Block: TypeAlias = str | Table | Points | Picture


@dataclass(frozen=True, slots=True)
class Section:
    """``level`` 1 is the report itself, 2 a part of it, 3 a part of a part."""

    title: str
    blocks: tuple[Block, ...]
    level: int = 2
