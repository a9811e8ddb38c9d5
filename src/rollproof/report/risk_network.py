"""Contagion in a risk report: who else defaults at each loss, in which order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rollproof.report.risk_document import Section, Table
from rollproof.report.risk_numbers import digits, finite, named, percent

LEGEND: Final = (
    "Others lose: what defaulted nodes do not pay, and what forced sales cost. Outside: the part of it that creditors "
    "bear who are no node. Times: all of that and the first loss, by the first loss. DebtRank: share of all equity "
    "that is marked down before anybody defaults."
)


def section(network: Mapping[str, Any], *, full: bool) -> Section:
    """Every case that was cleared, a row each."""
    cases = network.get("cases") or ()
    quote, node = named(network.get("quote"), 12), named(network.get("node"))
    if not cases:
        return Section("Contagion", (f"not priced: no failure gave a loss for {node}",))
    rows = tuple(
        (
            named(each.get("failure"), 24),
            case(each),
            digits(each.get("loss"), 4),
            order(each, full=full),
            digits(each.get("lost_by_others"), 4),
            digits(each.get("outside_loss"), 4),
            "no loss" if finite(each.get("multiplier")) is None else digits(each["multiplier"]),
            "no equity" if finite(each.get("debt_rank")) is None else percent(each["debt_rank"]),
        )
        for each in cases
    )
    head = ("failure", "loss at", f"loss, {quote}", "defaults, in order", "others lose", "outside", "times", "DebtRank")
    table = Table(head, rows, left=frozenset({0, 1, 3}), title=f"The loss strikes {node}; then, in {quote}")
    return Section("Contagion", (table, LEGEND))


def case(each: Mapping[str, Any]) -> str:
    """At which quantile the loss was taken."""
    name = str(each.get("case"))
    return f"ES {named(name[3:], 12)} %" if name.startswith("es_") else named(name, 24)


def order(each: Mapping[str, Any], *, full: bool) -> str:
    """Who defaults, round by round."""
    rounds: dict[int, list[str]] = {}
    for found in each.get("defaults") or ():
        said = named(found.get("node"), 24)
        rounds.setdefault(int(found.get("round") or 0), []).append(
            f"{said} (pays {percent(found.get('recovery'))})" if full else said
        )
    return "; then ".join(", ".join(names) for _, names in sorted(rounds.items())) or "nobody"
