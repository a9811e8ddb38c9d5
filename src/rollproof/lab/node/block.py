"""Blocks and headers as nodes show them, and their raw forms. Source: execution-apis, "Block"; EIP-4895 withdrawals."""

from __future__ import annotations

from typing import Any

from rollproof import _core
from rollproof.chain.header import FIELDS, INT
from rollproof.chain.wire import to_data, to_quantity
from rollproof.lab.block import Block
from rollproof.lab.node import transaction
from rollproof.replay.header import encode_header, minimal
from rollproof.types import Header, Withdrawal


def header_fields(header: Header) -> dict[str, Any]:
    """A header's fields by their JSON names; those that its fork does not have are left out."""
    found: dict[str, Any] = {}
    for name, key, kind, _ in FIELDS:
        value = getattr(header, name)
        if value is not None:
            found[key] = to_quantity(value) if kind == INT else to_data(value)
    return found


def header(block: Block) -> dict[str, Any]:
    """As a subscription to new heads shows it."""
    return header_fields(block.header) | {"hash": to_data(block.hash)}


def full(block: Block, family: str, *, transactions: bool) -> dict[str, Any]:
    """The block object, with whole transactions or their hashes."""
    found = header(block) | {"size": to_quantity(size(block)), "uncles": []}
    found["transactions"] = (
        [transaction.mined(block, index, family) for index in range(len(block.transactions))]
        if transactions
        else [to_data(each) for each in block.hashes]
    )
    if block.header.withdrawals_root is not None:
        found["withdrawals"] = [withdrawal(each) for each in block.withdrawals or ()]
    return found


def withdrawal(each: Withdrawal) -> dict[str, str]:
    return {
        "index": to_quantity(each.index),
        "validatorIndex": to_quantity(each.validator_index),
        "address": to_data(each.address),
        "amount": to_quantity(each.amount),
    }


def size(block: Block) -> int:
    """Length of the block's RLP in bytes."""
    return len(raw(block))


def raw(block: Block) -> bytes:
    """The block's RLP: header, transactions, no ommers and, from Shanghai on, withdrawals."""
    body: list[Any] = [_core.rlp_decode(each) if each[0] >= 0x80 else each for each in block.transactions]
    items: list[Any] = [_core.rlp_decode(encode_header(block.header)), body, []]
    if block.header.withdrawals_root is not None:
        items.append(
            [
                [minimal(each.index), minimal(each.validator_index), each.address, minimal(each.amount)]
                for each in block.withdrawals or ()
            ]
        )
    return _core.rlp_encode(items)


def payload(block: Block) -> dict[str, Any]:
    """The block as the parameters of the engine API's newPayload have it (Cancun and later)."""
    shown = header_fields(block.header)
    same = ("parentHash", "stateRoot", "receiptsRoot", "logsBloom", "gasLimit", "gasUsed", "timestamp", "extraData",
            "baseFeePerGas", "blobGasUsed", "excessBlobGas")  # fmt: skip
    found: dict[str, Any] = {key: shown[key] for key in same if key in shown}
    found |= {
        "feeRecipient": shown["miner"],
        "prevRandao": shown["mixHash"],
        "blockNumber": shown["number"],
        "blockHash": to_data(block.hash),
        "transactions": [to_data(each) for each in block.transactions],
        "withdrawals": [withdrawal(each) for each in block.withdrawals or ()],
    }
    if block.withdrawals is None and "withdrawalsRoot" in shown:  # OP Stack: not the root of that list (Isthmus)
        found["withdrawalsRoot"] = shown["withdrawalsRoot"]
    return {
        "executionPayload": found,
        "parentBeaconBlockRoot": shown.get("parentBeaconBlockRoot"),
        "executionRequests": [],
    }
