"""A book as a table of positions: what `venue.positions` reads."""

from __future__ import annotations

import numpy as np
import polars as pl

from rollproof.venue.book import Book, Kind, Mode


def to_frame(book: Book, *, venue: bool = False) -> pl.DataFrame:
    """The book's rows in their order, cash of cross and portfolio subaccounts as rows of the quote currency among them.

    Columns as `positions.COLUMNS`; ``venue`` adds that one. `positions.read` gives an equal book back, as far as a
    book can be said in rows: isolated cash below zero it refuses, and a subaccount without cash and rows is not there.
    """
    mode, isolated = book.mode[book.subaccount], book.mode[book.subaccount] == Mode.ISOLATED
    perpetual, option = book.kind == Kind.PERPETUAL, book.optional
    accounts = pl.Series("account", list(book.accounts), dtype=pl.String)
    kinds = np.array([kind.name.lower() for kind in Kind])
    modes = np.array([each.name.lower() for each in Mode])
    assets = np.array(book.assets, dtype=np.object_)

    def where(
        chosen: np.ndarray[tuple[int], np.dtype[np.bool_]], column: np.ndarray[tuple[int], np.dtype[np.float64]]
    ) -> pl.Series:
        return pl.Series(np.where(chosen, column, np.nan)).fill_nan(None)

    rows = pl.DataFrame(
        {
            "account": accounts[book.owner[book.subaccount].astype(np.int64)],
            "asset": pl.Series(assets[book.asset], dtype=pl.String),
            "kind": pl.Series(kinds[book.kind], dtype=pl.String),
            "size": book.size,
            "entry_price": where(perpetual, book.entry),
            "margin": where(isolated, book.cash[book.subaccount]),
            "mode": pl.Series(modes[mode], dtype=pl.String),
            "strike": where(option, book.strike),
            "expiry": where(option, book.expiry),
            "volatility": where(option, book.volatility),
            "mark_price": book.marks[book.asset],
        }
    )
    held = np.flatnonzero((book.mode != Mode.ISOLATED) & (book.cash != 0))
    # Before the first row of a later subaccount, so that reading numbers subaccounts alike.
    latest = np.maximum.accumulate(book.subaccount) if book.rows else book.subaccount
    places = np.searchsorted(latest, held, side="left")
    cash = pl.DataFrame(
        {
            "account": accounts[book.owner[held].astype(np.int64)],
            "asset": pl.repeat(book.quote, len(held), dtype=pl.String, eager=True),
            "kind": pl.Series(np.where(book.cash[held] > 0, "collateral", "debt"), dtype=pl.String),
            "size": np.abs(book.cash[held]),
            "mode": pl.Series(modes[book.mode[held]], dtype=pl.String),
        }
    )
    place = pl.Series("place", np.concatenate([np.arange(book.rows) * 2 + 1, places * 2]))
    out = pl.concat([rows, cash], how="diagonal").with_columns(place).sort("place", maintain_order=True).drop("place")
    return (
        out.insert_column(1, pl.repeat(book.venue, len(out), dtype=pl.String, eager=True).alias("venue"))
        if venue
        else out
    )
