"""One liquidation in a kernel: worked out first, so that it can be refused, and then done."""

from __future__ import annotations

import math

from numba import njit

from rollproof.risk.cascade import outcome
from rollproof.risk.cascade.impact import average, displacement
from rollproof.risk.cascade.layout import CLOSED, FAILED, PARTLY, REFUSED, UNPAID, Record, Records
from rollproof.risk.cascade.outcome import IMPACT_BOUND
from rollproof.risk.cascade.tally import owe
from rollproof.risk.cascade.worth import still_open
from rollproof.venue.book import Floats

_DUST = 1e-3  # share of a subaccount's first notional under which the rest is closed at once


@njit(nogil=True)
def liquidate(
    who: Record, rows: Records, opened: Floats, account: Record, assets: Records, price: Records, does: Record,
    whole: bool, forfeit: bool, all_left: float, worse: float, stale: bool, now: float, quote: Record, tally: Floats,
) -> float:  # fmt: skip
    """Liquidates one subaccount as far as rules and throughput let; returns the notional that it took of the latter.

    ``whole``: everything, and not the rules' step; ``forfeit``: what equity is left is the fund's. Nothing happens
    where no keeper is paid, or a fund that must cover the bad debt cannot: the account's flags say so.
    """
    quote.forfeit = forfeit
    quote.whole = whole or still_open(who, rows, opened, account.cash) <= _DUST * who.notional
    taken = _work_out(who, rows, opened, account.cash, assets, price, does, all_left, worse, quote)
    if taken <= 0.0 and quote.closed <= 0.0:
        return 0.0
    bad = -quote.cash if quote.done and quote.cash < 0.0 else 0.0
    earned = does.keeper_share * quote.penalty - (quote.slippage if does.hedged else 0.0)
    if (does.gas > 0.0 or does.hedged) and earned < does.gas:
        account.flags |= UNPAID
        return 0.0
    to_fund = quote.penalty if forfeit else (1.0 - does.keeper_share) * quote.penalty
    if does.fund_must_cover and bad > tally[outcome.FUND_LEFT] + to_fund:
        account.flags |= REFUSED
        return 0.0
    for j in range(who.first, who.end):
        row = rows[j]
        if row.collateral:
            opened[j] *= 1.0 - quote.collateral
        else:
            opened[j] *= 1.0 - _share(row, quote)
    for a in range(len(assets)):
        price[a].left -= price[a].wanted
        if price[a].trial == price[a].flow:
            continue
        price[a].flow = price[a].trial
        moved = displacement(price[a].flow, assets[a].square_root, assets[a].linear)
        price[a].moved = price[a].log + moved
        price[a].price = assets[a].mark * math.exp(price[a].moved)
        if not stale:
            price[a].venue = price[a].price
        if abs(moved) >= IMPACT_BOUND:
            tally[outcome.BOUND] = 1.0
    account.cash = quote.cash
    account.free, account.last = now + does.cooldown, now
    account.flags |= PARTLY
    tally[outcome.LIQUIDATED] += quote.notional
    tally[outcome.PENALTIES] += quote.penalty
    tally[outcome.SLIPPAGE] += quote.slippage
    tally[outcome.EXTRACTED] += quote.extracted
    tally[outcome.FUND_LEFT] += to_fund
    if quote.done:
        account.flags |= CLOSED
        if bad > 0.0:
            account.cash = 0.0
            account.flags |= FAILED
            owe(bad, does.fund_first, tally)
    return taken


@njit(nogil=True)
def _share(row: Record, quote: Record) -> float:
    """Of the row's open part that is closed."""
    share: float = quote.part if quote.whole else quote.part * row.step
    return share


