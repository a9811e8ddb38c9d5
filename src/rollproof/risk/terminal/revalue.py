"""Subaccounts revalued on each path: linear in several assets, or with options."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rollproof.risk.compilation import njit
from rollproof.risk.terminal.chance import uniform
from rollproof.venue.book import Floats

LANES = 256  # paths at a time, so that what is summed stays in the cache


@dataclass(frozen=True, slots=True, eq=False)
class Options:
    """Different options, one a row."""

    asset: NDArray[np.int64]
    strike: Floats
    expiry: Floats  # years from now
    volatility: Floats
    call: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Subaccounts:
    """Equities that are sums of factors: prices of assets, then values of options."""

    constant: Floats  # (subaccounts,) quote
    start: NDArray[np.int64]  # (subaccounts + 1,) of each one's entries
    factor: NDArray[np.int64]  # (entries,)
    amount: Floats  # (entries,) units of the factor
    options: Options

    def bad_debt(self, prices: Floats, years: Floats) -> Floats:
        """(paths,) below zero, all together, at ``prices`` (assets, paths) after ``years`` (paths,), quote."""
        out = np.zeros(prices.shape[1])
        _below_zero(self.constant, self.start, self.factor, self.amount, self._factors(prices, years), out)
        return out

    def topped_up(
        self,
        earlier: Floats,
        earlier_years: Floats,
        prices: Floats,
        years: Floats,
        probability: float,
        keys: NDArray[np.uint64],
    ) -> Floats:
        """(paths,) the same if who has equity left at ``earlier`` prices is topped up with ``probability``, drawn."""
        out = np.zeros(prices.shape[1])
        before, now = self._factors(earlier, earlier_years), self._factors(prices, years)
        _below_zero_unless(self.constant, self.start, self.factor, self.amount, before, now, probability, keys, out)
        return out

    def _factors(self, prices: Floats, years: Floats) -> Floats:
        options = self.options
        if not len(options.strike):
            return prices
        values = np.empty((len(options.strike), prices.shape[1]))
        _black76(options.asset, options.strike, options.expiry, options.volatility, options.call, prices, years, values)
        return np.vstack([prices, values])


@njit(cache=True, nogil=True)
def _black76(asset, strike, expiry, volatility, call, prices, years, out):  # type: ignore[no-untyped-def]
    """As `venue.black76.value`, whose source it has."""
    root = math.sqrt(0.5)
    for each in range(len(strike)):
        for path in range(prices.shape[1]):
            forward = prices[asset[each], path]
            deviation = volatility[each] * math.sqrt(max(expiry[each] - years[path], 0.0))
            value = max(forward - strike[each], 0.0)
            if deviation > 0.0:
                d1 = math.log(forward / strike[each]) / deviation + deviation / 2
                value = 0.5 * (forward * math.erfc(-d1 * root) - strike[each] * math.erfc((deviation - d1) * root))
            out[each, path] = value if call[each] else max(value - (forward - strike[each]), 0.0)


@njit(cache=True, nogil=True)
def _below_zero(constant, start, factor, amount, factors, out):  # type: ignore[no-untyped-def]
    paths = factors.shape[1]
    here, equity, owed = np.empty((len(factors), LANES)), np.empty(LANES), np.empty(LANES)
    for low in range(0, paths, LANES):
        _gather(factors, low, here)
        owed[:] = 0.0
        for each in range(len(constant)):
            equity[:] = constant[each]
            for entry in range(start[each], start[each + 1]):
                row, units = factor[entry], amount[entry]
                for lane in range(LANES):
                    equity[lane] += units * here[row, lane]
            for lane in range(LANES):
                owed[lane] += max(-equity[lane], 0.0)
        for lane in range(min(LANES, paths - low)):
            out[low + lane] = owed[lane]


@njit(cache=True, nogil=True)
def _below_zero_unless(  # type: ignore[no-untyped-def]
    constant, start, factor, amount, earlier, factors, probability, keys, out
):
    paths = factors.shape[1]
    then, here = np.empty((len(factors), LANES)), np.empty((len(factors), LANES))
    before, equity = np.empty(LANES), np.empty(LANES)
    for low in range(0, paths, LANES):
        _gather(earlier, low, then)
        _gather(factors, low, here)
        for each in range(len(constant)):
            before[:] = constant[each]
            equity[:] = constant[each]
            for entry in range(start[each], start[each + 1]):
                row, units = factor[entry], amount[entry]
                for lane in range(LANES):
                    before[lane] += units * then[row, lane]
                    equity[lane] += units * here[row, lane]
            for lane in range(min(LANES, paths - low)):
                owes = equity[lane] < 0.0
                if owes and (before[lane] < 0.0 or uniform(keys[low + lane], each) >= probability):
                    out[low + lane] -= equity[lane]


@njit(cache=True, nogil=True)
def _gather(factors, low, here):  # type: ignore[no-untyped-def]
    """`LANES` paths from ``low`` side by side: rows that are far apart drive each other out of the cache."""
    width = min(LANES, factors.shape[1] - low)
    for row in range(len(factors)):
        here[row, :width] = factors[row, low : low + width]
        here[row, width:] = factors[row, low]
