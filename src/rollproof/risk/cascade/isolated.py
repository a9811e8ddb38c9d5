"""The fast kernel: positions that stand alone, each closed whole at its liquidation price.

Longs are ordered by falling, shorts by rising liquidation price, so what is liquidated is always a head of either
list: a step without a liquidation costs two comparisons, and one with them nothing but them. What needs more (partial
liquidation, a throughput cap, top-ups, funding, several rows in a subaccount) is `cascade.kernel`'s.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rollproof.risk.cascade import outcome
from rollproof.risk.cascade.conduct import Conduct
from rollproof.risk.cascade.impact import average, displacement
from rollproof.risk.cascade.outcome import IMPACT_BOUND
from rollproof.risk.cascade.plan import Columns, Depths
from rollproof.risk.cascade.timing import Times, resumes
from rollproof.venue.book import Floats


class Side(NamedTuple):
    """All longs, or all shorts, by asset and then in the order that a price meets their liquidation prices."""

    first: NDArray[np.int64]  # (assets + 1,)
    # (positions,)
    level: Floats  # log of the liquidation price over the mark
    slope: Floats  # signed size
    entry: Floats
    cash: Floats
    notional: Floats  # at the marks
    summed: Floats  # (positions + 1,) notional of all before


class Positions(NamedTuple):
    """Both sides."""

    marks: Floats
    share: Floats
    longs: Side
    shorts: Side


def positions(columns: Columns, does: Conduct) -> Positions | None:
    """The book for this kernel, or None where it cannot run it."""
    rows = np.diff(columns.first)
    if not does.plain or (rows > 1).any() or (columns.cash[rows == 0] < 0).any():
        return None
    if not columns.perpetual.all() or (columns.step < 1).any():
        return None
    counted = columns.weight * columns.slope
    slope = counted - columns.maintenance
    if (columns.slope == 0).any() or (np.sign(slope) != np.sign(columns.slope)).any():
        return None
    cash = columns.cash[rows > 0]
    fixed = columns.charges[rows > 0] + columns.maintenance_fixed
    price = (fixed + counted * columns.entry - cash) / slope
    with np.errstate(divide="ignore"):
        level = np.log(np.maximum(price, 0.0) / columns.marks[columns.asset])
    return Positions(
        columns.marks,
        columns.share,
        _side(columns, cash, level, np.flatnonzero(columns.slope > 0), -1.0),
        _side(columns, cash, level, np.flatnonzero(columns.slope < 0), 1.0),
    )


def _side(columns: Columns, cash: Floats, level: Floats, chosen: NDArray[np.int64], rising: float) -> Side:
    order = chosen[np.lexsort((rising * level[chosen], columns.asset[chosen]))]
    counts = np.bincount(columns.asset[order], minlength=len(columns.marks))
    return Side(
        np.concatenate((np.zeros(1, np.int64), np.cumsum(counts))),
        level[order],
        columns.slope[order],
        columns.entry[order],
        cash[order],
        columns.row_notional[order],
        np.concatenate((np.zeros(1), np.cumsum(columns.row_notional[order]))),
    )


class Cursor(NamedTuple):
    """Where a path stands. (assets,)"""

    event: NDArray[np.int64]  # the step at which the asset's next liquidation happens
    long: NDArray[np.int64]  # the next to be liquidated
    short: NDArray[np.int64]
    flow: Floats  # that the market has not absorbed, quote, signed
    low: Floats  # extremes of the log price
    high: Floats
    free_low: Floats  # of the undisplaced one, while liquidations happen
    free_high: Floats
    peak: Floats  # largest move while they happen


def cursor(assets: int) -> Cursor:
    """Room for one path at a time."""
    integers = np.zeros((3, assets), np.int64)
    floats = np.zeros((6, assets))
    return Cursor(*integers, *floats)


@njit(cache=True, nogil=True)
def run(
    book: Positions, does: Conduct, depths: Depths, stressed: int, when: Times, logs: Floats, at: Cursor, tally: Floats
) -> None:  # fmt: skip
    """One path: ``logs`` (steps, assets) as `prices.walk` leaves them; fills ``tally``.

    From liquidation to liquidation: each asset's next one is found by itself, and the earliest of all is done, because
    they share the fund.
    """
    assets = len(book.marks)
    tally[:] = 0.0
    tally[outcome.FUND_LEFT] = does.fund
    total = when.steps + when.later
    for a in range(assets):
        at.flow[a], at.low[a], at.high[a], at.peak[a] = 0.0, 0.0, 0.0, 0.0
        at.free_low[a], at.free_high[a] = math.inf, -math.inf
        at.long[a], at.short[a] = book.longs.first[a], book.shorts.first[a]
        _seek(book, does, depths, stressed, when, logs, at, a, 0)
        tally[outcome.RESUME] += book.share[a] * logs[when.steps - 1, a]
    while True:
        k, a = total, -1
        for each in range(assets):
            if at.event[each] < k:
                k, a = at.event[each], each
        if a < 0:
            break
        worse = does.slippage_during if k < when.steps - 1 else 0.0
        _sweep(book, does, depths, stressed, logs[k, a], worse, at, a, tally)
        if k >= when.steps - 1:
            tally[outcome.CLEARED] = (k - when.steps + 1) * when.later_step - does.grace
        _seek(book, does, depths, stressed, when, logs, at, a, k + 1)
    _end(book, depths, stressed, when, logs, at, tally)


@njit(cache=True, nogil=True)
def _seek(
    book: Positions, does: Conduct, depths: Depths, stressed: int, when: Times, logs: Floats, at: Cursor, a: int,
    start: int,
) -> None:  # fmt: skip
    """Finds the asset's next liquidation, from step ``start`` on."""
    long = book.longs.level[at.long[a]] if at.long[a] < book.longs.first[a + 1] else -math.inf
    short = book.shorts.level[at.short[a]] if at.short[a] < book.shorts.first[a + 1] else math.inf
    decay = 2.0 ** (-when.step / depths.half_life[a])
    later_decay = 2.0 ** (-when.later_step / depths.half_life[a])
    blocked = when.steps - 1 if does.acts_during else 0
    found = _scan(
        logs, a, start, when.steps, when.steps + when.later, blocked, resumes(when, does.grace), long, short,
        at.flow[a], decay, later_decay, depths.square_root[stressed, a], depths.linear[stressed, a],
        at.low[a], at.high[a], at.free_low[a], at.free_high[a], at.peak[a],
    )  # fmt: skip
    at.event[a], at.flow[a], at.low[a], at.high[a], at.free_low[a], at.free_high[a], at.peak[a] = found


