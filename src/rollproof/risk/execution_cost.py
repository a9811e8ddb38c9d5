"""What it costs to execute a size: against an order book, by the square-root law, against a pool or a skew curve.

Every curve answers with a `Cost`: what is lost against the price before, of an order whose size is given as notional
at that price, in the quote currency. ``depth`` multiplies how much liquidity there is: 0.3 is a stressed market in which
an order of Q costs, per unit, what one of Q / 0.3 costs usually.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from rollproof.errors import Malformed
from rollproof.risk.liquidity import Liquidity
from rollproof.venue.book import Floats

MAX_BYTES = 16 << 20
BP = 1e4


@dataclass(frozen=True, slots=True, eq=False)
class Cost:
    """Of executing orders; all arrays have the shape of the sizes that were asked about."""

    notional: Floats  # asked for, quote, at the price before
    filled: Floats  # of it
    quote: Floats  # lost on what was filled; below nothing where the trader is paid
    last_bp: Floats  # how far from the price before the last unit was executed

    @property
    def bp(self) -> Floats:
        """Lost per notional filled, in basis points; NaN where nothing was."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(self.filled > 0, self.quote / self.filled * BP, np.nan))

    @property
    def complete(self) -> bool:
        """Whether everything was filled. A cost of an order that was not is not the cost of that order."""
        return bool((self.filled >= self.notional * (1 - 1e-12)).all())

    def plus(self, other: Cost) -> Cost:
        """Of both orders; the worse last price."""
        return Cost(
            self.notional + other.notional,
            self.filled + other.filled,
            self.quote + other.quote,
            np.maximum(self.last_bp, other.last_bp),
        )


class Curve(Protocol):
    """Something to execute against. ``notional`` at least 0, ``side`` above nothing to buy, below it to sell."""

    def cost(self, notional: ArrayLike, *, side: float = -1.0, depth: float = 1.0) -> Cost:
        """Raises Malformed for a size that is not a number or below nothing."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class DepthCurve:
    """One side of an order book: notional within each distance from the middle.

    Between ``bp[i - 1]`` (0 before the first) and ``bp[i]`` the notional that is added lies evenly; two equal distances
    are one price level. Beyond the last there is nothing. An order's last unit pays the last distance.
    """

    bp: Floats  # rising, at least 0
    notional: Floats  # cumulative, rising, quote

    def __post_init__(self) -> None:
        bp, total = self.bp, self.notional
        if bp.ndim != 1 or bp.shape != total.shape or not len(bp):
            raise Malformed("depth: as many distances as notionals are needed, and one at least")
        if not (np.isfinite(bp).all() and np.isfinite(total).all()):
            raise Malformed("depth: a distance or notional is not a finite number")
        if bp[0] < 0 or total[0] < 0 or (np.diff(bp) < 0).any() or (np.diff(total) < 0).any():
            raise Malformed("depth: distances and cumulative notionals must be at least 0 and not fall")

    @classmethod
    def of_levels(cls, price: ArrayLike, size: ArrayLike, middle: float) -> DepthCurve:
        """From price levels and the units at each, of one side, in any order. Notional is at the middle price."""
        at, units = np.asarray(price, dtype=np.float64), np.asarray(size, dtype=np.float64)
        if not np.isfinite(middle) or middle <= 0 or at.shape != units.shape or (units < 0).any():
            raise Malformed("depth: a middle price above 0 and sizes at least 0, one for each price, are needed")
        distance = np.abs(at / middle - 1) * BP
        order = np.argsort(distance, kind="stable")
        after = np.cumsum(units[order]) * middle
        before = after - units[order] * middle
        return cls(np.repeat(distance[order], 2), np.stack([before, after], axis=1).ravel())

    def within(self, bp: ArrayLike) -> Floats:
        """Notional not further than that from the middle."""
        steps = np.concatenate([[0.0], self.bp])
        total = np.concatenate([[0.0], self.notional])
        limit = np.asarray(bp, dtype=np.float64)
        index = np.searchsorted(steps, limit, side="right") - 1
        after = np.minimum(index + 1, len(steps) - 1)
        width = steps[after] - steps[index]
        share = np.where(width > 0, (limit - steps[index]) / np.where(width > 0, width, 1.0), 0.0)
        return np.asarray(total[index] + share * (total[after] - total[index]))

    def cost(self, notional: ArrayLike, *, side: float = -1.0, depth: float = 1.0) -> Cost:  # noqa: ARG002 one side
        """Walks the book. What is beyond the book is not filled."""
        size = _sizes(notional, depth)
        steps, total = np.concatenate([[0.0], self.bp]), np.concatenate([[0.0], self.notional * depth])
        paid = np.concatenate([[0.0], np.cumsum(np.diff(total) * (steps[1:] + steps[:-1]) / 2)])
        filled = np.minimum(size, total[-1])
        index = np.clip(np.searchsorted(total, filled, side="left"), 1, len(total) - 1)
        width = total[index] - total[index - 1]
        share = np.where(width > 0, (filled - total[index - 1]) / np.where(width > 0, width, 1.0), 0.0)
        last = steps[index - 1] + share * (steps[index] - steps[index - 1])
        lost = paid[index - 1] + (filled - total[index - 1]) * (steps[index - 1] + last) / 2
        return Cost(size, filled, np.asarray(lost / BP), np.where(filled > 0, last, 0.0))


@dataclass(frozen=True, slots=True, eq=False)
class ImpactCurve:
    """The square-root and linear impact of one asset's market (`risk.liquidity`, with its sources)."""

    liquidity: Liquidity
    asset: int

    def cost(self, notional: ArrayLike, *, side: float = -1.0, depth: float = 1.0) -> Cost:  # noqa: ARG002 symmetric
        size = _sizes(notional, depth)
        share = self.liquidity.cost(size / depth, self.asset)
        last = self.liquidity.impact(size / depth, self.asset)
        return Cost(size, size, np.asarray(share * size), np.asarray(last * BP))


