"""Small books with options, and a second, scalar way to value them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np

from rollproof.venue.book import Book, Kind, Mode

PHI = NormalDist().cdf


@dataclass(frozen=True)
class Row:
    """One position; options expire in ``days``."""

    kind: Kind
    size: float
    strike: float = 0.0
    days: float = 0.0
    volatility: float = 0.0
    entry: float = 0.0
    asset: str = "ETH"


@dataclass(frozen=True)
class Account:
    """One subaccount."""

    cash: float
    rows: Sequence[Row] = field(default=())


def perpetual(size: float, entry: float, asset: str = "ETH") -> Row:
    return Row(Kind.PERPETUAL, size, entry=entry, asset=asset)


def call(size: float, strike: float, days: float, volatility: float, asset: str = "ETH") -> Row:
    return Row(Kind.CALL, size, strike, days, volatility, asset=asset)


def put(size: float, strike: float, days: float, volatility: float, asset: str = "ETH") -> Row:
    return Row(Kind.PUT, size, strike, days, volatility, asset=asset)


def held(size: float, asset: str = "ETH") -> Row:
    return Row(Kind.COLLATERAL, size, asset=asset)


def owed(size: float, asset: str = "ETH") -> Row:
    return Row(Kind.DEBT, size, asset=asset)


def book(marks: dict[str, float], *accounts: Account) -> Book:
    """The accounts' book, every one a portfolio-margined subaccount."""
    assets = tuple(marks)
    rows = [(who, row) for who, account in enumerate(accounts) for row in account.rows]

    def column(name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.array([float(getattr(row, name)) for _, row in rows])

    count = len(accounts)
    return Book(
        venue="test", quote="USDC", assets=assets, marks=np.array(list(marks.values()), dtype=np.float64),
        accounts=[f"account-{number}" for number in range(count)],
        subaccount=np.array([who for who, _ in rows], dtype=np.int32),
        asset=np.array([assets.index(row.asset) for _, row in rows], dtype=np.int32),
        kind=np.array([row.kind for _, row in rows], dtype=np.int8),
        size=column("size"), entry=column("entry"), strike=column("strike"), expiry=column("days") / 365,
        volatility=column("volatility"), owner=np.arange(count, dtype=np.int32),
        mode=np.full(count, Mode.PORTFOLIO, dtype=np.int8),
        cash=np.array([account.cash for account in accounts], dtype=np.float64),
    )  # fmt: skip


def option_value(kind: Kind, forward: float, strike: float, volatility: float, years: float) -> float:
    """Black (1976) of one unit, one number at a time."""
    deviation = volatility * math.sqrt(years)
    if deviation == 0:
        return max(forward - strike if kind == Kind.CALL else strike - forward, 0.0)
    d1 = math.log(forward / strike) / deviation + deviation / 2
    if kind == Kind.CALL:
        return forward * PHI(d1) - strike * PHI(d1 - deviation)
    return strike * PHI(deviation - d1) - forward * PHI(-d1)
