"""Blocks, and the transactions and receipts in them."""

from __future__ import annotations

from typing import Any, Final

from rollproof.chain.wire import to_data, to_quantity
from rollproof.lab.block import Block
from rollproof.lab.node import block as shown
from rollproof.lab.node import receipt, transaction
from rollproof.lab.node.method import Method
from rollproof.lab.node.node import Node
from rollproof.lab.node.params import Params


def block_number(node: Node, _params: Params) -> str:
    return to_quantity(node.chain.head.number)


def by_number(node: Node, params: Params) -> dict[str, Any] | None:
    """``eth_getBlockByNumber``: null where there is none."""
    return _full(node, params.find_block(0, node), whole=params.boolean(1))


def by_hash(node: Node, params: Params) -> dict[str, Any] | None:
    """``eth_getBlockByHash``: also one that is no longer canonical."""
    return _full(node, node.chain.block(params.hash(0)), whole=params.boolean(1))


def _full(node: Node, block: Block | None, *, whole: bool) -> dict[str, Any] | None:
    return None if block is None else shown.full(block, node.family, transactions=whole)


def header_by_number(node: Node, params: Params) -> dict[str, Any] | None:
    found = params.find_block(0, node)
    return None if found is None else shown.header(found)


def header_by_hash(node: Node, params: Params) -> dict[str, Any] | None:
    found = node.chain.block(params.hash(0))
    return None if found is None else shown.header(found)


def count_by_number(node: Node, params: Params) -> str | None:
    found = params.find_block(0, node)
    return None if found is None else to_quantity(len(found.transactions))


def count_by_hash(node: Node, params: Params) -> str | None:
    found = node.chain.block(params.hash(0))
    return None if found is None else to_quantity(len(found.transactions))


def uncles_by_number(node: Node, params: Params) -> str | None:
    return None if params.find_block(0, node) is None else "0x0"


def uncles_by_hash(node: Node, params: Params) -> str | None:
    return None if node.chain.block(params.hash(0)) is None else "0x0"


def receipts(node: Node, params: Params) -> list[dict[str, Any]] | None:
    """``eth_getBlockReceipts``, by number, tag or hash."""
    given = params.raw(0)
    if isinstance(given, str) and len(given) == 66:
        found = node.chain.block(params.hash(0))
    else:
        found = params.find_block(0, node)
    return None if found is None else receipt.of_block(node.chain, found)


def transaction_by_hash(node: Node, params: Params) -> dict[str, Any] | None:
    """``eth_getTransactionByHash``: in a block, or waiting for one."""
    wanted = params.hash(0)
    found = node.chain.locate(wanted)
    if found is not None:
        return transaction.mined(*found, node.family)
    waiting = None if node.pool is None else node.pool.get(wanted)
    return None if waiting is None else transaction.pending(waiting.raw, node.family)


def transaction_at_number(node: Node, params: Params) -> dict[str, Any] | None:
    return _at(node, params.find_block(0, node), params.quantity(1))


def transaction_at_hash(node: Node, params: Params) -> dict[str, Any] | None:
    return _at(node, node.chain.block(params.hash(0)), params.quantity(1))


def _at(node: Node, block: Block | None, index: int) -> dict[str, Any] | None:
    if block is None or index >= len(block.transactions):
        return None
    return transaction.mined(block, index, node.family)


def transaction_receipt(node: Node, params: Params) -> dict[str, Any] | None:
    found = node.chain.locate(params.hash(0))
    if found is None:
        return None
    block, index = found
    return receipt.of_block(node.chain, block)[index]


def raw_transaction(node: Node, params: Params) -> str | None:
    """``eth_getRawTransactionByHash``, of the pool too."""
    wanted = params.hash(0)
    found = node.chain.locate(wanted)
    if found is not None:
        return to_data(found[0].transactions[found[1]])
    waiting = None if node.pool is None else node.pool.get(wanted)
    return None if waiting is None else to_data(waiting.raw)


METHODS: Final = {
    "eth_blockNumber": Method(block_number),
    "eth_getBlockByNumber": Method(by_number, 1, 2),
    "eth_getBlockByHash": Method(by_hash, 1, 2),
    "eth_getHeaderByNumber": Method(header_by_number, 1, 1),
    "eth_getHeaderByHash": Method(header_by_hash, 1, 1),
    "eth_getBlockTransactionCountByNumber": Method(count_by_number, 1, 1),
    "eth_getBlockTransactionCountByHash": Method(count_by_hash, 1, 1),
    "eth_getUncleCountByBlockNumber": Method(uncles_by_number, 1, 1),
    "eth_getUncleCountByBlockHash": Method(uncles_by_hash, 1, 1),
    "eth_getBlockReceipts": Method(receipts, 1, 1),
    "eth_getTransactionByHash": Method(transaction_by_hash, 1, 1),
    "eth_getTransactionByBlockNumberAndIndex": Method(transaction_at_number, 2, 2),
    "eth_getTransactionByBlockHashAndIndex": Method(transaction_at_hash, 2, 2),
    "eth_getTransactionReceipt": Method(transaction_receipt, 1, 1),
    "eth_getRawTransactionByHash": Method(raw_transaction, 1, 1),
}
