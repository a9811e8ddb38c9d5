"""The one interface of margin rules, and what all families that are linear in prices have in common.

A family's parameters are the fields of its class, a frozen msgspec struct, so that a TOML file can set them; defaults
are a venue's published ones, with the source beside each. Everything is vectorised: (rows,) or (subaccounts,) of a
book, at prices (assets,), in the book's quote currency.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec
import numpy as np

from rollproof.errors import Malformed, Unsupported
from rollproof.venue.book import Book, Floats, Kind, Mode
from rollproof.venue.rules import parameters
from rollproof.venue.rules.liquidation import AdlPrice, AdlRank, Backstop, Liquidation
from rollproof.venue.rules.root import price_at_zero
from rollproof.venue.state import VenueState

__all__ = ["AdlPrice", "AdlRank", "Backstop", "LinearRules", "Liquidation", "Rates", "Rules", "open_interest", "skew"]

_KIND = {
    Kind.PERPETUAL: "perpetual",
    Kind.CALL: "call",
    Kind.PUT: "put",
    Kind.COLLATERAL: "collateral other than the quote currency",
    Kind.DEBT: "debt other than in the quote currency",
}


@dataclass(frozen=True, slots=True, eq=False)
class Rates:
    """(rows,) what a row requires: a rate of its notional at the prices asked about, and a fixed amount of quote.

    Exact at those prices; away from them as long as no tier changes.
    """

    initial: Floats
    initial_fixed: Floats
    maintenance: Floats
    maintenance_fixed: Floats

    @classmethod
    def of_perpetuals(
        cls, book: Book, initial: Floats, maintenance: Floats, initial_fixed: Floats, maintenance_fixed: Floats
    ) -> Rates:
        """From (rows,) columns that hold for perpetuals: nothing is required for other rows."""
        traded = book.kind == Kind.PERPETUAL
        columns = (initial, initial_fixed, maintenance, maintenance_fixed)
        return cls(*(np.where(traded, each, 0.0) for each in columns))


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One family's rules with their parameters set."""

    family: ClassVar[str] = ""
    source: ClassVar[str] = ""  # where the rules and defaults were read
    assumes: ClassVar[tuple[str, ...]] = ()  # what is simplified, one line each
    kinds: ClassVar[frozenset[Kind]] = frozenset(Kind)  # of rows that the family margins
    modes: ClassVar[frozenset[Mode]] = frozenset(Mode)
    unbounded: ClassVar[tuple[str, ...]] = ()  # parameters that may be infinite

    liquidation: Liquidation = Liquidation()
    backstop: Backstop = Backstop()

    def __post_init__(self) -> None:
        parameters.numbers(self, self.unbounded)

    def admit(self, book: Book) -> None:
        """Raises Unsupported where the book has a kind of row or a mode that the family does not know."""
        for kind in frozenset(Kind) - self.kinds:
            if len(rows := np.flatnonzero(book.kind == kind)):
                raise Unsupported(
                    f"{self.family}: position {rows[0] + 1} is a {_KIND[kind]}: not margined by this family"
                )
        for mode in frozenset(Mode) - self.modes:
            if len(found := np.flatnonzero(book.mode == mode)):
                account = str(book.accounts[book.owner[found[0]]])[:80]
                raise Unsupported(f"{self.family}: account {account!a} uses {mode.name.lower()} margin: not known here")

    @abstractmethod
    def initial(self, book: Book, prices: Floats, state: VenueState) -> Floats:
        """(subaccounts,) initial margin, quote."""
        raise NotImplementedError

    @abstractmethod
    def maintenance(self, book: Book, prices: Floats, state: VenueState) -> Floats:
        """(subaccounts,) maintenance margin, quote: below it a subaccount may be liquidated."""
        raise NotImplementedError

    def equity(self, book: Book, prices: Floats, state: VenueState) -> Floats:  # noqa: ARG002 a family may need it
        """(subaccounts,) equity as the rules count it, with haircuts and fees; `Book.equity` is what is there."""
        return book.equity(prices)

    def liquidatable(self, book: Book, prices: Floats, state: VenueState) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """(subaccounts,) where equity is below the maintenance margin and something is open."""
        needed = self.maintenance(book, prices, state)
        return (self.equity(book, prices, state) < needed) & (needed > 0)

    def bankruptcy_price(self, book: Book, prices: Floats, state: VenueState) -> Floats:  # noqa: ARG002
        """(rows,) price of the row's asset at which its subaccount's equity is nothing, other prices kept.

        NaN where no price above zero does it, and where the subaccount has options on the asset.
        """
        slope = book.slope()
        entry = np.where(book.kind == Kind.PERPETUAL, book.entry, 0.0)
        return price_at_zero(book, prices, book.equity(prices), lambda price: (slope * (price - entry), slope))

    @abstractmethod
    def liquidation_price(self, book: Book, prices: Floats, state: VenueState) -> Floats:
        """(rows,) price of the row's asset at which its subaccount becomes liquidatable, other prices kept.

        NaN where no price above zero does it. Already liquidatable rows get the price at which they would not be.
        """
        raise NotImplementedError

    def liquidation_step(self, book: Book, prices: Floats, state: VenueState) -> Floats:  # noqa: ARG002
        """(rows,) share of a liquidatable position that one liquidation closes, 0 to 1."""
        return np.full(book.rows, self.liquidation.step)

    def throughput(self, book: Book, prices: Floats, state: VenueState) -> Floats:  # noqa: ARG002
        """(assets,) notional that can be liquidated in a second, quote; infinite where nothing bounds it."""
        return np.full(len(book.assets), np.inf)

    def funding_rate(self, book: Book, prices: Floats, state: VenueState) -> Floats:  # noqa: ARG002
        """(assets,) share of notional that longs pay in a second, below zero where shorts pay.

        Zero for families whose rate comes from a history of premiums, which no state here has.
        """
        return np.zeros(len(book.assets))

    def adl_score(self, book: Book, prices: Floats, state: VenueState) -> Floats:
        """(rows,) rank for deleveraging, the highest first: profit by cost, times leverage; 0 for who has no profit.

        A tie is broken by who calls.
        """
        profit = np.where(book.kind == Kind.PERPETUAL, book.size * (prices[book.asset] - book.entry), 0.0)
        cost = np.abs(book.size) * book.entry
        equity = np.maximum(self.equity(book, prices, state)[book.subaccount], 1e-18)
        leverage = np.abs(book.size) * prices[book.asset] / equity
        return np.where(profit > 0, profit / np.where(cost > 0, cost, 1.0) * leverage, 0.0)

    def describe(self) -> dict[str, Any]:
        """The family, its parameters as set, its source, and what it simplifies: plain values."""
        return {
            "family": self.family,
            "source": self.source,
            "assumes": list(self.assumes),
            "parameters": msgspec.to_builtins(self),
        }


