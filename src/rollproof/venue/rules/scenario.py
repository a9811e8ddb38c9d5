"""Scenario-based margin: the worst of a set of moves of price and volatility, options revalued by Black-76.

The method is SPAN's (Chicago Mercantile Exchange, 1988) as crypto venues use it: moves of the asset's price combined
with relative moves of implied volatility that are larger for short expiries, by (30 / days)^power.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec
import numpy as np

from rollproof.errors import Malformed, Unsupported
from rollproof.venue import black76
from rollproof.venue.book import Book, Floats, Kind
from rollproof.venue.rules import parameters
from rollproof.venue.rules.holding import Holdings

DAYS = 365.0  # a year of implied volatility


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

    def moved(self, volatility: Floats, years: Floats, change: float) -> Floats:
        """(rows,) ``volatility`` after a relative ``change`` at 30 days; never below zero."""
        if change == 0:
            return volatility
        days = years * DAYS
        power = np.where(days <= 30, self.short_power, self.long_power)
        scale = (30 / np.maximum(days, self.days_floor)) ** power
        out = volatility * np.maximum(1 + change * scale, 0.0)
        return np.maximum(out, self.floor_up) if change > 0 else out


def grid(moves: tuple[float, ...], up: float, down: float) -> tuple[Scenario, ...]:
    """Every move with the volatility up, the same and down."""
    return tuple(Scenario(move, change) for move in moves for change in (up, 0.0, down))


def option_values(book: Book, prices: Floats, scenario: Scenario, volatility: Volatility) -> Floats:
    """(rows,) options' values in a scenario, quote, undiscounted; 0 for other rows."""
    out = np.zeros(book.rows)
    if (chosen := book.optional).any():
        moved = volatility.moved(book.volatility[chosen], book.expiry[chosen], scenario.volatility)
        forward = prices[book.asset[chosen]] * (1 + scenario.move)
        call = book.kind[chosen] == Kind.CALL
        out[chosen] = book.size[chosen] * black76.value(
            forward, book.strike[chosen], moved, book.expiry[chosen], call=call
        )
    return out


def option_profits(
    book: Book, prices: Floats, scenarios: tuple[Scenario, ...], volatility: Volatility, holdings: Holdings
) -> Floats:
    """(scenarios, holdings) what each scenario changes the options' value by, quote, not weighted.

    Skew scenarios are a family's own: here they move nothing.
    """
    now = option_values(book, prices, Scenario(0.0), volatility)
    out = np.zeros((len(scenarios), len(holdings)))
    if book.optional.any():
        for index, scenario in enumerate(scenarios):
            out[index] = holdings.summed(option_values(book, prices, scenario, volatility) - now)
    return out


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
