"""Rows of a table of positions, checked one by one: what each column may say, and no more than that.

What rows say together (accounts, marks, overlaps) is `venue.assembly`'s.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import numpy as np
import polars as pl

from rollproof.errors import Malformed
from rollproof.venue.book import Bytes, Floats, Ints, Kind, Mode
from rollproof.venue.cells import LARGEST, SMALLEST, Cells, Mask

COLUMNS: Final[Mapping[str, str]] = {
    "account": "whose it is; required",
    "venue": "where; without the column all rows are one venue's",
    "asset": "what price the row moves with; the quote currency only for collateral and debt; required",
    "kind": "perpetual (default), call, put, collateral or debt",
    "size": "units of the asset, positive long, negative short; of collateral and debt above zero; required",
    "entry_price": "average entry price of a perpetual, quote a unit",
    "margin": "margin of an isolated position, quote",
    "mode": "isolated, cross or portfolio; default isolated, for collateral and debt what the account's positions are",
    "strike": "of an option, quote a unit",
    "expiry": "of an option: years from now, or an ISO date or time (UTC) where as_of is given",
    "volatility": "of an option: implied, a year, as a fraction (0.8 is 80 %)",
    "mark_price": "of the asset, quote a unit, the same in all its rows; not needed where prices are given",
}
REQUIRED: Final = ("account", "asset", "size")

KINDS: Final = {kind.name.lower(): int(kind) for kind in Kind}
MODES: Final = {mode.name.lower(): int(mode) for mode in Mode}
UNSET: Final = -1  # mode of collateral that follows its account

MAX_ASSETS = 10_000
MAX_VENUES = 1_000
MOST_YEARS = 100.0
MOST_VOLATILITY = 20.0
_YEAR = 365 * 86_400


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """(rows,) columns of one batch or of all; NaN where a number is not there."""

    account: pl.Series
    venue: Ints  # index into Names.venues
    asset: Ints  # index into Names.assets
    kind: Bytes
    mode: Bytes  # or UNSET
    size: Floats
    entry: Floats
    margin: Floats
    strike: Floats
    expiry: Floats
    volatility: Floats

    def at(self, where: Mask) -> Rows:
        """Some of the rows."""
        columns = {name: getattr(self, name)[where] for name in self.__slots__ if name != "account"}
        return Rows(self.account.filter(pl.Series(where)), **columns)


@dataclass(slots=True)
class Names:
    """Venues and assets in the order of their first rows, and the marks that rows give: (venue, asset) -> mark."""

    venues: dict[str, int] = field(default_factory=dict)
    assets: dict[str, int] = field(default_factory=dict)
    marks: dict[tuple[int, int], float] = field(default_factory=dict)


def checked(cells: Cells, names: Names, *, quote: str, venue: str, as_of: datetime | None) -> Rows:
    """A batch's columns. What is wrong is in ``cells.wrong``, and the columns are then of no use. Raises Malformed."""
    account, assets = cells.names("account"), cells.names("asset")
    if "venue" in cells.frame.columns:
        venues = _indexed(cells.names("venue"), names.venues, MAX_VENUES, "venues", cells.wrong.what)
    else:
        venues = np.full(len(cells), names.venues.setdefault(venue, 0), dtype=np.int32)
    kind, mode = cells.words("kind", KINDS, Kind.PERPETUAL), cells.words("mode", MODES, UNSET)
    perpetual, held = kind == Kind.PERPETUAL, kind >= Kind.COLLATERAL
    option = ~perpetual & ~held

    size = cells.numbers("size")
    cells.say(np.isnan(size) & cells.absent("size"), "size", "where a size should be")
    cells.say(size == 0, "size", "is no position")
    with np.errstate(invalid="ignore"):
        cells.say(held & (size < 0), "size", "is below zero: what is owed has kind debt")
    in_quote = (assets == quote).fill_null(False).to_numpy()
    cells.say(in_quote & ~held, "asset", "is the quote currency: it has no position, only collateral and debt")

    entry = cells.numbers("entry_price")
    cells.needed(entry, perpetual, "entry_price", "a perpetual")
    cells.unneeded(
        entry, ~perpetual, "entry_price", "on what is not a perpetual: what was paid is in the account's cash"
    )

    cells.say(held & (mode == Mode.ISOLATED), "mode", "is for positions: collateral and debt are cross or portfolio")
    mode = np.where((mode == UNSET) & ~held, np.int8(Mode.ISOLATED), mode)
    isolated = mode == Mode.ISOLATED
    margin = cells.numbers("margin")
    cells.say(
        isolated & ~held & np.isnan(margin) & cells.absent("margin"), "margin", "where an isolated position's should be"
    )
    with np.errstate(invalid="ignore"):
        cells.say(isolated & (margin < 0), "margin", "is below zero")
    cells.unneeded(margin, ~isolated, "margin", f"on what is not isolated: cash is a row of kind collateral in {quote}")

    strike, volatility = cells.numbers("strike"), cells.numbers("volatility")
    expiry = _expiry(cells, as_of)
    for column, values in (("strike", strike), ("volatility", volatility), ("expiry", expiry)):
        cells.needed(values, option, column, "an option")
        cells.unneeded(values, ~option, column, "on what is not an option")
    with np.errstate(invalid="ignore"):
        cells.say(option & (volatility > MOST_VOLATILITY), "volatility", f"is above {MOST_VOLATILITY:g}: 0.8 is 80 %")
        cells.say(option & (expiry > MOST_YEARS), "expiry", f"is more than {MOST_YEARS:g} years away")

    asset = _indexed(assets, names.assets, MAX_ASSETS, "assets", cells.wrong.what)
    _marked(cells, names, venues, asset, in_quote)
    return Rows(account, venues, asset, kind, mode, size, entry, margin, strike, expiry, volatility)


