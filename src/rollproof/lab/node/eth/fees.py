"""What gas costs: now, next, and over the last blocks. Source: execution-apis; EIP-1559, EIP-4844."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from rollproof.chain import wire
from rollproof.chain.wire import to_quantity
from rollproof.errors import Malformed
from rollproof.lab import receipts
from rollproof.lab.block import Block
from rollproof.lab.node import transaction
from rollproof.lab.node.error import EXECUTION, JsonRpcError, invalid
from rollproof.lab.node.method import Method
from rollproof.lab.node.node import Node
from rollproof.lab.node.params import Params
from rollproof.lab.node.receipt import blob_price
from rollproof.replay import consensus
from rollproof.replay.blob_gas import blob_base_fee

MAX_HISTORY: Final = 1_024  # blocks
MAX_PERCENTILES: Final = 100
TIP: Final = {"ethereum": 10**9, "op": 10**6}  # wei, what is suggested: blocks here have room


def tip(node: Node, _params: Params) -> str:
    return to_quantity(TIP[node.family])


def gas_price(node: Node, _params: Params) -> str:
    """``eth_gasPrice``: what gets into the next block."""
    return to_quantity(next_base_fee(node, node.chain.head) + TIP[node.family])


def blob_fee(node: Node, _params: Params) -> str:
    """``eth_blobBaseFee`` of the next block, wei."""
    return to_quantity(_next_blob_fee(node, node.chain.head))


def next_base_fee(node: Node, block: Block) -> int:
    """The base fee of the block after this one, wei."""
    return consensus.expected_base_fee(_next(node, block)) or 0


def _next_blob_fee(node: Node, block: Block) -> int:
    following = _next(node, block)
    excess = consensus.expected_excess_blob_gas(following) or 0
    schedule = node.chain.config.blob_schedule(following.header.number, following.header.timestamp)
    return 1 if schedule is None else blob_base_fee(excess, schedule[2])


def _next(node: Node, block: Block) -> consensus.Block:
    draft = replace(block.header, number=block.number + 1, timestamp=block.timestamp + 1, parent_hash=block.hash)
    return consensus.Block(node.chain.config, draft, (), block.header, ())


def history(node: Node, params: Params) -> dict[str, Any]:
    """``eth_feeHistory``: base fees (one more than blocks), how full they were, and tips at percentiles of their gas.

    Ratios are JSON fractions, as the method has them; every amount is an integer of wei.
    """
    count = params.read(0, _count)
    newest = params.block(1, node)
    wanted = params.read(2, _percentiles) if params.given(2) else []
    if count == 0:
        return {"oldestBlock": "0x0", "gasUsedRatio": []}
    first = max(0, newest.number - min(count, MAX_HISTORY) + 1)
    span = [block for number in range(first, newest.number + 1) if (block := node.chain.block(number)) is not None]
    if not span or span[-1].hash != newest.hash:
        raise JsonRpcError(EXECUTION, "a block that is not canonical has no history")
    config = node.chain.config
    blobs = [config.blob_schedule(each.number, each.timestamp) for each in span]
    fees = [blob_price(node.chain, each) for each in span]
    found: dict[str, Any] = {
        "oldestBlock": to_quantity(first),
        "baseFeePerGas": [to_quantity(each.header.base_fee or 0) for each in span]
        + [to_quantity(next_base_fee(node, newest))],
        "gasUsedRatio": [each.header.gas_used / each.header.gas_limit for each in span],
        "baseFeePerBlobGas": [to_quantity(fee) for fee in [*fees, _next_blob_fee(node, newest)]],
        "blobGasUsedRatio": [
            0.0 if b is None else (each.header.blob_gas_used or 0) / (131_072 * b[1])
            for each, b in zip(span, blobs, strict=True)
        ],
    }
    if params.given(2):
        found["reward"] = [_rewards(node, each, wanted) for each in span]
    return found


def _rewards(node: Node, block: Block, wanted: list[float]) -> list[str]:
    """Effective tips at percentiles of the block's gas, each transaction weighing as much as it used."""
    base_fee, before = block.header.base_fee or 0, 0
    tips: list[tuple[int, int]] = []
    for raw, encoded in zip(block.transactions, block.receipts, strict=True):
        cumulative = receipts.decode(encoded).cumulative_gas_used
        if transaction.kind(raw) != transaction.DEPOSIT:
            price = transaction.effective_gas_price(transaction.fields(raw, node.family), base_fee)
            tips.append((price - base_fee, cumulative - before))
        before = cumulative
    if not tips:
        return ["0x0"] * len(wanted)
    tips.sort()
    total, found = sum(gas for _, gas in tips), []
    for percentile in wanted:
        threshold, at, sum_gas = int(total * percentile / 100), 0, tips[0][1]
        while sum_gas < threshold and at < len(tips) - 1:
            at += 1
            sum_gas += tips[at][1]
        found.append(to_quantity(tips[at][0]))
    return found


def _count(value: Any, what: str) -> int:
    """Nodes take a quantity and a plain number."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**64:
        return value
    return wire.quantity(value, what, 64)


def _percentiles(value: Any, what: str) -> list[float]:
    listed = wire.sequence(value, what, MAX_PERCENTILES)
    for each in listed:
        if isinstance(each, bool) or not isinstance(each, int | float) or not 0 <= each <= 100:
            raise Malformed(f"{what}: a percentile is a number from 0 to 100")
    if sorted(listed) != listed:
        raise invalid("invalid reward percentile: they have to rise")
    return listed


METHODS: Final = {
    "eth_gasPrice": Method(gas_price),
    "eth_maxPriorityFeePerGas": Method(tip),
    "eth_blobBaseFee": Method(blob_fee),
    "eth_feeHistory": Method(history, 2, 3),
}
