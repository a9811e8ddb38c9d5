"""The venue of the lab (src/rollproof/lab/contracts/perpetuals): premium on the mark, partial liquidation, ADL, a pool.

Defaults are those that the lab deploys (src/rollproof/lab/deployments/venue.py). Positions are valued at mark prices,
so a book's prices are MARK prices; `mark_price` gives one from the oracle's.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from rollproof.venue.book import Book, Floats, Kind
from rollproof.venue.rules import parameters
from rollproof.venue.rules.rules import AdlPrice, AdlRank, Backstop, LinearRules, Liquidation, Rates, skew
from rollproof.venue.state import VenueState


class Lab(LinearRules, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The lab's venue. Money in its collateral token."""

    family: ClassVar[str] = "lab"
    source: ClassVar[str] = "src/rollproof/lab/contracts/perpetuals, settings of src/rollproof/lab/deployments/venue.py"
    assumes: ClassVar[tuple[str, ...]] = (
        "amounts are not rounded to units of collateral",
        "liquidations do not move the skew, and so the mark",
        "a loss beyond the fund uses it up before deleveraging; the venue deleverages all of it and keeps the fund",
    )
    by_market: ClassVar[tuple[str, ...]] = (
        "initial_ratio", "maintenance_ratio", "fee", "skew_scale", "skew_value", "max_premium", "funding_factor",
        "max_funding_rate", "min_notional",
    )  # fmt: skip

    initial_ratio: float = 0.02
    maintenance_ratio: float = 0.01
    fee: float = 0.0005  # of a trade
    skew_scale: float = 0.0  # units: at this skew the premium would be 100 %; 0: skew_value at the marks
    skew_value: float = 1e9  # quote
    max_premium: float = 0.02
    funding_factor: float = 1e-5  # a second, at a skew of the whole scale
    max_funding_rate: float = 1e-6  # a second
    min_notional: float = 10.0  # quote: no liquidation leaves less

    liquidation: Liquidation = Liquidation(penalty=0.005, keeper_share=0.5, step=0.5)
    backstop: Backstop = Backstop(adl_rank=AdlRank.PROFIT_LEVERAGE, adl_price=AdlPrice.BANKRUPTCY)

    def __post_init__(self) -> None:
        LinearRules.__post_init__(self)
        parameters.shares(self, "initial_ratio", "maintenance_ratio", "fee", "max_premium")
        parameters.at_most(self, "maintenance_ratio", "initial_ratio")
        parameters.at_least_zero(self, "skew_scale", "funding_factor", "max_funding_rate", "min_notional")
        parameters.above_zero(self, "skew_value")

    def rates_at(self, book: Book, price: Floats, state: VenueState) -> Rates:  # noqa: ARG002
        none = np.zeros(book.rows)
        initial, maintenance = (self.column(book, name)[book.asset] for name in ("initial_ratio", "maintenance_ratio"))
        return Rates.of_perpetuals(book, initial, maintenance, none, none)

    def liquidation_step(self, book: Book, prices: Floats, state: VenueState) -> Floats:
        """(rows,) a part where equity is at least half the maintenance margin and enough is left, or else all."""
        half = (self.equity(book, prices, state) >= self.maintenance(book, prices, state) / 2)[book.subaccount]
        left = (1 - self.liquidation.step) * np.abs(book.size) * prices[book.asset]
        enough = left >= self.column(book, "min_notional")[book.asset]
        return np.where(half & enough & (book.kind == Kind.PERPETUAL), self.liquidation.step, 1.0)

    def scale(self, book: Book) -> Floats:
        """(assets,) skew scale, units of the asset."""
        scale = self.column(book, "skew_scale")
        return np.where(scale > 0, scale, self.column(book, "skew_value") / book.marks)

    def premium(self, book: Book, state: VenueState, moved: Floats | float = 0.0) -> Floats:
        """(assets,) of the mark over the oracle's price, after the skew was ``moved`` (units)."""
        most = self.column(book, "max_premium")
        return np.clip((skew(book, state) + moved) / self.scale(book), -most, most)

    def mark_price(self, book: Book, oracle: Floats, state: VenueState) -> Floats:
        """(assets,) what positions are valued at, from the oracle's prices (assets,)."""
        return oracle * (1 + self.premium(book, state))

    def fill_price(self, book: Book, oracle: Floats, state: VenueState, delta: Floats) -> Floats:
        """(assets,) what a trade of ``delta`` (units) fills at: the mean of the premiums before and after it."""
        return oracle * (1 + (self.premium(book, state) + self.premium(book, state, delta)) / 2)

    def funding_rate(self, book: Book, prices: Floats, state: VenueState) -> Floats:  # noqa: ARG002
        """(assets,) a second, of notional at the oracle's price."""
        most = self.column(book, "max_funding_rate")
        return np.clip(skew(book, state) / self.scale(book) * self.column(book, "funding_factor"), -most, most)
