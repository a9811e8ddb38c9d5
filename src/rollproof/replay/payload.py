"""A block that no node has: an execution payload or a raw block, from a file or a dump, as a Claim.

Forms: an engine API ExecutionPayload (V1 to V4) alone, in ``{"executionPayload": ...}``, in an ``engine_newPayload``
request or an ``engine_getPayload`` answer; or a block's RLP, binary, in hex, or as the JSON answer that carries it.
Source: execution-apis, engine; OP Stack specs, exec-engine (isthmus: ``withdrawalsRoot``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rollproof import _core
from rollproof.chain import header as chain_header
from rollproof.chain import wire
from rollproof.errors import Malformed, Missing
from rollproof.replay import body, consistency
from rollproof.replay import json_input as read
from rollproof.replay.consensus import EMPTY_REQUESTS_HASH
from rollproof.replay.header import EMPTY_OMMERS_HASH, header_hash
from rollproof.types import Claim, Header, Withdrawal

MAX_BYTES = 64 * 1024 * 1024
MAX_REQUESTS = 256

_PAYLOAD = frozenset(
    {"parentHash", "feeRecipient", "stateRoot", "receiptsRoot", "logsBloom", "prevRandao", "blockNumber", "gasLimit"}
    | {"gasUsed", "timestamp", "extraData", "baseFeePerGas", "blockHash", "transactions", "withdrawals"}
    | {"blobGasUsed", "excessBlobGas", "withdrawalsRoot"}
)
_ENVELOPE = frozenset(
    {"executionPayload", "parentBeaconBlockRoot", "executionRequests", "expectedBlobVersionedHashes"}
    | {"blockValue", "blobsBundle", "shouldOverrideBuilder"}
)


def read_payload(data: bytes, what: str, chain_id: int | None = None) -> Claim:
    """The claim in a payload file. Without ``chain_id`` the one that its transactions are signed for counts.

    Raises Malformed, Unsupported (an unknown key) or Missing (no chain id), naming the thing; Malformed also where the
    header does not hash to the payload's ``blockHash``.
    """
    if len(data) > MAX_BYTES:
        raise Malformed(f"{what}: more than {MAX_BYTES} bytes")
    text = data.strip()
    if text[:1] == b"{":
        claim = _from_json(read.parse(text, what), what)
    elif text[:3] in (b"0x0", b"0xf", b"0xF") or (text and text[:1] in b"fF" and _is_hex(text)):
        claim = from_block_rlp(_unhex(text, what), what)
    elif data[:1] >= b"\xc0":
        claim = from_block_rlp(data, what)
    else:
        raise Malformed(f"{what}: neither an execution payload in JSON nor a block's RLP")
    if chain_id is None:
        chain_id = consistency.signed_for(claim.transactions)
    if chain_id is None:
        raise Missing(f"{what}: no transaction says which chain this is: name the chain id")
    return replace(claim, chain_id=chain_id, source=what)


def _is_hex(text: bytes) -> bool:
    return all(byte in b"0123456789abcdefABCDEF" for byte in text[:64])


def _unhex(text: bytes, what: str) -> bytes:
    try:
        return bytes.fromhex(text.decode("ascii").removeprefix("0x"))
    except ValueError:
        raise Malformed(f"{what}: not hex") from None


def from_block_rlp(data: bytes, what: str) -> Claim:
    """The claim in a block's RLP: header, transactions, ommers and, from Shanghai on, withdrawals. Chain id 0."""
    try:
        items = _core.rlp_decode(data, 32, 4_000_000)
    except _core.CoreError as error:
        raise Malformed(f"{what}: {error}") from None
    if not isinstance(items, list) or not 3 <= len(items) <= 4 or not all(isinstance(item, list) for item in items):
        raise Malformed(f"{what}: not a block: expected header, transactions, ommers and withdrawals")
    sealed = chain_header.from_items(items[0], f"{what}: header")
    transactions = tuple(item if isinstance(item, bytes) else _core.rlp_encode(item) for item in items[1])
    withdrawals = tuple(_withdrawal(item, f"{what}: withdrawal") for item in items[3]) if len(items) == 4 else None
    return Claim(
        chain_id=0,
        number=sealed.header.number,
        transactions=transactions,
        claimed_hash=sealed.hash,
        header=sealed.header,
        withdrawals=withdrawals,
        ommers=len(items[2]),
        parent_hash=sealed.header.parent_hash,
    )


def _withdrawal(item: Any, what: str) -> Withdrawal:
    if not isinstance(item, list) or len(item) != 4 or not all(isinstance(part, bytes) for part in item):
        raise Malformed(f"{what}: expected index, validator, address and amount")
    index, validator, address, amount = item
    if len(address) != 20 or any(len(part) > 8 or part[:1] == b"\0" for part in (index, validator, amount)):
        raise Malformed(f"{what}: not a withdrawal")
    return Withdrawal(
        int.from_bytes(index, "big"), int.from_bytes(validator, "big"), address, int.from_bytes(amount, "big")
    )