@njit(nogil=True)
def _work_out(
    who: Record, rows: Records, opened: Floats, cash: float, assets: Records, price: Records, does: Record,
    all_left: float, worse: float, quote: Record,
) -> float:  # fmt: skip
    """Fills ``quote`` and the prices' trial flows; returns the notional that counts against throughput."""
    for a in range(len(assets)):
        price[a].trial, price[a].wanted = price[a].flow, 0.0
    quote.cash, quote.closed, quote.notional, quote.slippage, quote.extracted = cash, 0.0, 0.0, 0.0, 0.0
    quote.part, quote.collateral = 1.0, 0.0
    wanted = _limit(who, rows, opened, price, all_left, quote)
    rest, held, whole, all_closed = 0.0, 0.0, 0.0, True
    step = 1.0 if quote.whole else who.step
    for j in range(who.first, who.end):
        row, at = rows[j], price[rows[j].asset]
        if row.collateral:
            held += opened[j] * row.slope * at.price
        elif opened[j] > 0.0:
            share = _share(row, quote)
            _trade(opened[j] * share * row.slope, row.entry, row.perpetual, assets[row.asset], at, does, worse, quote)
            quote.closed += opened[j] * share * abs(row.slope) * at.venue
            whole += opened[j] * abs(row.slope) * at.venue
            quote.notional += opened[j] * share * row.notional
            paid = at.paid if row.perpetual else 0.0
            all_closed &= share >= 1.0
            rest += opened[j] * (1.0 - share) * row.slope * (at.price - row.entry - paid)
    if cash < 0.0 and held > 0.0:  # quote that is owed is repaid
        repaid = min(-cash, held) * step
        quote.closed += repaid
        quote.notional += repaid
    left = max(quote.cash + rest + held, 0.0)
    most = left * quote.closed / whole if does.penalty_capped and whole > 0.0 else left
    quote.penalty = left if quote.forfeit and all_closed else min(does.penalty * quote.closed, most)
    quote.cash -= quote.penalty
    needed = -quote.cash - max(-cash, 0.0) * (1.0 - step)
    if needed > 0.0 and held > 0.0:
        quote.collateral = min(1.0, needed / held)
        for j in range(who.first, who.end):
            row = rows[j]
            if row.collateral and opened[j] > 0.0:
                at = price[row.asset]
                _trade(opened[j] * quote.collateral * row.slope, 0.0, 0, assets[row.asset], at, does, 0.0, quote)
    quote.done = all_closed and (quote.cash >= 0.0 or held == 0.0 or quote.collateral >= 1.0)
    counted: float = wanted * float(quote.part)
    return counted


@njit(nogil=True)
def _limit(
    who: Record, rows: Records, opened: Floats, price: Records, all_left: float, quote: Record
) -> float:  # fmt: skip
    """Sets the part that throughput leaves, and each asset's notional; returns what was wanted of all assets."""
    wanted = 0.0
    for j in range(who.first, who.end):
        if not rows[j].collateral:
            value = opened[j] * _share(rows[j], quote) * abs(rows[j].slope) * price[rows[j].asset].venue
            price[rows[j].asset].wanted += value
            wanted += value
    if wanted > 0.0 and wanted > all_left:
        quote.part = max(all_left, 0.0) / wanted
    for a in range(len(price)):
        if price[a].wanted > 0.0 and price[a].wanted > price[a].left:
            quote.part = min(quote.part, max(price[a].left, 0.0) / price[a].wanted)
    for a in range(len(price)):
        price[a].wanted *= quote.part
    return wanted


@njit(nogil=True)
def _trade(
    units: float, entry: float, perpetual: int, asset: Record, at: Record, does: Record, worse: float, quote: Record
) -> None:  # fmt: skip
    """Closes ``units``, signed: cash, slippage and the trial flow."""
    before = at.trial
    base = asset.mark * math.exp(at.log + displacement(before, asset.square_root, asset.linear))
    after = before - units * base
    met = math.exp(
        average(before, after, asset.square_root, asset.linear) - displacement(before, asset.square_root, asset.linear)
    )
    if does.oracle_priced and perpetual:
        base *= at.venue / at.price
    lost = abs(units) * base * abs(met - 1.0)
    executed = base if does.hedged else base * met
    taken = executed * worse
    executed += taken if units < 0.0 else -taken
    quote.cash += units * (executed - entry - (at.paid if perpetual else 0.0))
    quote.slippage += lost
    quote.extracted += abs(units) * taken
    at.trial = after
