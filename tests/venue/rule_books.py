"""Small books for tests of margin rules, and the families to test them with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from rollproof.venue.book import Book, Floats, Kind, Mode


@dataclass(frozen=True)
class Holder:
    """One subaccount: ``positions`` and ``held``, ``owed`` of assets, as (asset, size, entry) and (asset, amount)."""

    cash: float
    positions: Sequence[tuple[str, float, float]] = ()
    held: Sequence[tuple[str, float]] = ()
    owed: Sequence[tuple[str, float]] = ()
    mode: Mode = Mode.CROSS
    calls: Sequence[tuple[str, float, float]] = field(default=())  # asset, size, strike


def book(marks: Mapping[str, float], *holders: Holder) -> Book:
    """The holders' book. Rows come in the order of each holder's positions, held, owed, calls."""
    assets = tuple(marks)
    rows: list[tuple[int, int, Kind, float, float, float]] = []
    for who, holder in enumerate(holders):
        rows += [(who, assets.index(a), Kind.PERPETUAL, size, entry, 0.0) for a, size, entry in holder.positions]
        rows += [(who, assets.index(a), Kind.COLLATERAL, size, 0.0, 0.0) for a, size in holder.held]
        rows += [(who, assets.index(a), Kind.DEBT, size, 0.0, 0.0) for a, size in holder.owed]
        rows += [(who, assets.index(a), Kind.CALL, size, 0.0, strike) for a, size, strike in holder.calls]
    columns = np.array(rows, dtype=np.float64).reshape(-1, 6).T
    optional = columns[2] == Kind.CALL
    count = len(holders)
    return Book(
        venue="test",
        quote="USD",
        assets=assets,
        marks=np.array(list(marks.values()), dtype=np.float64),
        accounts=[f"account-{number}" for number in range(count)],
        subaccount=columns[0].astype(np.int32),
        asset=columns[1].astype(np.int32),
        kind=columns[2].astype(np.int8),
        size=columns[3].copy(),
        entry=columns[4].copy(),
        strike=columns[5].copy(),
        expiry=np.where(optional, 0.1, 0.0),
        volatility=np.where(optional, 0.8, 0.0),
        owner=np.arange(count, dtype=np.int32),
        mode=np.array([holder.mode for holder in holders], dtype=np.int8),
        cash=np.array([holder.cash for holder in holders], dtype=np.float64),
    )


def one(asset: str, mark: float, size: float, entry: float, cash: float, mode: Mode = Mode.ISOLATED) -> Book:
    """One position."""
    return book({asset: mark}, Holder(cash, [(asset, size, entry)], mode=mode))


def at(price: float) -> Floats:
    """Prices of a book with one asset."""
    return np.array([price])
