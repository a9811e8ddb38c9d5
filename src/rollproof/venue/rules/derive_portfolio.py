"""Derive (Lyra v2) portfolio margin, the second version of its risk manager: `derive-pm`."""

from __future__ import annotations

from typing import ClassVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from rollproof.errors import Malformed
from rollproof.venue import black76
from rollproof.venue.book import Book, Floats, Kind
from rollproof.venue.rules import parameters
from rollproof.venue.rules.derive_auction import auction_share
from rollproof.venue.rules.derive_shocks import SCENARIOS, Haircut, SkewShock, StaticDiscount
from rollproof.venue.rules.expiry import Expiries
from rollproof.venue.rules.holding import HoldingRules, Holdings, Required
from rollproof.venue.rules.rules import Backstop, Liquidation
from rollproof.venue.rules.scenario import Scenario, Skew, Volatility, haircuts, option_sums
from rollproof.venue.state import VenueState


class DerivePortfolio(HoldingRules, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """PMRM 2: the worst of 33 scenarios or of the basis contingency, and contingencies for perpetuals and shorts."""

    family: ClassVar[str] = "derive-pm"
    source: ClassVar[str] = (
        "derivexyz/v2-core src/risk-managers/PMRMLib_2.sol@1d0d7d9, scripts/config-mainnet.sol@42a4e48 (getPMRM2Params)"
    )
    assumes: ClassVar[tuple[str, ...]] = (
        "spot, forward and perpetual prices of an asset are one price",
        "one interest rate for all expiries; 0 (options undiscounted, as in the book) unless it is set",
        "every asset is a universe of its own: the margins of a subaccount's assets add up, without offsets",
        "collateral offsets risk in its own asset only, and only where derivatives of it are held",
        "collateral haircuts are those of the repository's test portfolios; governance sets them by asset",
        "static discounts are 0.95 for longs and 1.05 for shorts, as in the test portfolios: the script swaps them",
        "limits on open interest and on the number of assets are not modelled",
    )

    kinds: ClassVar[frozenset[Kind]] = frozenset(Kind) - {Kind.DEBT}

    scenarios: tuple[Scenario, ...] = SCENARIOS
    volatility: Volatility = Volatility(floor_up=0.4)
    skew: SkewShock = SkewShock()
    static_discount: StaticDiscount = StaticDiscount()
    initial_factor: float = 1.0
    maintenance_factor: float = 0.8
    peg_threshold: float = 0.99
    peg_factor: float = 4.0
    basis_move: float = 0.045
    basis_add: float = 0.5
    basis_multiple: float = 2.0  # by a year to expiry
    perpetual_maintenance: float = 0.03
    perpetual_initial: float = 0.01  # on top of it
    short_maintenance: float = 0.003  # of the spot price, for each net short option of a strike
    short_initial: float = 0.002  # on top of it
    confidence_threshold: float = 0.55
    confidence_factor: float = 1.0
    collateral: dict[str, Haircut] = msgspec.field(
        default_factory=lambda: {
            "BTC": Haircut(maintenance=0.02, initial=0.01),
            "ETH": Haircut(maintenance=0.15, initial=0.05),
            "USDT": Haircut(maintenance=0.02, initial=0.03),
        }
    )
    buffer: float = 0.15  # a liquidation restores the maintenance margin and this share of its distance to the value
    # What the feeds say now:
    rate: float = 0.0  # of interest, a year
    confidence: float = 1.0  # of the oracles, 0 to 1
    stable_price: float = 1.0  # of the quote currency, USD

    liquidation: Liquidation = Liquidation(penalty=0.05, keeper_share=1.0)
    backstop: Backstop = Backstop(fund_first=True, socialised=True)

    def __post_init__(self) -> None:
        HoldingRules.__post_init__(self)
        if not self.scenarios:
            raise Malformed("derive-pm: scenarios are none, but have to be at least one")
        parameters.above_zero(self, "maintenance_factor", "stable_price")
        parameters.at_most(self, "maintenance_factor", "initial_factor")
        parameters.shares(self, "confidence", "confidence_threshold", "buffer", "basis_move")
        parameters.at_least_zero(
            self, "peg_factor", "basis_add", "basis_multiple", "perpetual_maintenance", "perpetual_initial",
            "short_maintenance", "short_initial", "confidence_factor",
        )  # fmt: skip

    def required(self, book: Book, prices: Floats, holdings: Holdings) -> Required:
        """The class says what. Raises Unsupported for collateral that has no haircut."""
        worst = np.minimum(self.profits(book, prices, holdings).min(axis=0), self.basis(book, prices, holdings))
        maintenance, initial = self._contingencies(book, prices, holdings)
        factor = self.initial_factor + max(0.0, self.peg_threshold - self.stable_price) * self.peg_factor
        return Required(-factor * worst + maintenance + initial, -self.maintenance_factor * worst + maintenance)

    def profits(self, book: Book, prices: Floats, holdings: Holdings) -> Floats:
        """(scenarios, holdings) the weighted profit of each scenario, quote."""
        expiries = Expiries.of(book, holdings)
        discount = np.exp(-self.rate * expiries.years)
        now = expiries.summed(book.value(prices)) * discount
        moved = self._moved(book, prices, expiries) * discount
        change = moved * self.static_discount.factor(moved, expiries.years, self.rate) - now
        skewed = np.array([[each.skew is not Skew.NONE] for each in self.scenarios])
        change = np.where(skewed, -np.abs(change), change)  # in each expiry the smile may tilt either way
        moves, weights = (np.array([[getattr(each, name)] for each in self.scenarios]) for name in ("move", "weight"))
        options = _summed(change, expiries.holding, len(holdings))
        return np.asarray(weights * (moves * self._offsetting(book, prices, holdings) + options))

    def basis(self, book: Book, prices: Floats, holdings: Holdings) -> Floats:
        """(holdings,) the basis contingency, quote, at most 0: each expiry's loss in a small move, with longer more."""
        expiries = Expiries.of(book, holdings)
        moves = (Scenario(0.0), Scenario(self.basis_move), Scenario(-self.basis_move))
        values = option_sums(book, prices, moves, self.volatility, expiries.of_row, len(expiries))
        change = (values[1:] - values[0]) * np.exp(-self.rate * expiries.years)
        worst = np.minimum(change.min(axis=0), 0.0) * (self.basis_add + self.basis_multiple * expiries.years)
        return np.bincount(expiries.holding, worst, len(holdings)).astype(np.float64)

    def worth(self, book: Book, prices: Floats) -> Floats:
        """(rows,) with options discounted at ``rate``."""
        return np.asarray(book.value(prices) * np.where(book.optional, np.exp(-self.rate * book.expiry), 1.0))

    def liquidation_step(self, book: Book, prices: Floats, state: VenueState) -> Floats:
        """(rows,) the share that an auction's first bidder may take."""
        equity = self.equity(book, prices, state)
        margin = equity - self.maintenance(book, prices, state)
        return auction_share(equity, margin, self.buffer, 1 - self.liquidation.penalty)[book.subaccount]

    def _moved(self, book: Book, prices: Floats, expiries: Expiries) -> Floats:
        """(scenarios, expiries) values of the options, undiscounted."""
        out = option_sums(book, prices, self.scenarios, self.volatility, expiries.of_row, len(expiries))
        rows = expiries.rows
        price, strike, years = prices[book.asset[rows]], book.strike[rows], book.expiry[rows]
        call, moneyness = book.kind[rows] == Kind.CALL, np.log(strike / price)
        for index, each in enumerate(self.scenarios):
            if each.skew is not Skew.NONE:
                volatility = book.volatility[rows] * self.skew.multiplier(moneyness, years, each.skew)
                value = book.size[rows] * black76.value(price, strike, volatility, years, call=call)
                out[index] = np.bincount(expiries.of_row, value, len(expiries))
        return out

    def _offsetting(self, book: Book, prices: Floats, holdings: Holdings) -> Floats:
        """(holdings,) what moves with the price, quote: perpetuals, and collateral where there are derivatives."""
        value = book.slope() * prices[book.asset]
        held = book.kind == Kind.COLLATERAL
        derivatives = holdings.summed(np.asarray(~held, dtype=np.float64)) > 0
        return holdings.summed(np.where(held & ~derivatives[holdings.of_row], 0.0, value))

    def _contingencies(self, book: Book, prices: Floats, holdings: Holdings) -> tuple[Floats, Floats]:
        """(holdings,) of the maintenance margin, and what the initial margin has on top of it."""
        notional = np.abs(book.size) * prices[book.asset]
        perpetual = np.where(book.kind == Kind.PERPETUAL, notional, 0.0)
        first = {name: each.maintenance for name, each in self.collateral.items()}
        second = {name: each.initial for name, each in self.collateral.items()}
        expiries = Expiries.of(book, holdings)
        naked = np.bincount(expiries.holding, expiries.naked_shorts(book), len(holdings)) * prices[holdings.asset]
        doubt = (1 - self.confidence) * self.confidence_factor if self.confidence < self.confidence_threshold else 0.0
        maintenance = self.perpetual_maintenance * perpetual + haircuts(book, first, self.family) * notional
        initial = self.perpetual_initial * perpetual + haircuts(book, second, self.family) * notional + doubt * notional
        return (
            holdings.summed(maintenance) + self.short_maintenance * naked,
            holdings.summed(initial) + self.short_initial * naked,
        )


def _summed(column: Floats, group: NDArray[np.int64], count: int) -> Floats:
    """(scenarios, count) sums of a (scenarios, expiries) column."""
    places = group + count * np.arange(len(column))[:, None]
    sums = np.bincount(places.ravel(), column.ravel(), count * len(column))
    return sums.astype(np.float64).reshape(len(column), count)