@dataclass(frozen=True, slots=True)
class ConstantProduct:
    """A pool that keeps base times quote constant; the fee is taken from what is paid in (H. Adams, N. Zinsmeister
    and D. Robinson, Uniswap v2 Core, 2020, section 3.2.1).
    """

    base: float  # reserves, units
    quote: float
    fee: float = 0.003

    def cost(self, notional: ArrayLike, *, side: float = -1.0, depth: float = 1.0) -> Cost:
        """Raises Malformed for a purchase of all that the pool holds."""
        size = _sizes(notional, depth)
        x, y = self.base * depth, self.quote * depth
        price = y / x
        units = size / price
        if side > 0:
            if (units >= x).any():
                raise Malformed("a pool cannot sell all that it holds")
            lost = y * units / (x - units) / (1 - self.fee) - size
            last = (x / (x - units)) ** 2 / (1 - self.fee) - 1
        else:
            kept = units * (1 - self.fee)
            lost = size - y * kept / (x + kept)
            last = 1 - (1 - self.fee) * (x / (x + kept)) ** 2
        return Cost(size, size, np.asarray(lost), np.asarray(last * BP))


@dataclass(frozen=True, slots=True)
class SkewCurve:
    """A venue that fills at the oracle's price times 1 + (skew before + skew after) / 2 / scale (Synthetix perps v3,
    Synthetixio/synthetix-v3@23585f7, markets/perps-market/contracts/storage). Selling into a long skew is paid for.
    """

    price: float  # the oracle's, quote per unit
    skew: float  # longs less shorts, units
    scale: float  # units

    def cost(self, notional: ArrayLike, *, side: float = -1.0, depth: float = 1.0) -> Cost:
        size = _sizes(notional, depth)
        units = np.sign(side) * size / self.price
        scale = self.scale * depth
        premium = (self.skew + units / 2) / scale
        last = (self.skew + units) / scale
        return Cost(size, size, np.asarray(units * self.price * premium), np.asarray(np.sign(side) * last * BP))


