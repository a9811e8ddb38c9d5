"""DebtRank: distress that spreads before anybody defaults, as creditors mark down claims on who has lost equity.

S. Battiston, M. Puliga, R. Kaushik, P. Tasca and G. Caldarelli, DebtRank: too central to fail? Financial networks, the
FED and systemic risk, Scientific Reports 2, 541 (2012), equations 1 to 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rollproof.errors import Malformed
from rollproof.risk.contagion.network import Network
from rollproof.venue.book import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Distress:
    """Shares of equity lost."""

    distress: Floats  # (nodes,) in the end, 0 to 1
    debt_rank: float  # share of the whole value that is lost by spreading, the first shock left out


def debt_rank(impact: Floats, first: Floats, value: Floats) -> Distress:
    """What the ``first`` distress (nodes,), 0 to 1, becomes; every node passes its distress on once.

    ``impact`` (nodes, nodes), 0 to 1, is the share of its equity that the column loses when the row defaults, ``value``
    (nodes,) each node's economic value; it is normalised to 1. Raises Malformed where a number is out of its range.
    """
    count = len(first)
    if impact.shape != (count, count) or value.shape != (count,):
        raise Malformed(f"debtrank: {count} nodes need {count} x {count} impacts and {count} values")
    for name, column in (("impact", impact), ("first distress", first)):
        if not ((column >= 0) & (column <= 1)).all():
            raise Malformed(f"debtrank: {name} has to be between 0 and 1")
    if not ((value >= 0) & np.isfinite(value)).all() or not value.sum() > 0:
        raise Malformed("debtrank: values have to be at least 0, and not all 0")
    weight = value / value.sum()
    distress = first.astype(np.float64)
    active = first > 0
    passed = np.zeros(count, dtype=bool)  # inactive for good
    while active.any():
        grown = np.minimum(1.0, distress + impact[active].T @ distress[active])
        passed |= active
        active = (grown > 0) & ~passed
        distress = grown
    return Distress(distress, float(weight @ (distress - first)))


def impact_of_default(network: Network, equity: Floats) -> Floats:
    """(nodes, nodes) the share of its ``equity`` (nodes,), quote, that the column loses if the row pays nothing.

    1 where the column has no equity left to lose. Holdings of a token that the row issues are claims on it too.
    """
    claims = network.liabilities.copy()
    for asset, issuer in enumerate(network.issuer):
        if issuer >= 0:
            claims[issuer] += network.holdings[:, asset] * network.prices[asset]
            claims[issuer, issuer] = 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(equity > 0, claims / equity, 1.0)
    return np.minimum(np.where(claims > 0, share, 0.0), 1.0)
