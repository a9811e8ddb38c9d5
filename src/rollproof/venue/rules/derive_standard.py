"""Derive (Lyra v2) standard margin: positions one by one, options by the worst payoff where that asks for less."""

from __future__ import annotations

from typing import ClassVar

import msgspec
import numpy as np

from rollproof.errors import Unsupported
from rollproof.venue.book import Book, Floats, Kind
from rollproof.venue.rules import parameters
from rollproof.venue.rules.derive_auction import auction_share
from rollproof.venue.rules.expiry import Expiries
from rollproof.venue.rules.holding import HoldingRules, Holdings, Required
from rollproof.venue.rules.rules import Backstop, Liquidation
from rollproof.venue.state import VenueState


class Market(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One asset's parameters. 0 for a perpetual's or a collateral's: there is none on this asset."""

    perpetual_maintenance: float = 0.065
    perpetual_initial: float = 0.1
    collateral_maintenance: float = 0.0  # share of a collateral's value that counts
    collateral_initial: float = 0.0
    # Shares of the spot price, unless said
    spot_highest: float = 0.15  # initial, for a short option at the money or in it
    spot_lowest: float = 0.13  # initial, far out of it
    call_maintenance: float = 0.09
    put_maintenance: float = 0.09
    put_value_maintenance: float = 0.09  # of the put's value
    put_initial_over_maintenance: float = 1.05
    unpaired_initial: float = 1.2  # of the forward, for each call short in excess of calls long
    unpaired_maintenance: float = 1.1

    def __post_init__(self) -> None:
        parameters.numbers(self)
        parameters.shares(self, "perpetual_maintenance", "perpetual_initial")
        parameters.shares(self, "collateral_maintenance", "collateral_initial")
        parameters.at_most(self, "perpetual_maintenance", "perpetual_initial")
        parameters.at_most(self, "collateral_initial", "collateral_maintenance")
        parameters.at_most(self, "spot_lowest", "spot_highest")
        parameters.at_most(self, "call_maintenance", "spot_lowest")
        parameters.at_most(self, "unpaired_maintenance", "unpaired_initial")


class DeriveStandard(HoldingRules, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """SRM. What it subtracts from equity already contains the options' value, so long options lend no margin."""

    family: ClassVar[str] = "derive-standard"
    source: ClassVar[str] = (
        "derivexyz/v2-core src/risk-managers/StandardManager.sol@0131e42, "
        "scripts/config-mainnet.sol@037ee3a (getSRMParams)"
    )
    assumes: ClassVar[tuple[str, ...]] = (
        "spot, forward and perpetual prices of an asset are one price; no discounting of options",
        "oracles are confident and the quote currency holds its peg",
        "the script's IMScale is what a collateral's factor is multiplied with for the initial margin",
    )
    kinds: ClassVar[frozenset[Kind]] = frozenset(Kind) - {Kind.DEBT}

    markets: dict[str, Market] = msgspec.field(
        default_factory=lambda: {
            "ETH": Market(collateral_maintenance=0.8, collateral_initial=0.8 * 0.9375),
            "BTC": Market(collateral_maintenance=0.75, collateral_initial=0.75 * 0.93),
            "SOL": Market(perpetual_maintenance=0.1, perpetual_initial=0.2),
            "DOGE": Market(perpetual_maintenance=0.1, perpetual_initial=0.2),
            "USDT": Market(collateral_maintenance=0.98, collateral_initial=0.98 * 0.98),
            "WSTETH": Market(collateral_maintenance=0.8, collateral_initial=0.8 * 0.9375),
        }
    )
    buffer: float = 0.15  # a liquidation restores the maintenance margin and this share of its distance to the value

    liquidation: Liquidation = Liquidation(penalty=0.05, keeper_share=1.0)
    backstop: Backstop = Backstop(fund_first=True, socialised=True)

    def __post_init__(self) -> None:
        HoldingRules.__post_init__(self)
        parameters.shares(self, "buffer")

    def required(self, book: Book, prices: Floats, holdings: Holdings) -> Required:
        """The class says what. Raises Unsupported for an asset that is not in ``markets``."""
        notional = np.abs(book.size) * prices[book.asset]
        perpetual = np.where(book.kind == Kind.PERPETUAL, notional, 0.0)
        collateral = np.where(book.kind == Kind.COLLATERAL, notional, 0.0)
        value = book.value(prices)
        out = []
        for which in ("initial", "maintenance"):
            rate = self._column(book, f"perpetual_{which}")
            counts = self._column(book, f"collateral_{which}")
            rows = perpetual * rate + collateral * (1 - counts)
            out.append(holdings.summed(rows) + self._options(book, prices, value, holdings, which))
        return Required(*out)

    def isolated(self, book: Book, prices: Floats, which: str) -> Floats:
        """(rows,) an option's margin by itself, quote, below 0: ``which`` is "initial" or "maintenance"; 0 for longs.

        The value of the option is in it.
        """
        price = prices[book.asset]
        value = book.value(prices)
        short = np.minimum(book.size, 0.0)
        call, put = book.kind == Kind.CALL, book.kind == Kind.PUT
        put_maintenance = value + np.minimum(
            self._column(book, "put_maintenance") * price * short, self._column(book, "put_value_maintenance") * value
        )
        if which == "maintenance":
            call_margin = value + self._column(book, "call_maintenance") * price * short
            put_margin = put_maintenance
        else:
            out_of_money = np.where(call, book.strike - price, price - book.strike) / price
            rate = np.maximum(
                self._column(book, "spot_highest") - np.maximum(out_of_money, 0.0), self._column(book, "spot_lowest")
            )
            call_margin = value + rate * price * short
            put_margin = np.minimum(call_margin, self._column(book, "put_initial_over_maintenance") * put_maintenance)
        margin = np.where(call, call_margin, np.where(put, put_margin, 0.0))
        return np.where(book.size < 0, margin, 0.0)

    def liquidation_step(self, book: Book, prices: Floats, state: VenueState) -> Floats:
        """(rows,) the share that an auction's first bidder may take."""
        equity = self.equity(book, prices, state)
        margin = equity - self.maintenance(book, prices, state)
        return auction_share(equity, margin, self.buffer, 1 - self.liquidation.penalty)[book.subaccount]

    def _options(self, book: Book, prices: Floats, value: Floats, holdings: Holdings, which: str) -> Floats:
        """(holdings,) margin of the options: for each expiry the smaller of the isolated and the worst payoff."""
        expiries = Expiries.of(book, holdings)
        isolated = expiries.summed(self.isolated(book, prices, which))
        unpaired = self._column(book, f"unpaired_{which}") * prices[book.asset]
        worst = expiries.worst_payoff(book) + expiries.of_first(unpaired) * np.minimum(expiries.net_calls(book), 0.0)
        needed = expiries.summed(value) - np.maximum(isolated, worst)
        return np.bincount(expiries.holding, needed, len(holdings)).astype(np.float64)

    def _column(self, book: Book, name: str) -> Floats:
        """(rows,) of a parameter of each row's asset."""
        out = np.empty(len(book.assets))
        for index in range(len(book.assets)):
            market = parameters.of_asset(self.markets, asset := book.assets[index])
            if market is None:
                known = ", ".join(self.markets) or "none"
                raise Unsupported(f"{self.family}: no market {asset[:80]!a} is known (known: {known})")
            out[index] = getattr(market, name)
        return out[book.asset]
