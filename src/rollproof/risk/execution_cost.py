"""What it costs to execute a size: against an order book, by the square-root law, against a pool or a skew curve.

Every curve answers with a `Cost`: what is lost against the price before, of an order whose size is given as notional
at that price, in the quote currency. ``depth`` multiplies how much liquidity there is: 0.3 is a stressed market in
which an order of Q costs, per unit, what one of Q / 0.3 costs usually. Order books: `risk.depth_curve`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from rollproof.errors import Malformed
from rollproof.risk.liquidity import Liquidity
from rollproof.venue.book import Floats

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
class ImpactCurve:
    """The square-root and linear impact of one asset's market (`risk.liquidity`, with its sources)."""

    liquidity: Liquidity
    asset: int

    def cost(self, notional: ArrayLike, *, side: float = -1.0, depth: float = 1.0) -> Cost:  # noqa: ARG002 symmetric
        size = sizes(notional, depth)
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
        size = sizes(notional, depth)
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
        size = sizes(notional, depth)
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


def sizes(notional: ArrayLike, depth: float) -> Floats:
    """What was asked of a curve, checked. Raises Malformed."""
    size = np.asarray(notional, dtype=np.float64)
    if not (np.isfinite(size) & (size >= 0)).all():
        raise Malformed("a notional must be a finite number, at least 0")
    if not (np.isfinite(depth) and depth > 0):
        raise Malformed("a depth multiplier must be above 0")
    return size
