"""What a table of positions cannot say is refused by row and column, whole, early and in bounded memory."""

from __future__ import annotations

import gzip
import io
import itertools
import resource
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from backports import zstd

from rollproof.errors import Malformed, Unsupported
from rollproof.venue import positions, table
from rollproof.venue.positions import WrongRows

COLUMNS = tuple(name for name in positions.COLUMNS if name != "venue")
HEADER = ",".join(COLUMNS).encode() + b"\n"
GOOD = {"account": "a", "asset": "ETH", "size": "1", "entry_price": "3000", "margin": "50", "mark_price": "3000"}
CROSS = {"margin": "", "mode": "cross"}
OPTION = {"kind": "call", "entry_price": "", "strike": "3000", "expiry": "0.1", "volatility": "0.8"}
HELD = {"kind": "collateral", "entry_price": "", "margin": ""}


def line(**cells: str) -> bytes:
    return ",".join((GOOD | cells).get(column, "") for column in COLUMNS).encode() + b"\n"


def test_the_row_that_all_others_are_made_of_is_right() -> None:
    assert positions.read(HEADER + line() + line(account="b", **OPTION) + line(account="c", **HELD)).rows == 3


@pytest.mark.parametrize(
    ("cells", "column", "why"),
    [
        ({"account": ""}, "account", "nothing where a name should be"),
        ({"account": " a"}, "account", "not a printable name"),
        ({"account": "a\x1b[31m"}, "account", "not a printable name"),
        ({"account": "a\u202eb"}, "account", "not a printable name"),
        ({"account": "a" * 201}, "account", "not a printable name"),
        ({"asset": ""}, "asset", "nothing where a name should be"),
        ({"asset": "USD", "mark_price": ""}, "asset", "'USD' is the quote currency"),
        ({"kind": "future"}, "kind", "'future' is unknown: known are perpetual, call, put, collateral, debt"),
        ({"kind": "Call"}, "kind", "'Call' is unknown"),
        ({"mode": "hedged"}, "mode", "'hedged' is unknown: known are isolated, cross, portfolio"),
        ({**HELD, "mode": "isolated"}, "mode", "'isolated' is for positions"),
        ({"size": ""}, "size", "nothing where a size should be"),
        ({"size": "0"}, "size", "'0' is no position"),
        ({"size": "-0.0"}, "size", "'-0.0' is no position"),
        ({"size": "nan"}, "size", "'nan' is not a number"),
        ({"size": "NaN"}, "size", "'NaN' is not a number"),
        ({"size": "-inf"}, "size", "'-inf' is not a number"),
        ({"size": "1e400"}, "size", "'1e400' is not a number"),
        ({"size": "2e24"}, "size", "'2e24' is beyond 1e+24"),
        ({"size": "1 000"}, "size", "'1 000' is not a number"),
        ({"size": "0x10"}, "size", "'0x10' is not a number"),
        ({**HELD, "size": "-1"}, "size", "'-1' is below zero: what is owed has kind debt"),
        ({"entry_price": ""}, "entry_price", "nothing where a perpetual needs a number"),
        ({"entry_price": "0"}, "entry_price", "'0' is not above zero"),
        ({"entry_price": "-3000"}, "entry_price", "'-3000' is not above zero"),
        ({**OPTION, "entry_price": "5"}, "entry_price", "'5' on what is not a perpetual"),
        ({"margin": ""}, "margin", "nothing where an isolated position's should be"),
        ({"margin": "-0.01"}, "margin", "'-0.01' is below zero"),
        ({"margin": "inf"}, "margin", "'inf' is not a number"),
        ({"mode": "cross"}, "margin", "'50' on what is not isolated: cash is a row of kind collateral in USD"),
        ({"strike": "3000"}, "strike", "'3000' on what is not an option"),
        ({**OPTION, "strike": ""}, "strike", "nothing where an option needs a number"),
        ({**OPTION, "strike": "0"}, "strike", "'0' is not above zero"),
        ({**OPTION, "expiry": ""}, "expiry", "nothing where an option needs a number"),
        ({**OPTION, "expiry": "0"}, "expiry", "'0' is not above zero"),
        ({**OPTION, "expiry": "soon"}, "expiry", "'soon' is not a number"),
        ({**OPTION, "expiry": "20261225"}, "expiry", "'20261225' is more than 100 years away"),
        ({**OPTION, "volatility": ""}, "volatility", "nothing where an option needs a number"),
        ({**OPTION, "volatility": "-0.8"}, "volatility", "'-0.8' is not above zero"),
        ({**OPTION, "volatility": "80"}, "volatility", "'80' is above 20: 0.8 is 80 %"),
        ({"mark_price": "0"}, "mark_price", "'0' is not above zero"),
        ({"mark_price": "-1"}, "mark_price", "'-1' is not above zero"),
        ({"mark_price": "nan"}, "mark_price", "'nan' is not a number"),
        ({"mark_price": ""}, "mark_price", "no mark price of 'ETH'"),
        ({"asset": "USD", **HELD, "mark_price": "2"}, "mark_price", "'2' is the quote currency's"),
    ],
)
def test_a_wrong_cell_is_named(cells: dict[str, str], column: str, why: str) -> None:
    other = line(account="b", asset="BTC", mark_price="60000")
    with pytest.raises(WrongRows) as error:
        positions.read(HEADER + other + line(**cells), quote="USD")
    (wrong,) = error.value.rows
    assert (wrong.row, wrong.column) == (3, column)
    assert why in wrong.why
    assert str(error.value) == f"CSV: row 3, {column}: {wrong.why}"


