"""A network from a TOML file.

quote = "USD"
[[node]]
name = "venue"            # kind: venue, lender, bridge, trader, other
kind = "venue"
liquid = 12e6             # quote; cash, and claims on who is no node
outside = 10e6            # quote owed to who is no node
capital_ratio = 0.0       # below it a node sells
holds = { bridged-eth = 1000.0 }   # units
[[debt]]
from = "venue"            # owes
to = "lender"
amount = 2e6              # quote
[[asset]]
name = "bridged-eth"
price = 2500.0            # quote per unit
depth = 50e6              # quote whose sale lowers the price by a factor of e; left out: no impact
issuer = "bridge"         # node whose recovery the price follows; left out: none
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import msgspec
import numpy as np

from rollproof.errors import Malformed, Unsupported
from rollproof.risk.contagion.network import MAX_NODES, Network, NodeKind

MAX_BYTES = 4 << 20


class _Node(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    kind: NodeKind = NodeKind.OTHER
    liquid: float = 0.0
    outside: float = 0.0
    capital_ratio: float = 0.0
    called: float = 0.0
    holds: dict[str, float] = {}


class _Debt(msgspec.Struct, forbid_unknown_fields=True, rename={"source": "from", "target": "to"}):
    source: str
    target: str
    amount: float


class _Asset(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    price: float
    depth: float = float("inf")
    issuer: str | None = None


class _File(msgspec.Struct, forbid_unknown_fields=True):
    quote: str
    node: list[_Node]
    debt: list[_Debt] = []
    asset: list[_Asset] = []


def load(path: str | Path) -> Network:
    """Reads a network.

    Raises:
        Unsupported: not a .toml file, or a debt, a holding or an issuer names what is not there.
        Malformed: too large, not TOML, an unknown or missing key, a number out of range.
        OSError: the file cannot be read.
    """
    path = Path(path)
    if path.suffix != ".toml":
        raise Unsupported(f"network {path.name[:60]!a}: a .toml file is known, and nothing else")
    with path.open("rb") as file:
        return parsed(file.read(MAX_BYTES + 1), path.name)


def example() -> Network:
    """The shipped one, with round, illustrative numbers: a venue, two lenders, a bridge and a market maker."""
    return parsed(files("rollproof.risk.contagion").joinpath("example.toml").read_bytes(), "example.toml")


def parsed(data: bytes, what: str) -> Network:
    """A network from TOML; ``what`` names it in messages. Raises as `load`."""
    if len(data) > MAX_BYTES:
        raise Malformed(f"{what}: more than {MAX_BYTES} bytes")
    try:
        file = msgspec.toml.decode(data, type=_File)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Malformed(f"{what}: {str(error)[:200]}") from None
    if not 0 < len(file.node) <= MAX_NODES or len(file.asset) > MAX_NODES:
        raise Malformed(f"{what}: {len(file.node)} nodes, but 1 to {MAX_NODES} can be cleared, with as many assets")
    nodes = {each.name: index for index, each in enumerate(file.node)}
    assets = {each.name: index for index, each in enumerate(file.asset)}

    def at(names: dict[str, int], name: str, where: str) -> int:
        if name not in names:
            raise Unsupported(f"{what}: {where} names {name[:60]!a}, which is not there")
        return names[name]

    liabilities = np.zeros((len(file.node), len(file.node)))
    for number, debt in enumerate(file.debt, 1):
        pair = (at(nodes, debt.source, f"debt {number}"), at(nodes, debt.target, f"debt {number}"))
        if not 0 <= debt.amount < np.inf:
            raise Malformed(f"{what}: debt {number}: amount is {debt.amount}, but has to be at least 0")
        liabilities[pair] += debt.amount
    holdings = np.zeros((len(file.node), len(file.asset)))
    for row, node in enumerate(file.node):
        for name, units in node.holds.items():
            holdings[row, at(assets, name, f"node {node.name[:60]!a}")] = units
    issuers = [
        -1 if each.issuer is None else at(nodes, each.issuer, f"asset {each.name[:60]!a}") for each in file.asset
    ]
    return Network(
        quote=file.quote,
        nodes=tuple(each.name for each in file.node),
        kinds=tuple(each.kind for each in file.node),
        liabilities=liabilities,
        outside=np.array([each.outside for each in file.node], dtype=np.float64),
        liquid=np.array([each.liquid for each in file.node], dtype=np.float64),
        capital_ratio=np.array([each.capital_ratio for each in file.node], dtype=np.float64),
        called=np.array([each.called for each in file.node], dtype=np.float64),
        assets=tuple(each.name for each in file.asset),
        prices=np.array([each.price for each in file.asset], dtype=np.float64),
        depth=np.array([each.depth for each in file.asset], dtype=np.float64),
        issuer=np.array(issuers, dtype=np.int64),
        holdings=holdings,
    )