@dataclass(frozen=True, slots=True)
class SlippageAtRisk:
    """Of a cross-section of markets, as shares of notional; the tail sum in quote."""

    level: float
    quantile: float  # SaR
    shortfall: float  # ESaR: mean of the worst 1 - level of the markets
    tail: float  # TSaR: quote lost in the markets whose slippage is at least the quantile


def slippage_at_risk(slippage: ArrayLike, notional: ArrayLike, level: float = 0.95) -> SlippageAtRisk:
    """How bad execution is in the worst markets, each with its slippage (share) for its notional (quote).

    O. Sepper, Slippage-at-Risk, arXiv 2603.09164, defines the three in words; the quantile here is the smallest
    slippage exceeded by at most 1 - level of the markets, and the shortfall splits the market at the quantile.
    """
    share, size = np.broadcast_arrays(np.asarray(slippage, dtype=np.float64), np.asarray(notional, dtype=np.float64))
    if share.ndim != 1 or not len(share) or not np.isfinite(share).all() or not np.isfinite(size).all():
        raise Malformed("slippage: one finite number for each market is needed, and one market at least")
    if not 0 < level < 1:
        raise Malformed("slippage: the level must be above 0 and below 1")
    ordered = np.sort(share)
    at = float(ordered[min(int(np.ceil(level * len(ordered) - 1e-9)), len(ordered)) - 1])
    beyond = float(np.maximum(share - at, 0.0).mean()) / (1 - level)
    return SlippageAtRisk(level, at, at + beyond, float((share * size)[share >= at].sum()))


def read_depth(path: str | Path) -> DepthCurve:
    """A curve from a CSV file with the columns ``bp`` and ``notional`` (cumulative, quote), one row a distance.

    Raises Malformed, naming row and column; OSError.
    """
    path = Path(path)
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    return parse_depth(data, path.name)


def parse_depth(data: bytes, what: str) -> DepthCurve:
    """As `read_depth`. Raises Malformed."""
    if len(data) > MAX_BYTES:
        raise Malformed(f"{what}: more than {MAX_BYTES} bytes")
    try:
        rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        names = [name.strip() for name in next(rows, [])]
        for name in names:
            if name not in ("bp", "notional"):
                raise Malformed(f"{what}: unknown column {name[:40]!r}")
        if sorted(names) != ["bp", "notional"]:
            raise Malformed(f"{what}: the columns bp and notional are needed, once each")
        values: dict[str, list[float]] = {"bp": [], "notional": []}
        for number, row in enumerate(rows, 2):
            if len(row) != len(names):
                raise Malformed(f"{what}: row {number}: {len(row)} fields, not {len(names)}")
            for name, text in zip(names, row, strict=True):
                values[name].append(_number(text, values[name], f"{what}: row {number}: {name}"))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Malformed(f"{what}: not a CSV file in UTF-8: {error}") from None
    if not values["bp"]:
        raise Malformed(f"{what}: no rows")
    return DepthCurve(np.array(values["bp"]), np.array(values["notional"]))


def average_depth(curves: Sequence[DepthCurve], bp: ArrayLike) -> DepthCurve:
    """The mean notional of several snapshots within each of the distances ``bp``."""
    if not curves:
        raise Malformed("depth: no snapshots")
    at = np.asarray(bp, dtype=np.float64)
    return DepthCurve(at, np.mean([curve.within(at) for curve in curves], axis=0))


def _number(text: str, before: list[float], where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise Malformed(f"{where}: {text[:40]!r} is not a number") from None
    if not np.isfinite(value) or value < 0:
        raise Malformed(f"{where}: {text[:40]!r} is not a finite number, at least 0")
    if before and value < before[-1]:
        raise Malformed(f"{where}: {text[:40]!r} is below the row before")
    return value


def _sizes(notional: ArrayLike, depth: float) -> Floats:
    size = np.asarray(notional, dtype=np.float64)
    if not (np.isfinite(size) & (size >= 0)).all():
        raise Malformed("a notional must be a finite number, at least 0")
    if not (np.isfinite(depth) and depth > 0):
        raise Malformed("a depth multiplier must be above 0")
    return size
