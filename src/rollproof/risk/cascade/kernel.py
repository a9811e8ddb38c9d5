"""The general kernel: subaccounts with any number of linear rows, liquidated in part or whole, in steps of time.

At each step prices move, the venue's price follows or does not, and the head of the subaccounts that some price can
have reached (`cascade.plan`) is visited in the backlog's order: topped up, or queued, or liquidated, at a price that
every liquidation moves for the next one.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from rollproof.risk.cascade import outcome
from rollproof.risk.cascade.impact import displacement
from rollproof.risk.cascade.layout import CLOSED, CROSSED, FAILED, REFUSED, UNPAID, Record, Records
from rollproof.risk.cascade.tally import clear, owe
from rollproof.risk.cascade.timing import Times, ends, reached, resumes
from rollproof.risk.cascade.visit import advance, visit
from rollproof.risk.cascade.worth import profit, still_open, worth
from rollproof.venue.book import Floats


@njit(nogil=True)
def run(
    subaccounts: Records, rows: Records, assets: Records, does: Record, when: Times, logs: Floats, key: np.uint64,
    accounts: Records, opened: Floats, price: Records, quote: Record, watched: bool, tally: Floats, trace: Floats,
) -> None:  # fmt: skip
    """One path: ``logs`` (steps, assets) as `prices.walk` leaves them. Fills ``tally``; ``trace`` if it has rows.

    ``accounts`` and ``opened`` are as at the start, and are left so. If not ``watched``, nobody looks who crosses a
    level while nothing can be done about it.
    """
    clear(tally)
    tally[outcome.FUND_LEFT] = does.fund
    for a in range(len(assets)):
        price[a].flow, price[a].paid, price[a].peak = 0.0, 0.0, 0.0
        price[a].seen, price[a].seen_venue, price[a].seen_paid = assets[a].mark, assets[a].mark, 0.0
    resumed, head, travelled, queue = resumes(when, does.grace), 0, 0.0, 0.0
    for k in range(when.steps + when.later):
        during = k < when.steps - 1
        acting = does.acts_during != 0 if during else k >= resumed
        answered = does.top_up_during if during else (does.top_up_after if acting else does.top_up_grace)
        looked_at = acting or answered > 0.0 or watched
        if not (looked_at or does.funded or k == when.steps - 1):
            continue
        stale = _move(assets, does, when, logs, k, price)
        head, travelled = advance(subaccounts, assets, price, head, travelled)
        if k == when.steps - 1:
            _resume(assets, does, price, logs[k], tally)
            if does.undone:
                _undo(subaccounts, assets, does, accounts, opened, head, price, stale, tally)
                head, travelled = advance(subaccounts, assets, price, head, travelled)
        before = tally[outcome.LIQUIDATED]
        if looked_at:
            head, travelled, queue = visit(
                subaccounts, rows, assets, does, key, accounts, opened, head, travelled, price, quote, tally,
                acting, answered, stale, during, ends(when, k), when.step if during else when.later_step,
                len(trace) > 0,
            )  # fmt: skip
        if tally[outcome.LIQUIDATED] > before and not during:
            tally[outcome.CLEARED] = (k - when.steps + 1) * when.later_step - does.grace
        _note(acting, price)
        if len(trace):
            _record(assets, price, ends(when, k), queue, tally, trace[k])
    _end(subaccounts, rows, assets, does, accounts, opened, head, price, tally)
    _restore(subaccounts, accounts, opened, head)


@njit(nogil=True)
def _move(assets: Records, does: Record, when: Times, logs: Floats, k: int, price: Records) -> bool:
    """Prices, funding and throughput of a step; returns whether the venue's prices are not the market's."""
    during = k < when.steps - 1
    seconds = when.step if k < when.steps else when.later_step
    frozen = during and does.stale_during
    behind = k == when.steps - 1 and does.stale_at_resume > 0.0
    for a in range(len(assets)):
        asset = assets[a]
        if price[a].flow != 0.0:
            price[a].flow *= 2.0 ** (-seconds / asset.half_life)
        moved = displacement(price[a].flow, asset.square_root, asset.linear)
        price[a].log = logs[k, a]
        price[a].moved = logs[k, a] + moved
        price[a].price = asset.mark * math.exp(price[a].moved)
        price[a].venue = price[a].price
        if frozen:
            price[a].venue = asset.mark
        elif behind:
            then = when.seconds - does.stale_at_resume
            price[a].venue = asset.mark * (math.exp(logs[reached(when, then), a]) if then > 0.0 else 1.0)
        rate = min(max(asset.funding + does.premium * moved, -does.clamp), does.clamp)
        price[a].paid += rate * seconds * price[a].price
        of_step = when.step if during else when.later_step
        price[a].left = asset.throughput * of_step if asset.throughput < math.inf else math.inf
    return frozen or behind


@njit(nogil=True)
def _resume(assets: Records, does: Record, price: Records, logs: Floats, tally: Floats) -> None:
    for a in range(len(assets)):
        tally[outcome.RESUME] += assets[a].share * logs[a]
        if does.stale_during:
            gap = abs(price[a].price / assets[a].mark - 1.0) - does.fee
            tally[outcome.EXTRACTED] += assets[a].exposed * max(gap, 0.0)


@njit(nogil=True)
def _undo(
    subaccounts: Records, assets: Records, does: Record, accounts: Records, opened: Floats, head: int, price: Records,
    stale: bool, tally: Floats,
) -> None:  # fmt: skip
    """The reorganisation: all is as at the start, but prices."""
    undone, resume = tally[outcome.LIQUIDATED], tally[outcome.RESUME]
    clear(tally)
    tally[outcome.UNDONE], tally[outcome.RESUME], tally[outcome.FUND_LEFT] = undone, resume, does.fund
    for i in range(head):
        crossed = accounts[i].flags & CROSSED
        _as_before(subaccounts[i], accounts[i], opened)
        accounts[i].flags = crossed
    for a in range(len(assets)):
        price[a].flow = 0.0
        price[a].moved = price[a].log
        price[a].price = assets[a].mark * math.exp(price[a].log)
        if not stale:
            price[a].venue = price[a].price


@njit(nogil=True)
def _as_before(who: Record, account: Record, opened: Floats) -> None:
    account.cash, account.free, account.last, account.wake, account.flags = who.cash, 0.0, 0.0, 0.0, 0
    for j in range(who.first, who.end):
        opened[j] = 1.0


@njit(nogil=True)
def _restore(subaccounts: Records, accounts: Records, opened: Floats, head: int) -> None:
    for i in range(head):
        _as_before(subaccounts[i], accounts[i], opened)


@njit(nogil=True)
def _note(acting: bool, price: Records) -> None:
    if acting:
        for a in range(len(price)):
            price[a].peak = max(price[a].peak, abs(price[a].moved))


@njit(nogil=True)
def _record(assets: Records, price: Records, now: float, queue: float, tally: Floats, trace: Floats) -> None:
    clear(trace)
    for a in range(len(assets)):
        trace[outcome.PRICE] += assets[a].share * price[a].price / assets[a].mark
    trace[outcome.TIME], trace[outcome.QUEUE] = now, queue
    trace[outcome.TRACE_LIQUIDATED] = tally[outcome.LIQUIDATED]
    trace[outcome.TRACE_BAD_DEBT] = tally[outcome.BAD_DEBT]
    trace[outcome.TRACE_FUND] = tally[outcome.FUND_LEFT]


@njit(nogil=True)
def _end(
    subaccounts: Records, rows: Records, assets: Records, does: Record, accounts: Records, opened: Floats, head: int,
    price: Records, tally: Floats,
) -> None:  # fmt: skip
    """Who is still open and owes more than there is is bad debt too."""
    for i in range(head):
        who, account = subaccounts[i], accounts[i]
        tally[outcome.CROSSED] += (account.flags & CROSSED) != 0
        tally[outcome.REFUSED] += (account.flags & REFUSED) != 0
        tally[outcome.UNPAID] += (account.flags & UNPAID) != 0
        if not account.flags & CLOSED:
            tally[outcome.OPEN] += still_open(who, rows, opened, account.cash)
            equity = worth(who, rows, opened, account.cash, price, False)[0]
            if equity < 0.0:
                account.flags |= FAILED
                payable = not does.fund_must_cover or -equity <= tally[outcome.FUND_LEFT]
                owe(-equity, does.fund_first and payable, tally)
        tally[outcome.FAILED] += (account.flags & FAILED) != 0
    for i in range(head, len(subaccounts)):
        tally[outcome.OPEN] += subaccounts[i].notional
    if tally[outcome.UNCOVERED] > 0.0:
        for i in range(len(subaccounts)):
            tally[outcome.PROFITS] += max(profit(subaccounts[i], rows, opened, price), 0.0)
    for a in range(len(assets)):
        tally[outcome.MOVE] += assets[a].share * price[a].peak
