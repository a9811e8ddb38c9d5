"""Books and rules for the terminal layer's tests, and a plain Monte Carlo that shares no code with it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rollproof.risk.duration import Fixed
from rollproof.risk.failure import AnyFailure, Halt, StaleOracle
from rollproof.risk.market import YEAR, Model
from rollproof.venue.book import Book, Floats, Kind, Mode
from rollproof.venue.rules.rules import Rules
from rollproof.venue.state import VenueState


class NoMargin(Rules, frozen=True, kw_only=True):
    """Rules that say nothing: the terminal layer reads their grace period alone."""

    def initial(self, book: Book, prices: Floats, state: VenueState) -> Floats:
        return np.zeros(book.subaccounts)

    def maintenance(self, book: Book, prices: Floats, state: VenueState) -> Floats:
        return np.zeros(book.subaccounts)

    def liquidation_price(self, book: Book, prices: Floats, state: VenueState) -> Floats:
        return np.full(book.rows, np.nan)


RULES = NoMargin()

Row = tuple[
    int, int, Kind, float, float, float, float, float
]  # subaccount, asset, kind, size, entry, strike, expiry, vol


def book(marks: Sequence[float], cash: Sequence[float], rows: Sequence[Row]) -> Book:
    """One account with subaccounts of these ``cash`` balances."""
    subaccount, asset, kind, size, entry, strike, expiry, volatility = zip(*rows, strict=True)
    return Book(
        venue="test",
        quote="USD",
        assets=tuple(f"A{each}" for each in range(len(marks))),
        marks=np.asarray(marks, dtype=np.float64),
        accounts=("one",),
        subaccount=np.asarray(subaccount, dtype=np.int32),
        asset=np.asarray(asset, dtype=np.int32),
        kind=np.asarray(kind, dtype=np.int8),
        size=np.asarray(size, dtype=np.float64),
        entry=np.asarray(entry, dtype=np.float64),
        strike=np.asarray(strike, dtype=np.float64),
        expiry=np.asarray(expiry, dtype=np.float64),
        volatility=np.asarray(volatility, dtype=np.float64),
        owner=np.zeros(len(cash), dtype=np.int32),
        mode=np.full(len(cash), Mode.CROSS, dtype=np.int8),
        cash=np.asarray(cash, dtype=np.float64),
    )


def perpetual(subaccount: int, asset: int, size: float, entry: float) -> Row:
    return (subaccount, asset, Kind.PERPETUAL, size, entry, 0.0, 0.0, 0.0)


def isolated(marks: Sequence[float], positions: Sequence[tuple[int, float, float]]) -> Book:
    """Positions (asset, signed notional, margin as a share of it), entered at the mark."""
    rows = [
        perpetual(i, asset, notional / marks[asset], marks[asset]) for i, (asset, notional, _) in enumerate(positions)
    ]
    return book(marks, [abs(notional) * margin for _, notional, margin in positions], rows)


def halt(seconds: float) -> Halt:
    return Halt(intensity_per_year=1.0, duration=Fixed(seconds))


def simulated(model: Model, marks: Floats, failure: AnyFailure, paths: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """(paths, assets) prices when the failure ends and when the grace period is over, and (paths,) years between now
    and then: drawn from the words of `risk.market`, one variable after the other."""
    drawn = np.random.default_rng(seed)
    assets = len(marks)
    years = failure.duration.quantile(drawn.random(paths)) / YEAR
    stressed = drawn.random(paths) < failure.load.probability
    calm = model
    hard = model.stressed(failure.load.volatility_multiplier, failure.load.jump_multiplier)

    def move(length: Floats) -> Floats:
        out = np.empty((paths, assets))
        for market, chosen in ((calm, ~stressed), (hard, stressed)):
            time = length[chosen, None]
            count = len(time)
            number = drawn.poisson(market.common.intensity * time)
            jump = number * market.common.mean + np.sqrt(number) * market.common.deviation * drawn.standard_normal(
                (count, 1)
            )
            own_number = drawn.poisson(market.own_intensity * time)
            own = own_number * market.own_mean
            own = own + np.sqrt(own_number) * market.own_deviation * drawn.standard_normal((count, assets))
            factor = market.loading * drawn.standard_normal((count, 1))
            factor = factor + np.sqrt(1 - market.loading**2) * drawn.standard_normal((count, assets))
            out[chosen] = (
                market.log_drift * time + market.volatility * np.sqrt(time) * factor + market.beta * jump + own
            )
        return out

    ended = move(years)
    grace = np.full(paths, failure.resume.grace_seconds / YEAR)
    after = ended + move(grace) if grace.any() else ended
    return marks * np.exp(ended), marks * np.exp(after), years + grace


def plain_losses(book: Book, model: Model, failure: AnyFailure, paths: int, seed: int) -> Floats:
    """(paths,) what the failure costs, account by account, from `Book.equity` on every path."""
    ended, after, years = simulated(model, book.marks, failure, paths, seed)
    top_up = failure.resume.top_up_probability if failure.resume.grace_seconds else 0.0
    chance = np.random.default_rng(seed + 1)
    out = np.empty(paths)
    for path in range(paths):
        debt = np.maximum(-book.equity(after[path], elapsed_years=years[path]), 0.0)
        if top_up:
            solvent = book.equity(ended[path]) >= 0
            debt[solvent & (chance.random(len(debt)) < top_up)] = 0.0
        out[path] = debt.sum()
        if isinstance(failure, StaleOracle):
            gap = np.maximum(np.abs(ended[path] - book.marks) - failure.fee * book.marks, 0.0)
            out[path] += failure.share * float(book.open_interest @ gap)
    return out
