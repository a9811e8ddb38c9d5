"""Realised measures of one asset's returns: variance, bipower variation, and moves over longer times."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rollproof.risk.market import YEAR
from rollproof.venue.book import Floats

LONGEST_STEP = 10  # times the usual spacing: what is longer is a gap, over which no return is taken


@dataclass(frozen=True, slots=True, eq=False)
class Returns:
    """Log returns between neighbouring prices; ``linked`` says where the return before ended where this one begins."""

    log: Floats  # (returns,)
    years: Floats  # (returns,) that each took
    linked: np.ndarray[tuple[int], np.dtype[np.bool_]]  # (returns,)
    gaps: int  # spacings too long for a return

    @classmethod
    def of(cls, seconds: Floats, price: Floats) -> Returns:
        """Of one asset's known prices."""
        log, spacing = np.diff(np.log(price)), np.diff(seconds)
        kept = spacing <= LONGEST_STEP * np.median(spacing) if len(spacing) else np.zeros(0, dtype=np.bool_)
        linked = np.concatenate([[False], kept[:-1]]) if len(kept) else kept
        return cls(log[kept], spacing[kept] / YEAR, linked[kept], int((~kept).sum()))

    @property
    def span(self) -> float:
        """Years that all returns together took."""
        return float(self.years.sum())

    @property
    def products(self) -> Floats:
        """(returns,) |return| times |return before|; 0 where they are not linked."""
        before = np.concatenate([[0.0], np.abs(self.log[:-1])])
        return np.where(self.linked, np.abs(self.log) * before, 0.0)


def variance(returns: Returns) -> float:
    """Realised variance a year (Andersen and Bollerslev 1998): of diffusion and jumps."""
    return float((returns.log**2).sum()) / returns.span


def bipower(returns: Returns) -> float:
    """Bipower variation a year (Barndorff-Nielsen and Shephard 2004, equation 6): of the diffusion alone, nearly."""
    return math.pi / 2 * float(returns.products.sum()) / returns.span


def jump_share(returns: Returns) -> float:
    """Share of the variance that is jumps', 1 - bipower / variance, at least 0."""
    total = variance(returns)
    return max(0.0, 1 - bipower(returns) / total) if total else 0.0


def kurtosis(returns: Returns) -> float:
    """Of the returns; 3 for a normal law."""
    centred = returns.log - returns.log.mean()
    spread = float((centred**2).mean())
    return float((centred**4).mean()) / spread**2 if spread else 3.0


def autocorrelation(returns: Returns) -> float:
    """Of neighbouring returns. Well below zero where prices bounce between bid and ask."""
    total = float((returns.log**2).sum())
    before = np.concatenate([[0.0], returns.log[:-1]])
    return float(np.where(returns.linked, returns.log * before, 0.0).sum()) / total if total else 0.0


def worst_move(seconds: Floats, price: Floats, minutes: float) -> float:
    """The largest fall over ``minutes`` from any minute on, as a log return: prices stand until there is a new one."""
    grid = np.arange(seconds[0], seconds[-1] + 1, 60.0)
    log = np.log(price[np.searchsorted(seconds, grid, side="right") - 1])
    steps = round(minutes)
    return float((log[steps:] - log[:-steps]).min()) if len(log) > steps else math.nan


def signature(seconds: Floats, price: Floats, intervals: tuple[float, ...]) -> tuple[tuple[float, float], ...]:
    """(seconds, annual volatility) sampled at each interval: flat where prices are free of noise."""
    out = []
    for interval in intervals:
        grid = np.arange(seconds[0], seconds[-1] + 1, interval)
        if len(grid) > 2:
            sampled = price[np.searchsorted(seconds, grid, side="right") - 1]
            out.append((interval, math.sqrt(variance(Returns.of(grid, sampled)))))
    return tuple(out)
