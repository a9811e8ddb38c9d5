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
from rollproof.risk.cascade.isolated import clear, owe
from rollproof.risk.cascade.layout import CLOSED, CROSSED, FAILED, PARTLY, REFUSED, TOPPED, UNPAID, Record, Records
from rollproof.risk.cascade.liquidate import liquidate
from rollproof.risk.cascade.stream import scattered
from rollproof.risk.cascade.timing import Times, ends, reached, resumes
from rollproof.risk.cascade.worth import profit, still_open, worth
from rollproof.venue.book import Floats

_MOST = 64  # liquidations of a subaccount in a step of time


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
        head, travelled = _reached(subaccounts, assets, price, head, travelled)
        if k == when.steps - 1:
            _resume(assets, does, price, logs[k], tally)
            if does.undone:
                _undo(subaccounts, assets, does, accounts, opened, head, price, stale, tally)
                head, travelled = _reached(subaccounts, assets, price, head, travelled)
        before = tally[outcome.LIQUIDATED]
        if looked_at:
            head, travelled, queue = _visit(
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
def _reached(
    subaccounts: Records, assets: Records, price: Records, head: int, travelled: float
) -> tuple[int, float]:  # fmt: skip
    """The head of subaccounts whose surplus some price can have used up by now; and how far prices travelled.

    That is the sum, over all times this is called, of the largest move of a price relative to its mark: a surplus
    cannot fall faster than its sensitivity times this.
    """
    moved, farthest = 0.0, 0.0
    for a in range(len(assets)):
        at, mark = price[a], assets[a].mark
        far = max(abs(at.price - mark), abs(at.venue - mark)) + abs(at.paid)
        moved = max(moved, far / mark)
        step = max(abs(at.price - at.seen), abs(at.venue - at.seen_venue)) + abs(at.paid - at.seen_paid)
        farthest = max(farthest, step / mark)
        at.seen, at.seen_venue, at.seen_paid = at.price, at.venue, at.paid
    while head < len(subaccounts) and subaccounts[head].reach <= moved:
        head += 1
    return head, travelled + farthest


@njit(nogil=True)
def _visit(
    subaccounts: Records, rows: Records, assets: Records, does: Record, key: np.uint64, accounts: Records,
    opened: Floats, head: int, travelled: float, price: Records, quote: Record, tally: Floats, acting: bool,
    answered: float, stale: bool, during: bool, now: float, seconds: float, recorded: bool,
) -> tuple[int, float, float]:  # fmt: skip
    """Everybody in the head once, but who cannot be short yet. Returns head and travel, which may grow, and queue."""
    queue, position = 0.0, 0
    all_left = does.all_during * seconds if during and does.all_during < math.inf else math.inf
    worse = does.slippage if during else 0.0
    order = _ordered(subaccounts, does, key, head) if acting and does.order else np.zeros(0, np.int64)
    ahead = head
    while position < ahead:
        i = order[position] if len(order) else position
        position += 1
        who, account = subaccounts[i], accounts[i]
        if account.flags & CLOSED or account.wake > travelled:
            continue
        if account.flags & CROSSED and not (acting or answered or recorded):
            continue  # nothing can happen to it now
        equity, counted, maintenance, initial = worth(who, rows, opened, account.cash, price, True)
        called = maintenance + does.call * (initial - maintenance)
        answers = answered > 0.0 and equity > 0.0 and counted < called and not account.flags & TOPPED
        if answers and scattered(key, who.subaccount) < answered:
            account.cash += initial - counted
            account.flags |= TOPPED
            tally[outcome.TOPPED_UP] += initial - counted
            continue
        short, surplus = counted < maintenance, counted - max(called, maintenance)
        short_at_market = short
        if stale:
            _, at_market, needed, first = worth(who, rows, opened, account.cash, price, False)
            short_at_market = at_market < needed
            surplus = min(surplus, at_market - max(needed + does.call * (first - needed), needed))
        if short_at_market:
            account.flags |= CROSSED
        if not short:
            if surplus > 0.0 and who.sensitive > 0.0 and not account.flags & PARTLY:
                account.wake = travelled + surplus / who.sensitive * (1.0 - 1e-9)
            continue
        waiting = still_open(who, rows, opened, account.cash)
        if acting and waiting > 0.0 and now >= account.free - 1e-9:
            before = tally[outcome.LIQUIDATED]
            all_left -= _liquidated(
                who, rows, opened, account, assets, price, does, all_left, worse, stale, now, seconds, quote, tally
            )
            if tally[outcome.LIQUIDATED] > before:
                waiting = still_open(who, rows, opened, account.cash)
                if not short_at_market:
                    tally[outcome.WRONGFUL] += tally[outcome.LIQUIDATED] - before
                head, travelled = _reached(subaccounts, assets, price, head, travelled)
                if not len(order):
                    ahead = head
        queue += max(waiting, 0.0)
    return head, travelled, queue


@njit(nogil=True)
def _liquidated(
    who: Record, rows: Records, opened: Floats, account: Record, assets: Records, price: Records, does: Record,
    all_left: float, worse: float, stale: bool, now: float, seconds: float, quote: Record, tally: Floats,
) -> float:  # fmt: skip
    """Liquidates one that is short until it is not, as often as a step of time lets; returns the throughput taken."""
    times = _MOST if does.cooldown <= 0.0 else max(min(int(seconds / does.cooldown), _MOST), 1)
    taken = 0.0
    for _ in range(times):
        equity, counted, maintenance, _ = worth(who, rows, opened, account.cash, price, True)
        if counted >= maintenance or account.flags & CLOSED:
            break
        soon = account.flags & PARTLY and now - account.last <= does.whole_within
        below = does.whole_below > 0.0 and counted < does.whole_below * maintenance
        whole = equity <= 0.0 or below or (soon and does.whole_within > 0.0)
        before = tally[outcome.LIQUIDATED]
        taken += liquidate(
            who, rows, opened, account, assets, price, does, whole, below and does.forfeits, all_left - taken, worse,
            stale, now, quote, tally,
        )  # fmt: skip
        if tally[outcome.LIQUIDATED] <= before or does.whole_within > 0.0:
            break
    return taken


@njit(nogil=True)
def _ordered(
    subaccounts: Records, does: Record, key: np.uint64, head: int
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:  # fmt: skip
    """The head by size, or as it falls: sorted by Shell's method, which compiles in no time."""
    rank, order = np.empty(head), np.arange(head)
    for i in range(head):
        rank[i] = subaccounts[i].by_size if does.order == 1 else scattered(~key, subaccounts[i].subaccount)
    gap = head // 2
    while gap > 0:
        for i in range(gap, head):
            moved, j = order[i], i
            while j >= gap and rank[order[j - gap]] > rank[moved]:
                order[j] = order[j - gap]
                j -= gap
            order[j] = moved
        gap //= 2
    return order


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
