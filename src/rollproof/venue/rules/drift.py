"""Drift v2: margin ratios that grow with the root of a position's size, and a liquidation that ramps up.

drift-labs/protocol-v2@0ae3e3b, programs/drift/src: math/margin.rs, math/liquidation.rs, state/perp_market.rs; the
liquidation parameters are those of its tests (buffer 2 %, initial share 10 %, 150 slots).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from rollproof.venue.book import Book, Floats, Kind
from rollproof.venue.rules import parameters
from rollproof.venue.rules.rules import Backstop, LinearRules, Liquidation, Rates, open_interest, skew
from rollproof.venue.state import VenueState


class Drift(LinearRules, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Drift v2. Money in USDC."""

    family: ClassVar[str] = "drift"
    source: ClassVar[str] = "drift-labs/protocol-v2@0ae3e3b, programs/drift/src/math"
    assumes: ClassVar[tuple[str, ...]] = (
        "weights of collateral and debt are those of maintenance, also for initial margin, and do not depend on size",
        "no open orders, and unrealised profit counts in full",
        "ratios, weights and imf_factor are illustrative: each market has its own",
        "funding follows averages of mark and oracle prices, which no state here has: its rate is 0",
    )
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.PERPETUAL, Kind.COLLATERAL, Kind.DEBT})
    by_market: ClassVar[tuple[str, ...]] = (
        "initial_ratio", "maintenance_ratio", "imf_factor", "asset_weight", "liability_weight", "liquidator_fee",
        "insurance_fee",
    )  # fmt: skip

    initial_ratio: float = 0.1
    maintenance_ratio: float = 0.05
    imf_factor: float = 0.00045  # by the root of the size in units
    asset_weight: float = 0.9  # of a spot deposit other than USDC
    liability_weight: float = 1.1  # of a borrow
    buffer: float = 0.02  # of notional: a liquidation goes on until this is there beyond the maintenance margin
    liquidator_fee: float = 0.01
    insurance_fee: float = 0.0
    initial_share: float = 0.1  # of the shortage that is freed at once
    ramp_slots: int = 150  # until all of it may be
    slot_seconds: float = 0.4
    whole_below: float = 50.0  # quote: a smaller shortage is freed at once
    fee_grace_slots: int = 1_500  # then the liquidator's fee grows
    fee_step: float = 1e-6  # a slot
    fee_multiplier: float = 3.0  # highest fee by the lowest, where the maintenance ratio allows it

    liquidation: Liquidation = Liquidation(penalty=0.01, keeper_share=1.0)
    backstop: Backstop = Backstop(socialised=True)

    def __post_init__(self) -> None:
        LinearRules.__post_init__(self)
        parameters.shares(
            self, "initial_ratio", "maintenance_ratio", "asset_weight", "buffer", "liquidator_fee", "insurance_fee",
            "initial_share", "fee_step",
        )  # fmt: skip
        parameters.at_most(self, "maintenance_ratio", "initial_ratio")
        parameters.at_least_zero(self, "imf_factor", "liability_weight", "whole_below", "fee_grace_slots")
        parameters.above_zero(self, "ramp_slots", "slot_seconds", "fee_multiplier")

    def ratio(self, book: Book, base: Floats) -> Floats:
        """(rows,) of a size-dependent ratio with a (rows,) base: max(w, 0.8 w + imf x sqrt(size))."""
        grown = 0.8 * base + self.column(book, "imf_factor")[book.asset] * np.sqrt(np.abs(book.size))
        return np.where(self.column(book, "imf_factor")[book.asset] > 0, np.maximum(base, grown), base)

    def rates_at(self, book: Book, price: Floats, state: VenueState) -> Rates:  # noqa: ARG002
        initial, maintenance = (self.column(book, name)[book.asset] for name in ("initial_ratio", "maintenance_ratio"))
        none = np.zeros(book.rows)
        return Rates.of_perpetuals(book, self.ratio(book, initial), self.ratio(book, maintenance), none, none)

    def fill_margin(self, book: Book, prices: Floats) -> Floats:
        """(subaccounts,) margin that an order needs to be filled: of the mean of both ratios, quote."""
        initial, maintenance = (self.column(book, name)[book.asset] for name in ("initial_ratio", "maintenance_ratio"))
        ratio = np.where(book.kind == Kind.PERPETUAL, self.ratio(book, (initial + maintenance) / 2), 0.0)
        return book.summed(ratio * np.abs(book.size) * prices[book.asset])

    def weights(self, book: Book, state: VenueState) -> Floats:  # noqa: ARG002
        """(rows,) asset weight of deposits, liability weight of borrows."""
        asset, liability = (self.column(book, name)[book.asset] for name in ("asset_weight", "liability_weight"))
        return np.where(book.kind == Kind.COLLATERAL, asset, np.where(book.kind == Kind.DEBT, liability, 1.0))

    def shortage(self, book: Book, prices: Floats, state: VenueState) -> Floats:
        """(subaccounts,) margin that a liquidation has to free, the buffer with it, quote; 0 where nothing is short."""
        traded = book.kind == Kind.PERPETUAL
        notional = book.summed(np.where(traded, np.abs(book.size) * prices[book.asset], 0.0))
        wanted = self.maintenance(book, prices, state) + self.buffer * notional
        return np.maximum(wanted - self.equity(book, prices, state), 0.0)

    def freeable_share(self, shortage: Floats, slots: float) -> Floats:
        """Of a shortage that may be freed so many slots after a liquidation began (calculate_max_pct_to_liquidate)."""
        return np.where(shortage < self.whole_below, 1.0, min(1.0, slots / self.ramp_slots + self.initial_share))

    def liquidation_step(self, book: Book, prices: Floats, state: VenueState) -> Floats:
        """(rows,) share of a position that the first liquidation transfers: what frees the share of the shortage."""
        short = self.shortage(book, prices, state)
        freed = (short * self.freeable_share(short, 0.0))[book.subaccount]
        at = book.asset
        ratio = self.rates(book, prices, state).maintenance
        fees = self.column(book, "liquidator_fee")[at], self.column(book, "insurance_fee")[at]
        units = units_to_cover(freed, ratio, fees[0], fees[1], prices[at])
        return np.minimum(units / np.maximum(np.abs(book.size), 1e-300), 1.0)

    def liquidator_fee_after(self, slots: float) -> float:
        """Fee of a liquidator so many slots after the account was last active (get_liquidation_fee)."""
        if slots < self.fee_grace_slots:
            return self.liquidator_fee
        most = max(self.liquidator_fee, min(self.fee_multiplier * self.liquidator_fee, self.maintenance_ratio))
        return min(self.liquidator_fee + slots * self.fee_step, most)

    def socialised_per_unit(self, book: Book, state: VenueState, loss: Floats) -> Floats:
        """(assets,) quote that each unit of open interest pays of a (assets,) loss, through the funding rate."""
        larger, net = open_interest(book, state), skew(book, state)
        total = 2 * larger - np.abs(net)
        return np.where(total > 0, loss / np.where(total > 0, total, 1.0), np.nan)


def units_to_cover(
    shortage: Floats, ratio: Floats, liquidator_fee: Floats, insurance_fee: Floats, price: Floats
) -> Floats:
    """Units whose transfer frees a margin ``shortage`` (quote); infinite where the fees eat what the ratio frees.

    shortage / (price (ratio - liquidator fee) - price x insurance fee).
    """
    freed = price * (ratio - liquidator_fee - insurance_fee)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(shortage <= 0, 0.0, np.where(freed > 0, shortage / freed, np.inf))
