"""What a halt costs who is hedged: per million of delta that nobody can trade, and for the book's options."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from rollproof.risk.closed import outage
from rollproof.risk.duration import Duration, Fixed
from rollproof.risk.failure import AnyFailure
from rollproof.risk.hedging import Exposure, hedge_gap
from rollproof.risk.market import YEAR, Model
from rollproof.risk.plain import plain
from rollproof.venue import black76
from rollproof.venue.book import Book, Kind

UNIT = 1e6  # quote of delta
ASSETS = 5  # those with the most open interest


def halted_hedge(book: Book, model: Model, failure: AnyFailure) -> Mapping[str, Any]:
    """By asset and length: the gap of one million of delta that stands still, and that of the book's net options.

    The hedger of the options is short what the book is long, neutral at the marks, and cannot trade until the end. Of a
    random length the median and the 99 % quantile are taken; where load may cause the failure, the market that it
    stresses too, or alone where it always does.
    """
    interest = book.open_interest * book.marks
    out: dict[str, Any] = {}
    for at in np.argsort(-interest, kind="stable")[:ASSETS]:
        if not interest[at] > 0:
            continue
        gamma, rows = _gamma(book, int(at)), []
        for name, seconds in _lengths(failure.duration):
            for words, market in _markets(model, failure):
                volatility, drift = float(market.volatility[at]), float(market.drift[at])
                jumps, years = outage.asset_jumps(market, book.assets[at]), seconds / YEAR
                row = {"length": name + words, "minutes": seconds / 60}
                gap = hedge_gap(Exposure(delta=UNIT), volatility, years, drift=drift, jumps=jumps)
                row["per_million"] = plain(gap)
                if gamma:
                    gap = hedge_gap(Exposure(gamma=-gamma), volatility, years, drift=drift, jumps=jumps)
                    row["options"] = plain(gap)
                rows.append(row)
        out[book.assets[at]] = rows
    return out


def _markets(model: Model, failure: AnyFailure) -> Iterator[tuple[str, Model]]:
    load = failure.load
    if load.probability < 1:
        yield "", model
    if load.probability > 0:
        yield ", in stress", model.stressed(load.volatility_multiplier, load.jump_multiplier)


def _lengths(law: Duration) -> Iterator[tuple[str, float]]:
    if isinstance(law, Fixed):
        yield "given", law.seconds
        return
    median, long = law.quantile(np.array([0.5, 0.99]))
    yield "median", float(median)
    yield "99 %", float(long)


def _gamma(book: Book, at: int) -> float:
    """Gamma S^2 of the book's options on one asset, quote."""
    chosen = book.optional & (book.asset == at)
    if not chosen.any():
        return 0.0
    mark = np.full(int(chosen.sum()), book.marks[at])
    greeks = black76.greeks(
        mark, book.strike[chosen], book.volatility[chosen], book.expiry[chosen], call=book.kind[chosen] == Kind.CALL
    )
    return float((book.size[chosen] * greeks.gamma * mark**2).sum())