def test_rows_that_contradict_each_other_are_named() -> None:
    def refused(*rows: bytes) -> str:
        with pytest.raises(WrongRows) as error:
            positions.read(HEADER + b"".join(rows))
        return str(error.value)

    assert "row 3, mark_price: '3001' is not what an earlier row" in refused(
        line(), line(account="b", mark_price="3001")
    )
    assert "row 3, mode: account 'a' is cross here, portfolio elsewhere" in refused(
        line(margin="", mode="portfolio"), line(size="-1", **CROSS)
    )
    assert "row 4, account: account 'a' has this position on this side already in row 2" in refused(
        line(), line(account="b"), line(margin="70", entry_price="2990")
    )
    assert "row 3, account: account 'a' has this position" in refused(line(**CROSS), line(size="9", **CROSS))
    assert "row 3, account: account 'a' has this collateral" in refused(line(**HELD), line(size="9", **HELD))
    # An account is one whatever its mode is called: an isolated position beside the same one in cross is two.
    assert positions.read(HEADER + line() + line(**CROSS)).rows == 2
    # Options of one asset and side differ by strike and expiry.
    series = [line(**OPTION | {"strike": strike}) for strike in ("3000", "3100")]
    assert positions.read(HEADER + b"".join(series)).rows == 2
    assert "already in row 2" in refused(*series, series[0])


def test_the_first_ten_wrong_rows_are_in_one_error() -> None:
    rows = [line(account=f"a{at}", size="x" if at % 3 == 0 else "1") for at in range(60)]
    with pytest.raises(WrongRows) as error:
        positions.read(HEADER + b"".join(rows))
    assert [row.row for row in error.value.rows] == [2 + 3 * at for at in range(10)]
    assert str(error.value).endswith("; and more")
    assert "\n" not in str(error.value)


