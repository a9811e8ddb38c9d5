"""What each kind of failure costs, as functions of the prices at which it ends.

halt            bad debt at the prices when liquidations are possible again: nothing was liquidated until then
reorg           the same after what was undone: liquidations in it are positions again
stale-oracle    bad debt, and what trades at the old price took: share * open interest * max(0, |S - S0| - fee S0)
invalid-state   bad debt after what is undone, and the wrong surplus that left: a share of the collateral there is

The other kinds cost what happens on the way, which terminal prices do not say: `risk.cascade` steps through them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rollproof.errors import Unsupported
from rollproof.risk.failure import AnyFailure, Halt, InvalidState, Reorg, StaleOracle
from rollproof.risk.table import Hinges, Table, table_of
from rollproof.risk.terminal.draw import Paths
from rollproof.risk.terminal.exposure import LARGE, Exposure, exposure_of
from rollproof.venue.book import Book, Floats, Kind
from rollproof.venue.rules.rules import Rules
from rollproof.venue.state import VenueState

KINDS = (Halt, Reorg, StaleOracle, InvalidState)


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """One failure's cost for one book."""

    exposure: Exposure
    taken: Table | None  # by trades or withdrawals, at the prices when the failure ends
    taken_fixed: float  # quote
    top_up: float  # probability that an account is topped up in the grace period while it is solvent
    grace_seconds: float
    notes: tuple[str, ...]

    @property
    def stages(self) -> int:
        """2 where prices matter at the failure's end and again when the grace period is over."""
        return 2 if self.grace_seconds > 0 and (self.taken is not None or self.top_up > 0) else 1

    def bad_debt(self, paths: Paths) -> Floats:
        """(groups, paths) quote, without what is owed whatever prices do."""
        prices, years = paths.prices[-1], paths.years[0] if len(paths.years) == 1 else paths.years[0] + paths.years[1]
        if not self.top_up:
            return self.exposure.bad_debt(prices, years)
        return self.exposure.topped_up(paths.prices[0], paths.years[0], prices, years, self.top_up, paths.keys)

    def taken_by(self, paths: Paths) -> Floats:
        """(paths,) quote, by trades or withdrawals."""
        if self.taken is None:
            return np.full(len(paths.weights), self.taken_fixed)
        return summed(self.taken.loss(paths.prices[0])) + self.taken_fixed

    def total(self, paths: Paths) -> Floats:
        """(paths,) quote, without what is fixed: what a proposal is looked for."""
        total = summed(self.bad_debt(paths))
        return total if self.taken is None else total + self.taken_by(paths) - self.taken_fixed


def summed(rows: Floats) -> Floats:
    """(paths,) sums over rows, one after the other."""
    out = np.zeros(rows.shape[1])
    for row in rows:
        out += row
    return out


def claim_of(book: Book, rules: Rules, state: VenueState, failure: AnyFailure) -> Claim:
    """What ``failure`` costs. Raises Unsupported, by name, for a kind whose cost terminal prices do not say."""
    if not isinstance(failure, KINDS):
        kind = failure.__struct_config__.tag
        raise Unsupported(f"terminal: a {kind} failure costs what happens on the way; the cascade layer prices it")
    grace = failure.grace_seconds(rules.liquidation.grace_seconds)
    top_up = failure.resume.top_up_probability if grace > 0 else 0.0
    interest = state.open_interest if len(state.open_interest) else book.open_interest
    exposure = exposure_of(book, interest > 0 if isinstance(failure, StaleOracle) else None)
    taken, fixed = _taken(book, failure, exposure, interest)
    return Claim(exposure, taken, fixed, top_up, grace, tuple(_notes(book, failure, top_up)))


def _taken(book: Book, failure: AnyFailure, exposure: Exposure, interest: Floats) -> tuple[Table | None, float]:
    assets = np.arange(len(exposure.chosen), dtype=np.int64)
    if isinstance(failure, StaleOracle):
        units = np.asarray(failure.share * interest[exposure.chosen])
        down = Hinges(assets, exposure.marks * (1 - failure.fee), units, np.ones(len(assets), dtype=bool))
        up = Hinges(assets, exposure.marks * (1 + failure.fee), units, np.zeros(len(assets), dtype=bool))
        return table_of(down + up, len(assets)), 0.0
    if isinstance(failure, InvalidState) and failure.balance_error > 0:
        left = min(failure.balance_error * failure.share, 1.0) * failure.withdrawn  # no more than is there
        held = book.kind == Kind.COLLATERAL
        total = np.bincount(book.asset[held], book.size[held], len(book.assets)).astype(np.float64)
        units = total[exposure.chosen]
        fixed = left * float(np.maximum(book.cash, 0.0).sum())
        if left > 0 and units.any():
            rising = Hinges(assets, np.zeros(len(assets)), left * units, np.zeros(len(assets), dtype=bool))
            return table_of(rising, len(assets)), fixed
        return None, fixed
    return None, 0.0


def _notes(book: Book, failure: AnyFailure, top_up: float) -> list[str]:
    out = ["Bad debt is all equity below zero when liquidations are possible again; who pays it is the waterfall's."]
    if 0 < top_up < 1:
        out.append(
            f"Top-ups of accounts are independent; beyond the {LARGE} largest isolated ones they are counted at their "
            "expectation."
        )
    if failure.resume.stale_oracle_seconds > 0 and not isinstance(failure, StaleOracle):
        out.append("A stale price at resume is not priced here: positions are counted at the real one.")
    if book.optional.any():
        out.append("Options are revalued at today's implied volatility, with the time that has passed taken off.")
    return out
