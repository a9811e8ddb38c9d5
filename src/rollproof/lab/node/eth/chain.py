"""The chain as a whole, and the small namespaces beside it: net, web3, rpc, txpool."""

from __future__ import annotations

from typing import Final

from rollproof import _core
from rollproof.chain.wire import to_data, to_quantity
from rollproof.lab.node.method import Method
from rollproof.lab.node.node import Node
from rollproof.lab.node.params import Params

MAX_SHA3: Final = 2 * 1024 * 1024  # bytes


def chain_id(node: Node, _params: Params) -> str:
    return to_quantity(node.chain.config.chain_id)


def syncing(_node: Node, _params: Params) -> bool:
    """``eth_syncing``: never; what is there is all there is."""
    return False


def accounts(_node: Node, _params: Params) -> list[str]:
    """``eth_accounts``: a node holds no keys."""
    return []


def mining(_node: Node, _params: Params) -> bool:
    return False


def version(node: Node, _params: Params) -> str:
    """``net_version``: the chain id in decimal."""
    return str(node.chain.config.chain_id)


def listening(_node: Node, _params: Params) -> bool:
    return True


def peer_count(_node: Node, _params: Params) -> str:
    return "0x0"


def client_version(node: Node, _params: Params) -> str:
    return node.client


def sha3(_node: Node, params: Params) -> str:
    """``web3_sha3``: keccak-256."""
    return to_data(_core.keccak256(params.data(0, MAX_SHA3)))


def modules(node: Node, _params: Params) -> dict[str, str]:
    """``rpc_modules``: the namespaces that are served."""
    return dict.fromkeys(sorted({method.split("_", 1)[0] for method in node.methods}), "1.0")


def pool_status(node: Node, _params: Params) -> dict[str, str]:
    """``txpool_status``: all that waits counts as pending."""
    return {"pending": to_quantity(0 if node.pool is None else len(node.pool)), "queued": "0x0"}


METHODS: Final = {
    "eth_chainId": Method(chain_id),
    "eth_syncing": Method(syncing),
    "eth_accounts": Method(accounts),
    "eth_mining": Method(mining),
    "net_version": Method(version),
    "net_listening": Method(listening),
    "net_peerCount": Method(peer_count),
    "web3_clientVersion": Method(client_version),
    "web3_sha3": Method(sha3, 1, 1),
    "rpc_modules": Method(modules),
    "txpool_status": Method(pool_status),
}