class LinearRules(Rules, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Families that require of each row a rate of notional and a fixed amount: `rates_at` is all they add."""

    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.PERPETUAL})
    modes: ClassVar[frozenset[Mode]] = frozenset({Mode.ISOLATED, Mode.CROSS})
    by_market: ClassVar[tuple[str, ...]] = ()  # parameters that may differ by asset

    markets: dict[str, dict[str, float]] = {}  # an asset's own parameters

    def __post_init__(self) -> None:
        Rules.__post_init__(self)
        for asset, own in self.markets.items():
            for name in own:
                if name not in self.by_market:
                    raise Unsupported(f"{self.family}: markets.{asset[:80]}.{name[:80]} is not known")
            # The same ranges hold for a market's own parameters.
            if own:
                msgspec.structs.replace(self, markets={}, **own)

    def column(self, book: Book, name: str) -> Floats:
        """(assets,) of a parameter: each market's own, or the family's."""
        common = getattr(self, name)
        own = (parameters.of_asset(self.markets, asset) or {} for asset in book.assets)
        return np.array([each.get(name, common) for each in own], dtype=np.float64)

    @abstractmethod
    def rates_at(self, book: Book, price: Floats, state: VenueState) -> Rates:
        """What each row requires at a ``price`` (rows,) of its asset; nothing for collateral and debt.

        A price is at or below zero while an equation is being solved: there the rates of the smallest notional hold.
        """
        raise NotImplementedError

    def rates(self, book: Book, prices: Floats, state: VenueState) -> Rates:
        """What each row requires at ``prices``. Raises Unsupported as `admit` does."""
        self.admit(book)
        return self.rates_at(book, prices[book.asset], state)

    def weights(self, book: Book, state: VenueState) -> Floats:  # noqa: ARG002
        """(rows,) share of a row's value that counts in equity: below 1 a haircut, above 1 (debt) a surcharge."""
        return np.ones(book.rows)

    def charges(self, book: Book, state: VenueState) -> Floats:  # noqa: ARG002
        """(rows,) costs, whatever the price, that the rules take off equity, quote."""
        return np.zeros(book.rows)

    def equity(self, book: Book, prices: Floats, state: VenueState) -> Floats:
        """(subaccounts,) cash and the rows' values as far as they count, less charges."""
        counted = book.value(prices) * self.weights(book, state) - self.charges(book, state)
        return book.cash + book.summed(counted)

    def initial(self, book: Book, prices: Floats, state: VenueState) -> Floats:
        """(subaccounts,) sums of the rows'."""
        rates = self.rates(book, prices, state)
        return book.summed(rates.initial * np.abs(book.size) * prices[book.asset] + rates.initial_fixed)

    def maintenance(self, book: Book, prices: Floats, state: VenueState) -> Floats:
        """(subaccounts,) sums of the rows'."""
        rates = self.rates(book, prices, state)
        return book.summed(rates.maintenance * np.abs(book.size) * prices[book.asset] + rates.maintenance_fixed)

    def liquidation_price(self, book: Book, prices: Floats, state: VenueState) -> Floats:
        """(rows,) where equity is the maintenance margin; exact also where a tier changes in between."""
        self.admit(book)
        weight = self.weights(book, state)
        slope = book.slope() * weight
        entry = np.where(book.kind == Kind.PERPETUAL, book.entry, 0.0)

        def own(price: Floats) -> tuple[Floats, Floats]:
            rates = self.rates_at(book, price, state)
            needed = rates.maintenance * np.abs(book.size)
            return slope * (price - entry) - needed * price - rates.maintenance_fixed, slope - needed

        surplus = self.equity(book, prices, state) - self.maintenance(book, prices, state)
        return price_at_zero(book, prices, surplus, own)


def open_interest(book: Book, state: VenueState) -> Floats:
    """(assets,) of the whole venue, in units of the asset: the state's, or the book's where the state has none."""
    return _of_state(book, state.open_interest, "open interest") if len(state.open_interest) else book.open_interest


def skew(book: Book, state: VenueState) -> Floats:
    """(assets,) of the whole venue, in units of the asset: the state's, or the book's where the state has none."""
    return _of_state(book, state.skew, "skew") if len(state.skew) else book.skew


def _of_state(book: Book, column: Floats, what: str) -> Floats:
    if len(column) != len(book.assets):
        raise Malformed(f"the venue's {what} has {len(column)} assets, its book {len(book.assets)}")
    return column