@njit(cache=True, nogil=True)
def _scan(
    logs: Floats, a: int, start: int, steps: int, total: int, blocked: int, resumed: int, long: float, short: float,
    flow: float, decay: float, later_decay: float, square_root: float, linear: float,
    low: float, high: float, free_low: float, free_high: float, peak: float,
) -> tuple[int, float, float, float, float, float, float]:  # fmt: skip
    """Steps on until the price is beyond ``long`` or ``short`` and liquidations happen; all in registers."""
    for k in range(start, total):
        log = logs[k, a]
        price = log
        if flow != 0.0:
            flow *= decay if k < steps else later_decay
            price += displacement(flow, square_root, linear)
        low, high = min(low, price), max(high, price)
        if k < blocked or k >= resumed:
            free_low, free_high = min(free_low, log), max(free_high, log)
            peak = max(peak, abs(price))
            if price < long or price > short:
                return k, flow, low, high, free_low, free_high, peak
    return total, flow, low, high, free_low, free_high, peak


@njit(cache=True, nogil=True)
def _sweep(
    book: Positions, does: Conduct, depths: Depths, stressed: int, log: float, worse: float, at: Cursor, a: int,
    tally: Floats,
) -> None:  # fmt: skip
    """Liquidates all whose price is beyond, the price that each leaves included."""
    price = log + displacement(at.flow[a], depths.square_root[stressed, a], depths.linear[stressed, a])
    while at.long[a] < book.longs.first[a + 1] and book.longs.level[at.long[a]] > price:
        price = _liquidate(book, book.longs, at.long[a], a, does, depths, stressed, log, worse, at, tally)
        at.long[a] += 1
    while at.short[a] < book.shorts.first[a + 1] and book.shorts.level[at.short[a]] < price:
        price = _liquidate(book, book.shorts, at.short[a], a, does, depths, stressed, log, worse, at, tally)
        at.short[a] += 1
    at.low[a], at.high[a] = min(at.low[a], price), max(at.high[a], price)
    at.peak[a] = max(at.peak[a], abs(price))


