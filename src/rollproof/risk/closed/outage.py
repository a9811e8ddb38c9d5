"""What a halt costs one position: nothing liquidates, so only the price at resume matters.

Margin is equity as a share of the notional, both at the price at which the halt begins. A long position's equity is
below nothing where S_T < (1 - margin) S_0, a short one's where S_T > (1 + margin) S_0; its bad debt per unit of
notional is the put, respectively the call, with that strike: F. Black and M. Scholes, The pricing of options and
corporate liabilities, JPE 81 (1973); with jumps R. Merton, Option pricing when underlying stock returns are
discontinuous, JFE 3 (1976).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import CubicSpline, PchipInterpolator

from rollproof.errors import Malformed, Unsupported
from rollproof.risk.closed.log_price import LogPrice, log_price, mixture
from rollproof.risk.closed.quadrature import over_durations
from rollproof.risk.duration import Duration, Fixed, Law
from rollproof.risk.failure import Failure
from rollproof.risk.market import YEAR, Jumps, Model
from rollproof.venue.book import Book, Floats

__all__ = [
    "asset_jumps",
    "bad_debt",
    "book_outage",
    "failure_outage",
    "over_durations",
    "safe_leverage",
    "safe_margin",
    "shortfall_probability",
    "single_asset",
    "time_to_ruin",
]

HORIZON = 30 * 86_400.0  # seconds: longer halts are not looked for
_KNOTS = 256
_Rates: TypeAlias = tuple[float, float, tuple[Jumps, ...]]  # volatility, drift, jumps of one asset


def shortfall_probability(
    side: ArrayLike,
    margin: ArrayLike,
    volatility: ArrayLike,
    years: ArrayLike | Duration,
    *,
    drift: ArrayLike = 0.0,
    jumps: Jumps | Sequence[Jumps] | None = None,
) -> Floats:
    """P(equity < 0) when execution resumes after ``years``, or after a random duration. All arrays broadcast.

    ``side`` is above nothing for long positions and below for short ones. Raises Malformed.
    """
    sign, strike = _strike(side, margin)
    return _probability(log_price(volatility, years, drift=drift, jumps=jumps), sign, strike)


def bad_debt(
    side: ArrayLike,
    margin: ArrayLike,
    volatility: ArrayLike,
    years: ArrayLike | Duration,
    *,
    drift: ArrayLike = 0.0,
    jumps: Jumps | Sequence[Jumps] | None = None,
) -> Floats:
    """Expected bad debt per unit of notional at the start. Arguments as for `shortfall_probability`."""
    sign, strike = _strike(side, margin)
    return _debt(log_price(volatility, years, drift=drift, jumps=jumps), sign, strike)


def safe_margin(
    probability: ArrayLike,
    volatility: ArrayLike,
    years: ArrayLike | Duration,
    *,
    side: ArrayLike = 1.0,
    drift: ArrayLike = 0.0,
    jumps: Jumps | Sequence[Jumps] | None = None,
) -> Floats:
    """The least margin with which P(equity < 0) at resume is at most ``probability``; 0 where none is needed."""
    law = log_price(volatility, years, drift=drift, jumps=jumps)
    sign = np.asarray(side, dtype=np.float64)
    long = -np.expm1(law.quantile(probability))
    short = np.expm1(law.quantile(probability, upper=True))
    return np.asarray(np.maximum(np.where(sign > 0, long, short), 0.0))


def safe_leverage(
    probability: ArrayLike,
    volatility: ArrayLike,
    years: ArrayLike | Duration,
    *,
    side: ArrayLike = 1.0,
    drift: ArrayLike = 0.0,
    jumps: Jumps | Sequence[Jumps] | None = None,
) -> Floats:
    """1 / `safe_margin`: the highest leverage at which P(equity < 0) is at most ``probability``; may be infinite."""
    with np.errstate(divide="ignore"):
        return np.asarray(1 / safe_margin(probability, volatility, years, side=side, drift=drift, jumps=jumps))


def book_outage(
    book: Book, model: Model, duration: float | Duration, *, grace_seconds: float = 0.0
) -> tuple[Floats, Floats]:
    """(subaccounts,) P(equity < 0) and expected bad debt, quote, after a halt of so many seconds, or of such a law.

    ``grace_seconds`` come on top: execution is back, but nobody is liquidated yet.
    NaN where the subaccount holds options or more than one asset's price moves it. Prices start at the book's marks.
    Where one side of an asset has more than 256 different margins the answer is interpolated, to about 1e-5 of it.
    Raises Unsupported for an asset that the model does not have, and Malformed.
    """
    law = duration if isinstance(duration, Law) else Fixed(float(duration))
    slope, asset = single_asset(book)
    equity = book.equity(book.marks)
    still = slope == 0
    probability = np.where(still, (equity < 0).astype(np.float64), np.nan)
    debt = np.where(still, np.maximum(-equity, 0.0), np.nan)
    for at, (volatility, drift, jumps) in _grouped(book, model, asset):
        price = log_price(volatility, law, drift=drift, jumps=jumps, grace_years=grace_seconds / YEAR)
        for side in (1.0, -1.0):
            rows = np.flatnonzero(np.isin(asset, at) & (np.sign(slope) == side))
            notional = np.abs(slope[rows]) * book.marks[asset[rows].astype(np.int64)]
            sign, strike = _strike(side, equity[rows] / notional)
            probability[rows] = _tabulated(partial(_probability, price, sign), strike)
            debt[rows] = notional * _tabulated(partial(_debt, price, sign), strike)
    return probability, debt


def failure_outage(book: Book, model: Model, failure: Failure, *, grace_seconds: float = 0.0) -> tuple[Floats, Floats]:
    """`book_outage` of a failure as data: its duration, its grace period or the rules' ``grace_seconds`` (the longer),
    and its load, which stresses the market with the probability that it has. Nobody adds collateral meanwhile.
    """
    load, grace = failure.load, failure.grace_seconds(grace_seconds)
    calm = book_outage(book, model, failure.duration, grace_seconds=grace)
    if load.probability == 0:
        return calm
    market = model.stressed(load.volatility_multiplier, load.jump_multiplier)
    stressed = book_outage(book, market, failure.duration, grace_seconds=grace)
    share = load.probability
    return share * stressed[0] + (1 - share) * calm[0], share * stressed[1] + (1 - share) * calm[1]


def time_to_ruin(book: Book, model: Model, probability: float, *, horizon: float = HORIZON) -> Floats:
    """(subaccounts,) seconds of the shortest halt with which P(equity < 0) at resume reaches ``probability``.

    0 where equity is below nothing already, infinite where no halt up to ``horizon`` seconds does it, NaN as for
    `book_outage`. Exact on a grid of 256 durations and interpolated between them, to about 0.1 %. Raises as it does.
    """
    if not 0 < probability < 1 or not 0 < horizon < np.inf:
        raise Malformed("a probability in (0, 1) and a horizon above 0 are needed")
    slope, asset = single_asset(book)
    equity = book.equity(book.marks)
    out = np.where(slope == 0, np.where(equity < 0, 0.0, np.inf), np.nan)
    seconds = np.geomspace(min(0.1, horizon / 2), horizon, 256)
    for members, (volatility, drift, jumps) in _grouped(book, model, asset):
        law = mixture(volatility, seconds / YEAR, drift=drift, jumps=jumps, least=1e-8 * probability)
        for side in (1.0, -1.0):
            rows = np.flatnonzero(np.isin(asset, members) & (np.sign(slope) == side))
            if not len(rows):
                continue
            notional = np.abs(slope[rows]) * book.marks[asset[rows].astype(np.int64)]
            _, strike = _strike(side, equity[rows] / notional)
            # what the price passes with this probability after each duration: the first that passes the strike
            furthest = np.minimum.accumulate(side * law.quantile(probability, upper=side < 0))
            with np.errstate(divide="ignore"):
                level = side * np.log(np.maximum(strike, 0.0))
            turn = np.concatenate([[True], np.diff(furthest) < 0])
            inverse = PchipInterpolator(-furthest[turn], np.log(seconds[turn]))
            found = np.exp(inverse(np.clip(-level, -furthest[0], -furthest[-1])))
            out[rows] = np.where(level > 0, 0.0, np.where(level < furthest[-1], np.inf, found))
    return out


def single_asset(book: Book) -> tuple[Floats, Floats]:
    """(subaccounts,) slope of equity in the one asset that moves it, and the asset's index; both NaN where there are
    options or more than one asset. Slope 0 and index NaN where no price moves it.
    """
    count = len(book.assets)
    pair = book.subaccount.astype(np.int64) * count + book.asset
    pairs, inverse = np.unique(pair, return_inverse=True)  # no table of all subaccounts by all assets: it may not fit
    slope = np.bincount(inverse, book.slope(), len(pairs))
    pairs, slope = pairs[slope != 0], slope[slope != 0]
    subaccount = pairs // count
    moved = np.bincount(subaccount, minlength=book.subaccounts)
    nonlinear = book.summed(book.optional.astype(np.float64)) > 0
    total = np.bincount(subaccount, slope, book.subaccounts)
    asset = np.zeros(book.subaccounts)
    asset[subaccount] = pairs % count
    out = np.where((moved > 1) | nonlinear, np.nan, total)
    return out, np.where((moved == 1) & ~nonlinear, asset, np.nan)


def asset_jumps(model: Model, asset: str) -> tuple[Jumps, Jumps]:
    """An asset's common jumps, scaled with its beta, and its own. Raises Unsupported for one the model has not."""
    at = _index(model, asset)
    beta = float(model.beta[at])
    return (
        Jumps(model.common.intensity, beta * model.common.mean, abs(beta) * model.common.deviation),
        Jumps(float(model.own_intensity[at]), float(model.own_mean[at]), float(model.own_deviation[at])),
    )


