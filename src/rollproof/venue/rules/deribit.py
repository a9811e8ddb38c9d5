"""Deribit portfolio margin: a grid of price and volatility moves, a table of extreme ones, and a roll shock."""

from __future__ import annotations

from typing import ClassVar

import msgspec
import numpy as np

from rollproof.errors import Malformed
from rollproof.venue.book import Book, Floats, Kind
from rollproof.venue.rules import parameters
from rollproof.venue.rules.holding import HoldingRules, Holdings, Required
from rollproof.venue.rules.rules import AdlPrice, AdlRank, Backstop, Liquidation
from rollproof.venue.rules.scenario import Scenario, Volatility, deltas, grid, haircuts, option_profits


class Deribit(HoldingRules, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The worst of the risk matrix and the roll shock; the maintenance margin is a share of that."""

    family: ClassVar[str] = "deribit"
    source: ClassVar[str] = (
        "docs.deribit.com private/pme/simulate (model_params of the BTC example), "
        "support.deribit.com/hc/en-us/articles/25944756247837-Portfolio-Margin"
    )
    assumes: ClassVar[tuple[str, ...]] = (
        "linear contracts in the book's currency; Deribit's inverse contracts lose the same, paid in the coin",
        "spot, forward and futures prices of an asset are one price",
        "segregated portfolio margin: no offsets between assets",
        "the extended table's dampener is an amount for each time the move goes beyond the range, at most the profit",
        "the delta shock of positions above the liquidity threshold is not modelled",
        "the roll shock of an expiry is its delta times the larger of a share of the time left and a least move",
    )
    kinds: ClassVar[frozenset[Kind]] = frozenset(Kind) - {Kind.DEBT}

    price_range: float = 0.16
    buckets: int = 4  # on each side of no move
    volatility_up: float = 0.5
    volatility_down: float = 0.25
    volatility: Volatility = Volatility(floor_up=0.5)
    extended: tuple[float, ...] = (-0.66, -0.33, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0)
    extended_factor: float = 1.0
    dampener: float = 100_000.0  # quote
    annual_roll: float = 0.075  # of an expiry's delta, a year
    least_roll: float = 0.01
    maintenance_factor: float = 0.8
    collateral_haircut: dict[str, float] = msgspec.field(default_factory=lambda: {"BTC": 0.0, "ETH": 0.0})

    liquidation: Liquidation = Liquidation()
    backstop: Backstop = Backstop(adl_rank=AdlRank.PROFIT_LEVERAGE, adl_price=AdlPrice.BANKRUPTCY, socialised=True)

    def __post_init__(self) -> None:
        HoldingRules.__post_init__(self)
        parameters.shares(self, "price_range", "volatility_down", "maintenance_factor")
        parameters.at_least_zero(
            self, "volatility_up", "extended_factor", "dampener", "annual_roll", "least_roll", "buckets"
        )
        parameters.above_zero(self, "price_range", "maintenance_factor")
        if self.buckets > 1000 or len(self.extended) > 1000 or not all(-1 < move < 1e6 for move in self.extended):
            raise Malformed("deribit: at most 1000 buckets and extended moves, each of those above -1, are margined")

    @property
    def matrix(self) -> tuple[Scenario, ...]:
        """Every bucket of the price range with the volatility up, the same and down, from the lowest price."""
        steps = range(-self.buckets, self.buckets + 1)
        moves = tuple(self.price_range * step / max(self.buckets, 1) for step in steps)
        return grid(moves, self.volatility_up, -self.volatility_down)

    def profits(self, book: Book, prices: Floats, holdings: Holdings) -> Floats:
        """(scenarios, holdings) of the matrix and then the extended table, dampened, quote.

        In the extended table futures and perpetuals move by the price range at most: it is meant for options.
        """
        linear = holdings.summed(np.where(book.kind == Kind.PERPETUAL, book.size * prices[book.asset], 0.0))
        far = tuple(Scenario(move, self.volatility_up) for move in self.extended)
        options = option_profits(book, prices, self.matrix + far, self.volatility, holdings)
        moves = np.array([each.move for each in self.matrix] + list(self.extended))[:, None]
        out = options + np.clip(moves, -self.price_range, self.price_range) * linear
        table = out[len(self.matrix) :] * self.extended_factor
        beyond = np.maximum(np.abs(moves[len(self.matrix) :]) / self.price_range - 1, 0.0)
        out[len(self.matrix) :] = np.sign(table) * np.maximum(np.abs(table) - beyond * self.dampener, 0.0)
        return np.asarray(out)

    def roll_shock(self, book: Book, prices: Floats, holdings: Holdings) -> Floats:
        """(holdings,) margin for expiries moving apart, quote; perpetuals are an expiry without time left."""
        counted = book.kind <= Kind.PUT
        years = np.where(book.optional, book.expiry, 0.0)
        keys = np.stack((holdings.of_row[counted].astype(np.float64), years[counted]), axis=1)
        expiries, which = np.unique(keys, axis=0, return_inverse=True)
        holding = expiries[:, 0].astype(np.int64)
        delta = np.abs(np.bincount(which.reshape(-1), deltas(book, prices)[counted], len(expiries)))
        shock = delta * np.maximum(self.annual_roll * expiries[:, 1], self.least_roll)
        return np.asarray(np.bincount(holding, shock, len(holdings)) * prices[holdings.asset])

    def required(self, book: Book, prices: Floats, holdings: Holdings) -> Required:
        """The class says what. Raises Unsupported for collateral that has no haircut."""
        worst = np.maximum(-self.profits(book, prices, holdings).min(axis=0), 0.0)
        matrix = worst + self.roll_shock(book, prices, holdings)
        held = haircuts(book, self.collateral_haircut, self.family) * np.abs(book.size) * prices[book.asset]
        return Required(matrix + holdings.summed(held), self.maintenance_factor * matrix + holdings.summed(held))