def joined(parts: list[Rows]) -> Rows:
    """All batches' rows in order; ``parts`` is emptied, to free them."""
    columns = {name: [getattr(part, name) for part in parts] for name in Rows.__slots__}
    parts.clear()
    accounts = pl.concat(columns.pop("account"), rechunk=False)
    return Rows(accounts, **{name: np.concatenate(columns.pop(name)) for name in tuple(columns)})


def _indexed(series: pl.Series, known: dict[str, int], most: int, what: str, table: str) -> Ints:
    """(rows,) each name's number in ``known``, which new names are added to. Raises Malformed above ``most``."""
    unique = series.unique(maintain_order=True).drop_nulls()
    if len(unique) + len(known) > most and len(known.keys() | set(unique.to_list())) > most:
        raise Malformed(f"{table}: more than {most} {what}")
    numbers = [known.setdefault(name, len(known)) for name in unique.to_list()]
    out = series.replace_strict(unique, numbers, default=-1, return_dtype=pl.Int32)
    return out.fill_null(-1).to_numpy()


def _marked(cells: Cells, names: Names, venue: Ints, asset: Ints, in_quote: Mask) -> None:
    """Take the marks that rows give; they agree within an asset of a venue."""
    mark = cells.numbers("mark_price")
    cells.needed(mark, ~np.isnan(mark), "mark_price", "a mark")
    cells.say(in_quote & ~np.isnan(mark) & (mark != 1), "mark_price", "is the quote currency's: 1, or nothing")
    with np.errstate(invalid="ignore"):
        given = np.flatnonzero((mark >= SMALLEST) & (mark <= LARGEST) & (asset >= 0) & (venue >= 0) & ~in_quote)
    pair = venue[given].astype(np.int64) * MAX_ASSETS + asset[given]
    unique, first, inverse = np.unique(pair, return_index=True, return_inverse=True)
    expected = np.array(
        [
            names.marks.setdefault((int(key) // MAX_ASSETS, int(key) % MAX_ASSETS), float(mark[given[at]]))
            for key, at in zip(unique, first, strict=True)
        ]
    )
    differs = np.zeros(len(cells), dtype=np.bool_)
    if len(given):
        differs[given] = mark[given] != expected[inverse]
    cells.say(differs, "mark_price", "is not what an earlier row of the asset says")


def _expiry(cells: Cells, as_of: datetime | None) -> Floats:
    """(rows,) years; NaN where nothing is given."""
    if "expiry" not in cells.frame.columns:
        return np.full(len(cells), np.nan)
    series = cells.frame["expiry"]
    if series.dtype in (pl.Date, pl.Datetime):
        texts = series.cast(pl.Datetime("us")).dt.to_string("iso:strict")
    elif series.dtype == pl.String:
        texts = series
    else:
        return cells.numbers("expiry")
    dated = texts.str.contains(r"^\d{4}-\d\d-\d\d").fill_null(False)
    if not dated.any():
        return cells.numbers("expiry")
    if as_of is None:
        cells.say(dated.to_numpy(), "expiry", "is a date: as_of says from when it counts")
        return np.full(len(cells), 1.0)
    numbers = Cells(cells.frame.with_columns(pl.when(~dated).then(texts).alias("expiry")), cells.first_row, cells.wrong)
    out = numbers.numbers("expiry").copy()
    unique = texts.filter(dated).unique()
    years = [_years(text, as_of) for text in unique.to_list()]
    read = texts.replace_strict(unique, years, default=None, return_dtype=pl.Float64).fill_null(np.nan).to_numpy()
    cells.say(dated.to_numpy() & np.isnan(read), "expiry", "is neither years nor an ISO date or time")
    cells.say(dated.to_numpy() & (read <= 0), "expiry", f"is not after {as_of.isoformat()}")
    out[dated.to_numpy()] = np.nan_to_num(read[dated.to_numpy()], nan=1.0)
    return out


def _years(text: str, as_of: datetime) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return math.nan
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - as_of).total_seconds() / _YEAR
