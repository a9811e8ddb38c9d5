"""The fast kernel: positions that stand alone, each closed whole at its liquidation price.

Longs are ordered by falling, shorts by rising liquidation price, so what is liquidated is always a head of either
list, and a step without a liquidation costs two comparisons. What needs more (partial liquidation, a throughput cap,
top-ups, funding, several rows in a subaccount) is `cascade.kernel`'s.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rollproof.risk.cascade import outcome
from rollproof.risk.cascade.conduct import Conduct
from rollproof.risk.cascade.impact import average, displacement
from rollproof.risk.cascade.layout import POSITION, SIDES, Record, Records
from rollproof.risk.cascade.outcome import IMPACT_BOUND
from rollproof.risk.cascade.plan import Plan
from rollproof.risk.cascade.tally import clear, owe
from rollproof.risk.cascade.timing import Times, resumes
from rollproof.venue.book import Floats


def positions(plan: Plan, does: Conduct) -> tuple[Records, Records] | None:
    """(positions,) by asset, longs first, and (assets,) where each asset's are; None where this kernel will not do."""
    rows, counts = plan.rows, plan.subaccounts["end"] - plan.subaccounts["first"]
    if not does.plain or (counts > 1).any() or (plan.subaccounts["cash"][counts == 0] < 0).any():
        return None
    if not rows["perpetual"].all() or (rows["step"] < 1).any() or (rows["slope"] == 0).any():
        return None
    counted = rows["weight"] * rows["slope"]
    surplus_slope = counted - rows["maintenance"]
    if (np.sign(surplus_slope) != np.sign(rows["slope"])).any():
        return None
    alone = plan.subaccounts[counts > 0]
    marks = plan.assets[0]["mark"]
    price = (alone["charges"] + rows["maintenance_fixed"] + counted * rows["entry"] - alone["cash"]) / surplus_slope
    out = np.zeros(len(rows), POSITION)
    with np.errstate(divide="ignore"):
        out["level"] = np.log(np.maximum(price, 0.0) / marks[rows["asset"]])
    for name in ("slope", "entry", "notional"):
        out[name] = rows[name]
    out["cash"] = alone["cash"]
    short = rows["slope"] < 0
    order = np.lexsort((np.where(short, 1.0, -1.0) * out["level"], short, rows["asset"]))
    out = out[order]
    out["summed"] = np.cumsum(out["notional"]) - out["notional"]
    return out, _sides(rows["asset"], short, len(marks))


def _sides(asset: NDArray[np.int64], short: NDArray[np.bool_], assets: int) -> Records:
    sides = np.zeros(assets, SIDES)
    sides["end"] = np.cumsum(np.bincount(asset, minlength=assets))
    sides["long"] = sides["end"] - np.bincount(asset, minlength=assets)
    sides["short"] = sides["end"] - np.bincount(asset[short], minlength=assets)
    return sides


@njit(nogil=True)
def run(
    book: Records, sides: Records, assets: Records, does: Record, when: Times, logs: Floats, at: Records, tally: Floats
) -> None:  # fmt: skip
    """One path: ``logs`` (steps, assets) as `prices.walk` leaves them; fills ``tally``.

    From liquidation to liquidation: each asset's next one is found by itself, and the earliest of all is done, because
    they share the fund.
    """
    clear(tally)
    tally[outcome.FUND_LEFT] = does.fund
    total = when.steps + when.later
    for a in range(len(assets)):
        at[a].flow, at[a].low, at[a].high, at[a].peak = 0.0, 0.0, 0.0, 0.0
        at[a].free_low, at[a].free_high = math.inf, -math.inf
        at[a].long, at[a].short = sides[a].long, sides[a].short
        _seek(book, sides[a], assets[a], does, when, logs, a, 0, at[a])
        tally[outcome.RESUME] += assets[a].share * logs[when.steps - 1, a]
    while True:
        k, a = total, -1
        for each in range(len(assets)):
            if at[each].event < k:
                k, a = at[each].event, each
        if a < 0:
            break
        worse = does.slippage if k < when.steps - 1 else 0.0
        _sweep(book, sides[a], assets[a], does, logs[k, a], worse, at[a], tally)
        if k >= when.steps - 1:
            tally[outcome.CLEARED] = (k - when.steps + 1) * when.later_step - does.grace
        _seek(book, sides[a], assets[a], does, when, logs, a, k + 1, at[a])
    for a in range(len(assets)):
        _end(book, sides[a], assets[a], logs[total - 1, a], at[a], tally)


