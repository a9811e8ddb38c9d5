"""Positions from a table: what rows mean, and that a book and its table are the same."""

from __future__ import annotations

import gzip
import io
import re
from dataclasses import fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from rollproof.errors import Malformed, Unsupported
from rollproof.venue import positions
from rollproof.venue.book import Book, Kind, Mode
from rollproof.venue.rules import registry
from rollproof.venue.state import VenueState

DOCS = Path(__file__).resolve().parents[2] / "docs" / "positions.md"
HEADER = "account,asset,kind,size,entry_price,margin,mode,strike,expiry,volatility,mark_price\n"


def csv(*rows: str) -> bytes:
    return (HEADER + "\n".join(rows) + "\n").encode()


def assert_same(one: Book, two: Book) -> None:
    for field in fields(Book):
        left, right = getattr(one, field.name), getattr(two, field.name)
        same = np.array_equal(left, right) if isinstance(left, np.ndarray) else left == right
        assert same, field.name


def test_each_row_is_what_its_columns_say() -> None:
    book = positions.read(
        csv(
            "alice,ETH,,2,3000,500,,,,,3100",
            "bob,USD,collateral,1000,,,,,,,",
            "bob,ETH,perpetual,-1.5,3200,,cross,,,,",
            "bob,BTC,collateral,0.25,,,,,,,60000",
            "bob,USD,debt,400,,,,,,,",
            "carol,BTC,call,-3,,,portfolio,70000,0.5,0.6,",
            "carol,USD,collateral,90000,,,,,,,",
        )
    )
    assert (book.venue, book.quote, book.assets) == ("venue", "USD", ("ETH", "BTC"))
    assert book.marks.tolist() == [3100, 60000]
    assert list(book.accounts) == ["alice", "bob", "carol"]
    assert book.owner.tolist() == [0, 1, 2]
    assert book.mode.tolist() == [Mode.ISOLATED, Mode.CROSS, Mode.PORTFOLIO]
    assert book.cash.tolist() == [500, 1000 - 400, 90000]
    assert book.subaccount.tolist() == [0, 1, 1, 2]
    assert book.asset.tolist() == [0, 0, 1, 1]
    assert book.kind.tolist() == [Kind.PERPETUAL, Kind.PERPETUAL, Kind.COLLATERAL, Kind.CALL]
    assert book.size.tolist() == [2, -1.5, 0.25, -3]
    assert book.entry.tolist() == [3000, 3200, 0, 0]
    assert (book.strike[3], book.expiry[3], book.volatility[3]) == (70000, 0.5, 0.6)
    # By hand: 500 + 2 (3100 - 3000), and 600 - 1.5 (3100 - 3200) + 0.25 * 60000.
    assert book.equity(book.marks)[:2].tolist() == [700, 600 + 150 + 15000]


def test_collateral_follows_its_account_whichever_row_is_first() -> None:
    book = positions.read(
        csv("a,USD,collateral,10,,,,,,,", "a,ETH,perpetual,1,3000,,portfolio,,,,3000", "b,USD,collateral,5,,,,,,,")
    )
    assert book.mode.tolist() == [Mode.PORTFOLIO, Mode.CROSS]


def test_an_account_may_have_isolated_positions_beside_cross_ones() -> None:
    book = positions.read(
        csv(
            "a,ETH,,1,3000,50,isolated,,,,3000",
            "a,ETH,,-1,3000,60,isolated,,,,",  # the other side
            "a,ETH,,1,3000,,cross,,,,",
            "a,USD,collateral,7,,,,,,,",
        )
    )
    assert list(book.accounts) == ["a"]
    assert book.cash.tolist() == [50, 60, 7]
    assert book.mode.tolist() == [Mode.ISOLATED, Mode.ISOLATED, Mode.CROSS]


def test_marks_come_from_the_prices_given_or_from_the_column_and_agree() -> None:
    text = b"account,asset,size,entry_price,margin\na,ETH,1,3000,50\n"
    assert positions.read(text, prices={"ETH": 3100, "BTC": 1}).marks.tolist() == [3100]
    with pytest.raises(positions.WrongRows, match="row 2, mark_price: no mark price of 'ETH'"):
        positions.read(text)
    both = csv("a,ETH,,1,3000,50,,,,,3100")
    assert positions.read(both, prices={"ETH": 3100.0}).marks.tolist() == [3100]
    with pytest.raises(positions.WrongRows, match=r"row 2, mark_price: 3100.0 for 'ETH', and 3101 in the prices given"):
        positions.read(both, prices={"ETH": 3101})
    for price in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(Malformed, match="price of 'ETH'"):
            positions.read(both, prices={"ETH": price})


