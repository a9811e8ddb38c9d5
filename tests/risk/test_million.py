"""Very many positions: the same answer as for few that add up to the same, and nothing that grows with their square."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest
from bench import risk_book, risk_tail

from rollproof.risk import preset
from rollproof.risk.closed.outage import single_asset
from rollproof.risk.market import jump_diffusion
from rollproof.risk.price import price
from rollproof.risk.settings import Settings
from rollproof.risk.terminal import price as terminal_price
from rollproof.risk.terminal.claim import claim_of
from rollproof.venue import positions
from rollproof.venue.book import Book
from rollproof.venue.rules.perp_v2 import PerpV2
from rollproof.venue.state import VenueState

RULES = PerpV2()


def split(book: Book, parts: int) -> Book:
    """The same positions, each as ``parts`` equal ones."""
    count = book.rows * parts
    index = np.arange(count, dtype=np.int32)
    columns: dict[str, Any] = {
        name: np.repeat(getattr(book, name), parts)
        for name in ("asset", "kind", "entry", "strike", "expiry", "volatility", "owner", "mode")
    }
    return replace(
        book, subaccount=index, size=np.repeat(book.size / parts, parts), cash=np.repeat(book.cash / parts, parts),
        **columns,
    )  # fmt: skip


def test_a_million_positions_cost_what_the_thousand_cost_that_they_were_split_from() -> None:
    case = risk_tail.diversified(1_000)
    failure = preset.load("outage").failures[0]
    one = terminal_price(case.book, RULES, VenueState.of(case.book), case.model, failure, paths=8_192, seed=3)
    many = split(case.book, 1_000)
    assert many.rows == 1_000_000
    million = terminal_price(
        many, RULES, VenueState.of(many), case.model, failure, paths=8_192, seed=3, proposal=one.proposal
    )
    assert million.pilot_paths == 0
    np.testing.assert_allclose(million.sample.losses, one.sample.losses, rtol=1e-9, atol=1e-3)
    assert million.loss.tails[2].es.value == pytest.approx(one.loss.tails[2].es.value, rel=1e-9)


@pytest.mark.parametrize("example", positions.EXAMPLES)
@pytest.mark.parametrize("scenario", ["outage", "stale-oracle", "invalid-state"])
def test_a_claim_is_the_same_for_every_duration_and_market(example: str, scenario: str) -> None:
    book = positions.example(example)
    model = jump_diffusion(book.assets, 0.7)
    failure, other = preset.load(scenario).failures[0], preset.load("outage").failures[0].duration
    longer = msgspec.structs.replace(failure, duration=other)
    claim = claim_of(book, RULES, VenueState.of(book), failure)
    given, anew = (
        terminal_price(
            book, RULES, VenueState.of(book), model.stressed(2.0), longer, paths=1_024, replicates=4, seed=1, claim=each
        )
        for each in (claim, None)
    )
    np.testing.assert_array_equal(given.sample.losses, anew.sample.losses)
    assert given.loss.tails == anew.loss.tails


def test_no_table_of_all_subaccounts_by_all_assets() -> None:
    case = risk_tail.diversified(100_000)
    assets = tuple(f"A{each}" for each in range(5_000))  # by 100,000 subaccounts 4 GB
    spread = (np.arange(100_000) % 5_000).astype(np.int32)
    book = replace(case.book, assets=assets, marks=np.ones(5_000), asset=spread)
    tracemalloc.start()
    slope, asset = single_asset(book)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_array_equal(slope, book.size)
    np.testing.assert_array_equal(asset, spread)
    assert peak < 50e6


@pytest.mark.parametrize(
    ("asked", "rows", "paths"),
    [(None, 54, 4_096), (None, 12_500, 4_000), (None, 100_000, 500), (None, 1_000_000, 0), (7, 1_000_000, 7),
     (0, 54, 0), (None, 0, 4_096)],
)  # fmt: skip
def test_a_large_book_is_stepped_on_fewer_paths_unless_told(asked: int | None, rows: int, paths: int) -> None:
    assert Settings(cascade_paths=asked).stepped(rows) == paths


def test_an_answer_says_that_its_cascade_had_fewer_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    book = positions.example()
    monkeypatch.setattr("rollproof.risk.settings.STEPPED_ROWS", 100 * book.rows)
    answer = price(
        book, RULES, preset.load("outage"),
        settings=Settings(paths=1_024, replicates=4, variant_paths=0),
    )  # fmt: skip
    assert answer.settings["cascade_paths"] == 100
    assert f"100 paths of the cascade, because the book has {book.rows} rows: say how many" in answer.notes


@pytest.mark.slow
@pytest.mark.parametrize("sort", ["isolated", "cross"])
def test_the_command_prices_a_million_positions_in_little_memory(tmp_path: Path, sort: str) -> None:
    frame = risk_book.isolated(1_000_000) if sort == "isolated" else risk_book.cross(20_000)
    file = tmp_path / "positions.csv"
    frame.write_csv(file)
    asked = ("risk", str(file), "--rules", "gmx", "-q", "--json", "--cascade-paths", "2")
    done = subprocess.run([sys.executable, "-m", "rollproof", *asked], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    traded = frame.filter(pl.col("asset") != "USD")
    assert answer["book"]["rows"] == len(traded)
    size = pl.col("size")
    sides = traded.group_by("asset").agg(
        size.filter(size > 0).sum().alias("long"), (-size.filter(size < 0).sum()).alias("short"),
        pl.col("mark_price").first(),
    )  # fmt: skip
    interest = float(sides.select((pl.max_horizontal("long", "short") * pl.col("mark_price")).sum()).item())
    assert answer["book"]["open_interest"] == pytest.approx(interest, rel=1e-9)
    assert answer["failures"][0]["not_priced"] == []
    assert answer["failures"][0]["cascade"]["paths"] == 2
    assert len(answer["accounts"]) == 50
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 2 << 20  # 2 GB, in KiB