@njit(nogil=True)
def _seek(
    book: Records, side: Record, asset: Record, does: Record, when: Times, logs: Floats, a: int, start: int, at: Record
) -> None:  # fmt: skip
    """Finds the asset's next liquidation, from step ``start`` on."""
    long = book[at.long].level if at.long < side.short else -math.inf
    short = book[at.short].level if at.short < side.end else math.inf
    blocked = when.steps - 1 if does.acts_during else 0
    resumed = resumes(when, does.grace)
    square_root, linear = asset.square_root, asset.linear
    flow, low, high, free_low, free_high, peak = at.flow, at.low, at.high, at.free_low, at.free_high, at.peak
    decay, later_decay = 1.0, 1.0
    if flow != 0.0:
        decay, later_decay = 2.0 ** (-when.step / asset.half_life), 2.0 ** (-when.later_step / asset.half_life)
    steps, total = when.steps, when.steps + when.later
    event = total
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
                event = k
                break
    at.event, at.flow, at.low, at.high = event, flow, low, high
    at.free_low, at.free_high, at.peak = free_low, free_high, peak


@njit(nogil=True)
def _sweep(
    book: Records, side: Record, asset: Record, does: Record, log: float, worse: float, at: Record, tally: Floats
) -> None:  # fmt: skip
    """Liquidates all whose price is beyond, the price that each leaves included."""
    price = log + displacement(at.flow, asset.square_root, asset.linear)
    while at.long < side.short and book[at.long].level > price:
        price = _liquidate(book[at.long], asset, does, log, price, worse, at, tally)
        at.long += 1
    while at.short < side.end and book[at.short].level < price:
        price = _liquidate(book[at.short], asset, does, log, price, worse, at, tally)
        at.short += 1
    at.low, at.high, at.peak = min(at.low, price), max(at.high, price), max(at.peak, abs(price))


@njit(nogil=True)
def _liquidate(
    position: Record, asset: Record, does: Record, log: float, moved: float, worse: float, at: Record, tally: Floats
) -> float:  # fmt: skip
    """Closes one, at a log price that is displaced from ``log`` to ``moved``; returns the displaced one after it."""
    slope = position.slope
    base = asset.mark * math.exp(moved)
    flow = at.flow - slope * base  # closing a long sells
    met = base * math.exp(log - moved + average(at.flow, flow, asset.square_root, asset.linear))
    taken = met * worse
    price = met - taken if slope > 0 else met + taken
    equity = position.cash + slope * (price - position.entry)
    penalty = min(does.penalty * abs(slope) * base, max(equity, 0.0))
    tally[outcome.LIQUIDATED] += position.notional
    tally[outcome.SLIPPAGE] += slope * (base - met)
    tally[outcome.EXTRACTED] += abs(slope) * taken
    tally[outcome.PENALTIES] += penalty
    tally[outcome.FUND_LEFT] += (1.0 - does.keeper_share) * penalty
    if equity < 0.0:
        tally[outcome.FAILED] += 1.0
        owe(-equity, does.fund_first, tally)
    at.flow = flow
    displaced = displacement(flow, asset.square_root, asset.linear)
    if abs(displaced) >= IMPACT_BOUND:
        tally[outcome.BOUND] = 1.0
    return log + displaced


@njit(nogil=True)
def _end(book: Records, side: Record, asset: Record, log: float, at: Record, tally: Floats) -> None:
    final = asset.mark * math.exp(log + displacement(at.flow, asset.square_root, asset.linear))
    tally[outcome.MOVE] += asset.share * at.peak
    tally[outcome.MOVE_FREE] += asset.share * max(at.free_high, -at.free_low, 0.0)
    _end_side(book, side.long, side.short, at.long, at.low, at.free_low, True, final, tally)
    _end_side(book, side.short, side.end, at.short, at.high, at.free_high, False, final, tally)


@njit(nogil=True)
def _end_side(
    book: Records, first: int, end: int, done: int, extreme: float, free: float, falling: bool, final: float,
    tally: Floats,
) -> None:  # fmt: skip
    if first == end:
        return
    start = book[first].summed
    whole = book[end - 1].summed + book[end - 1].notional
    tally[outcome.CROSSED] += max(done, _beyond(book, first, end, extreme, falling)) - first
    tally[outcome.OPEN] += whole - (book[done].summed if done < end else whole)
    reached = _beyond(book, first, end, free, falling)
    tally[outcome.LIQUIDATED_FREE] += (book[reached].summed if reached < end else whole) - start
    if tally[outcome.UNCOVERED] > 0.0:
        for i in range(done, end):
            tally[outcome.PROFITS] += max(book[i].slope * (final - book[i].entry), 0.0)


@njit(nogil=True)
def _beyond(book: Records, first: int, end: int, log: float, falling: bool) -> int:
    """The end of the head of a side that a log price has passed."""
    low, high = first, end
    while low < high:
        middle = (low + high) // 2
        if (book[middle].level > log) if falling else (book[middle].level < log):
            low = middle + 1
        else:
            high = middle
    return low
