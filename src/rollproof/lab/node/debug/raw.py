"""Raw forms: RLP of blocks and headers, encodings of receipts and transactions."""

from __future__ import annotations

from typing import Final

from rollproof.chain.wire import to_data
from rollproof.lab.node import block as shown
from rollproof.lab.node.error import not_found
from rollproof.lab.node.eth.blocks import raw_transaction
from rollproof.lab.node.method import Method
from rollproof.lab.node.node import Node
from rollproof.lab.node.params import Params
from rollproof.replay.header import encode_header


def raw_block(node: Node, params: Params) -> str:
    return to_data(shown.raw(params.block(0, node)))


def raw_header(node: Node, params: Params) -> str:
    return to_data(encode_header(params.block(0, node).header))


def raw_receipts(node: Node, params: Params) -> list[str]:
    return [to_data(each) for each in params.block(0, node).receipts]


def transaction(node: Node, params: Params) -> str:
    found = raw_transaction(node, params)
    if found is None:
        raise not_found("transaction")
    return found


METHODS: Final = {
    "debug_getRawBlock": Method(raw_block, 1, 1),
    "debug_getRawHeader": Method(raw_header, 1, 1),
    "debug_getRawReceipts": Method(raw_receipts, 1, 1),
    "debug_getRawTransaction": Method(transaction, 1, 1),
}
