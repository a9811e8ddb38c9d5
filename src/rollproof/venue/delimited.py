"""CSV of any size as batches of text columns, in bounded memory: nothing is guessed, no cell is converted.

Comma-separated, UTF-8, one header row, double quotes as in RFC 4180; compressed where the file name ends in .gz or
.zst. A row longer than `MAX_ROW` bytes, a row with other than the header's number of fields, and bytes that are no
UTF-8 are refused with the row's number.
"""

from __future__ import annotations

import csv
import gzip
import io
import sys
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import polars as pl

from rollproof.errors import Malformed

if TYPE_CHECKING or sys.version_info < (3, 14):
    from backports import zstd
else:
    from compression import zstd

MAX_ROW = 1 << 16  # bytes
BLOCK = 8 << 20  # bytes parsed at a time
_WINDOW_LOG = 27  # of zstd: 128 MiB


class Readable(Protocol):
    """An open binary file."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes, none at the end."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


def opened(path: Path) -> Readable:
    """The file's text, decompressed as it is read. Raises OSError."""
    if path.suffix == ".gz":
        return gzip.open(path, "rb")
    if path.suffix == ".zst":
        return zstd.open(path, "rb", options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG})
    return path.open("rb")


def count_lines(file: Readable, what: str, max_rows: int, max_bytes: int) -> int:
    """How many lines there are, without keeping them; stops counting above ``max_rows`` and a header.

    Raises Malformed where there are more than ``max_bytes``.
    """
    lines = size = 0
    while lines <= max_rows + 1 and (block := _read(file, what, 1 << 20)):
        size += len(block)
        _bounded(size, what, max_bytes)
        lines += block.count(b"\n")
    return lines


def header(file: Readable, what: str) -> tuple[list[str], bytes, int]:
    """The header's names, the bytes read after it, and how many it was. Raises Malformed."""
    data = b""
    while b"\n" not in data and len(data) <= MAX_ROW and (more := _read(file, what, MAX_ROW)):
        data += more
    line, _, rest = data.removeprefix(b"\xef\xbb\xbf").partition(b"\n")
    if len(line) > MAX_ROW:
        raise Malformed(f"{what}: row 1 is longer than {MAX_ROW} bytes")
    if not line.strip():
        raise Malformed(f"{what}: no header in row 1")
    parsed = _parsed(line, what, 1)
    return parsed[0], rest, len(data) - len(rest)


def batches(
    file: Readable, names: Sequence[str], rest: bytes, size: int, what: str, max_bytes: int
) -> Iterator[tuple[int, pl.DataFrame]]:
    """``(first row, text columns)`` of the data after the header; empty cells are null. Raises Malformed.

    ``rest`` was read with the header's ``size`` bytes; ``max_bytes`` bounds all of it.
    """
    row, size = 2, size + len(rest)
    while True:
        block = _read(file, what, BLOCK)
        size += len(block)
        _bounded(size, what, max_bytes)
        data = rest + block
        cut = len(data) if not block else _end_of_row(data)
        if cut == 0 and len(data) > BLOCK + MAX_ROW:
            raise Malformed(f"{what}: row {row} is longer than {MAX_ROW} bytes, or a quote in it is not closed")
        data, rest = data[:cut], data[cut:]
        if not block:
            data = data.rstrip(b"\r\n")
        if data:
            frame = _frame(data, names, what, row)
            yield row, frame
            row += len(frame)
        if not block:
            return


def _read(file: Readable, what: str, size: int) -> bytes:
    try:
        return file.read(size)
    except (gzip.BadGzipFile, EOFError, zlib.error, zstd.ZstdError, MemoryError) as error:
        raise Malformed(f"{what}: cannot be decompressed: {str(error)[:80] or type(error).__name__}") from None


def _bounded(size: int, what: str, max_bytes: int) -> None:
    if size > max_bytes:
        raise Malformed(f"{what}: more than {max_bytes} bytes of text, the bound (max_bytes)")


def _end_of_row(data: bytes) -> int:
    """Where the last whole row ends: behind the last newline that no open quote precedes; 0 where there is none."""
    end = data.rfind(b"\n") + 1
    quotes = data.count(b'"', 0, end)
    while end and quotes % 2:
        before = data.rfind(b"\n", 0, end - 1) + 1
        quotes -= data.count(b'"', before, end)
        end = before
    return end


def _frame(data: bytes, names: Sequence[str], what: str, row: int) -> pl.DataFrame:
    schema = dict.fromkeys(names, pl.String)
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    # Where there are no quotes, a row's fields are its commas plus one, and polars agrees about every cell.
    plain = b'"' not in data and b"\r" not in data
    if plain and data.count(b",") == (len(names) - 1) * (data.count(b"\n") + (not data.endswith(b"\n"))):
        try:
            return pl.read_csv(data, has_header=False, schema=schema, quote_char=None, raise_if_empty=False)
        except pl.exceptions.PolarsError:
            pass  # the row is named below
    parsed = _parsed(data, what, row)
    for at, fields in enumerate(parsed):
        if len(fields) != len(names):
            raise Malformed(f"{what}: row {row + at}: {len(fields)} fields, the header has {len(names)}")
    columns = zip(*parsed, strict=True)
    return pl.DataFrame(
        {name: [cell or None for cell in column] for name, column in zip(names, columns, strict=True)}, schema=schema
    )


def _parsed(data: bytes, what: str, row: int) -> list[list[str]]:
    """All rows of ``data``, whose first is ``row``. Raises Malformed."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"{what}: row {row + data.count(10, 0, error.start)}: no UTF-8") from None
    out: list[list[str]] = []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        out.extend(reader)
    except csv.Error as error:
        raise Malformed(f"{what}: row {row + len(out)}: {str(error)[:80]}") from None
    return out
