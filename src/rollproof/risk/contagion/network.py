"""Who owes whom, and who holds what: venues, lenders, bridges and others as nodes. All money in one quote currency."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from rollproof.errors import Malformed, Unsupported
from rollproof.venue.book import Floats

MAX_NODES = 2_000


class NodeKind(StrEnum):
    """What a node is: for reports; clearing treats all alike."""

    VENUE = "venue"
    LENDER = "lender"
    BRIDGE = "bridge"
    TRADER = "trader"
    OTHER = "other"


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """Balance sheets at one time. All that is owed is cleared now, and all creditors of a node rank alike.

    What is not called in cash may be paid in kind, at market prices; so a solvent node sells holdings only for what is
    called and to keep its capital ratio. An insolvent one sells all.
    """

    quote: str
    nodes: tuple[str, ...]
    kinds: tuple[NodeKind, ...]
    liabilities: Floats  # (nodes, nodes) quote: the row owes the column
    outside: Floats  # (nodes,) quote owed to creditors that are no node: depositors, traders, holders of a token
    liquid: Floats  # (nodes,) quote: cash, and claims on who is no node
    capital_ratio: Floats  # (nodes,) of net worth to marked assets; who falls below it sells. 0: none is kept
    called: Floats  # (nodes,) share of what each owes that has to be paid in cash: 1 in a run
    # Assets that several nodes hold, or that a bridge stands behind
    assets: tuple[str, ...]
    prices: Floats  # (assets,) quote per unit, before anything happens
    depth: Floats  # (assets,) quote: selling as much, at that price, lowers the price by a factor of e; may be infinite
    issuer: NDArray[np.int64]  # (assets,) node whose recovery the asset's price follows; -1: none
    holdings: Floats  # (nodes, assets) units

    def __post_init__(self) -> None:
        """Raises Malformed, naming a node or an asset, where a number makes no sense."""
        count, width = len(self.nodes), len(self.assets)
        if not 0 < count <= MAX_NODES:
            raise Malformed(f"network: {count} nodes, but 1 to {MAX_NODES} can be cleared")
        for what, names in (("node", self.nodes), ("asset", self.assets)):
            if doubled := next((name for at, name in enumerate(names) if name in names[:at]), None):
                raise Malformed(f"network: {what} {doubled[:60]!a} is there twice")
        shapes = (
            ("liabilities", (count, count)), ("outside", (count,)), ("liquid", (count,)), ("capital_ratio", (count,)),
            ("called", (count,)),
            ("prices", (width,)), ("depth", (width,)), ("issuer", (width,)), ("holdings", (count, width)),
        )  # fmt: skip
        for name, shape in shapes:
            column = getattr(self, name)
            if column.shape != shape:
                raise Malformed(f"network: {name} has shape {column.shape}, but {shape} is needed")
            wrong = ~(column >= (-1 if name == "issuer" else 0)) | (np.isinf(column) & (name != "depth"))
            if wrong.any():
                at = np.argwhere(wrong)[0]
                whose = (self.assets if shape[0] == width and name in ("prices", "depth", "issuer") else self.nodes)[
                    at[0]
                ]
                raise Malformed(f"network: {name} of {whose[:60]!a} is {column[tuple(at)]}")
        if (self.issuer >= count).any() or (self.depth <= 0).any():
            raise Malformed("network: issuers have to be nodes, and depths above 0")
        for name in ("capital_ratio", "called"):
            if (wrong := getattr(self, name) > 1).any():
                raise Malformed(f"network: {name} of {self.nodes[int(np.argmax(wrong))][:60]!a} is above 1")
        if (own := np.diagonal(self.liabilities) > 0).any():
            raise Malformed(f"network: {self.nodes[int(np.argmax(own))][:60]!a} owes itself")

    @property
    def due(self) -> Floats:
        """(nodes,) all that each owes, quote."""
        return np.asarray(self.liabilities.sum(axis=1) + self.outside)

    @property
    def shares(self) -> Floats:
        """(nodes, nodes) the share of what the row pays that is the column's."""
        due = self.due
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(due[:, None] > 0, self.liabilities / due[:, None], 0.0)

    def node(self, name: str) -> int:
        """Its index. Raises Unsupported for a name that is none."""
        if name not in self.nodes:
            raise Unsupported(f"network: no node {name[:60]!a}; known are {', '.join(self.nodes)[:300]}")
        return self.nodes.index(name)

    def asset(self, name: str) -> int:
        """Its index. Raises Unsupported for a name that is none."""
        if name not in self.assets:
            raise Unsupported(f"network: no asset {name[:60]!a}; known are {', '.join(self.assets)[:300] or 'none'}")
        return self.assets.index(name)
