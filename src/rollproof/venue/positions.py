"""Positions of a venue from CSV, Parquet or a data frame. The columns: docs/positions.md, and `COLUMNS`.

Files are read in batches; nothing is returned where a single row is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.resources import files

from rollproof.errors import Malformed, Unsupported
from rollproof.venue import assembly, position_rows, table
from rollproof.venue.book import Book
from rollproof.venue.cells import LARGEST, SMALLEST, Cells
from rollproof.venue.position_frame import to_frame
from rollproof.venue.position_rows import COLUMNS, REQUIRED
from rollproof.venue.table import MAX_BYTES, MAX_ROWS, Source
from rollproof.venue.wrong_rows import Wrong, WrongRows, shown

__all__ = ["COLUMNS", "EXAMPLES", "Source", "WrongRows", "example", "read", "read_all", "to_frame"]

UNNAMED = "venue"  # what a venue without a name is called
# Perpetuals, isolated and cross; options with portfolio margin; collateralised debt.
EXAMPLES = ("positions", "options", "loans")


def read(
    source: Source,
    *,
    quote: str = "USD",
    prices: Mapping[str, float] | None = None,
    venue: str | None = None,
    as_of: datetime | None = None,
    max_rows: int = MAX_ROWS,
    max_bytes: int = MAX_BYTES,
) -> Book:
    """The book of one venue.

    Args:
        source: a path (.csv, .csv.gz, .csv.zst, .parquet), a CSV as bytes or open binary file, or a data frame.
        quote: the currency that all money is in.
        prices: mark prices by asset, quote a unit; else the column mark_price has them.
        venue: which one, where the column venue names several; otherwise what to call it.
        as_of: from when expiries given as dates count; UTC where it has no time zone.
        max_rows: bound on rows.
        max_bytes: bound on text, decompressed.

    Raises:
        WrongRows: rows are wrong; names the first ten by row, column and text.
        Malformed: the file breaks its format or a bound, a column is missing, or several venues and none chosen.
        Unsupported: an unknown column, or an unknown kind of file.
        OSError: the file cannot be read.
    """
    books = _read(source, quote, prices, venue, as_of, max_rows, max_bytes)
    if len(books) == 1 and (venue is None or venue in books):
        return next(iter(books.values()))
    known = ", ".join(shown(name) for name in list(books)[:10])
    if venue is None:
        raise Malformed(f"positions of {len(books)} venues ({known}): say which (venue)")
    if venue not in books:
        raise Malformed(f"no positions of venue {shown(venue)}: there are {known}")
    return books[venue]


def read_all(
    source: Source,
    *,
    quote: str = "USD",
    prices: Mapping[str, float] | None = None,
    as_of: datetime | None = None,
    max_rows: int = MAX_ROWS,
    max_bytes: int = MAX_BYTES,
) -> dict[str, Book]:
    """The books of all venues by their names, in the order of their first rows. Arguments and errors as `read`."""
    return _read(source, quote, prices, None, as_of, max_rows, max_bytes)


def example(name: str = "positions") -> Book:
    """A shipped example, of the venue "example": one of `EXAMPLES`. Raises Unsupported for another name."""
    if name not in EXAMPLES:
        raise Unsupported(f"example {shown(name)}: known are {', '.join(EXAMPLES)}")
    return read(files("rollproof.venue").joinpath("example", f"{name}.csv").read_bytes(), venue="example")


def _read(
    source: Source,
    quote: str,
    prices: Mapping[str, float] | None,
    venue: str | None,
    as_of: datetime | None,
    max_rows: int,
    max_bytes: int,
) -> dict[str, Book]:
    for asset, price in (prices or {}).items():
        if not (math.isfinite(price) and SMALLEST <= price <= LARGEST):
            raise Malformed(f"price of {shown(asset)}: {price!r} is not a number above zero")
    if as_of is not None and as_of.tzinfo is None:
        as_of = as_of.replace(tzinfo=UTC)

    opened = table.opened(
        source, lambda what, found: table.known(what, found, COLUMNS, REQUIRED), max_rows=max_rows, max_bytes=max_bytes
    )
    names, wrong = position_rows.Names(), Wrong(opened.what)
    parts: list[position_rows.Rows] = []
    start = None
    for first, frame in opened.batches:
        start = first if start is None else start
        part = position_rows.checked(
            Cells(frame, first, wrong), names, quote=quote, venue=venue or UNNAMED, as_of=as_of
        )
        if wrong.full:
            break
        if not wrong.count:
            parts.append(part)
    wrong.stop()
    if start is None or not parts:
        raise Malformed(f"{opened.what}: no rows")
    return assembly.books(position_rows.joined(parts), names, start, quote=quote, prices=prices, wrong=wrong)