def _grouped(book: Book, model: Model, asset: Floats) -> Iterator[tuple[list[int], _Rates]]:
    # assets with the same law share it: building and tabulating it is what costs
    groups: dict[_Rates, list[int]] = {}
    for index in np.unique(asset[np.isfinite(asset)]).astype(np.int64):
        at = _index(model, book.assets[index])
        rates: _Rates = (float(model.volatility[at]), float(model.drift[at]), asset_jumps(model, book.assets[index]))
        groups.setdefault(rates, []).append(int(index))
    for rates, members in groups.items():
        yield members, rates


def _tabulated(function: Callable[[Floats], Floats], strike: Floats) -> Floats:
    """What a function of the strike is, interpolated in logarithms of both where there are many strikes."""
    if len(np.unique(strike)) <= _KNOTS:
        return function(strike)
    out = np.empty_like(strike)
    at_zero, below = function(np.zeros(1)), function(-np.ones(1))
    linear = strike <= 0  # no price is there
    out[linear] = at_zero + (at_zero - below) * strike[linear]
    near = np.abs(strike - 1) < 1e-4  # one side of 1 is bankrupt, the other not: no logarithm of the distance
    out[near] = function(strike[near])
    for side in (-1.0, 1.0):
        part = np.flatnonzero((np.sign(strike - 1) == side) & ~near & ~linear)
        if len(part) <= _KNOTS:
            out[part] = function(strike[part])
            continue
        distance = np.abs(strike[part] - 1)
        knots = np.geomspace(distance.min() * (1 - 1e-12), distance.max() * (1 + 1e-12), _KNOTS)
        values = np.log(np.maximum(function(1 + side * knots), 1e-300))
        # a step, where nothing is random, would make a spline ring
        curve = CubicSpline if values.min() > -600 else PchipInterpolator
        out[part] = np.exp(curve(np.log(knots), values)(np.log(distance)))
    return out


def _index(model: Model, asset: str) -> int:
    try:
        return model.assets.index(asset)
    except ValueError:
        raise Unsupported(f"the market model has no asset {asset!r}") from None


def _strike(side: ArrayLike, margin: ArrayLike) -> tuple[Floats, Floats]:
    sign, share = np.sign(np.asarray(side, dtype=np.float64)), np.asarray(margin, dtype=np.float64)
    if not (np.abs(sign) == 1).all():
        raise Malformed("a side must be above or below nothing")
    if not np.isfinite(share).all():
        raise Malformed("a margin is not a finite number")
    return sign, np.asarray(1 - sign * share)


def _probability(law: LogPrice, sign: Floats, strike: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        level = np.log(np.maximum(strike, 0.0))
    return np.asarray(np.where(sign > 0, law.below(level), law.above(level)))


def _debt(law: LogPrice, sign: Floats, strike: Floats) -> Floats:
    return np.asarray(np.where(sign > 0, law.put(strike), law.call(strike)))
