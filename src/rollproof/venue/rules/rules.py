"""The one interface of margin rules, and what all families that are linear in prices have in common.

A family's parameters are the fields of its class, a frozen msgspec struct, so that a TOML file can set them; defaults
are a venue's published ones, with the source beside each. Everything is vectorised: (rows,) or (subaccounts,) of a
book, at prices (assets,), in the book's quote currency.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

import msgspec
import numpy as np

from rollproof.venue.book import Book, Floats, Kind
from rollproof.venue.state import VenueState


class AdlRank(StrEnum):
    """Who is deleveraged first."""

    PROFIT_LEVERAGE = "profit-leverage"  # highest return times leverage first
    RANDOM = "random"  # from a random start (dYdX)
    PRO_RATA = "pro-rata"  # everybody in proportion to their profit
    NONE = "none"  # no deleveraging


class AdlPrice(StrEnum):
    """What a deleveraged counterparty is closed at."""

    BANKRUPTCY = "bankruptcy"  # of the position that is closed against it
    MARK = "mark"


class Liquidation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a family liquidates."""

    penalty: float = 0.0  # of the notional closed, taken from the position as far as it goes
    keeper_share: float = 0.0  # of the penalty; the rest is the insurance fund's
    step: float = 1.0  # share of a position that one liquidation closes
    cooldown_seconds: float = 0.0  # between two liquidations of a subaccount
    grace_seconds: float = 0.0  # after a sequencer outage nobody is liquidated so long
    withdrawal_lock_seconds: float = 0.0  # after an outage nobody withdraws so long
    fund_must_cover: bool = False  # a liquidation whose bad debt the fund cannot pay reverts


class Backstop(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who pays what a bankrupt subaccount cannot: the insurance fund first, then counterparties, then everybody."""

    fund_first: bool = True
    adl_rank: AdlRank = AdlRank.NONE
    adl_price: AdlPrice = AdlPrice.BANKRUPTCY
    socialised: bool = False  # the rest is shared by all open interest; where not, liquidity providers bear it


@dataclass(frozen=True, slots=True, eq=False)
class Rates:
    """(rows,) what a row requires: a rate of its notional at the prices asked about, and a fixed amount of quote.

    Exact at those prices; away from them as long as no tier changes.
    """

    initial: Floats
    initial_fixed: Floats
    maintenance: Floats
    maintenance_fixed: Floats


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One family's rules with their parameters set."""

    family: ClassVar[str] = ""
    source: ClassVar[str] = ""  # where the rules and defaults were read
    assumes: ClassVar[tuple[str, ...]] = ()  # what is simplified, one line each

    liquidation: Liquidation = Liquidation()
    backstop: Backstop = Backstop()

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

        NaN where no price above zero does it, and for options.
        """
        return _solved(book, prices, book.equity(prices), book.summed_slope())

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


class LinearRules(Rules, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Families whose requirement is, for each row, a rate of notional and a fixed amount: `rates` is all they add."""

    @abstractmethod
    def rates(self, book: Book, prices: Floats, state: VenueState) -> Rates:
        """What each row requires at ``prices``; zeros for collateral."""
        raise NotImplementedError

    def initial(self, book: Book, prices: Floats, state: VenueState) -> Floats:
        """(subaccounts,) sums of the rows'."""
        rates = self.rates(book, prices, state)
        return book.summed(rates.initial * np.abs(book.size) * prices[book.asset] + rates.initial_fixed)

    def maintenance(self, book: Book, prices: Floats, state: VenueState) -> Floats:
        """(subaccounts,) sums of the rows'."""
        rates = self.rates(book, prices, state)
        return book.summed(rates.maintenance * np.abs(book.size) * prices[book.asset] + rates.maintenance_fixed)

    def liquidation_price(self, book: Book, prices: Floats, state: VenueState) -> Floats:
        """(rows,) from the rates at ``prices``: exact as long as no tier changes in between."""
        rates = self.rates(book, prices, state)
        needed = rates.maintenance * np.abs(book.size)
        surplus = self.equity(book, prices, state) - self.maintenance(book, prices, state)
        return _solved(book, prices, surplus, book.summed_slope(needed))


def _solved(book: Book, prices: Floats, surplus: Floats, slope: Floats) -> Floats:
    """(rows,) where each subaccount's surplus is nothing, moving in the row's asset by (rows,) ``slope``."""
    with np.errstate(divide="ignore", invalid="ignore"):
        price = prices[book.asset] - surplus[book.subaccount] / slope
    return np.where((slope != 0) & (price > 0) & (book.kind != Kind.COLLATERAL) & ~book.optional, price, np.nan)
