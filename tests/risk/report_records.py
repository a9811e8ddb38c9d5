"""Records that reports are tested with: made by the engine, and changed as engines and outsiders might."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any
from unittest.mock import patch

from rollproof.risk import recommend, spread, uncertainty
from rollproof.risk.contagion import network_file
from rollproof.risk.liquidity import illustrative
from rollproof.risk.market import jump_diffusion
from rollproof.risk.plain import plain
from rollproof.risk.preset import load
from rollproof.risk.record import record
from rollproof.risk.request import risk
from rollproof.risk.settings import Settings
from rollproof.venue import positions
from rollproof.venue.rules import registry
from rollproof.venue.state import VenueState

HOSTILE = (
    "<script>alert(1)</script>\x1b[31m\n\r\u2028|[a](javascript:b)\u202e`$x^{$ &amp; **b** \ud800 \U0001f4a3 漢字 "
    + "A" * 10_000
)


@cache
def _made() -> dict[str, Any]:
    with patch.object(uncertainty, "DRAWS", 1):  # a report is about their interval, not their number
        return _priced()


def _priced() -> dict[str, Any]:
    settings = Settings(paths=2_048, replicates=8, cascade_paths=64, variant_paths=1_024)
    book, rules = positions.example(), registry.load("dydx")
    answer = risk(book, rules=rules, scenario="dydx-2025-10", settings=settings)
    found = spread.spread(network_file.example(), answer)
    question = recommend.Question(
        book, rules, VenueState.of(book), jump_diffusion(book.assets), load("base-2026-06").failures[0],
        illustrative(book.assets), budget=20_000.0, settings=settings,
    )  # fmt: skip
    asked = tuple(plain(recommend.named(name)(question)) for name in ("maximum-leverage",))
    return record(replace(answer, network=found, recommendations=asked))


def made() -> dict[str, Any]:
    """The example's positions in a halt with a stale restart, with contagion and a recommendation: a copy."""
    return copy.deepcopy(_made())


def bare() -> dict[str, Any]:
    """A record in which every part that may be missing is."""
    out = made()
    out["failures"] = [
        {
            "kind": "halt", "intensity_per_year": 0.5, "duration": "1 hour", "bad_debt": None, "basis_points": {},
            "by_asset": {}, "users": None, "loss": None, "cascade": None, "hedge": None, "uncertainty": None,
            "worst": [], "notes": [], "not_priced": ["no layer knows this kind"],
        }
    ]  # fmt: skip
    out["book"] |= {"leverage_median": None, "leverage_90": None, "pool": None}
    return out | {
        "annual": None, "accounts": [], "heat_maps": [], "compared": [], "notes": [], "recommendations": [],
        "network": None,
    }  # fmt: skip


def hostile(text: str = HOSTILE) -> dict[str, Any]:
    """Every name and sentence replaced by one from outside; a record's own words stay where figures hang on them."""
    kept = {"format", "kind", "case", "period", "length"}

    def changed(value: Any, key: str) -> Any:
        if isinstance(value, str):
            return value if key in kept else text
        if isinstance(value, dict):
            named = key in ("moves", "marks", "by_asset", "hedge", "checks", "details")
            return {
                (f"{text}{at}" if named else name): changed(each, name) for at, (name, each) in enumerate(value.items())
            }
        return [changed(each, key) for each in value] if isinstance(value, list) else value

    out: dict[str, Any] = changed(made(), "")
    return out


def leaves(value: Any, change: Callable[[Any], Any], path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of the numbers of a record, the first of each list only."""
    if isinstance(value, dict):
        return [found for key, each in value.items() for found in leaves(each, change, (*path, key))]
    if isinstance(value, list):
        return leaves(value[0], change, (*path, 0)) if value else []
    return [path] if isinstance(value, float) else []
