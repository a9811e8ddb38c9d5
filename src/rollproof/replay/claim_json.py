"""A Claim as the evidence file's JSON, both ways. Keys and shapes: docs/evidence.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rollproof.chain import wire
from rollproof.errors import Malformed
from rollproof.replay import json_input as read
from rollproof.replay.header import NAMES, decode_header, encode_header
from rollproof.types import Claim, Header, PayloadAttributes, Withdrawal

FORMAT = "rollproof-evidence/1"
MAX_RECEIPTS = 100_000
MAX_LOGS = 1_000_000
MAX_ACCOUNTS = 1_000_000
MAX_SLOTS = 5_000_000
_WIDE = ("difficulty", "base_fee")


def _hex(value: bytes | None) -> str | None:
    return None if value is None else "0x" + value.hex()


def _quantity(value: int | None) -> str | None:
    return None if value is None else hex(value)


def _attributes_record(attributes: PayloadAttributes) -> dict[str, Any]:
    return {
        "timestamp": hex(attributes.timestamp),
        "prevRandao": _hex(attributes.prev_randao),
        "suggestedFeeRecipient": _hex(attributes.fee_recipient),
        "gasLimit": hex(attributes.gas_limit),
        "parentBeaconBlockRoot": _hex(attributes.parent_beacon_block_root),
        "eip1559Params": _hex(attributes.eip1559_params),
        "minBaseFee": _quantity(attributes.min_base_fee),
        "extraData": _hex(attributes.extra_data),
    }


def _withdrawal_record(withdrawal: Withdrawal) -> dict[str, Any]:
    return {
        "index": hex(withdrawal.index),
        "validatorIndex": hex(withdrawal.validator_index),
        "address": _hex(withdrawal.address),
        "amount": hex(withdrawal.amount),
    }


def _receipt_record(receipt: Mapping[str, Any]) -> dict[str, Any]:
    logs = receipt.get("logs")
    record: dict[str, Any] = {
        name: _quantity(receipt.get(name)) for name in ("status", "gas_used", "cumulative_gas_used")
    }
    record["root"] = _hex(receipt.get("root"))
    if logs is not None:
        record["logs"] = [[_hex(address), list(map(_hex, topics)), _hex(data)] for address, topics, data in logs]
    return {key: value for key, value in record.items() if value is not None}


def _account_record(fields: Mapping[str, Any]) -> dict[str, Any]:
    record: dict[str, Any] = {
        "balance": _quantity(fields.get("balance")),
        "nonce": _quantity(fields.get("nonce")),
        "code_hash": _hex(fields.get("code_hash")),
        "storage_root": _hex(fields.get("storage_root")),
    }
    if fields.get("storage"):
        record["storage"] = {"0x" + slot.hex(): hex(value) for slot, value in fields["storage"].items()}
    return {key: value for key, value in record.items() if value is not None}


def to_record(claim: Claim) -> dict[str, Any]:
    """The claim as JSON values; what is absent is left out."""
    partial = claim.partial_header
    record: dict[str, Any] = {
        "format": FORMAT,
        "chain_id": claim.chain_id,
        "number": claim.number,
        "claimed_hash": _hex(claim.claimed_hash),
        "header": _hex(encode_header(claim.header)) if claim.header is not None else None,
        "attributes": _attributes_record(claim.attributes) if claim.attributes is not None else None,
        "partial_header": None
        if partial is None
        else {name: hex(value) if isinstance(value, int) else _hex(value) for name, value in partial.items()},
        "transactions": [_hex(raw) for raw in claim.transactions],
        "withdrawals": None if claim.withdrawals is None else [_withdrawal_record(each) for each in claim.withdrawals],
        "ommers": claim.ommers or None,
        "parent": _hex(encode_header(claim.parent)) if claim.parent is not None else None,
        "parent_hash": _hex(claim.parent_hash),
        "pre_state_root": _hex(claim.pre_state_root),
        "block_hashes": {str(number): _hex(item) for number, item in claim.block_hashes.items()} or None,
        "rollup_config": dict(claim.rollup_config) if claim.rollup_config is not None else None,
        "receipts": None if claim.receipts is None else [_receipt_record(each) for each in claim.receipts],
        "post_state": None
        if claim.post_state is None
        else {"0x" + address.hex(): _account_record(fields) for address, fields in claim.post_state.items()},
        "source": claim.source or None,
    }
    return {key: value for key, value in record.items() if value is not None}


KEYS = frozenset(
    {"format", "chain_id", "number", "claimed_hash", "header", "attributes", "partial_header", "transactions"}
    | {"withdrawals", "ommers", "parent", "parent_hash", "pre_state_root", "block_hashes", "rollup_config"}
    | {"receipts", "post_state", "source"}
)
_RECEIPT = frozenset({"status", "gas_used", "cumulative_gas_used", "root", "logs"})
_ACCOUNT = frozenset({"balance", "nonce", "code_hash", "storage_root", "storage"})


def _header(value: Any, what: str) -> Header:
    return decode_header(wire.data(value, what, None, 16 * 1024), what)


def _partial(value: Any, what: str) -> dict[str, Any]:
    record = wire.mapping(value, what)
    read.known(record, frozenset(NAMES), what)
    quantities = {"number", "gas_limit", "gas_used", "timestamp", "blob_gas_used", "excess_blob_gas", *_WIDE}
    found: dict[str, Any] = {}
    for name, item in record.items():
        at = f"{what}: {name}"
        found[name] = wire.quantity(item, at) if name in quantities else wire.data(item, at, None, 4096)
    return found


def _log(value: Any, what: str) -> tuple[bytes, tuple[bytes, ...], bytes]:
    if not isinstance(value, list) or len(value) != 3:
        raise Malformed(f"{what}: expected [address, topics, data]")
    address, topics, data = value
    return wire.address(address, what), read.listed(topics, f"{what}: topics", 4, wire.hash32), wire.data(data, what)


def _receipt(value: Any, what: str) -> dict[str, Any]:
    record = wire.mapping(value, what)
    read.known(record, _RECEIPT, what)
    found: dict[str, Any] = {
        name: read.optional(record, name, what, read.whole) for name in ("status", "gas_used", "cumulative_gas_used")
    }
    found["root"] = read.optional(record, "root", what, wire.hash32)
    found["logs"] = read.optional(record, "logs", what, lambda logs, at: read.listed(logs, at, MAX_LOGS, _log))
    return {key: item for key, item in found.items() if item is not None}


def _bounded(value: Any, what: str, limit: int) -> dict[str, Any]:
    record = wire.mapping(value, what)
    if len(record) > limit:
        raise Malformed(f"{what}: {len(record)} entries; {limit} is the bound")
    return record


def _storage(value: Any, what: str) -> dict[bytes, int]:
    return {
        wire.hash32(slot, f"{what}: slot"): wire.quantity(word, f"{what}: {slot[:70]}")
        for slot, word in _bounded(value, what, MAX_SLOTS).items()
    }


def _account(value: Any, what: str) -> dict[str, Any]:
    record = wire.mapping(value, what)
    read.known(record, _ACCOUNT, what)
    found: dict[str, Any] = {
        "balance": read.optional(record, "balance", what, wire.quantity),
        "nonce": read.optional(record, "nonce", what, read.whole),
        "code_hash": read.optional(record, "code_hash", what, wire.hash32),
        "storage_root": read.optional(record, "storage_root", what, wire.hash32),
        "storage": read.optional(record, "storage", what, _storage),
    }
    return {key: item for key, item in found.items() if item is not None}


def _post_state(value: Any, what: str) -> dict[bytes, dict[str, Any]]:
    return {
        wire.address(address, f"{what}: address"): _account(fields, f"{what}: {address[:42]}")
        for address, fields in _bounded(value, what, MAX_ACCOUNTS).items()
    }


def _block_hashes(value: Any, what: str) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for key, item in _bounded(value, what, 8192).items():
        if not (key.isascii() and key.isdigit() and len(key) <= 20):
            raise Malformed(f"{what}: {key[:40]!r} is not a block number")
        found[int(key)] = wire.hash32(item, f"{what}: {key}")
    return found


def from_record(record: Mapping[str, Any], what: str) -> Claim:
    """The claim from its JSON values. Raises Malformed or Unsupported naming the key."""
    if record.get("format") != FORMAT:
        raise Malformed(f"{what}: format is not {FORMAT}")
    read.known(record, KEYS, what)
    for key in ("chain_id", "number", "transactions"):
        if record.get(key) is None:
            raise Malformed(f"{what}: {key} is absent")
    source = record.get("source", "")
    if not isinstance(source, str):
        raise Malformed(f"{what}: source: expected text")
    return Claim(
        chain_id=read.whole(record["chain_id"], f"{what}: chain_id"),
        number=read.whole(record["number"], f"{what}: number"),
        transactions=read.transactions(record["transactions"], f"{what}: transactions"),
        claimed_hash=read.optional(record, "claimed_hash", what, wire.hash32),
        header=read.optional(record, "header", what, _header),
        attributes=read.optional(record, "attributes", what, read.attributes),
        partial_header=read.optional(record, "partial_header", what, _partial),
        withdrawals=read.optional(record, "withdrawals", what, read.withdrawals),
        ommers=read.optional(record, "ommers", what, read.whole) or 0,
        parent=read.optional(record, "parent", what, _header),
        parent_hash=read.optional(record, "parent_hash", what, wire.hash32),
        pre_state_root=read.optional(record, "pre_state_root", what, wire.hash32),
        block_hashes=read.optional(record, "block_hashes", what, _block_hashes) or {},
        rollup_config=read.optional(record, "rollup_config", what, wire.mapping),
        receipts=read.optional(
            record, "receipts", what, lambda value, at: read.listed(value, at, MAX_RECEIPTS, _receipt)
        ),
        post_state=read.optional(record, "post_state", what, _post_state),
        source=source[:500],
    )
