"""Messages executed on a block's state: calls, and how much gas one needs."""

from __future__ import annotations

from typing import Final

from rollproof.chain.wire import to_data, to_quantity
from rollproof.lab.block import Block
from rollproof.lab.node import message
from rollproof.lab.node.error import EXECUTION, JsonRpcError
from rollproof.lab.node.message import Message, succeeded
from rollproof.lab.node.method import Method
from rollproof.lab.node.node import Node
from rollproof.lab.node.params import Params

TRANSACTION_CAP: Final = 1 << 24  # gas, EIP-7825 (Osaka)
TRANSFER: Final = 21_000


def call(node: Node, params: Params) -> str:
    """``eth_call``. JsonRpcError 3 with the revert's data; overrides are refused by name."""
    sent, block = _message(node, params)
    return to_data(succeeded(sent.call(node.chain, block)).output)


def estimate(node: Node, params: Params) -> str:
    """``eth_estimateGas``: the least gas limit with which the message succeeds, found by halving.

    JsonRpcError 3 where it reverts however much it gets, -32000 where it asks for more than there may be.
    """
    sent, block = _message(node, params)
    most = _most(node, sent, block)
    full = sent.call(node.chain, block, gas=most)
    if full.status != 1 and full.halt is not None and full.halt.startswith("OutOfGas"):
        raise JsonRpcError(EXECUTION, f"gas required exceeds allowance ({most})")
    succeeded(full)
    # What was used, refunds given back, is not enough by itself: calls keep a 64th, refunds come at the end.
    low, high = max(TRANSFER, full.gas_used) - 1, most
    guess = min(high, full.gas_used * 64 // 63 + 2_300)
    if low < guess < high and _succeeds(node, sent, block, guess):
        high = guess
    while low + 1 < high:
        middle = (low + high) // 2
        if _succeeds(node, sent, block, middle):
            high = middle
        else:
            low = middle
    return to_quantity(high)


def _message(node: Node, params: Params) -> tuple[Message, Block]:
    block = params.block(1, node)
    message.plain(params, 2, "state overrides")
    message.plain(params, 3, "block overrides")
    return message.read(params, 0, node.chain.config.chain_id, block.header.base_fee or 0), block


def _most(node: Node, sent: Message, block: Block) -> int:
    """The most gas the message may get: asked for, allowed in a block or transaction, or paid for."""
    most = block.header.gas_limit
    if node.chain.config.family == "ethereum" and node.chain.config.active("osaka", block.number, block.timestamp):
        most = min(most, TRANSACTION_CAP)
    most = min(most, message.GAS_CAP)
    if sent.gas is not None and sent.gas >= TRANSFER:
        most = min(most, sent.gas)
    if sent.gas_price:
        wei = node.chain.account(sent.sender, block)[1]
        if wei < sent.value:
            raise JsonRpcError(EXECUTION, "insufficient funds for transfer")
        most = min(most, (wei - sent.value) // sent.gas_price)
    return most


def _succeeds(node: Node, sent: Message, block: Block, gas: int) -> bool:
    try:
        return sent.call(node.chain, block, gas=gas).status == 1
    except JsonRpcError:  # below what it costs before it runs
        return False


METHODS: Final = {"eth_call": Method(call, 1, 4), "eth_estimateGas": Method(estimate, 1, 4)}
