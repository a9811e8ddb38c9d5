"""A block's header: parts of it as a record gives them, and the whole of it built from attributes and results.

RLP, JSON and hash are `rollproof.chain.header`'s. Source of the built header: OP Stack specs, exec-engine, "Building".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from rollproof import _core
from rollproof.chain import header as chain_header
from rollproof.chain import wire as hexadecimal
from rollproof.chain.header import EMPTY_OMMERS, EMPTY_ROOT
from rollproof.errors import Malformed, Unsupported
from rollproof.types import Header, PayloadAttributes

EMPTY_OMMERS_HASH = EMPTY_OMMERS
EMPTY_BLOOM = bytes(256)
NAMES: tuple[str, ...] = tuple(field.name for field in fields(Header))

__all__ = [
    "EMPTY_OMMERS_HASH",
    "EMPTY_ROOT",
    "NAMES",
    "as_mapping",
    "decode_header",
    "encode_header",
    "from_attributes",
    "header_hash",
    "minimal",
    "partial_from_json",
    "wire",
    "with_results",
]


def decode_header(rlp: bytes, what: str = "header") -> Header:
    """A header from its RLP of 15 to 21 fields. Raises Malformed, or Unsupported for more fields than are known."""
    return chain_header.decode(rlp, what).header


def encode_header(header: Header) -> bytes:
    """The header's RLP. Raises Malformed when a field is absent that a present one needs before it."""
    absent = None
    for name in NAMES:
        if getattr(header, name) is None:
            absent = absent or name
        elif absent is not None:
            raise Malformed(f"header has {name} but not {absent}, which comes before it")
    return chain_header.encode(header)


def header_hash(header: Header) -> bytes:
    """keccak-256 of the header's RLP: the block hash (32 bytes). Raises as `encode_header`."""
    return _core.keccak256(encode_header(header))


def minimal(value: int) -> bytes:
    """RLP's quantity: big-endian without leading zeros; zero is the empty string."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def wire(value: bytes | int | None) -> str | None:
    """A value as a Difference shows it: quantities in decimal, bytes in lower-case 0x hex."""
    if value is None:
        return None
    return str(value) if isinstance(value, int) else "0x" + value.hex()


def as_mapping(header: Header) -> dict[str, Any]:
    """Every field by name, absent ones as None."""
    return {name: getattr(header, name) for name in NAMES}


def partial_from_json(record: Mapping[str, Any], what: str) -> dict[str, bytes | int]:
    """The header fields, by our names, that an object with the RPC's names has; null ones are left out.

    ``hash`` and ``size`` are let through. Raises Malformed naming the key that is wrong, Unsupported an unknown one.
    """
    known = {key: (name, kind, size) for name, key, kind, size in chain_header.FIELDS}
    found: dict[str, bytes | int] = {}
    for key, value in record.items():
        if key in ("hash", "size") or value is None:
            continue
        if key not in known:
            raise Unsupported(f"{what}: key {key[:60]!r} is not known")
        name, kind, size = known[key]
        if kind == chain_header.INT:
            found[name] = hexadecimal.quantity(value, f"{what}: {key}", size)
        else:
            found[name] = hexadecimal.data(value, f"{what}: {key}", size if size > 0 else None, chain_header.MAX_EXTRA)
    return found


def from_attributes(
    attributes: PayloadAttributes,
    number: int,
    parent_hash: bytes,
    *,
    base_fee: int | None,
    extra_data: bytes,
    excess_blob_gas: int | None,
) -> Header:
    """The header of a block after the merge before it is executed: results are zero, see `with_results`."""
    return Header(
        parent_hash=parent_hash,
        ommers_hash=EMPTY_OMMERS_HASH,
        beneficiary=attributes.fee_recipient,
        state_root=bytes(32),
        transactions_root=EMPTY_ROOT,
        receipts_root=EMPTY_ROOT,
        logs_bloom=EMPTY_BLOOM,
        difficulty=0,
        number=number,
        gas_limit=attributes.gas_limit,
        gas_used=0,
        timestamp=attributes.timestamp,
        extra_data=extra_data,
        mix_hash=attributes.prev_randao,
        nonce=bytes(8),
        base_fee=base_fee,
        excess_blob_gas=excess_blob_gas,
        parent_beacon_block_root=attributes.parent_beacon_block_root,
    )


def with_results(header: Header, done: _core.Done) -> Header:
    """The header with what execution computed; blob gas used is there where the excess is."""
    return replace(
        header,
        state_root=done.state_root,
        transactions_root=done.transactions_root,
        receipts_root=done.receipts_root,
        logs_bloom=done.logs_bloom,
        gas_used=done.gas_used,
        withdrawals_root=done.withdrawals_root,
        blob_gas_used=None if header.excess_blob_gas is None else done.blob_gas_used,
        requests_hash=done.requests_hash,
    )
