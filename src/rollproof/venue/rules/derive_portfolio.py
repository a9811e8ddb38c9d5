"""Derive (Lyra v2) portfolio margin, the second version of its risk manager: `derive-pm`."""

from __future__ import annotations

from typing import ClassVar

import msgspec
import numpy as np

from rollproof.errors import Malformed, Unsupported
from rollproof.venue import black76
from rollproof.venue.book import Book, Floats, Kind
from rollproof.venue.rules.derive_auction import auction_share
from rollproof.venue.rules.holding import HoldingRules, Holdings, Required
from rollproof.venue.rules.rules import Backstop, Liquidation
from rollproof.venue.rules.scenario import DAYS, Scenario, Skew, Volatility, deltas, grid, option_values, refuse_debt
from rollproof.venue.state import VenueState

_TAILS = (
    (-0.66, 0.21), (-0.33, 0.42), (0.5, 0.2772), (1.0, 0.1386), (2.0, 0.0693), (3.0, 0.0462), (4.0, 0.03465),
    (5.0, 0.02772),
)  # fmt: skip

SCENARIOS = (
    Scenario(0.18, 0.5),
    *grid((0.135, 0.09, 0.045, 0.0, -0.045, -0.09, -0.135), 0.5, -0.3),
    Scenario(-0.18, 0.5),
    *(Scenario(move, 0.5, weight) for move, weight in _TAILS),
    Scenario(0.0, skew=Skew.LINEAR),
    Scenario(0.0, skew=Skew.ABSOLUTE),
)


class SkewShock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How far a skew scenario raises or lowers a volatility, by log-moneyness."""

    linear_cap: float = 0.25
    absolute_cap: float = 0.25
    linear_slope: float = -0.1  # of the cap, by the square root of a year
    absolute_slope: float = -0.1
    narrowest: float = 0.01  # log-moneyness, at least, at which the cap is reached
    width: float = 4.0
    level: float = 0.6
    level_slope: float = 0.0

    def multiplier(self, moneyness: Floats, years: Floats, skew: Skew) -> Floats:
        """(options,) what a volatility is multiplied with; ``moneyness`` is log(strike / forward)."""
        root = np.sqrt(years)
        linear = skew is Skew.LINEAR
        cap = (self.linear_cap if linear else self.absolute_cap) + root * (
            self.linear_slope if linear else self.absolute_slope
        )
        reached = np.maximum(self.narrowest, root * self.width * (self.level + root * self.level_slope))
        tilt = (moneyness if linear else np.abs(moneyness)) * cap / reached
        bounded = np.where(moneyness * (1 if linear else np.sign(moneyness)) >= 0, np.minimum(cap, tilt), 0.0)
        bounded = np.where(linear & (moneyness < 0), np.maximum(-cap, tilt), bounded)
        return np.asarray(np.maximum(1 + bounded, 0.0))


class Haircut(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Share of a collateral's value that does not count."""

    maintenance: float
    initial: float  # on top of it