@njit(cache=True, nogil=True)
def _liquidate(
    book: Positions, side: Side, i: int, a: int, does: Conduct, depths: Depths, stressed: int, log: float, worse: float,
    at: Cursor, tally: Floats,
) -> float:  # fmt: skip
    """Closes position ``i``; returns the displaced log price after it."""
    square_root, linear = depths.square_root[stressed, a], depths.linear[stressed, a]
    slope = side.slope[i]
    base = book.marks[a] * math.exp(log + displacement(at.flow[a], square_root, linear))
    flow = at.flow[a] - slope * base  # closing a long sells
    met = book.marks[a] * math.exp(log + average(at.flow[a], flow, square_root, linear))
    taken = met * worse
    price = met - taken if slope > 0 else met + taken
    equity = side.cash[i] + slope * (price - side.entry[i])
    penalty = min(does.penalty * abs(slope) * base, max(equity, 0.0))
    tally[outcome.LIQUIDATED] += side.notional[i]
    tally[outcome.SLIPPAGE] += slope * (base - met)
    tally[outcome.EXTRACTED] += abs(slope) * taken
    tally[outcome.PENALTIES] += penalty
    tally[outcome.FUND_LEFT] += (1.0 - does.keeper_share) * penalty
    if equity < 0.0:
        tally[outcome.FAILED] += 1.0
        owe(-equity, does.fund_first, tally)
    at.flow[a] = flow
    moved = displacement(flow, square_root, linear)
    if abs(moved) >= IMPACT_BOUND:
        tally[outcome.BOUND] = 1.0
    return log + moved


@njit(cache=True, nogil=True)
def owe(amount: float, fund_first: bool, tally: Floats) -> None:
    """Notes bad debt, and pays it from the fund as far as that goes."""
    paid = min(tally[outcome.FUND_LEFT], amount) if fund_first else 0.0
    tally[outcome.BAD_DEBT] += amount
    tally[outcome.FUND_USED] += paid
    tally[outcome.FUND_LEFT] -= paid
    tally[outcome.UNCOVERED] += amount - paid


@njit(cache=True, nogil=True)
def _beyond(side: Side, a: int, log: float, falling: bool) -> int:
    """The end of the head of asset ``a`` that a log price has passed."""
    low, high = int(side.first[a]), int(side.first[a + 1])
    while low < high:
        middle = (low + high) // 2
        if (side.level[middle] > log) if falling else (side.level[middle] < log):
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def _end(
    book: Positions, depths: Depths, stressed: int, when: Times, logs: Floats, at: Cursor, tally: Floats
) -> None:  # fmt: skip
    last = when.steps + when.later - 1
    for a in range(len(book.marks)):
        price = logs[last, a] + displacement(at.flow[a], depths.square_root[stressed, a], depths.linear[stressed, a])
        final = book.marks[a] * math.exp(price)
        _end_side(book.longs, a, at.long[a], at.low[a], at.free_low[a], True, final, tally)
        _end_side(book.shorts, a, at.short[a], at.high[a], at.free_high[a], False, final, tally)
        tally[outcome.MOVE] += book.share[a] * at.peak[a]
        tally[outcome.MOVE_FREE] += book.share[a] * max(at.free_high[a], -at.free_low[a], 0.0)


@njit(cache=True, nogil=True)
def _end_side(
    side: Side, a: int, done: int, extreme: float, free: float, falling: bool, final: float, tally: Floats
) -> None:  # fmt: skip
    first, end = side.first[a], side.first[a + 1]
    tally[outcome.CROSSED] += max(done, _beyond(side, a, extreme, falling)) - first
    tally[outcome.OPEN] += side.summed[end] - side.summed[done]
    tally[outcome.LIQUIDATED_FREE] += side.summed[_beyond(side, a, free, falling)] - side.summed[first]
    if tally[outcome.UNCOVERED] > 0.0:
        for i in range(done, end):
            tally[outcome.PROFITS] += max(side.slope[i] * (final - side.entry[i]), 0.0)
