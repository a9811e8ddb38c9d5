"""Series of prices from CSV, Parquet or a data frame: what a market model is fitted to.

A column ``timestamp`` and one column for each asset, named as the asset. Timestamps are ISO times (UTC where they have
no zone) or Unix time in seconds, milliseconds, microseconds or nanoseconds, told apart by their size; they rise from
row to row. Spacing may be irregular. Where there are several assets, an empty cell is a price that is not known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import polars as pl

from rollproof.errors import Malformed
from rollproof.venue import table
from rollproof.venue.book import Floats
from rollproof.venue.cells import SMALLEST, Cells
from rollproof.venue.wrong_rows import Wrong, shown

MAX_ROWS = 20_000_000
MAX_BYTES = 4 << 30
MAX_ASSETS = 200
# Unix time: seconds until the year 5138, then milliseconds, and so on.
_UNITS = ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6), (math.inf, 1e9))


@dataclass(frozen=True, slots=True, eq=False)
class Prices:
    """Prices of ``assets`` over time."""

    assets: tuple[str, ...]
    seconds: Floats  # (times,) Unix time, rising
    price: Floats  # (times, assets) NaN where it is not known

    def only(self, assets: Sequence[str]) -> Prices:
        """Of some assets. Raises Malformed for one that is not there."""
        for asset in assets:
            if asset not in self.assets:
                raise Malformed(f"no prices of {shown(asset)}: there are {', '.join(self.assets[:10])}")
        return Prices(tuple(assets), self.seconds, self.price[:, [self.assets.index(asset) for asset in assets]])

    def sampled(self, interval_seconds: float) -> Prices:
        """The last price in each interval, at the interval's end; NaN for an asset that had none in it."""
        number = np.ceil(self.seconds / interval_seconds).astype(np.int64)
        ends, inverse = np.unique(number, return_inverse=True)
        out = np.full((len(ends), len(self.assets)), np.nan)
        for at in range(len(self.assets)):
            known = ~np.isnan(self.price[:, at])
            out[inverse[known], at] = self.price[known, at]  # the last assignment stays
        return Prices(self.assets, ends.astype(np.float64) * interval_seconds, out)


def read(source: table.Source, *, max_rows: int = MAX_ROWS, max_bytes: int = MAX_BYTES) -> Prices:
    """A series of prices. The source is as `venue.positions.read` takes it.

    Raises:
        WrongRows: a time is none, or not after the row's before; a price is none, or not above zero.
        Malformed: the file breaks its format or a bound, or has no column timestamp or no asset.
        Unsupported: an unknown kind of file.
        OSError: the file cannot be read.
    """
    opened = table.opened(source, _columns, max_rows=max_rows, max_bytes=max_bytes)
    assets = tuple(name for name in opened.names if name != "timestamp")
    wrong = Wrong(opened.what)
    seconds: list[Floats] = []
    price: list[Floats] = []
    unit: float | None = None
    last = -math.inf
    for first, frame in opened.batches:
        cells = Cells(frame, first, wrong)
        moments, unit = _seconds(cells, unit)
        with np.errstate(invalid="ignore"):
            cells.say(np.diff(moments, prepend=last) <= 0, "timestamp", "is not after the row before")
        columns = [cells.numbers(asset) for asset in assets]
        for asset, column in zip(assets, columns, strict=True):
            if len(assets) == 1:
                cells.say(cells.absent(asset), asset, "where a price should be")
            with np.errstate(invalid="ignore"):
                cells.say(column < SMALLEST, asset, f"is not above zero (at least {SMALLEST:g})")
        if wrong.full:
            break
        if len(moments):
            last = float(moments[-1])
        if not wrong.count:
            seconds.append(moments)
            price.append(np.column_stack(columns))
    wrong.stop()
    if not seconds:
        raise Malformed(f"{opened.what}: no rows")
    return Prices(assets, np.concatenate(seconds), np.concatenate(price))


def _columns(what: str, names: Sequence[str]) -> None:
    table.unique(what, names)
    if "timestamp" not in names:
        raise Malformed(f"{what}: column timestamp is missing")
    if not 2 <= len(names) <= MAX_ASSETS + 1:
        raise Malformed(f"{what}: 1 to {MAX_ASSETS} columns of prices beside timestamp, not {len(names) - 1}")
    for name in names:
        if not name.isprintable() or not 0 < len(name) <= 60 or name != name.strip():
            raise Malformed(f"{what}: column {shown(name)} is no printable name of at most 60 characters")


def _seconds(cells: Cells, unit: float | None) -> tuple[Floats, float | None]:
    """(rows,) Unix time, NaN where there is none, and the unit that numbers are in, once known."""
    series = cells.frame["timestamp"]
    if series.dtype in (pl.Date, pl.Datetime):
        return series.cast(pl.Datetime("us")).dt.epoch("us").cast(pl.Float64).fill_null(np.nan).to_numpy() / 1e6, unit
    if series.dtype == pl.String and series.str.contains(r"^\d{4}-").fill_null(False).any():
        texts = series.to_list()
        out = np.array([_moment(text) for text in texts])
        cells.say(np.isnan(out), "timestamp", "is not an ISO time")
        return out, unit
    out = cells.numbers("timestamp")
    cells.say(cells.absent("timestamp"), "timestamp", "where a time should be")
    with np.errstate(invalid="ignore"):
        cells.say(out < 0, "timestamp", "is not a Unix time")
    if unit is None and len(out):
        unit = next(unit for bound, unit in _UNITS if not out[0] >= bound)
    out = out / (unit or 1.0)
    with np.errstate(invalid="ignore"):
        cells.say(out >= _UNITS[0][0], "timestamp", "is in another unit than the first row")
    return out, unit


def _moment(text: str | None) -> float:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return math.nan
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
