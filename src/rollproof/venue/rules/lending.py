"""Collateralised debt as Aave v3 margins it: thresholds by asset, a health factor, a close factor and a bonus."""

from __future__ import annotations

from typing import ClassVar

import msgspec
import numpy as np

from rollproof.errors import Unsupported
from rollproof.venue.book import Book, Floats, Kind, Mode
from rollproof.venue.rules import parameters
from rollproof.venue.rules.rules import Backstop, LinearRules, Liquidation, Rates
from rollproof.venue.state import VenueState


class Reserve(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One asset's parameters, shares of a collateral's value."""

    loan_to_value: float  # can be borrowed against it
    threshold: float  # counts in the health factor
    bonus: float  # of what is repaid, that a liquidator gets on top

    def __post_init__(self) -> None:
        parameters.numbers(self)
        parameters.shares(self, "loan_to_value", "threshold", "bonus")
        parameters.at_most(self, "loan_to_value", "threshold")


class Lending(LinearRules, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Initial margin: collateral that cannot be borrowed against; maintenance: what the health factor leaves out.

    So equity below the maintenance margin is a health factor below 1: with collateral C_i at thresholds t_i and debt D,
    C - D < sum (1 - t_i) C_i where sum t_i C_i < D. A subaccount's cash is the quote currency's reserve.
    """

    family: ClassVar[str] = "lending"
    source: ClassVar[str] = (
        "aave-dao/aave-v3-origin src/contracts/protocol/libraries/logic/LiquidationLogic.sol; reserves: Gauntlet's for "
        "Base, governance.aave.com/t/temp-check-aave-v3-deployment-on-base/13177/9"
    )
    assumes: ClassVar[tuple[str, ...]] = (
        "no efficiency modes, isolation modes, debt ceilings or caps",
        "debt is repaid, and collateral seized, of all assets in proportion, not in the pair a liquidator likes best",
        "the bonus in `liquidation` is the least of the reserves'; each collateral's own is in `bonus`",
    )
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.COLLATERAL, Kind.DEBT})
    modes: ClassVar[frozenset[Mode]] = frozenset(Mode)

    reserves: dict[str, Reserve] = msgspec.field(
        default_factory=lambda: {
            "WETH": Reserve(loan_to_value=0.8, threshold=0.825, bonus=0.05),
            "ETH": Reserve(loan_to_value=0.8, threshold=0.825, bonus=0.05),
            "WSTETH": Reserve(loan_to_value=0.8, threshold=0.825, bonus=0.05),
            "CBETH": Reserve(loan_to_value=0.75, threshold=0.775, bonus=0.07),
            "USDC": Reserve(loan_to_value=0.825, threshold=0.85, bonus=0.05),
        }
    )
    close_factor: float = 0.5  # of the debt, in one liquidation
    full_below: float = 0.95  # health factor at and below which all debt can be repaid
    full_below_value: float = 2000.0  # collateral or debt, quote, below which all can

    # Of the bonus a tenth is the protocol's.
    liquidation: Liquidation = Liquidation(penalty=0.05, keeper_share=0.9, step=0.5)
    backstop: Backstop = Backstop(fund_first=True, socialised=False)

    def __post_init__(self) -> None:
        LinearRules.__post_init__(self)
        parameters.shares(self, "close_factor", "full_below")
        parameters.above_zero(self, "close_factor")
        parameters.at_least_zero(self, "full_below_value")

    def rates_at(self, book: Book, price: Floats, state: VenueState) -> Rates:  # noqa: ARG002
        """(rows,) shares of collateral that do not count; debt requires nothing by itself."""
        held = book.kind == Kind.COLLATERAL
        nothing = np.zeros(book.rows)
        initial = np.where(held, 1 - self._column(book, "loan_to_value"), 0.0)
        maintenance = np.where(held, 1 - self._column(book, "threshold"), 0.0)
        return Rates(initial, nothing, maintenance, nothing)

    def initial(self, book: Book, prices: Floats, state: VenueState) -> Floats:
        """(subaccounts,) of collateral and of cash above nothing."""
        return LinearRules.initial(self, book, prices, state) + self._cash(book, "loan_to_value")

    def maintenance(self, book: Book, prices: Floats, state: VenueState) -> Floats:
        """(subaccounts,) of collateral and of cash above nothing."""
        return LinearRules.maintenance(self, book, prices, state) + self._cash(book, "threshold")

    def debt(self, book: Book, prices: Floats) -> Floats:
        """(subaccounts,) quote, the quote currency owed too."""
        owed = np.where(book.kind == Kind.DEBT, book.size * prices[book.asset], 0.0)
        return book.summed(owed) + np.maximum(-book.cash, 0.0)

    def health_factor(self, book: Book, prices: Floats, state: VenueState) -> Floats:
        """(subaccounts,) collateral at its thresholds by debt; infinite without debt."""
        debt = self.debt(book, prices)
        counted = self.equity(book, prices, state) + debt - self.maintenance(book, prices, state)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(debt > 0, counted / debt, np.inf)

    def liquidatable(self, book: Book, prices: Floats, state: VenueState) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """(subaccounts,) where the health factor is below 1 and there is collateral to seize."""
        held = self.equity(book, prices, state) + self.debt(book, prices)
        return np.asarray((self.health_factor(book, prices, state) < 1) & (held > 0))

    def closable(self, book: Book, prices: Floats, state: VenueState) -> Floats:
        """(subaccounts,) share of the debt that one liquidation may repay."""
        debt = self.debt(book, prices)
        held = self.equity(book, prices, state) + debt
        small = (debt < self.full_below_value) | (held < self.full_below_value)
        full = small | (self.health_factor(book, prices, state) <= self.full_below)
        return np.where(full, 1.0, self.close_factor)

    def bonus(self, book: Book) -> Floats:
        """(rows,) that seizing the row's collateral earns, of what is repaid; 0 for debt."""
        return np.where(book.kind == Kind.COLLATERAL, self._column(book, "bonus"), 0.0)

    def liquidation_step(self, book: Book, prices: Floats, state: VenueState) -> Floats:
        """(rows,) of debt, the share repaid; of collateral, the share seized for it, bonus and all, at most 1."""
        share = self.closable(book, prices, state)
        debt = self.debt(book, prices)
        held = self.equity(book, prices, state) + debt
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(held > 0, share * debt / held, 1.0)
        seized = np.minimum(ratio[book.subaccount] * (1 + self.bonus(book)), 1.0)
        return np.where(book.kind == Kind.DEBT, share[book.subaccount], seized)

    def _cash(self, book: Book, name: str) -> Floats:
        held = np.maximum(book.cash, 0.0)
        if not held.any():
            return held
        return np.asarray(held * (1 - getattr(self._reserve(book.quote), name)))

    def _column(self, book: Book, name: str) -> Floats:
        """(rows,) of a parameter of each row's asset; 0 where it only is a debt."""
        out = np.zeros(len(book.assets))
        for index in np.unique(book.asset[book.kind == Kind.COLLATERAL]):
            out[index] = getattr(self._reserve(book.assets[index]), name)
        return out[book.asset]

    def _reserve(self, asset: str) -> Reserve:
        found = parameters.of_asset(self.reserves, asset) or parameters.of_asset(self.reserves, asset.upper())
        if found is None:
            known = ", ".join(self.reserves) or "none"
            raise Unsupported(f"{self.family}: no reserve {asset[:80]!a} is known (known: {known})")
        return found
