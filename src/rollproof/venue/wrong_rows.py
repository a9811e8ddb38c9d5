"""Rows of a table that say something that cannot be, collected so that one error names the first of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rollproof.errors import Malformed

SHOWN = 10  # rows that one error names
_TEXT = 40  # characters of a cell that it shows


@dataclass(frozen=True, slots=True, order=True)
class WrongRow:
    """One cell. ``row`` counts from 1; in a CSV file row 1 is the header, elsewhere the first row of data."""

    row: int
    column: str
    why: str

    def __str__(self) -> str:
        return f"row {self.row}, {self.column}: {self.why}"


class WrongRows(Malformed):
    """A table has wrong rows, and nothing of it was used. ``rows``: the first of them, in order, at most `SHOWN`."""

    def __init__(self, what: str, rows: Sequence[WrongRow], more: bool) -> None:
        self.rows = tuple(rows)
        super().__init__(f"{what}: {'; '.join(str(row) for row in rows)}{'; and more' if more else ''}")


def shown(text: object) -> str:
    """A cell's text as it can be put into a one-line message: bounded, without control characters."""
    if text is None:
        return "nothing"
    cell = str(text)
    return ascii(cell if len(cell) <= _TEXT else cell[:_TEXT] + "...")


@dataclass(slots=True)
class Wrong:
    """What was found wrong so far in one table; ``what`` names the table in messages."""

    what: str
    rows: list[WrongRow] = field(default_factory=list)
    count: int = 0

    def add(self, row: int, column: str, why: str) -> None:
        """Say that a cell is wrong, and why."""
        self.count += 1
        self.rows.append(WrongRow(row, column, why))

    def add_where(self, where: NDArray[np.bool_], first_row: int, column: str, texts: pl.Series, why: str) -> None:
        """Say it of all cells of a batch ``where`` it holds; ``first_row`` is the batch's."""
        found = np.flatnonzero(where)
        self.count += len(found)
        self.rows += [WrongRow(first_row + int(at), column, f"{shown(texts[int(at)])} {why}") for at in found[:SHOWN]]

    @property
    def full(self) -> bool:
        """Whether there is enough for an error, and no need to read on."""
        return self.count >= SHOWN

    def stop(self) -> None:
        """Raise WrongRows if anything is wrong."""
        if self.count:
            first = sorted(self.rows)[:SHOWN]
            raise WrongRows(self.what, first, more=self.count > len(first))
