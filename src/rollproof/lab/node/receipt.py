"""Receipts as nodes show them, from the block's own: what a header commits to and what can be computed beside it.

Source: execution-apis, "Receipt information"; OP Stack specs, fjord/isthmus/jovian exec-engine, for the L2's fields.
"""

from __future__ import annotations

from typing import Any

from rollproof.chain.wire import to_data, to_quantity
from rollproof.lab import receipts
from rollproof.lab.block import Block
from rollproof.lab.chain import Chain
from rollproof.lab.node import transaction
from rollproof.lab.node.l1_cost import L1Cost
from rollproof.lab.node.log import shown
from rollproof.lab.transaction import created
from rollproof.replay.blob_gas import GAS_PER_BLOB, blob_base_fee


def of_block(chain: Chain, block: Block) -> list[dict[str, Any]]:
    """The receipts of all its transactions, in order."""
    cost = L1Cost.at(chain, block) if chain.config.family == "op" and block.transactions else None
    found, before, logs = [], 0, 0
    for index, encoded in enumerate(block.receipts):
        receipt = receipts.decode(encoded)
        found.append(_one(chain, block, index, receipt, before, logs, cost))
        before, logs = receipt.cumulative_gas_used, logs + len(receipt.logs)
    return found


def _one(
    chain: Chain, block: Block, index: int, receipt: receipts.Receipt, before: int, logs: int, cost: L1Cost | None
) -> dict[str, Any]:
    raw = block.transactions[index]
    sent = transaction.fields(raw, chain.config.family)
    found: dict[str, Any] = {
        "type": sent["type"],
        "status": to_quantity(receipt.status),
        "transactionHash": sent["hash"],
        "transactionIndex": to_quantity(index),
        "blockHash": to_data(block.hash),
        "blockNumber": to_quantity(block.number),
        "from": sent["from"],
        "to": sent["to"],
        "contractAddress": None,
        "gasUsed": to_quantity(receipt.cumulative_gas_used - before),
        "cumulativeGasUsed": to_quantity(receipt.cumulative_gas_used),
        "effectiveGasPrice": to_quantity(transaction.effective_gas_price(sent, block.header.base_fee or 0)),
        "logsBloom": to_data(receipts.bloom(receipt.logs)),
        "logs": [shown(block, index, logs + at, each) for at, each in enumerate(receipt.logs)],
    }
    nonce = int(sent["nonce"], 16)
    if receipt.deposit is not None:
        nonce = receipt.deposit[0]
        found["depositNonce"] = to_quantity(nonce)
        found["depositReceiptVersion"] = to_quantity(receipt.deposit[1])
    if sent["to"] is None:  # as nodes do, also where creating it failed
        found["contractAddress"] = to_data(created(bytes.fromhex(sent["from"][2:]), nonce))
    if sent["type"] == "0x3":
        found["blobGasUsed"] = to_quantity(GAS_PER_BLOB * len(sent["blobVersionedHashes"]))
        found["blobGasPrice"] = to_quantity(blob_price(chain, block))
    if cost is not None:
        found |= cost.fields(raw)
    return found


def blob_price(chain: Chain, block: Block) -> int:
    """The price of blob gas in the block, wei (EIP-4844); 1 where its chain has no blobs of its own."""
    schedule = chain.config.blob_schedule(block.number, block.timestamp)
    return 1 if schedule is None else blob_base_fee(block.header.excess_blob_gas or 0, schedule[2])
