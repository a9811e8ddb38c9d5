"""dYdX v4: initial margin that grows with open interest, bankruptcy and fillable prices, limits per block.

dydxprotocol/v4-chain@84d4664: protocol/x/perpetuals/types/liquidity_tier.go, protocol/x/clob/keeper/liquidations.go,
deleveraging.go, protocol/x/subaccounts/types/update.go; defaults from protocol/testing/genesis.sh (Large-Cap tier) and
protocol/x/clob/flags/flags.go.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from rollproof.venue.book import Book, Floats
from rollproof.venue.rules import parameters
from rollproof.venue.rules.rules import AdlPrice, AdlRank, Backstop, LinearRules, Liquidation, Rates, open_interest
from rollproof.venue.state import VenueState


class Dydx(LinearRules, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """dYdX v4. Money in USDC."""

    family: ClassVar[str] = "dydx"
    source: ClassVar[str] = "dydxprotocol/v4-chain@84d4664, defaults of protocol/testing/genesis.sh, Large-Cap"
    assumes: ClassVar[tuple[str, ...]] = (
        "one liquidity tier for all markets unless `markets` says otherwise",
        "the limits of a block are those of all subaccounts together, the same for each market",
        "funding follows premium votes, which no state here has: its rate is 0",
    )
    by_market: ClassVar[tuple[str, ...]] = (
        "initial_fraction", "maintenance_share", "open_interest_lower", "open_interest_upper"
    )  # fmt: skip

    initial_fraction: float = 0.02  # IMF of the tier
    maintenance_share: float = 0.6  # of the base IMF
    open_interest_lower: float = 0.0  # quote: above it the IMF grows; with an upper cap of 0 it never does
    open_interest_upper: float = 0.0  # quote: here it is 1
    bankruptcy_adjustment: float = 1.0  # BA
    spread_to_maintenance: float = 1.5  # SMMR: a liquidation's widest spread, in maintenance margins
    max_fee: float = 0.015  # of a liquidation's quote, to the insurance fund
    block_seconds: float = 1.0
    max_share_per_block: float = 0.1  # of a position
    min_notional_per_block: float = 1_000.0  # quote: so much of a position in any case
    max_notional_per_block: float = 100_000.0  # quote, of a subaccount
    max_insurance_per_block: float = 1_000_000.0  # quote that a subaccount's liquidations may cost the fund
    liquidations_per_block: int = 50
    deleveragings_per_block: int = 10
    lock_after_seconds: float = 300.0  # an outage so long locks withdrawals for `liquidation.withdrawal_lock_seconds`

    liquidation: Liquidation = Liquidation(
        penalty=0.015,  # max_fee, all of it the insurance fund's
        penalty_capped=True,  # at what is left to the bankruptcy price of the part that is closed
        step=0.1,
        cooldown_seconds=1.0,  # a block
        withdrawal_lock_seconds=50.0,  # 50 blocks
    )
    backstop: Backstop = Backstop(adl_rank=AdlRank.RANDOM, adl_price=AdlPrice.BANKRUPTCY)

    def __post_init__(self) -> None:
        LinearRules.__post_init__(self)
        parameters.shares(self, "initial_fraction", "maintenance_share", "max_fee", "max_share_per_block")
        parameters.above_zero(self, "block_seconds", "max_share_per_block", "initial_fraction")
        parameters.at_least_zero(
            self, "open_interest_lower", "open_interest_upper", "bankruptcy_adjustment", "spread_to_maintenance",
            "min_notional_per_block", "max_notional_per_block", "max_insurance_per_block", "liquidations_per_block",
            "deleveragings_per_block", "lock_after_seconds",
        )  # fmt: skip
        if self.open_interest_upper:
            parameters.at_most(self, "open_interest_lower", "open_interest_upper")

    def initial_fraction_at(self, book: Book, price: Floats, state: VenueState) -> Floats:
        """(rows,) IMF scaled with open interest at a price (rows,): the base up to the lower cap, 1 from the upper."""
        base = self.column(book, "initial_fraction")[book.asset]
        lower = self.column(book, "open_interest_lower")[book.asset]
        upper = self.column(book, "open_interest_upper")[book.asset]
        notional = open_interest(book, state)[book.asset] * np.maximum(price, 0.0)
        width = np.where(upper > lower, upper - lower, 1.0)
        grown = base + np.clip((notional - lower) / width, 0.0, 1.0) * (1 - base)
        scaled = np.where(notional >= upper, 1.0, np.where(notional <= lower, base, grown))
        return np.where(upper > 0, scaled, base)

    def rates_at(self, book: Book, price: Floats, state: VenueState) -> Rates:
        base = self.column(book, "initial_fraction") * self.column(book, "maintenance_share")
        none = np.zeros(book.rows)
        return Rates.of_perpetuals(book, self.initial_fraction_at(book, price, state), base[book.asset], none, none)

    def closing_price(self, book: Book, prices: Floats, state: VenueState) -> Floats:
        """(rows,) bankruptcy price of a row alone: what it must be closed at for its share of equity to be used up.

        The subaccount's equity is shared among its rows by maintenance margin (GetBankruptcyPriceInQuoteQuantums):
        with one position it is `bankruptcy_price`. May be below zero. NaN where nothing is required.
        """
        own, total = self._requirements(book, prices, state)
        equity = self.equity(book, prices, state)[book.subaccount]
        with np.errstate(divide="ignore", invalid="ignore"):
            return prices[book.asset] - equity * own / total / book.size

    def fillable_price(self, book: Book, prices: Floats, state: VenueState) -> Floats:
        """(rows,) limit price of a liquidation order: the oracle's, less a spread that grows as equity shrinks.

        (PNNV - ABR x SMMR x PMMR) / PS with ABR = clamp(BA x (1 - TNC / TMMR), 0, 1).
        """
        own, total = self._requirements(book, prices, state)
        equity = self.equity(book, prices, state)[book.subaccount]
        with np.errstate(divide="ignore", invalid="ignore"):
            rating = np.clip(self.bankruptcy_adjustment * (1 - equity / total), 0.0, 1.0)
            return prices[book.asset] - rating * self.spread_to_maintenance * own / book.size

    def insurance_delta(self, filled: Floats, bankruptcy: Floats, size: Floats) -> Floats:
        """Quote that closing ``size`` (signed, of the position) at ``filled`` gives the insurance fund, or takes.

        What is above the bankruptcy price is its fee, up to `max_fee` of the fill; what is below it is its loss.
        """
        delta = size * (filled - bankruptcy)
        return np.where(delta > 0, np.minimum(delta, self.max_fee * np.abs(size) * filled), delta)

    def withdrawal_lock(self, outage_seconds: float) -> float:
        """Seconds after an outage for which nobody withdraws or transfers."""
        return self.liquidation.withdrawal_lock_seconds if outage_seconds >= self.lock_after_seconds else 0.0

    def liquidation_step(self, book: Book, prices: Floats, state: VenueState) -> Floats:  # noqa: ARG002
        """(rows,) share of a position that one block may close."""
        notional = np.maximum(np.abs(book.size) * prices[book.asset], 1e-300)
        wanted = np.maximum(self.max_share_per_block, self.min_notional_per_block / notional)
        return np.minimum(np.minimum(wanted, self.max_notional_per_block / notional), 1.0)

    def throughput(self, book: Book, prices: Floats, state: VenueState) -> Floats:  # noqa: ARG002
        """(assets,) quote a second: so many attempts in a block, each with a subaccount's limit."""
        rate = self.liquidations_per_block * self.max_notional_per_block / self.block_seconds
        return np.full(len(book.assets), rate)

    def _requirements(self, book: Book, prices: Floats, state: VenueState) -> tuple[Floats, Floats]:
        own = self.rates(book, prices, state).maintenance * np.abs(book.size) * prices[book.asset]
        return own, book.summed(own)[book.subaccount]
