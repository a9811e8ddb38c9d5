"""What an execution failure does to a network at first: losses of nodes, and haircuts on bridged collateral."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from rollproof.errors import Malformed
from rollproof.risk.contagion.network import Network
from rollproof.venue.book import Floats


@dataclass(frozen=True, slots=True)
class Shock:
    """``losses`` by node, quote: bad debt of a venue, a drained escrow. ``haircuts`` by asset, share of the price."""

    losses: Mapping[str, float] = field(default_factory=dict)
    haircuts: Mapping[str, float] = field(default_factory=dict)

    def on(self, network: Network) -> tuple[Network, Floats]:
        """The network after it, and (nodes,) the part of the losses that exceeds a node's liquid assets, quote.

        That part cannot be lost by the node, only by who it owes: it has nothing more than its claims and holdings.
        Raises Unsupported for an unknown node or asset, Malformed for a loss below 0 or a haircut outside 0 to 1.
        """
        lost, cut = np.zeros(len(network.nodes)), np.zeros(len(network.assets))
        for name, loss in self.losses.items():
            lost[network.node(name)] = loss
            if not 0 <= loss < np.inf:
                raise Malformed(f"shock: the loss of {name[:60]!a} is {loss}, but has to be at least 0")
        for name, haircut in self.haircuts.items():
            cut[network.asset(name)] = haircut
            if not 0 <= haircut <= 1:
                raise Malformed(f"shock: the haircut on {name[:60]!a} is {haircut}, but has to be between 0 and 1")
        left = network.liquid - lost
        return replace(network, liquid=np.maximum(left, 0.0), prices=network.prices * (1 - cut)), np.maximum(-left, 0.0)
