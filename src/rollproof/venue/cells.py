"""Cells of a batch as numbers, names and words, checked: what is wrong is said by row and column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rollproof.errors import Malformed
from rollproof.venue.book import Bytes, Floats
from rollproof.venue.wrong_rows import Wrong, shown

LONGEST = 200  # characters of a name
# Numbers that money and sizes have, whatever the currency: their products stay finite.
LARGEST = 1e24
SMALLEST = 1e-24
_NOT_PRINTABLE = r"\p{C}|\p{Zl}|\p{Zp}|^\s|\s$"

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Cells:
    """One batch of a table, whose first row is ``first_row``; ``wrong`` collects."""

    frame: pl.DataFrame
    first_row: int
    wrong: Wrong

    def __len__(self) -> int:
        return len(self.frame)

    def names(self, column: str) -> pl.Series:
        """Text that names something: there, of at most `LONGEST` characters, printable, no space at either end."""
        series = self._text(column)
        absent = series.is_null() | (series == "").fill_null(True)
        odd = series.str.contains(_NOT_PRINTABLE).fill_null(False) | (series.str.len_chars() > LONGEST).fill_null(False)
        self._say(absent, column, series, "where a name should be")
        self._say(odd & ~absent, column, series, f"is not a printable name of at most {LONGEST} characters")
        return series

    def words(self, column: str, known: Mapping[str, int], default: int) -> Bytes:
        """(rows,) the numbers of known words; ``default`` where the column or the cell is not there."""
        if column not in self.frame.columns:
            return np.full(len(self), default, dtype=np.int8)
        series = self._text(column)
        codes = series.replace_strict(list(known), list(known.values()), default=None, return_dtype=pl.Int8)
        empty = series.is_null() | (series == "").fill_null(True)
        self._say(codes.is_null() & ~empty, column, series, f"is unknown: known are {', '.join(known)}")
        return codes.fill_null(default).to_numpy()

    def numbers(self, column: str) -> Floats:
        """(rows,) NaN where the column or the cell is not there; what is there is finite and at most `LARGEST`."""
        if column not in self.frame.columns:
            return np.full(len(self), np.nan)
        series = self.frame[column]
        if series.dtype == pl.String:
            series = series.set(series == "", None) if (series == "").any() else series
            values = series.cast(pl.Float64, strict=False)
        elif series.dtype.is_numeric() or series.dtype == pl.Null:
            values = series.cast(pl.Float64)
        else:
            raise Malformed(f"{self.wrong.what}: column {column} has {series.dtype} and not numbers")
        given = series.is_not_null().to_numpy()
        out = values.fill_null(np.nan).to_numpy()
        self.say(given & ~np.isfinite(out), column, "is not a number")
        with np.errstate(invalid="ignore"):
            self.say(np.isfinite(out) & (np.abs(out) > LARGEST), column, f"is beyond {LARGEST:g}")
        return out

    def say(self, where: Mask, column: str, why: str) -> None:
        """The cells are wrong ``where`` it holds."""
        if where.any():
            texts = self.frame[column] if column in self.frame.columns else pl.repeat(None, len(self), eager=True)
            self.wrong.add_where(where, self.first_row, column, texts, why)

    def needed(self, values: Floats, where: Mask, column: str, of: str) -> None:
        """A number is there and is a price, ``where`` it holds."""
        absent = where & np.isnan(values) & self.absent(column)
        self.say(absent, column, f"where {of} needs a number")
        with np.errstate(invalid="ignore"):
            self.say(where & (values < SMALLEST), column, f"is not above zero (at least {SMALLEST:g})")

    def unneeded(self, values: Floats, where: Mask, column: str, why: str) -> None:
        """A number is not there, or is zero, ``where`` it holds."""
        self.say(where & ~np.isnan(values) & (values != 0), column, why)

    def absent(self, column: str) -> Mask:
        """(rows,) where nothing is given."""
        if column not in self.frame.columns:
            return np.ones(len(self), dtype=np.bool_)
        series = self.frame[column]
        empty = series.is_null()
        if series.dtype == pl.String:
            empty = empty | (series == "").fill_null(True)
        return empty.to_numpy()

    def _text(self, column: str) -> pl.Series:
        series = self.frame[column]
        if series.dtype == pl.String:
            return series
        if series.dtype.is_integer() or series.dtype in (pl.Categorical, pl.Enum, pl.Null):
            return series.cast(pl.String)
        raise Malformed(f"{self.wrong.what}: column {column} has {shown(series.dtype)} and not text")

    def _say(self, where: pl.Series, column: str, texts: pl.Series, why: str) -> None:
        if where.any():
            self.wrong.add_where(where.to_numpy(), self.first_row, column, texts, why)
