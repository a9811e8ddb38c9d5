"""Books, rules and markets that the cascade's tests share."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from rollproof.risk import liquidity
from rollproof.risk.cascade import prices
from rollproof.risk.cascade.block import spans, starts
from rollproof.risk.cascade.cascade import _prepared
from rollproof.risk.cascade.timing import Grid, times
from rollproof.risk.duration import Fixed
from rollproof.risk.failure import AnyFailure, Halt, Resume, Throughput
from rollproof.risk.market import YEAR, Model, gbm
from rollproof.venue.book import Book, Floats, Kind, Mode
from rollproof.venue.rules.rules import LinearRules, Rates
from rollproof.venue.state import VenueState

HALT = 116 * 60.0
MARKS = {"X": 100.0, "Y": 2000.0}


class Flat(LinearRules, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One maintenance rate for all, twice that to begin with, and a throughput."""

    family = "flat"
    kinds = frozenset({Kind.PERPETUAL, Kind.COLLATERAL})
    unbounded = ("notional_per_second",)
    rate: float = 0.005
    notional_per_second: float = math.inf

    def rates_at(self, book: Book, price: Floats, state: VenueState) -> Rates:
        none = np.zeros(book.rows)
        required = np.where(book.kind == Kind.PERPETUAL, self.rate, 0.0)
        return Rates(2 * required, none, required, none)

    def throughput(self, book: Book, prices: Floats, state: VenueState) -> Floats:
        return np.full(len(book.assets), self.notional_per_second)


def perpetuals(
    assets: Sequence[str], asset: Sequence[int], size: Sequence[float], cash: Sequence[float],
    subaccount: Sequence[int] | None = None, kind: Sequence[int] | None = None,
) -> Book:  # fmt: skip
    """Perpetuals entered at the marks; each a subaccount of its own if not said otherwise."""
    marks, count = np.array([MARKS[name] for name in assets]), len(size)
    of = np.arange(count) if subaccount is None else np.asarray(subaccount)
    whose, none = np.arange(len(cash), dtype=np.int32), np.zeros(count)
    asset_ = np.asarray(asset, dtype=np.int32)
    kinds = np.zeros(count, np.int8) if kind is None else np.asarray(kind, dtype=np.int8)
    return Book(
        venue="v", quote="USD", assets=tuple(assets), marks=marks, accounts=[f"a{i}" for i in range(len(cash))],
        subaccount=of.astype(np.int32), asset=asset_, kind=kinds, size=np.asarray(size, dtype=np.float64),
        entry=np.where(kinds == 0, marks[asset_], 0.0), strike=none, expiry=none, volatility=none, owner=whose,
        mode=np.full(len(cash), Mode.ISOLATED if subaccount is None else Mode.CROSS, np.int8),
        cash=np.asarray(cash, dtype=np.float64),
    )  # fmt: skip


def isolated(count: int, seed: int = 1, assets: Sequence[str] = ("X", "Y"), longs: float = 0.7) -> Book:
    """Positions of 5 to 40 times leverage, log-normal in size."""
    rng = np.random.default_rng(seed)
    asset = rng.integers(0, len(assets), count)
    notional, leverage = rng.lognormal(11, 1, count), rng.uniform(5, 40, count)
    side = np.where(rng.random(count) < longs, 1.0, -1.0)
    marks = np.array([MARKS[name] for name in assets])
    return perpetuals(assets, asset.tolist(), (side * notional / marks[asset]).tolist(), (notional / leverage).tolist())


def crossed(count: int, seed: int = 1) -> Book:
    """Subaccounts of one to three positions in two assets, 5 to 30 times levered together."""
    rng = np.random.default_rng(seed)
    of = np.repeat(np.arange(count), rng.integers(1, 4, count))
    asset = rng.integers(0, 2, len(of))
    notional = rng.lognormal(11, 1, len(of))
    side = np.where(rng.random(len(of)) < 0.6, 1.0, -1.0)
    size = side * notional / np.array([100.0, 2000.0])[asset]
    cash = np.bincount(of, notional, count) / rng.uniform(5, 30, count)
    return perpetuals(("X", "Y"), asset.tolist(), size.tolist(), cash.tolist(), of.tolist())


def lasting(seconds: float = HALT, **resume: float) -> Halt:
    return Halt(intensity_per_year=1.0, duration=Fixed(seconds), resume=Resume(**resume))  # type: ignore[arg-type]


def open_(seconds: float, notional_per_second: float = math.inf) -> Throughput:
    """A failure that is none, unless throughput is bounded: liquidations go on."""
    return Throughput(intensity_per_year=1.0, duration=Fixed(seconds), notional_per_second=notional_per_second)


def falling(assets: Sequence[str], log_move: float | Sequence[float], seconds: float) -> Model:
    """Prices whose logarithms move by ``log_move`` in ``seconds``, evenly and for certain."""
    still = gbm(assets, 1e-12)
    moves = np.broadcast_to(np.asarray(log_move, dtype=np.float64), (len(assets),))
    return dataclasses.replace(still, drift=moves * YEAR / seconds)


def coarse(seconds: float, horizon: float = 0.0, later: float = 60.0) -> Grid:
    """One step for the whole failure."""
    return Grid(seconds, later, horizon)


def walked(
    book: Book, model: Model, failure: AnyFailure, grid: Grid, paths: int, seed: int, rules: LinearRules | None = None
) -> list[Floats]:  # fmt: skip
    """Of each path (steps, assets) prices, quote: from the same streams."""
    markets = liquidity.infinite(book.assets)
    job, *_ = _prepared(book, rules or Flat(), VenueState(), model, failure, markets, grid, seed, None, None)
    out = []
    for span in spans(paths):
        words, seconds, stressed = starts(job, span)
        for path in range(span.paths):
            when, state = times(grid, float(seconds[path])), int(stressed[path])
            logs = np.zeros((when.steps + when.later, len(book.assets)))
            prices.walk(words[path], job.laws[state], job.jumps[state], when, np.zeros(logs.size + len(logs)), logs)
            out.append(np.asarray(np.exp(logs) * book.marks))
    return out
