"""Checked rows of positions, together: accounts, subaccounts, cash and marks, as a Book."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias, overload

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rollproof.venue.book import Book, Bytes, Floats, Ints, Kind, Mode
from rollproof.venue.cells import Mask
from rollproof.venue.position_rows import MAX_ASSETS, UNSET, Names, Rows
from rollproof.venue.wrong_rows import SHOWN, Wrong, shown

Longs: TypeAlias = NDArray[np.int64]


class AccountNames(Sequence[str]):
    """Many names in one Arrow column: a million of them are no million objects."""

    __slots__ = ("_series",)

    def __init__(self, series: pl.Series) -> None:
        self._series = series

    def __len__(self) -> int:
        return len(self._series)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> AccountNames: ...
    def __getitem__(self, at: int | slice) -> str | AccountNames:
        return AccountNames(self._series[at]) if isinstance(at, slice) else str(self._series[int(at)])

    def __iter__(self) -> Iterator[str]:
        return iter(self._series)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(str.__eq__, self, other))

    __hash__ = None  # type: ignore[assignment]

    @property
    def series(self) -> pl.Series:
        """The column."""
        return self._series


def books(
    rows: Rows, names: Names, first_row: int, *, quote: str, prices: Mapping[str, float] | None, wrong: Wrong
) -> dict[str, Book]:
    """The book of each venue; ``first_row`` is the number of the first row. Raises WrongRows.

    Accounts, subaccounts and assets are numbered by their first rows. Rows of the quote currency become cash.
    """
    numbers = first_row + np.arange(len(rows.size))
    out = {}
    for venue, at in names.venues.items():
        where = rows.venue == at
        chosen, chosen_numbers = (rows, numbers) if where.all() else (rows.at(where), numbers[where])
        out[venue] = _book(chosen, chosen_numbers, names, venue, quote, prices, wrong)
    wrong.stop()
    return out


def _book(
    rows: Rows,
    numbers: Longs,
    names: Names,
    venue: str,
    quote: str,
    prices: Mapping[str, float] | None,
    wrong: Wrong,
) -> Book:
    """The book of one venue's rows; of no use where something was added to ``wrong``."""
    account, first_of_account = _accounts(rows.account)
    accounts = rows.account.gather(first_of_account).rechunk()
    mode = _modes(rows, account, len(accounts), numbers, wrong)
    isolated = mode == Mode.ISOLATED
    subaccount, first = _numbered(np.where(isolated, len(accounts) + np.arange(len(mode)), account))
    _duplicates(rows, np.where(isolated, -1 - account, account), numbers, wrong)

    in_quote = rows.asset == names.assets.get(quote, -1)
    owned = np.where(rows.kind == Kind.DEBT, -rows.size, rows.size)
    cash = np.bincount(subaccount, np.where(isolated, rows.margin, np.where(in_quote, owned, 0.0)), len(first))

    kept = ~in_quote
    asset, first_of_asset = _numbered(rows.asset[kept])
    labels = list(names.assets)
    assets = tuple(labels[rows.asset[kept][at]] for at in first_of_asset)
    marks = _marks(assets, names, prices, venue, numbers[kept][first_of_asset], wrong)
    return Book(
        venue, quote, assets, marks, AccountNames(accounts),
        subaccount[kept], asset, rows.kind[kept],
        rows.size[kept], np.nan_to_num(rows.entry[kept]), np.nan_to_num(rows.strike[kept]),
        np.nan_to_num(rows.expiry[kept]), np.nan_to_num(rows.volatility[kept]),
        account[first], mode[first], cash.astype(np.float64),
    )  # fmt: skip


def _accounts(names: pl.Series) -> tuple[Ints, Longs]:
    """(rows,) numbers of accounts in the order of their first rows, and those rows."""
    number, first = _numbered(names.hash().to_numpy())
    # By hashes, which is quicker and smaller; two names with one hash are told apart the long way.
    if not (names.gather(first).gather(number) == names).all():
        number, first = _numbered(names.rank("dense").to_numpy())
    return number, first


def _numbered(key: NDArray[np.integer[Any]]) -> tuple[Ints, Longs]:
    """Numbers of equal keys in the order of their first places, and those places."""
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return rank[inverse], first[order]


def _modes(rows: Rows, account: Ints, count: int, numbers: Longs, wrong: Wrong) -> Bytes:
    """(rows,) modes, collateral's own not given taken from its account; no account is both cross and portfolio."""

    def accounts(where: Mask) -> Mask:
        return np.bincount(account[where], minlength=count) > 0

    portfolio = accounts(rows.mode == Mode.PORTFOLIO)
    both = portfolio & accounts(rows.mode == Mode.CROSS)
    if both.any():
        cross = np.flatnonzero(both[account] & (rows.mode == Mode.CROSS))
        _, first = np.unique(account[cross], return_index=True)
        for at in sorted(cross[first])[:SHOWN]:
            why = f"account {shown(rows.account[int(at)])} is cross here, portfolio elsewhere: they would overlap"
            wrong.add(int(numbers[at]), "mode", why)
    followed = np.where(portfolio[account], Mode.PORTFOLIO, Mode.CROSS).astype(np.int8)
    return np.where(rows.mode == UNSET, followed, rows.mode)


def _duplicates(rows: Rows, margined: Longs | Ints, numbers: Longs, wrong: Wrong) -> None:
    """Refuse the same position, collateral or debt of one account twice: overlapping exports would count double."""
    side = np.where(rows.size > 0, 1, 0)
    # Account, asset, kind and side fit into 63 bits; the few rows that share them (options) are compared in full.
    packed = ((margined.astype(np.int64) * MAX_ASSETS + rows.asset) * len(Kind) + rows.kind) * 2 + side
    ordered = np.sort(packed)
    shared = np.flatnonzero(np.isin(packed, ordered[1:][ordered[1:] == ordered[:-1]]))
    alike = pl.DataFrame(
        {
            "at": np.arange(len(shared)),
            "packed": packed[shared],
            "strike": np.nan_to_num(rows.strike[shared]),
            "expiry": np.nan_to_num(rows.expiry[shared]),
        }
    )
    first = alike.select(pl.col("at").first().over("packed", "strike", "expiry")).to_series().to_numpy()
    for again in np.flatnonzero(first != np.arange(len(shared)))[:SHOWN]:
        at, earlier = int(shared[again]), int(numbers[shared[first[again]]])
        what = "position on this side" if rows.kind[at] < Kind.COLLATERAL else Kind(rows.kind[at]).name.lower()
        why = f"account {shown(rows.account[at])} has this {what} already in row {earlier}: one row each"
        wrong.add(int(numbers[at]), "account", why)


def _marks(
    assets: Sequence[str],
    names: Names,
    prices: Mapping[str, float] | None,
    venue: str,
    first_rows: Longs,
    wrong: Wrong,
) -> Floats:
    out = np.full(len(assets), np.nan)
    for at, asset in enumerate(assets):
        said = names.marks.get((names.venues[venue], names.assets[asset]))
        given = prices.get(asset) if prices else None
        if given is not None and said is not None and abs(given - said) > 1e-9 * said:
            why = f"{said!r} for {shown(asset)}, and {given!r} in the prices given: leave one away"
            wrong.add(int(first_rows[at]), "mark_price", why)
        elif (mark := said if given is None else given) is None:
            wrong.add(int(first_rows[at]), "mark_price", f"no mark price of {shown(asset)}, here or in prices given")
        else:
            out[at] = mark
    return out
