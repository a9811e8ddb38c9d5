"""The stepped cascade in a risk report: what was liquidated and what was not, who paid, and what the market added."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from rollproof.report.risk_document import Block, Points, Section, Table
from rollproof.report.risk_numbers import estimate, finite, interval, level, number

# name in the record, words, scale, unit ("" is the quote currency), ceiling
_ROWS: Final = (
    ("liquidation_failure", "probability of liquidation failure", 100.0, "%", 1.0),
    ("cascade_multiplier", "cascade multiplier: notional liquidated", 1.0, "times", math.inf),
    ("price_multiplier", "cascade multiplier: largest price move", 1.0, "times", math.inf),
    ("clear_seconds", "until the last liquidation", 1 / 60, "minutes", math.inf),
    ("slippage", "slippage paid", 1.0, "", math.inf),
    ("penalties", "liquidation penalties paid", 1.0, "", math.inf),
    ("extracted", "extracted by who orders, or trades at a stale price", 1.0, "", math.inf),
    ("wrongful", "liquidated although healthy at the market's price", 1.0, "", math.inf),
    ("undone", "liquidated and restored by a reorganisation", 1.0, "", math.inf),
    ("topped_up", "collateral added in time", 1.0, "", math.inf),
    ("refused", "liquidations that reverted: the fund could not pay", 100.0, "%", 1.0),
    ("unpaid", "liquidations that paid no keeper", 100.0, "%", 1.0),
    ("insurance_used", "bad debt paid by the insurance fund", 1.0, "", math.inf),
    ("adl", "bad debt paid by deleveraging winners", 1.0, "", math.inf),
    ("adl_haircut", "deleveraging: share of the winners' profits", 100.0, "%", 1.0),
    ("socialised", "bad debt socialised", 1.0, "", math.inf),
    ("providers", "bad debt paid by liquidity providers", 1.0, "", math.inf),
)
_ABSENT: Final = {
    "adl_haircut": "nobody is deleveraged on any path",
    "liquidation_failure": "no account reaches its liquidation level on any path",
    "cascade_multiplier": "nothing is liquidated on any path",
    "price_multiplier": "nothing is liquidated on any path",
    "clear_seconds": "nothing is liquidated on any path",
}


def section(failure: Mapping[str, Any], quote: str, *, full: bool) -> Section:
    """After the resume: liquidations, cascade, who pays. Where no cascade was run, why."""
    found = failure.get("cascade")
    if not isinstance(found, Mapping):
        told = (*(failure.get("notes") or ()), *(failure.get("not_priced") or ()))
        why = [str(each) for each in told if str(each).startswith("cascade")]
        return Section("Liquidations and who pays", (f"not priced: {'; '.join(why) or 'no cascade was run'}",), 3)
    return Section("Liquidations and who pays", tuple(_blocks(found, quote, full=full)), 3)


def _blocks(found: Mapping[str, Any], quote: str, *, full: bool) -> Iterator[Block]:
    rows = list(_law(found.get("liquidated"), "liquidated notional", "liquidations at risk", "var", quote))
    nothing, absent = [], []
    for name, words, scale, unit, ceiling in _ROWS:
        value = found.get(name)
        middle = finite(value.get("value")) if isinstance(value, Mapping) else finite(value)
        if middle is None:
            absent.append(f"{words}: {_ABSENT.get(name, 'not computed')}")
        elif middle == 0 and not full:
            nothing.append(words)
        else:
            rows.append(
                (words, estimate(value, scale), unit or quote, interval(value, scale, floor=0.0, ceiling=ceiling))
            )
    rows += _law(found.get("bad_debt"), "bad debt after the market's reaction", "bad debt after it, ES", "es", quote)
    yield Table(("of one failure", "estimate", "", "95 % Monte Carlo"), tuple(rows), left=frozenset({0, 2}))
    if nothing:
        yield f"Nothing on any path: {'; '.join(nothing)}."
    if absent:
        yield Points(tuple(absent))
    yield f"How: stepped, {number(found.get('paths'))} paths, seed {found.get('seed')}"


def _law(losses: Any, what: str, of: str, key: str, quote: str) -> Iterator[tuple[str, ...]]:
    """The mean, and at each level value at risk or expected shortfall."""
    if not isinstance(losses, Mapping):
        yield what, "not computed", quote, "not computed"
        return
    for words, value in (
        (what, losses.get("mean")),
        *((f"{of} {level(tail.get('level'))}", tail.get(key)) for tail in losses.get("tails") or ()),
    ):
        yield words, estimate(value), quote, interval(value, floor=0.0)
