"""A venue's positions as columns: what a margin rule and a loss model read.

One row is one position, one collateral other than the quote currency, or one debt other than in it. Every row belongs
to a *subaccount*: what is margined, and liquidated, together. An isolated position is a subaccount of its own; all
cross positions of an account are one, and so are all portfolio-margined ones.

Columns are float64 in the units that their comments give. Exact integers stay with who read them from a chain; a book
is for models, and 53 bits are more than any model knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rollproof.venue import black76

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int32]
Bytes: TypeAlias = NDArray[np.int8]


class Kind(IntEnum):
    """What a row is."""

    PERPETUAL = 0
    CALL = 1  # European, on the asset's forward, cash settled
    PUT = 2
    COLLATERAL = 3  # an amount of the asset held
    DEBT = 4  # an amount of the asset owed


class Mode(IntEnum):
    """How a subaccount is margined."""

    ISOLATED = 0
    CROSS = 1
    PORTFOLIO = 2


@dataclass(frozen=True, slots=True, eq=False)
class Book:
    """Positions of one venue. Built by `venue.positions` or an adapter, which check what is said here.

    ``size`` is signed for perpetuals and options (positive: long) and positive for collateral and debt.
    """

    venue: str
    quote: str  # the currency that all money is in
    assets: tuple[str, ...]
    marks: Floats  # (assets,) quote per unit, above zero
    accounts: Sequence[str]  # (accounts,) their names
    # (rows,)
    subaccount: Ints
    asset: Ints
    kind: Bytes
    size: Floats  # units of the asset
    entry: Floats  # perpetuals: average entry price, quote per unit; else 0
    strike: Floats  # options, quote per unit; else 0
    expiry: Floats  # options, years from now; else 0
    volatility: Floats  # options: implied, by the square root of a year; else 0
    # (subaccounts,)
    owner: Ints  # index into accounts
    mode: Bytes
    cash: Floats  # quote: isolated margin, or balance; below zero where the quote currency is owed

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.size)

    @property
    def subaccounts(self) -> int:
        """How many subaccounts there are."""
        return len(self.cash)

    @property
    def notional(self) -> Floats:
        """(rows,) |size| at the marks, quote."""
        return np.abs(self.size) * self.marks[self.asset]

    @property
    def open_interest(self) -> Floats:
        """(assets,) the larger side of each asset's perpetuals and options, in units of the asset."""
        traded = self.kind <= Kind.PUT
        longs = np.bincount(self.asset[traded], np.maximum(self.size[traded], 0), len(self.assets))
        shorts = np.bincount(self.asset[traded], np.maximum(-self.size[traded], 0), len(self.assets))
        return np.maximum(longs, shorts)

    @property
    def skew(self) -> Floats:
        """(assets,) longs less shorts of perpetuals, in units of the asset."""
        traded = self.kind == Kind.PERPETUAL
        return np.bincount(self.asset[traded], self.size[traded], len(self.assets)).astype(np.float64)

    @property
    def open_interest_value(self) -> float:
        """Of all assets together, quote."""
        return float(self.open_interest @ self.marks)

    @property
    def optional(self) -> NDArray[np.bool_]:
        """(rows,) where the row is an option."""
        return np.asarray((self.kind == Kind.CALL) | (self.kind == Kind.PUT))

    def slope(self) -> Floats:
        """(rows,) of a row's value in its asset's price; 0 for options, which are not linear."""
        sign = np.where(self.kind == Kind.DEBT, -1.0, 1.0)
        return np.where(self.optional, 0.0, sign * self.size)

    def value(self, prices: Floats, *, elapsed_years: float = 0.0, volatility_factor: float = 1.0) -> Floats:
        """(rows,) what each row adds to its subaccount's equity at ``prices`` (assets,), quote.

        A perpetual counts with its profit (prices less entry), an option with its Black-76 value after
        ``elapsed_years`` at its implied volatility times ``volatility_factor``, collateral and debt at market.
        """
        price = prices[self.asset]
        out = self.slope() * (price - np.where(self.kind == Kind.PERPETUAL, self.entry, 0.0))
        if (chosen := self.optional).any():
            left = np.maximum(self.expiry[chosen] - elapsed_years, 0.0)
            out[chosen] = self.size[chosen] * black76.value(
                price[chosen],
                self.strike[chosen],
                self.volatility[chosen] * volatility_factor,
                left,
                call=self.kind[chosen] == Kind.CALL,
            )
        return out

    def equity(self, prices: Floats, *, elapsed_years: float = 0.0, volatility_factor: float = 1.0) -> Floats:
        """(subaccounts,) cash and the value of all rows at ``prices`` (assets,), quote: what is really there.

        Haircuts and the like are rules' (`venue.rules`); bad debt is what this is below zero.
        """
        value = self.value(prices, elapsed_years=elapsed_years, volatility_factor=volatility_factor)
        return self.cash + self.summed(value)

    def summed(self, column: Floats) -> Floats:
        """(subaccounts,) the sums of a (rows,) column."""
        return np.bincount(self.subaccount, column, self.subaccounts).astype(np.float64)

    def at(self, marks: Floats) -> Book:
        """The same positions at other marks (assets,)."""
        return replace(self, marks=np.asarray(marks, dtype=np.float64))

    def summed_slope(self, less: Floats | None = None) -> Floats:
        """(rows,) slope of the row's subaccount in the row's asset: of all its rows in that asset, less a column."""
        own = self.slope() if less is None else self.slope() - less
        pair = self.subaccount.astype(np.int64) * len(self.assets) + self.asset
        _, inverse = np.unique(pair, return_inverse=True)
        return np.asarray(np.bincount(inverse, own)[inverse], dtype=np.float64)
