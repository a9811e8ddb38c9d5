"""A venue's priced loss carried into its network: who else defaults, in which order, at which quantile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rollproof.errors import Unsupported
from rollproof.risk.contagion.contagion import Contagion, contagion
from rollproof.risk.contagion.network import Network, NodeKind
from rollproof.risk.contagion.shock import Shock
from rollproof.risk.plain import plain
from rollproof.risk.result import Priced


def spread(network: Network, priced: Priced) -> Mapping[str, Any]:
    """The network after each failure's mean loss and its expected shortfalls, as plain values.

    The loss is the node's that is called as the venue, or the only venue of the network. Raises Unsupported where
    neither is there, or where the currencies differ.
    """
    if network.quote != priced.quote:
        raise Unsupported(f"the network is in {network.quote[:20]}, the positions in {priced.quote[:20]}")
    node = venue_of(network, priced.venue)
    cases = []
    for each in priced.failures:
        if each.bad_debt is None:
            continue
        losses = {"mean": each.bad_debt.mean.value}
        losses |= {f"es_{tail.level * 100:g}": tail.es.value for tail in each.bad_debt.tails}
        for name, loss in losses.items():
            found = contagion(network, Shock({node: loss}))
            cases.append({"failure": each.kind, "case": name, "loss": loss, **_shown(found)})
    return {
        "node": node,
        "quote": network.quote,
        "nodes": [
            {"name": name, "kind": kind.value, "liquid": float(liquid), "owes": float(due)}
            for name, kind, liquid, due in zip(network.nodes, network.kinds, network.liquid, network.due, strict=True)
        ],
        "debts": [
            {"from": network.nodes[i], "to": network.nodes[j], "amount": float(network.liabilities[i, j])}
            for i in range(len(network.nodes))
            for j in range(len(network.nodes))
            if network.liabilities[i, j] > 0
        ],
        "cases": cases,
    }


def venue_of(network: Network, name: str) -> str:
    """The node that is called so, or the only venue. Raises Unsupported."""
    if name in network.nodes:
        return name
    venues = [node for node, kind in zip(network.nodes, network.kinds, strict=True) if kind is NodeKind.VENUE]
    if len(venues) != 1:
        raise Unsupported(f"the network has no node {name[:60]!r}, and {len(venues)} venues: it has to be one")
    return venues[0]


def _shown(found: Contagion) -> dict[str, Any]:
    return {
        "defaults": [plain(each) for each in found.defaults],
        "lost_by_others": float(found.shortfall.sum() + found.sale_loss),
        "outside_loss": found.outside_loss,
        "equity_loss": dict(zip(found.network.nodes, found.equity_loss.tolist(), strict=True)),
        "multiplier": plain(found.multiplier),
        "debt_rank": plain(found.debt_rank),
    }