def test_venues_are_books_of_their_own() -> None:
    text = (
        b"account,venue,asset,size,entry_price,margin,mark_price\n"
        b"a,one,ETH,1,3000,50,3000\na,two,ETH,1,3000,60,3001\nb,two,BTC,1,60000,70,60000\n"
    )
    books = positions.read_all(text)
    assert list(books) == ["one", "two"]
    assert [book.venue for book in books.values()] == ["one", "two"]
    assert books["one"].marks.tolist() == [3000]  # a mark is a venue's own
    assert books["two"].marks.tolist() == [3001, 60000]
    assert_same(positions.read(text, venue="two"), books["two"])
    with pytest.raises(Malformed, match=r"positions of 2 venues \('one', 'two'\): say which"):
        positions.read(text)
    with pytest.raises(Malformed, match="no positions of venue 'three'"):
        positions.read(text, venue="three")
    # A wrong row of another venue is no answer for this one either.
    with pytest.raises(positions.WrongRows, match="row 5"):
        positions.read(text + b"b,one,ETH,0,3000,50,3000\n", venue="two")


def test_an_expiry_is_years_or_a_date() -> None:
    rows = csv(
        "a,BTC,put,1,,10,,60000,0.25,0.6,60000",
        "b,BTC,put,1,,10,,60000,2026-12-25,0.6,",
        "c,BTC,put,1,,10,,60000,2026-12-25T08:00:00Z,0.6,",
    )
    as_of = datetime(2026, 12, 15, 8, tzinfo=UTC)
    book = positions.read(rows, as_of=as_of)
    assert book.expiry == pytest.approx([0.25, (10 - 8 / 24) / 365, 10 / 365], rel=1e-12)
    with pytest.raises(positions.WrongRows, match=r"row 3, expiry: '2026-12-25' is a date: as_of says"):
        positions.read(rows)
    with pytest.raises(positions.WrongRows, match=r"row 3, expiry: '2026-12-25' is not after 2027-01-01"):
        positions.read(rows, as_of=datetime(2027, 1, 1, tzinfo=UTC))
    with pytest.raises(positions.WrongRows, match="row 2, expiry: '2026-12-45' is neither years nor an ISO date"):
        positions.read(csv("a,BTC,put,1,,10,,60000,2026-12-45,0.6,60000"), as_of=as_of)
    frame = pl.DataFrame(
        {
            "account": ["a"], "asset": ["BTC"], "kind": ["put"], "size": [1], "margin": [1], "strike": [60_000],
            "expiry": [date(2026, 12, 25)], "volatility": [0.6], "mark_price": [60_000],
        }
    )  # fmt: skip
    assert positions.read(frame, as_of=as_of).expiry == pytest.approx([(10 - 8 / 24) / 365], rel=1e-12)