def test_a_row_keeps_its_number_however_far_into_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rollproof.venue.delimited.BLOCK", 1000)
    good = [line(account=f"a{at}") for at in range(500)]
    for bad, column in ((line(account="z", size="x"), "size"), (line(account='"z\nz"'), "account")):
        with pytest.raises(WrongRows) as error:
            positions.read(HEADER + b"".join(good) + bad + line(account="b"))
        assert [(row.row, row.column) for row in error.value.rows] == [(502, column)]
    with pytest.raises(Malformed, match="row 502: 12 fields, the header has 11"):
        positions.read(HEADER + b"".join(good) + line().replace(b"\n", b",\n"))
    frame = positions.to_frame(positions.read(HEADER + b"".join(good)))
    with pytest.raises(WrongRows, match="data frame: row 401, size"):  # no header: rows of data
        positions.read(frame.with_columns(pl.when(pl.int_range(pl.len()) != 400).then("size").alias("size")))


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (b"", Malformed, "no header in row 1"),
        (b"\n\n", Malformed, "no header in row 1"),
        (HEADER, Malformed, "no rows"),
        (b"account,asset\na,b\n", Malformed, "column size is missing"),
        (b"account,asset,size,leverage\n", Unsupported, "unknown column 'leverage'"),
        (b"account,asset,size,entry_prices\n", Unsupported, r"'entry_prices'; did you mean entry_price\?"),
        (b"Account,asset,size\n", Unsupported, r"unknown column 'Account'; did you mean account\?"),
        (b"account;asset;size\na;ETH;1\n", Unsupported, "unknown column 'account;asset;size'"),
        (b"account,asset,size,size\n", Malformed, "column 'size' is there twice"),
        (HEADER + line() + b"a,ETH\n", Malformed, "row 3: 2 fields, the header has 11"),
        (HEADER + line() + b"\n" + line(account="b"), Malformed, "row 3: 0 fields"),
        (HEADER + line() + b'"a' + line(account="b"), Malformed, "row 3: "),
        (HEADER + line() + line().replace(b"a,ETH", b"\xff,ETH"), Malformed, "row 3: no UTF-8"),
        (HEADER.strip() + b"x" * 70_000, Malformed, "row 1 is longer than 65536 bytes"),
    ],
)
def test_a_broken_file_is_refused(data: bytes, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        positions.read(data)


def test_columns_of_other_types_are_refused() -> None:
    frame = pl.DataFrame({"account": ["a"], "asset": ["ETH"], "size": [1.0], "entry_price": [1.0], "margin": [1.0]})
    for column, values in (("size", [True]), ("account", [1.5]), ("margin", [[1.0]]), ("size", [b"1"])):
        with pytest.raises(Malformed, match=f"column {column} has "):
            positions.read(frame.with_columns(pl.Series(column, values)), prices={"ETH": 1.0})
    with pytest.raises(WrongRows, match="row 1, size: 'nan' is not a number"):
        positions.read(frame.with_columns(size=float("nan")), prices={"ETH": 1.0})


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    text = HEADER + b"".join(line(account=f"a{at}") for at in range(2000))
    frame = positions.to_frame(positions.read(text))
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    whole = {".csv.gz": gzip.compress(text), ".csv.zst": zstd.compress(text), ".parquet": buffer.getvalue()}
    for ending, data in whole.items():
        path = tmp_path / f"book{ending}"
        for broken in (data[: len(data) // 2], b"x" * 100, b"", data[:40] + b"\xff" * 40 + data[80:]):
            path.write_bytes(broken)
            with pytest.raises(Malformed, match=f"book{ending}: "):
                positions.read(path)


def test_bounds_are_refused_by_name(tmp_path: Path) -> None:
    rows = [line(account=f"a{at}") for at in range(100)]
    text = HEADER + b"".join(rows)
    path = tmp_path / "book.csv"
    path.write_bytes(text)
    frame = positions.to_frame(positions.read(text))
    frame.write_parquet(tmp_path / "book.parquet")
    (tmp_path / "book.csv.gz").write_bytes(gzip.compress(text))
    for source in (text, path, tmp_path / "book.csv.gz", frame, frame.lazy(), tmp_path / "book.parquet"):
        assert positions.read(source, max_rows=100).rows == 100
        with pytest.raises(Malformed, match="more than 99 rows, the bound"):
            positions.read(source, max_rows=99)
    for source in (text, path, tmp_path / "book.csv.gz"):
        assert positions.read(source, max_bytes=len(text)).rows == 100
        with pytest.raises(Malformed, match=r"max_bytes"):
            positions.read(source, max_bytes=len(text) - 1)
    assets = [line(account=f"a{at}", asset=f"A{at}") for at in range(10_001)]
    with pytest.raises(Malformed, match="more than 10000 assets"):
        positions.read(HEADER + b"".join(assets))


class Endless(io.RawIOBase):
    """A CSV that does not end."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self.served = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self.served:
            self.served = len(HEADER)
            return HEADER
        self.served += (lines := line() * 10_000).__len__()
        return lines[: max(size, 1)]


def test_a_file_without_end_ends_in_an_error() -> None:
    with pytest.raises(Malformed, match="more than 100000 rows"):
        positions.read(Endless(), max_rows=100_000)


@pytest.mark.slow
def test_a_billion_rows_end_early_and_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "book.csv.gz"
    block = gzip.compress(b"a,B,1,1\n" * (1 << 20), 9)
    with path.open("wb") as file:
        file.write(gzip.compress(b"account,asset,size,entry_price\n"))
        for _ in range(1000):  # gzip files one after another are one
            file.write(block)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Malformed, match=rf"more than {table.MAX_ROWS} rows"):
        positions.read(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def test_a_parquet_file_of_a_billion_rows_is_refused_by_its_footer(tmp_path: Path) -> None:
    path = tmp_path / "book.parquet"
    pl.DataFrame({"size": pl.zeros(60_000_000, dtype=pl.Int8, eager=True)}).write_parquet(path)
    with pytest.raises(Malformed, match=rf"more than {table.MAX_ROWS} rows"):
        positions.read(path)


def test_two_names_with_one_hash_are_two_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    text = HEADER + b"".join(line(account=f"a{at % 7}", size=str(1 + at), **CROSS) for at in range(7))
    expected = positions.read(text)
    monkeypatch.setattr(pl.Series, "hash", lambda series: pl.Series(np.zeros(len(series), dtype=np.uint64)))
    book = positions.read(text)
    assert list(book.accounts) == list(expected.accounts) == [f"a{at}" for at in range(7)]
    assert book.owner.tolist() == list(range(7))
