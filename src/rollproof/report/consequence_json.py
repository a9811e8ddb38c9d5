"""What a wrong block costs a venue, as plain values and as one JSON object.

Amounts are strings of decimal integers, in base units of the venue's collateral; differences are claimed less computed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from rollproof.types import Verdict


class Revalued(Protocol):
    """`venue.revaluation.Revaluation`."""

    @property
    def verdict(self) -> Verdict: ...
    @property
    def adapter(self) -> str: ...
    @property
    def assumes(self) -> Sequence[str]: ...
    @property
    def notes(self) -> Sequence[str]: ...
    @property
    def reason(self) -> str: ...


def record(revalued: Revalued, found: Any | None) -> dict[str, Any]:
    """Plain values; ``found`` is a `risk.consequence.Consequence`, None where there is nothing to revalue."""
    verdict = revalued.verdict
    head = {
        "record": "consequence",
        "chain_id": verdict.chain_id,
        "number": verdict.number,
        "verdict": verdict.outcome.value,
        "confirmed": verdict.confirmed,
        "source": verdict.source,
        "reason": revalued.reason,
        "assumes": [*verdict.assumes, *revalued.assumes],
        "notes": list(revalued.notes),
    }
    if found is None:
        return {**head, "venue": None}
    return {
        **head,
        "venue": _hex(found.venue),
        "adapter": revalued.adapter,
        "collateral": {
            "address": _hex(found.collateral.address),
            "symbol": found.collateral.symbol,
            "decimals": found.collateral.decimals,
        },
        "wrong": found.wrong,
        "complete": found.complete,
        "unlisted": found.unlisted,
        "unexplained_slots": [_hex(slot) for slot in found.unexplained],
        "totals": _totals(found),
        "knock_on": {
            name: str(getattr(found.knock, name))
            for name in ("withdrawn", "bad_debt", "by_fund", "by_pool", "by_accounts")
        },
        "labels": _labels(found),
        "markets": [_market(each) for each in found.markets],
        "accounts": [_account(each) for each in found.accounts],
        "outside": [_account(each) for each in found.outside],
    }


def line(values: Mapping[str, Any]) -> str:
    """One JSON object, ASCII, without a final newline."""
    return json.dumps(values, separators=(",", ":"), allow_nan=False)


_VENUE = ("held", "accounts", "pool", "fund", "pool_equity", "bad_debt", "shortfall", "supply", "owed", "surplus")
_STANDING = ("balance", "margin", "debt", "cash", "equity", "initial", "maintenance", "notional", "shortfall", "free")


def _totals(found: Any) -> dict[str, Any]:
    summed = {
        name: _amount(getattr(found, name))
        for name in ("overpaid", "underpaid", "unbacked", "hole", "at_stake", "inside", "notional")
    }
    both = {name: _both(getattr(found.claimed, name), getattr(found.computed, name)) for name in _VENUE}
    return {**summed, **both}


def _labels(found: Any) -> dict[str, int]:
    counted: dict[str, int] = {}
    for each in (*found.accounts, *found.outside):
        for label in each.labels:
            counted[label.value] = counted.get(label.value, 0) + 1
    return counted


def _market(each: Any) -> dict[str, Any]:
    names = ("index_price", "mark_price", "longs", "shorts")
    either = each.claimed or each.computed
    return {
        "symbol": each.symbol,
        "changed": each.changed,
        **{
            name: _both(
                None if each.claimed is None else getattr(each.claimed, name),
                None if each.computed is None else getattr(each.computed, name),
            )
            for name in (names if either is not None else ())
        },
        "stale": [None if at is None else at.stale for at in (each.claimed, each.computed)],
        "index_move": each.index_move,
        "mark_move": each.mark_move,
    }


def _account(each: Any) -> dict[str, Any]:
    labels = [label.value for label in each.labels]
    if each.reason:
        return {"address": _hex(each.address), "labels": labels, "reason": each.reason}
    return {
        "address": _hex(each.address),
        "labels": labels,
        "closed": list(each.closed),
        "kept": list(each.kept),
        "difference": {name: str(getattr(each, name)) for name in ("cash", "profit", "equity", "wallet", "worth")},
        "share_of_notional": each.share_of_notional,
        "share_of_equity": each.share_of_equity,
        "claimed": _standing(each.claimed),
        "computed": _standing(each.computed),
    }


def _standing(at: Any) -> dict[str, Any]:
    return {
        **{name: str(getattr(at, name)) for name in _STANDING},
        "health": at.health,
        "leverage": at.leverage,
        "liquidatable": list(at.liquidatable),
        "sizes": {market: str(size) for market, size in (at.sizes or {}).items()},
        "wallet": _amount(at.wallet),
    }


def _both(claimed: int | None, computed: int | None) -> dict[str, str | None]:
    apart = None if claimed is None or computed is None else claimed - computed
    return {"claimed": _amount(claimed), "computed": _amount(computed), "difference": _amount(apart)}


def _amount(value: int | None) -> str | None:
    return None if value is None else str(value)


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