class Exported:
    """Somebody else's data frame: all it has is Arrow's stream."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._frame.__arrow_c_stream__(requested_schema)


def test_every_kind_of_source_gives_the_same_book(tmp_path: Path) -> None:
    frame = pl.concat([positions.to_frame(positions.example(name)) for name in positions.EXAMPLES], how="diagonal")
    expected = positions.read(frame, venue="example")
    text = frame.write_csv().encode()
    paths = {".csv": text, ".csv.gz": gzip.compress(text), ".csv.zst": zstd.compress(text)}
    for ending, data in paths.items():
        (tmp_path / f"book{ending}").write_bytes(data)
    frame.write_parquet(tmp_path / "book.parquet")
    sources: list[Any] = [tmp_path / f"book{ending}" for ending in (*paths, ".parquet")]
    quoted = frame.write_csv(quote_style="non_numeric").encode()
    sources += [str(sources[0]), text, io.BytesIO(text), text.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + text, quoted]
    sources += [frame, frame.lazy(), Exported(frame), frame.to_dict(as_series=False), text.rstrip(), text + b"\n\n"]
    sources.append(frame.with_columns(pl.col("account", "asset").cast(pl.Categorical), pl.col("size").cast(pl.String)))
    for source in sources:
        assert_same(positions.read(source, venue="example"), expected)


def test_other_sources_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match=r"book\.xlsx: \.csv, \.csv\.gz, \.csv\.zst and \.parquet are read"):
        positions.read(tmp_path / "book.xlsx")
    with pytest.raises(Unsupported, match="int: neither a path, nor CSV, nor a data frame"):
        positions.read(5)
    with pytest.raises(FileNotFoundError):
        positions.read(tmp_path / "absent.csv")
    with pytest.raises(FileNotFoundError):
        positions.read(tmp_path / "absent.parquet")


FAMILIES = {
    "positions": ("dydx", "gmx", "synthetix", "hyperliquid", "lab", "perp-v2", "vega", "drift"),
    "options": ("derive-pm", "deribit", "paradex"),
    "loans": ("lending",),
}
STRICT = ("perp-v2", "vega", "drift")  # they would not allow the highest leverages of the example


@pytest.mark.parametrize(("name", "family"), [(name, family) for name in FAMILIES for family in FAMILIES[name]])
def test_rules_know_the_examples_and_nobody_is_liquidatable_yet(name: str, family: str) -> None:
    book = positions.example(name)
    rules = registry.load(family)
    assert (rules.maintenance(book, book.marks, VenueState.of(book)) > 0).any()
    liquidatable = rules.liquidatable(book, book.marks, VenueState.of(book))
    assert family in STRICT or not liquidatable.any(), [book.accounts[owner] for owner in book.owner[liquidatable]]
    assert not liquidatable.all()


def test_the_examples_have_every_kind_and_mode() -> None:
    books = [positions.example(name) for name in positions.EXAMPLES]
    assert set(np.concatenate([book.kind for book in books]).tolist()) == set(Kind)
    assert set(np.concatenate([book.mode for book in books]).tolist()) == set(Mode)
    assert books[0].skew @ books[0].marks > 0.1 * books[0].open_interest_value  # more long than short
    with pytest.raises(Unsupported, match="example 'other': known are positions, options, loans"):
        positions.example("other")


def test_every_column_is_documented() -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert set(positions.COLUMNS) == set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))


AMOUNT = st.floats(1e-3, 1e6)
SIGNED = st.builds(lambda amount, sign: amount * sign, AMOUNT, st.sampled_from((-1, 1)))
NAME = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=8)


@st.composite
def tables(draw: st.DrawFn) -> pl.DataFrame:
    """Tables that are right: every account cross or portfolio, each position once."""
    marks = draw(st.dictionaries(NAME.filter(lambda name: name != "USD"), AMOUNT, min_size=1, max_size=3))
    rows: dict[tuple[object, ...], dict[str, object]] = {}
    for account in draw(st.lists(NAME, min_size=1, max_size=4, unique=True)):
        margined = draw(st.sampled_from(("cross", "portfolio")))
        for _ in range(draw(st.integers(1, 5))):
            kind = draw(st.sampled_from(("perpetual", "call", "put", "collateral", "debt")))
            held = kind in ("collateral", "debt")
            asset = draw(st.sampled_from((*marks, "USD"))) if held else draw(st.sampled_from(tuple(marks)))
            mode = margined if held else draw(st.sampled_from(("isolated", margined)))
            row: dict[str, object] = {"account": account, "asset": asset, "kind": kind, "mode": mode}
            row["size"] = size = draw(AMOUNT if held else SIGNED)
            row["mark_price"] = marks.get(asset)
            row["margin"] = draw(st.floats(0, 1e6)) if mode == "isolated" else None
            row["entry_price"] = draw(AMOUNT) if kind == "perpetual" else None
            for column in ("strike", "expiry", "volatility"):
                row[column] = draw(st.floats(0.01, 20)) if kind in ("call", "put") else None
            rows[account, mode, asset, kind, size > 0, row["strike"], row["expiry"]] = row
    if all(row["asset"] == "USD" for row in rows.values()):
        asset, mark = next(iter(marks.items()))
        rows[()] = {"account": "last", "asset": asset, "kind": "collateral", "size": 1.0, "mark_price": mark}
    order = draw(st.permutations(list(rows.values())))
    schema = dict.fromkeys(positions.COLUMNS, pl.Float64)
    schema |= dict.fromkeys(("account", "asset", "kind", "mode"), pl.String)  # type: ignore[arg-type]
    return pl.DataFrame(order, schema=schema).drop("venue")


@settings(max_examples=40, deadline=None)
@given(tables())
def test_a_book_and_its_table_are_the_same(table: pl.DataFrame) -> None:
    book = positions.read(table)
    again = positions.read(positions.to_frame(book).write_csv().encode(), venue=book.venue)
    # A subaccount whose cash comes to exactly nothing and that has no rows is not there again; none is made here.
    assert_same(again, book)
    # And the table's own arithmetic, by polars: what everybody together is worth at the marks, but for options.
    linear = table.filter(~pl.col("kind").is_in(["call", "put"]))
    price = pl.when(pl.col("asset") == "USD").then(1.0).otherwise(pl.col("mark_price"))
    sign = pl.when(pl.col("kind") == "debt").then(-1.0).otherwise(1.0)
    value = sign * pl.col("size") * (price - pl.col("entry_price").fill_null(0))
    worth = float(linear.select(value.sum()).item() or 0) + float(table["margin"].sum() or 0)
    total = book.value(book.marks)[~book.optional].sum() + book.cash.sum()
    assert total == pytest.approx(worth, rel=1e-9, abs=1e-3)
