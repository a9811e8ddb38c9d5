"""Scenario-based margin: the worst of a set of moves of price and volatility, options revalued by Black-76.

The method is SPAN's (Chicago Mercantile Exchange, 1988) as crypto venues use it: moves of the asset's price combined
with relative moves of implied volatility that are larger for short expiries, by (30 / days)^power.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec
import numpy as np
from numpy.typing import NDArray

from rollproof.errors import Malformed, Unsupported
from rollproof.venue import black76
from rollproof.venue.book import Book, Floats, Kind
from rollproof.venue.rules import parameters
from rollproof.venue.rules.holding import Holdings

DAYS = 365.0  # a year of implied volatility
_AT_ONCE = 4_000_000  # option values, to bound memory


class Skew(StrEnum):
    """A scenario that tilts the smile instead of moving all of it."""

    NONE = "none"
    LINEAR = "linear"  # one wing up, the other down
    ABSOLUTE = "absolute"  # both wings


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One move of the market. Raises Malformed where the price would not stay above nothing."""

    move: float  # of the price, relative
    volatility: float = 0.0  # relative change of implied volatility at 30 days to expiry
    weight: float = 1.0  # share of the profit or loss that counts
    skew: Skew = Skew.NONE

    def __post_init__(self) -> None:
        parameters.numbers(self)
        parameters.at_least_zero(self, "weight")
        if not self.move > -1:
            raise Malformed(f"scenario: move is {self.move!r:.40}, but has to be above -1")


class Volatility(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a relative move of implied volatility depends on the time to expiry."""

    short_power: float = 0.3  # to 30 days
    long_power: float = 0.13
    days_floor: float = 1.0
    floor_up: float = 0.0  # what a volatility is at least after a move up

    def __post_init__(self) -> None:
        parameters.numbers(self)
        parameters.at_least_zero(self, "short_power", "long_power", "floor_up")
        parameters.above_zero(self, "days_floor")

    def moved(self, volatility: Floats, years: Floats, change: Floats) -> Floats:
        """``volatility`` after a relative ``change`` at 30 days; never below zero. All arrays broadcast."""
        days = years * DAYS
        power = np.where(days <= 30, self.short_power, self.long_power)
        scale = (30 / np.maximum(days, self.days_floor)) ** power
        out = volatility * np.maximum(1 + change * scale, 0.0)
        return np.where(change > 0, np.maximum(out, self.floor_up), out)


def grid(moves: tuple[float, ...], up: float, down: float) -> tuple[Scenario, ...]:
    """Every move with the volatility up, the same and down."""
    return tuple(Scenario(move, change) for move in moves for change in (up, 0.0, down))


def option_sums(
    book: Book,
    prices: Floats,
    scenarios: tuple[Scenario, ...],
    volatility: Volatility,
    group: NDArray[np.int64],
    count: int,
) -> Floats:
    """(scenarios, count) what the options of each group are worth in each scenario, quote, undiscounted, unweighted.

    ``group`` (options,) numbers the group, below ``count``, of each option in the book's order. What a scenario's skew
    does to volatilities is a family's own, and not in here.
    """
    rows = np.flatnonzero(book.optional)
    out = np.zeros((len(scenarios), count))
    if not len(rows):
        return out
    price, strike, years = prices[book.asset[rows]], book.strike[rows], book.expiry[rows]
    implied, size, call = book.volatility[rows], book.size[rows], book.kind[rows] == Kind.CALL
    chunk = max(1, _AT_ONCE // len(rows))
    for first in range(0, len(scenarios), chunk):
        part = scenarios[first : first + chunk]
        moves = np.array([[each.move] for each in part])
        changes = np.array([[each.volatility] for each in part])
        moved = volatility.moved(implied, years, changes)
        values = size * black76.value(price * (1 + moves), strike, moved, years, call=call)
        places = group + count * np.arange(len(part))[:, None]
        sums = np.bincount(places.ravel(), values.ravel(), count * len(part))
        out[first : first + chunk] = sums.reshape(len(part), count)
    return out


def option_profits(
    book: Book, prices: Floats, scenarios: tuple[Scenario, ...], volatility: Volatility, holdings: Holdings
) -> Floats:
    """(scenarios, holdings) what each scenario changes the options' value by, quote, not weighted."""
    group = holdings.of_row[book.optional]
    still = (Scenario(0.0), *scenarios)
    values = option_sums(book, prices, still, volatility, group, len(holdings))
    return np.asarray(values[1:] - values[0])


def deltas(book: Book, prices: Floats) -> Floats:
    """(rows,) each row's derivative by its asset's price, in units of the asset."""
    out = book.slope()
    if (chosen := book.optional).any():
        out[chosen] = book.size[chosen] * black76.delta(
            prices[book.asset[chosen]],
            book.strike[chosen],
            book.volatility[chosen],
            book.expiry[chosen],
            call=book.kind[chosen] == Kind.CALL,
        )
    return out


def haircuts(book: Book, table: Mapping[str, float], family: str) -> Floats:
    """(rows,) of collateral, the share of its value that does not count, by asset; 0 for other rows.

    Raises Unsupported for collateral that is not in ``table``.
    """
    out = np.zeros(book.rows)
    held = book.kind == Kind.COLLATERAL
    for index in np.unique(book.asset[held]):
        name = book.assets[index]
        haircut = parameters.of_asset(table, name)
        if haircut is None:
            known = ", ".join(table) or "none"
            raise Unsupported(f"{family}: no haircut is known for collateral in {name[:80]!a} (known: {known})")
        out[held & (book.asset == index)] = haircut
    return out