class DerivePortfolio(HoldingRules, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """PMRM 2: the worst of 33 scenarios or of the basis contingency, and contingencies for perpetuals and shorts."""

    family: ClassVar[str] = "derive-pm"
    source: ClassVar[str] = (
        "derivexyz/v2-core@42a4e48 src/risk-managers/PMRMLib_2.sol, scripts/config-mainnet.sol (getPMRM2Params)"
    )
    assumes: ClassVar[tuple[str, ...]] = (
        "spot, forward and perpetual prices of an asset are one price",
        "options are not discounted unless a rate is set",
        "every asset is a universe of its own: margins of a subaccount's assets add up, without offsets",
        "collateral offsets risk in its own asset only, where derivatives of it are held",
        "collateral haircuts are those of the repository's test portfolios; governance sets them by asset",
        "static discounts are taken as long 0.95, short 1.05: the script names them the other way round",
        "limits on open interest and on the number of assets are not modelled",
    )

    scenarios: tuple[Scenario, ...] = SCENARIOS
    volatility: Volatility = Volatility(floor_up=0.4)
    skew: SkewShock = SkewShock()
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
    short_initial: float = 0.002
    confidence_threshold: float = 0.55
    confidence_factor: float = 1.0
    long_discount: float = 0.95
    short_discount: float = 1.05
    long_rate_factor: float = 0.0  # of the interest rate, in the static discounts
    short_rate_factor: float = 0.0
    long_rate_add: float = 0.16
    short_rate_add: float = 0.16
    collateral: dict[str, Haircut] = msgspec.field(
        default_factory=lambda: {
            "BTC": Haircut(maintenance=0.02, initial=0.01),
            "ETH": Haircut(maintenance=0.15, initial=0.05),
            "USDT": Haircut(maintenance=0.02, initial=0.03),
        }
    )
    # What the feeds say now
    rate: float = 0.0  # interest, a year
    confidence: float = 1.0  # of the oracles
    stable_price: float = 1.0  # of the quote currency, USD
    buffer: float = 0.15  # what a liquidation restores above the maintenance margin, of the distance to value

    liquidation: Liquidation = Liquidation(penalty=0.05, keeper_share=1.0)
    backstop: Backstop = Backstop(fund_first=True, socialised=True)

    def __post_init__(self) -> None:
        """Raises Malformed for parameters that are no rule."""
        if not self.scenarios:
            raise Malformed("derive-pm: scenarios: at least one is needed")
        if not 0 < self.maintenance_factor <= self.initial_factor:
            raise Malformed("derive-pm: maintenance_factor: above 0 and at most initial_factor is needed")

    def profits(self, book: Book, prices: Floats, holdings: Holdings) -> Floats:
        """(scenarios, holdings) the weighted profit of every scenario, quote."""
        group, expiries, years = self._expiries(book, holdings)
        discount = np.exp(-self.rate * book.expiry)
        now = np.bincount(group, self._option_values(book, prices, Scenario(0.0)) * discount, len(expiries))
        of_expiry = expiries
        linear = self._offsetting(book, prices, holdings)
        out = np.empty((len(self.scenarios), len(holdings)))
        for index, scenario in enumerate(self.scenarios):
            values = self._option_values(book, prices, scenario) * discount
            moved = np.bincount(group, values, len(expiries))
            change = moved * self._static_discount(moved, years) - now
            if scenario.skew is not Skew.NONE:
                change = -np.abs(change)  # the smile may tilt either way in every expiry
            options = np.bincount(of_expiry, change, len(holdings))
            out[index] = scenario.weight * (linear * scenario.move + options)
        return out

    def required(self, book: Book, prices: Floats, holdings: Holdings) -> Required:
        """See the class. Raises Unsupported for a debt, and for collateral without a haircut."""
        refuse_debt(book, self.family)
        basis, maintenance, initial = self._contingencies(book, prices, holdings)
        worst = np.minimum(self.profits(book, prices, holdings).min(axis=0), basis)
        factor = self.initial_factor + max(0.0, self.peg_threshold - self.stable_price) * self.peg_factor
        return Required(-factor * worst + maintenance + initial, -self.maintenance_factor * worst + maintenance)

    def equity(self, book: Book, prices: Floats, state: VenueState) -> Floats:  # noqa: ARG002
        """(subaccounts,) with options discounted by ``rate``."""
        return book.cash + book.summed(self._values(book, prices))

    def liquidation_step(self, book: Book, prices: Floats, state: VenueState) -> Floats:
        """(rows,) the share that the first bidder of an auction may take: enough to restore the buffer margin."""
        equity = self.equity(book, prices, state)
        margin = equity - self.maintenance(book, prices, state)
        return auction_share(equity, margin, self.buffer, 1 - self.liquidation.penalty)[book.subaccount]

    def _values(self, book: Book, prices: Floats) -> Floats:
        discount = np.where(book.optional, np.exp(-self.rate * book.expiry), 1.0)
        return np.asarray(book.value(prices) * discount)

    def _option_values(self, book: Book, prices: Floats, scenario: Scenario) -> Floats:
        if scenario.skew is Skew.NONE:
            return option_values(book, prices, scenario, self.volatility)
        out = np.zeros(book.rows)
        chosen = book.optional
        forward, years = prices[book.asset[chosen]], book.expiry[chosen]
        tilt = self.skew.multiplier(np.log(book.strike[chosen] / forward), years, scenario.skew)
        volatility = book.volatility[chosen] * tilt
        call = book.kind[chosen] == Kind.CALL
        out[chosen] = book.size[chosen] * black76.value(forward, book.strike[chosen], volatility, years, call=call)
        return out
