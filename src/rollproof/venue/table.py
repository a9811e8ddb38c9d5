"""A table from outside as batches of columns: CSV, Parquet, or any data frame; bounded, and its columns known."""

from __future__ import annotations

import difflib
import io
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import polars as pl

from rollproof.errors import Malformed, Unsupported
from rollproof.venue import delimited
from rollproof.venue.wrong_rows import shown

# A path, the bytes or the open binary file of a CSV, or a data frame: one of polars, whatever exports Arrow's C stream
# (`__arrow_c_stream__`: pandas, pyarrow, duckdb, ...), or columns by their names.
Source: TypeAlias = object

MAX_ROWS = 50_000_000
MAX_BYTES = 8 << 30  # of text
_SHORTEST = 4  # bytes of a row, newline included: two cells at least
_ROWS = 1 << 18  # of a batch


@dataclass(frozen=True, slots=True)
class Table:
    """``names`` of the columns, and the batches, each with the number of its first row."""

    what: str
    names: tuple[str, ...]
    batches: Iterator[tuple[int, pl.DataFrame]]


def opened(
    source: Source,
    check: Callable[[str, Sequence[str]], None],
    *,
    max_rows: int = MAX_ROWS,
    max_bytes: int = MAX_BYTES,
) -> Table:
    """The table; ``check`` is given its name and its columns' before any row is read, and raises.

    Raises:
        Malformed: a bound is passed, or the file breaks its format; the message names the row where there is one.
        Unsupported: neither a file of a known ending nor a data frame.
        OSError: the file cannot be read.
    """
    if isinstance(source, str | Path):
        path = Path(source)
        ending = "".join(path.suffixes[-2:]) if path.suffix in (".gz", ".zst") else path.suffix
        if ending == ".parquet":
            return _parquet(path, check, max_rows)
        if ending not in (".csv", ".csv.gz", ".csv.zst"):
            raise Unsupported(f"{path.name[-60:]}: .csv, .csv.gz, .csv.zst and .parquet are read")
        return _csv_file(path, check, max_rows, max_bytes)
    if isinstance(source, bytes):
        return _csv(io.BytesIO(source), "CSV", check, max_rows, max_bytes)
    if isinstance(source, io.BufferedIOBase | io.RawIOBase):
        return _csv(source, "CSV", check, max_rows, max_bytes)
    return _frame(source, check, max_rows)


def known(what: str, names: Sequence[str], allowed: Collection[str], required: Collection[str]) -> None:
    """Refuse columns that are unknown, there twice, or missing. Raises Malformed, and Unsupported for unknown ones."""
    for name in names:
        if name not in allowed:
            near = difflib.get_close_matches(name[:60].lower(), allowed, 1)
            hint = f"; did you mean {near[0]}?" if near else "."
            raise Unsupported(f"{what}: unknown column {shown(name)}{hint} Known are {', '.join(allowed)}")
    unique(what, names)
    for name in required:
        if name not in names:
            raise Malformed(f"{what}: column {name} is missing")


def unique(what: str, names: Sequence[str]) -> None:
    """Refuse two columns of one name. Raises Malformed."""
    seen = set[str]()
    for name in names:
        if name in seen:
            raise Malformed(f"{what}: column {shown(name)} is there twice")
        seen.add(name)


def _csv_file(path: Path, check: Callable[[str, Sequence[str]], None], max_rows: int, max_bytes: int) -> Table:
    size, packed = path.stat().st_size, path.suffix != ".csv"
    if size > max_bytes:
        raise Malformed(f"{path.name}: {size} bytes; {max_bytes} is the bound (max_bytes)")
    if packed or size > max_rows * _SHORTEST:
        # Counting keeps nothing: a file of too many rows ends here and not when memory is full of them.
        with closing(delimited.opened(path)) as file:
            lines = delimited.count_lines(file, path.name, max_rows, max_bytes)
        if lines > max_rows + 1:
            raise _too_many(path.name, max_rows)
    return _csv(delimited.opened(path), path.name, check, max_rows, max_bytes)


def _csv(
    file: delimited.Readable, what: str, check: Callable[[str, Sequence[str]], None], max_rows: int, max_bytes: int
) -> Table:
    try:
        names, rest, size = delimited.header(file, what)
        check(what, names)
    except BaseException:
        file.close()
        raise

    def batches() -> Iterator[tuple[int, pl.DataFrame]]:
        with closing(file):
            for row, frame in delimited.batches(file, names, rest, size, what, max_bytes):
                if row + len(frame) > max_rows + 2:
                    raise _too_many(what, max_rows)
                yield row, frame

    return Table(what, tuple(names), batches())


def _parquet(path: Path, check: Callable[[str, Sequence[str]], None], max_rows: int) -> Table:
    path.open("rb").close()  # the OSError that polars would hide
    try:
        lazy = pl.scan_parquet(str(path), glob=False, hive_partitioning=False)
        names = lazy.collect_schema().names()
        rows = int(lazy.select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise _unreadable(path.name, error) from None
    if rows > max_rows:
        raise _too_many(path.name, max_rows)
    check(path.name, names)
    return Table(path.name, tuple(names), _collected(lazy, path.name))


def _frame(source: Source, check: Callable[[str, Sequence[str]], None], max_rows: int) -> Table:
    what = "data frame"
    if isinstance(source, pl.LazyFrame):
        names = source.collect_schema().names()
        check(what, names)
        return Table(what, tuple(names), _collected(source.head(max_rows + 1), what, max_rows))
    try:
        if isinstance(source, pl.DataFrame):
            frame = source
        elif hasattr(source, "__arrow_c_stream__") or isinstance(source, Mapping):
            frame = pl.DataFrame(source)
        else:
            raise Unsupported(f"{type(source).__name__}: neither a path, nor CSV, nor a data frame")
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, TypeError, ValueError, ImportError) as error:
        raise _unreadable(what, error) from None
    if len(frame) > max_rows:
        raise _too_many(what, max_rows)
    check(what, frame.columns)
    return Table(what, tuple(frame.columns), ((at + 1, frame[at : at + _ROWS]) for at in range(0, len(frame), _ROWS)))


def _collected(lazy: pl.LazyFrame, what: str, max_rows: int | None = None) -> Iterator[tuple[int, pl.DataFrame]]:
    row = 1
    try:
        for frame in lazy.collect_batches(chunk_size=_ROWS, maintain_order=True, engine="streaming"):
            if max_rows is not None and row + len(frame) > max_rows + 1:
                raise _too_many(what, max_rows)
            yield row, frame
            row += len(frame)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise _unreadable(what, error) from None


def _too_many(what: str, max_rows: int) -> Malformed:
    return Malformed(f"{what}: more than {max_rows} rows, the bound (max_rows)")


def _unreadable(what: str, error: BaseException) -> Malformed:
    return Malformed(f"{what}: cannot be read: {' '.join(str(error).split())[:160]}")
