"""Paradex portfolio margin: the worst of 24 scans or a share of the delta, and provisions for funding and fees."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from rollproof.errors import Malformed
from rollproof.venue.book import Book, Floats, Kind
from rollproof.venue.rules import parameters
from rollproof.venue.rules.holding import HoldingRules, Holdings, Required
from rollproof.venue.rules.rules import AdlRank, Backstop, Liquidation
from rollproof.venue.rules.scenario import Scenario, Volatility, deltas, option_profits

_UP, _DOWN = 0.4, -0.22
_FAR = ((-0.66, 0.18), (-0.33, 0.36), (0.5, 0.24), (1.0, 0.12), (2.0, 0.06), (3.0, 0.04), (4.0, 0.03), (5.0, 0.024))

SCENARIOS = (
    Scenario(0.16, _UP),
    *(Scenario(step * 0.04, change) for step in (3, 2, 1, 0, -1, -2, -3) for change in (_UP, _DOWN)),
    Scenario(-0.16, _UP),
    *(Scenario(move, _UP, weight) for move, weight in _FAR),
)


class Paradex(HoldingRules, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Initial: the larger of scan risk and minimum delta, and provisions; maintenance: a share of the first."""

    family: ClassVar[str] = "paradex"
    source: ClassVar[str] = (
        "docs.paradex.trade/risk/portfolio-margin; parameters: the exchange's portfolio-margin-config for BTC of "
        "2026-04-22 as recorded in tradeparadex/paradex-py"
    )
    assumes: ClassVar[tuple[str, ...]] = (
        "spot, forward and perpetual prices of an asset are one price; no interest",
        "no open orders, and no decay of options in their last half hour",
        "the scenarios of BTC for every asset, each margined by itself",
        "collateral other than the quote currency lends no margin",
        "no funding and no fees are expected unless the rates are set",
    )
    kinds: ClassVar[frozenset[Kind]] = frozenset(Kind) - {Kind.DEBT}

    scenarios: tuple[Scenario, ...] = SCENARIOS
    volatility: Volatility = Volatility(floor_up=0.4)
    hedged: float = 0.01  # of the delta that longs and shorts cover each other with
    unhedged: float = 0.02  # of the net delta
    maintenance_factor: float = 0.5
    funding_rate_8h: float = 0.0  # share of notional that longs pay in the next 8 hours; below 0: shorts pay
    fee_rate: float = 0.0  # share of notional to close a perpetual, or of the spot price to close an option
    option_fee_cap: float = 0.125  # of the option's value

    liquidation: Liquidation = Liquidation()
    backstop: Backstop = Backstop(adl_rank=AdlRank.PROFIT_LEVERAGE, socialised=True)

    def __post_init__(self) -> None:
        HoldingRules.__post_init__(self)
        if not self.scenarios:
            raise Malformed("paradex: scenarios are none, but have to be at least one")
        parameters.shares(self, "hedged", "unhedged", "maintenance_factor", "fee_rate", "option_fee_cap")
        parameters.above_zero(self, "maintenance_factor")
        parameters.at_most(self, "hedged", "unhedged")

    def profits(self, book: Book, prices: Floats, holdings: Holdings) -> Floats:
        """(scenarios, holdings) the weighted profit of each scenario, quote."""
        linear = holdings.summed(np.where(book.kind == Kind.PERPETUAL, book.size * prices[book.asset], 0.0))
        moves = np.array([each.move for each in self.scenarios])[:, None]
        weights = np.array([each.weight for each in self.scenarios])[:, None]
        options = option_profits(book, prices, self.scenarios, self.volatility, holdings)
        return np.asarray(weights * (moves * linear + options))

    def minimum_delta(self, book: Book, prices: Floats, holdings: Holdings) -> Floats:
        """(holdings,) margin of the delta, quote: by half the smaller side that hedges, and by the net."""
        delta = np.where(book.kind == Kind.COLLATERAL, 0.0, deltas(book, prices))
        net, gross = np.abs(holdings.summed(delta)), holdings.summed(np.abs(delta))
        return np.asarray((self.unhedged * net + self.hedged * (gross - net) / 2) * prices[holdings.asset])

    def required(self, book: Book, prices: Floats, holdings: Holdings) -> Required:
        """The class says what."""
        price = prices[book.asset]
        scan = np.maximum(-self.profits(book, prices, holdings).min(axis=0), 0.0)
        net = np.maximum(scan, self.minimum_delta(book, prices, holdings))
        perpetual = book.kind == Kind.PERPETUAL
        funding = holdings.summed(np.where(perpetual, self.funding_rate_8h * book.size * price, 0.0))
        notional = np.abs(book.size) * price
        option_fee = np.minimum(self.fee_rate * notional, self.option_fee_cap * np.abs(book.value(prices)))
        fees = np.where(book.optional, option_fee, np.where(perpetual, self.fee_rate * notional, 0.0))
        held = np.where(book.kind == Kind.COLLATERAL, notional, 0.0)
        fixed = np.maximum(funding, 0.0) + holdings.summed(fees + held)
        return Required(net + fixed, self.maintenance_factor * net + fixed)
