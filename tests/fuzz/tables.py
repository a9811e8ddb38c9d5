"""Tables as CSV: positions. A mutation changes cells, rows or bytes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from importlib.resources import files

import numpy as np
import polars as pl

from fuzz.mutate import mutate_bytes
from rollproof.venue import positions

_CELLS = (
    "", "0", "-0", "1", "-1", "nan", "inf", "-inf", "1e24", "-1e24", "1e25", "1e400", "1e-24", "1e-400", "0x1", "1_0",
    " 1", "perpetual", "call", "put", "collateral", "debt", "isolated", "cross", "portfolio", "USD", "ETH", "desk-1",
    "trader-01", "2026-12-25", "2026-12-25T08:00:00Z", "9999-99-99", "\u0661", "\u202e", '""', '"', '"a\nb"', "a" * 300,
    "\x00",
)  # fmt: skip


def run_positions(data: bytes) -> None:
    """A book that was read is finite, and its table reads as the same book."""
    book = positions.read(data, max_rows=10_000, max_bytes=1 << 21)
    assert np.isfinite(book.marks).all()
    assert (book.marks > 0).all()
    assert np.isfinite(book.value(book.marks)).all()
    assert np.isfinite(book.equity(book.marks)).all()
    if book.rows and not any("USD" in asset for asset in book.assets):
        again = positions.read(positions.to_frame(book))
        assert np.array_equal(again.value(again.marks), book.value(book.marks))


def seeds_positions() -> Sequence[bytes]:
    """The shipped examples as they are, and all in one, quoted."""
    shipped = files("rollproof.venue").joinpath("example")
    frames = [positions.to_frame(positions.example(name), venue=True) for name in positions.EXAMPLES]
    whole = pl.concat(frames, how="diagonal").write_csv(quote_style="always").encode()
    return [b"\xef\xbb\xbf" + whole, *(shipped.joinpath(f"{name}.csv").read_bytes() for name in positions.EXAMPLES)]


def mutate_cells(data: bytes, rng: random.Random) -> bytes:
    """One to four cells or rows set, doubled, dropped or swapped; now and then bytes."""
    if rng.random() < 0.2:
        return mutate_bytes(data, rng)
    rows = [line.split(b",") for line in data.split(b"\n")]
    for _ in range(rng.randrange(1, 5)):
        row = rng.choice(rows)
        at = rng.randrange(len(row))
        choice = rng.randrange(8)
        if choice < 4:
            row[at] = rng.choice(_CELLS).encode()
        elif choice == 4:
            other = rng.choice(rows)
            row[at] = other[at] if at < len(other) else other[0]
        elif choice == 5:
            rows.insert(rng.randrange(len(rows) + 1), list(row))
        elif choice == 6 and len(rows) > 1:
            rows.remove(row)
        else:
            row.insert(at, rng.choice(_CELLS).encode())
    return b"\n".join(b",".join(row) for row in rows)[: 1 << 20]