def _from_json(record: dict[str, Any], what: str) -> Claim:
    if "params" in record or "result" in record:
        inner = record.get("params", record.get("result"))
        if isinstance(inner, str):  # debug_getRawBlock
            return from_block_rlp(_unhex(inner.encode("utf-8", "surrogatepass"), what), what)
        if isinstance(inner, list):
            return _from_request(record, inner, what)
        record = wire.mapping(inner, what)
    if "executionPayload" not in record:
        return _from_payload(record, None, None, what)
    read.known(record, _ENVELOPE, what)
    payload = wire.mapping(record["executionPayload"], f"{what}: executionPayload")
    root = read.optional(record, "parentBeaconBlockRoot", what, wire.hash32)
    requests = read.optional(record, "executionRequests", what, _requests)
    return _from_payload(payload, root, requests, what)


def _from_request(record: Mapping[str, Any], params: list[Any], what: str) -> Claim:
    method = record.get("method")
    if not isinstance(method, str) or not method.startswith("engine_newPayloadV") or not 1 <= len(params) <= 4:
        raise Malformed(f"{what}: expected an engine_newPayload request")
    padded = [*params, None, None, None]
    root = None if padded[2] is None else wire.hash32(padded[2], f"{what}: params[2]")
    requests = None if padded[3] is None else _requests(padded[3], f"{what}: params[3]")
    return _from_payload(wire.mapping(params[0], f"{what}: params[0]"), root, requests, what)


def _requests(value: Any, what: str) -> bytes:
    """EIP-7685's commitment: sha256 over the sha256 of each request that is more than its type."""
    listed = read.listed(value, what, MAX_REQUESTS, lambda item, at: wire.data(item, at, None, MAX_BYTES))
    inner = b"".join(hashlib.sha256(request).digest() for request in listed if len(request) > 1)
    return hashlib.sha256(inner).digest()


def _from_payload(record: Mapping[str, Any], beacon_root: bytes | None, requests: bytes | None, what: str) -> Claim:
    read.known(record, _PAYLOAD, what)

    def number(key: str, bits: int = 64) -> int:
        return wire.quantity(_needed(record, key, what), f"{what}: {key}", bits)

    def data(key: str, length: int) -> bytes:
        return wire.data(_needed(record, key, what), f"{what}: {key}", length)

    transactions = read.transactions(_needed(record, "transactions", what), f"{what}: transactions")
    withdrawals = read.optional(record, "withdrawals", what, read.withdrawals)
    withdrawals_root = read.optional(record, "withdrawalsRoot", what, wire.hash32)
    if withdrawals_root is None and withdrawals is not None:
        withdrawals_root = body.withdrawals_root(withdrawals)
    claimed = data("blockHash", 32)
    header = Header(
        parent_hash=data("parentHash", 32),
        ommers_hash=EMPTY_OMMERS_HASH,
        beneficiary=data("feeRecipient", 20),
        state_root=data("stateRoot", 32),
        transactions_root=body.transactions_root(transactions),
        receipts_root=data("receiptsRoot", 32),
        logs_bloom=data("logsBloom", 256),
        difficulty=0,
        number=number("blockNumber"),
        gas_limit=number("gasLimit"),
        gas_used=number("gasUsed"),
        timestamp=number("timestamp"),
        extra_data=wire.data(_needed(record, "extraData", what), f"{what}: extraData", None, 4096),
        mix_hash=data("prevRandao", 32),
        nonce=bytes(8),
        base_fee=number("baseFeePerGas", 256),
        withdrawals_root=withdrawals_root,
        blob_gas_used=number("blobGasUsed") if record.get("blobGasUsed") is not None else None,
        excess_blob_gas=number("excessBlobGas") if record.get("excessBlobGas") is not None else None,
        parent_beacon_block_root=beacon_root,
        requests_hash=requests,
    )
    header = _sealed(header, claimed, what)
    return Claim(
        chain_id=0,
        number=header.number,
        transactions=transactions,
        claimed_hash=claimed,
        header=header,
        withdrawals=withdrawals,
        parent_hash=header.parent_hash,
    )


def _sealed(header: Header, claimed: bytes, what: str) -> Header:
    """The header that hashes to ``claimed``: as given, or with no requests where the dump left them out."""
    if header.blob_gas_used is not None and header.parent_beacon_block_root is None:
        raise Missing(f"{what}: parentBeaconBlockRoot is not in the payload: give it beside, as newPayload does")
    candidates = [header]
    if header.requests_hash is None and header.parent_beacon_block_root is not None:
        candidates.append(replace(header, requests_hash=EMPTY_REQUESTS_HASH))
    for candidate in candidates:
        if header_hash(candidate) == claimed:
            return candidate
    shown = "0x" + header_hash(header).hex()
    raise Malformed(f"{what}: self-inconsistent: the payload hashes to {shown}, blockHash says 0x{claimed.hex()}")


def _needed(record: Mapping[str, Any], key: str, what: str) -> Any:
    if record.get(key) is None:
        raise Malformed(f"{what}: {key} is absent")
    return record[key]
