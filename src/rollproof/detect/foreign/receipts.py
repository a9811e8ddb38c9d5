"""Receipts and blocks as eth_getBlockReceipts and eth_getBlockByNumber give them, as far as traces need them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from rollproof.chain import wire
from rollproof.detect.foreign import fields
from rollproof.detect.foreign.call_tracer import topics
from rollproof.detect.foreign.parity import key_of
from rollproof.errors import Malformed

MAX_TRANSACTIONS: Final = 100_000
MAX_LOGS: Final = 1_000_000

Log = tuple[bytes, tuple[bytes, ...], bytes]  # address, topics, data


@dataclass(slots=True)
class Receipt:
    """What came of one transaction. ``logs`` None: the receipt does not list them."""

    hash: bytes
    index: int | None
    success: bool | None
    gas_used: int | None
    logs: list[Log] | None
    created: bytes | None
    block_hash: bytes | None


@dataclass(slots=True)
class Sent:
    """A transaction's own fields."""

    hash: bytes
    sender: bytes | None = None
    to: bytes | None = None
    creates: bool = False
    value: int = 0
    data: bytes | None = None
    chain_id: int | None = None


@dataclass(slots=True)
class BlockFields:
    """A block's header fields and transactions."""

    number: int | None = None
    hash: bytes | None = None
    timestamp: int | None = None
    base_fee: int | None = None
    beneficiary: bytes | None = None
    gas_limit: int | None = None
    chain_id: int | None = None
    transactions: list[Sent] = field(default_factory=list)


def looks_like_receipt(value: Any) -> bool:
    """Whether an object is a receipt."""
    return (
        isinstance(value, dict)
        and ("cumulativeGasUsed" in value or "cumulative_gas_used" in value)
        and ("transactionHash" in value or "transaction_hash" in value)
    )


def looks_like_block(value: Any) -> bool:
    """Whether an object is a block."""
    return isinstance(value, dict) and "parentHash" in value and "transactions" in value


def receipts(value: Any, where: str) -> list[Receipt]:
    """A list of receipts. Raises Malformed."""
    return [
        receipt(item, f"{where}: receipt {at}") for at, item in enumerate(wire.sequence(value, where, MAX_TRANSACTIONS))
    ]


def receipt(value: Any, what: str) -> Receipt:
    """One receipt. Raises Malformed."""
    record = wire.mapping(value, what)
    named = key_of(record, "transactionHash", "transaction_hash", what)
    place = key_of(record, "transactionIndex", "transaction_index", what)
    block_hash = key_of(record, "blockHash", "block_hash", what)
    created = key_of(record, "contractAddress", "contract_address", what)
    status = fields.optional(record.get("status"), f"{what}: status", 8)
    if status not in (None, 0, 1):
        raise Malformed(f"{what}: status is {status}")
    used = fields.optional(key_of(record, "gasUsed", "gas_used", what), f"{what}: gasUsed", 64)
    listed = record.get("logs")
    return Receipt(
        hash=wire.hash32(named, f"{what}: transactionHash"),
        index=fields.optional(place, f"{what}: transactionIndex", 32),
        success=None if status is None else bool(status),
        # An archive that has no gas writes nonsense; more than the EVM can spend is none.
        gas_used=used if used is not None and used < 1 << 40 else None,
        logs=None
        if listed is None
        else [_log(each, what) for each in wire.sequence(listed, f"{what}: logs", MAX_LOGS)],
        created=None if created is None else fields.address(created, f"{what}: contractAddress"),
        block_hash=None if block_hash is None else wire.hash32(block_hash, f"{what}: blockHash"),
    )


def _log(value: Any, what: str) -> Log:
    record = wire.mapping(value, f"{what}: log")
    address = fields.address(wire.field(record, "address", what), f"{what}: log address")
    return address, topics(record.get("topics"), what), fields.data(record.get("data"), f"{what}: log data")


def block(value: Any, where: str) -> BlockFields:
    """A block, with transactions as objects or hashes. Raises Malformed."""
    record = wire.mapping(value, where)
    found = BlockFields(
        number=fields.optional(record.get("number"), f"{where}: number", 64),
        hash=None if record.get("hash") is None else wire.hash32(record["hash"], f"{where}: hash"),
        timestamp=fields.optional(record.get("timestamp"), f"{where}: timestamp", 64),
        base_fee=fields.optional(record.get("baseFeePerGas"), f"{where}: baseFeePerGas"),
        beneficiary=None if record.get("miner") is None else fields.address(record["miner"], f"{where}: miner"),
        gas_limit=fields.optional(record.get("gasLimit"), f"{where}: gasLimit", 64),
    )
    for at, item in enumerate(wire.sequence(record.get("transactions"), f"{where}: transactions", MAX_TRANSACTIONS)):
        what = f"{where}: transaction {at}"
        sent_ = Sent(wire.hash32(item, what)) if isinstance(item, str) else sent(item, what)
        found.transactions.append(sent_)
        found.chain_id = found.chain_id if found.chain_id is not None else sent_.chain_id
        if sent_.chain_id is not None and sent_.chain_id != found.chain_id:
            raise Malformed(f"{what}: chain id {sent_.chain_id}, and {found.chain_id} before it")
    return found


def sent(value: Any, what: str) -> Sent:
    """A transaction object. Raises Malformed."""
    record = wire.mapping(value, what)
    named = record.get("hash", record.get("transactionHash"))
    to, data = record.get("to"), record.get("input", record.get("data"))
    return Sent(
        hash=wire.hash32(named, f"{what}: hash") if named is not None else b"",
        sender=None if record.get("from") is None else fields.address(record["from"], f"{what}: from"),
        to=None if to is None else fields.address(to, f"{what}: to"),
        creates=to is None,
        value=fields.optional(record.get("value"), f"{what}: value") or 0,
        data=None if data is None else fields.data(data, f"{what}: input"),
        chain_id=fields.optional(record.get("chainId"), f"{what}: chainId", 64),
    )
