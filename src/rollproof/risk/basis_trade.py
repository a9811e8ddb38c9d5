"""A perpetual on the layer that halts, held against spot elsewhere: neutral in price, not in margin.

While the layer stands still nobody can add margin to a perpetual that loses, nor take profit from one that gains, and
the other leg is settled all the same. All answers are closed forms of the law of the price at resume.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rollproof.errors import Malformed
from rollproof.risk.closed.log_price import LogPrice, log_price
from rollproof.risk.duration import Duration
from rollproof.risk.estimate import LEVELS, Estimate, Tail
from rollproof.risk.market import Jumps


@dataclass(frozen=True, slots=True)
class BasisTrade:
    """A perpetual on the layer that may halt, hedged with the same amount of spot elsewhere."""

    side: float  # of the perpetual: above nothing long, below it short
    notional: float  # of each leg, quote
    margin: float  # the perpetual's equity as a share of its notional
    maintenance: float  # rate of notional
    penalty: float = 0.0  # of notional, on liquidation


@dataclass(frozen=True, slots=True)
class BasisGap:
    """What a halt does to a basis trade at resume, when nobody could add margin or take profit."""

    liquidated: float  # probability that the perpetual is below its maintenance margin
    bankrupt: float  # probability that its equity is below nothing: the hedge pays the margin and no more
    penalty: float  # expected, quote
    margin_call: tuple[Tail, ...]  # quote to add to have the margin rate of the start again
    locked: tuple[Tail, ...]  # profit of the perpetual that the other leg has lost already, quote


def basis_gap(
    trade: BasisTrade,
    volatility: float,
    years: float | Duration,
    *,
    drift: float = 0.0,
    jumps: Jumps | Sequence[Jumps] | None = None,
    levels: Sequence[float] = LEVELS,
) -> BasisGap:
    """What a halt leaves of a basis trade. Spot and perpetual move together; only the perpetual is on the layer."""
    law = log_price(volatility, years, drift=drift, jumps=jumps)
    sign = float(np.sign(trade.side))
    if abs(sign) != 1 or not 0 <= trade.maintenance < trade.margin:
        raise Malformed("a basis trade needs a side, and a margin above the maintenance margin")
    passed = law.below if sign > 0 else law.above
    called = np.log((1 - sign * trade.margin) / (1 - sign * trade.maintenance))
    broken = np.log(max(1 - sign * trade.margin, 0.0)) if sign * trade.margin < 1 else -np.inf
    liquidated = float(passed(called))
    # penalty on the notional at resume: E[R; R beyond the level]
    moved = law.put if sign > 0 else law.call
    level = float(np.exp(called))
    beyond = level * liquidated - sign * float(moved(level))
    return BasisGap(
        liquidated=liquidated,
        bankrupt=float(passed(broken)),
        penalty=trade.penalty * trade.notional * beyond,
        margin_call=_moved(law, -sign, trade.notional * (1 - sign * trade.margin), levels),
        locked=_moved(law, sign, trade.notional, levels),
    )


def _moved(law: LogPrice, sign: float, notional: float, levels: Sequence[float]) -> tuple[Tail, ...]:
    """Of notional times (sign (R - 1))+, which rises or falls with R: a quantile of one is that of the other."""
    out = []
    for level in levels:
        at = float(np.exp(law.quantile(1 - level, upper=sign > 0)))
        var = max(sign * (at - 1), 0.0)
        beyond = float(law.call(1 + var) if sign > 0 else law.put(1 - var))
        out.append(Tail(level, Estimate.of(notional * var), Estimate.of(notional * (var + beyond / (1 - level)))))
    return tuple(out)
