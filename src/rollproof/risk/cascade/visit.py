"""Who is looked at in a step of the general kernel, and in what order: topped up, queued, or liquidated."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from rollproof.risk.cascade import outcome
from rollproof.risk.cascade.layout import CLOSED, CROSSED, PARTLY, TOPPED, Record, Records
from rollproof.risk.cascade.liquidate import liquidate
from rollproof.risk.cascade.stream import scattered
from rollproof.risk.cascade.worth import still_open, worth
from rollproof.venue.book import Floats

_MOST = 64  # liquidations of a subaccount in a step of time


@njit(nogil=True)
def advance(
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
def visit(
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
                head, travelled = advance(subaccounts, assets, price, head, travelled)
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
