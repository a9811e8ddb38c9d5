"""A delta hedge that stood still, repriced: options by Black (1976) at resume, the hedge as it was at the start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rollproof.errors import Malformed, Unsupported
from rollproof.risk.closed import hedge
from rollproof.risk.closed.outage import asset_jumps
from rollproof.risk.duration import Duration, Fixed, Law
from rollproof.risk.estimate import LEVELS, Losses
from rollproof.risk.execution_cost import Curve
from rollproof.risk.hedging import Exposure
from rollproof.risk.market import YEAR, Model
from rollproof.risk.tail import losses_of
from rollproof.venue import black76
from rollproof.venue.book import Book, Floats, Kind

Rows: TypeAlias = NDArray[np.intp]


def exposure_of(book: Book, asset: str, *, hedged: bool = True) -> Exposure:
    """Of all perpetuals and options of one asset in a book, options at their implied volatility (Black 1976).

    ``hedged``: delta is taken away, as an option book that is delta-neutral when the halt begins.
    Raises Unsupported for an asset the book does not have.
    """
    rows, at = _rows(book, asset)
    spot = float(book.marks[at])
    option = rows[book.optional[rows]]
    size, strike = book.size[option], book.strike[option]
    years, sigma = book.expiry[option], book.volatility[option]
    alive = (years > 0) & (sigma > 0)
    unit = np.zeros(len(option))
    unit[alive] = hedge.gamma(spot, strike[alive], sigma[alive], years[alive]) * spot**2
    gamma = float(size @ unit)
    carry = -float((size * unit) @ sigma**2) / 2
    delta = 0.0 if hedged else float(_delta(book, rows, book.marks[[at]], np.zeros(1))[0]) * spot
    return Exposure(delta, gamma, carry)


def simulate(
    book: Book,
    model: Model,
    asset: str,
    duration: float | Duration,
    *,
    paths: int = 131_072,
    seed: int,
    hedge_units: float | None = None,
    curve: Curve | None = None,
    depth: float = 1.0,
    levels: Sequence[float] = LEVELS,
) -> Losses:
    """The loss of a book in one asset, repriced at resume by Black (1976), with the hedge left where it was.

    ``hedge_units`` of the asset are held elsewhere; None is what makes the book delta-neutral when the halt begins.
    With a ``curve`` the cost of trading back to neutral is added. ``duration`` in seconds.
    Raises Unsupported for an unknown asset, Malformed where the curve cannot fill.
    """
    rows, at = _rows(book, asset)
    spot = float(book.marks[at])
    before = (book.marks[[at]], np.zeros(1))
    units = -float(_delta(book, rows, *before)[0]) if hedge_units is None else hedge_units
    law = duration if isinstance(duration, Law) else Fixed(float(duration))
    rng = np.random.default_rng(seed)
    seconds = law.quantile(np.clip(rng.random(paths), 1e-300, 1 - 1e-16))
    price = spot * np.exp(_log_moves(rng, model, asset, seconds / YEAR))
    loss = _value(book, rows, *before)[0] - _value(book, rows, price, seconds / YEAR) - units * (price - spot)
    if curve is not None:
        loss += _caught_up(-_delta(book, rows, price, seconds / YEAR) - units, price, curve, depth)
    return losses_of(loss, seed=seed, method="plain Monte Carlo, repriced", levels=levels)


def _log_moves(rng: np.random.Generator, model: Model, asset: str, years: Floats) -> Floats:
    """ln(S_T / S_0) of one asset after each of the times, with common and own jumps."""
    at = model.assets.index(asset)
    out = model.log_drift[at] * years + model.volatility[at] * np.sqrt(years) * rng.standard_normal(len(years))
    for kind in asset_jumps(model, asset):
        count = rng.poisson(kind.intensity * years)
        out += count * kind.mean + np.sqrt(count) * kind.deviation * rng.standard_normal(len(years))
    return np.asarray(out)


def _delta(book: Book, rows: Rows, price: Floats, years: Floats) -> Floats:
    """(paths,) units of the asset that the rows behave like at each price, after each time."""
    out = np.zeros(len(price))
    for row in rows:
        units = float(book.size[row])
        if book.kind[row] == Kind.PERPETUAL:
            out += units
            continue
        left = np.maximum(book.expiry[row] - years, 0.0)
        call = np.asarray(book.kind[row] == Kind.CALL)
        out += units * black76.delta(price, book.strike[row], book.volatility[row], left, call=call)
    return out


def _value(book: Book, rows: Rows, price: Floats, years: Floats) -> Floats:
    """(paths,) of the rows, quote; perpetuals with their profit."""
    out = np.zeros(len(price))
    for row in rows:
        units = float(book.size[row])
        if book.kind[row] == Kind.PERPETUAL:
            out += units * (price - book.entry[row])
            continue
        left = np.maximum(book.expiry[row] - years, 0.0)
        call = np.asarray(book.kind[row] == Kind.CALL)
        out += units * black76.value(price, book.strike[row], book.volatility[row], left, call=call)
    return out


def _caught_up(traded: Floats, price: Floats, curve: Curve, depth: float) -> Floats:
    """(paths,) quote that trading so many units (positive: bought) costs at each price."""
    total = np.zeros(len(price))
    for side in (1.0, -1.0):
        size = np.maximum(side * traded, 0.0) * price
        cost = curve.cost(size, side=side, depth=depth)
        if not cost.complete:
            short = int((cost.filled < size * (1 - 1e-12)).sum())
            raise Malformed(f"the hedge's size is beyond the depth that is given on {short} of {len(price)} paths")
        total += cost.quote
    return total


def _rows(book: Book, asset: str) -> tuple[Rows, int]:
    if asset not in book.assets:
        raise Unsupported(f"the book has no asset {asset[:40]!r}")
    at = book.assets.index(asset)
    return np.flatnonzero((book.asset == at) & (book.kind <= Kind.PUT)), at
