"""A recorded block with its state witness, as one gzip-compressed JSON object, read into a Claim and its preimages.

Keys: ``chain_id, number, source, claimed_hash, header_rlp | header | payload_attributes, transactions, withdrawals,
parent_header_rlp | pre_state_root, parent_hash, ancestor_headers_rlp, block_hashes, rollup_config, preimages``.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

from rollproof.chain import wire
from rollproof.chain.header import MAX_RLP
from rollproof.errors import Malformed
from rollproof.replay import json_input as read
from rollproof.replay.header import decode_header, partial_from_json
from rollproof.types import Claim, Header

MAX_COMPRESSED = 256 * 1024 * 1024
MAX_JSON = 512 * 1024 * 1024
MAX_PREIMAGES = 5_000_000
MAX_ANCESTORS = 8192
GZIP_MAGIC = b"\x1f\x8b"

KEYS = frozenset(
    {
        "chain_id",
        "number",
        "source",
        "claimed_hash",
        "header_rlp",
        "header",
        "payload_attributes",
        "transactions",
        "withdrawals",
        "parent_header_rlp",
        "pre_state_root",
        "parent_hash",
        "ancestor_headers_rlp",
        "block_hashes",
        "rollup_config",
        "preimages",
    }
)


def inflate(data: bytes, what: str, limit: int = MAX_JSON) -> bytes:
    """What gzip members in ``data`` hold, of at most ``limit`` bytes together. Raises Malformed naming the defect."""
    out: list[bytes] = []
    left, rest = limit, data
    while rest:
        stream = zlib.decompressobj(wbits=31)
        try:
            out.append(stream.decompress(rest, left + 1))
        except zlib.error as error:
            raise Malformed(f"{what}: gzip: {str(error)[:80]}") from None
        left -= len(out[-1])
        if left < 0:
            raise Malformed(f"{what}: more than {limit} bytes when decompressed")
        if not stream.eof:
            raise Malformed(f"{what}: gzip stream is truncated")
        rest = stream.unused_data
        if rest and not rest.startswith(GZIP_MAGIC):
            raise Malformed(f"{what}: {len(rest)} bytes after the gzip stream")
    return b"".join(out)


def _preimages(value: Any, what: str) -> list[bytes]:
    record = wire.mapping(value, what)
    if len(record) > MAX_PREIMAGES:
        raise Malformed(f"{what}: {len(record)} preimages; {MAX_PREIMAGES} is the bound")
    try:
        # The keys are not trusted, so not read: the core hashes every value itself.
        values = [bytes.fromhex(item[2:]) for item in record.values() if item.startswith("0x")]
    except (AttributeError, TypeError, ValueError):
        values = []
    if len(values) != len(record):
        wrong = next(key for key, item in record.items() if not _is_hex(item))
        raise Malformed(f"{what}: the value under {wrong[:80]!r} is not 0x hex")
    return values


def _is_hex(item: Any) -> bool:
    try:
        return isinstance(item, str) and item.startswith("0x") and bytes.fromhex(item[2:]) is not None
    except ValueError:
        return False


def _hash_list(value: Any, number: int, what: str) -> dict[int, bytes]:
    """The hashes of the blocks before ``number``, newest first."""
    if number < len(value) if isinstance(value, list) else False:
        raise Malformed(f"{what}: more hashes than there are blocks before {number}")
    return {number - 1 - index: item for index, item in enumerate(read.listed(value, what, 256, wire.hash32))}


def _header_rlp(value: Any, what: str) -> bytes:
    return wire.data(value, what, None, MAX_RLP)


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise Malformed(f"{what}: expected text")
    return value[:500]


def claim_from(record: Mapping[str, Any], what: str) -> tuple[Claim, list[bytes]]:
    """The claim and the preimages (trie nodes, codes, ancestor headers) of one record.

    Raises Malformed or Unsupported, naming the key; Malformed also where the record contradicts itself.
    """
    read.known(record, KEYS, what)
    for key in ("chain_id", "number", "transactions", "preimages"):
        if record.get(key) is None:
            raise Malformed(f"{what}: {key} is absent")
    number = read.whole(record["number"], f"{what}: number")
    transactions = read.transactions(record["transactions"], f"{what}: transactions")
    withdrawals = read.optional(record, "withdrawals", what, read.withdrawals)
    attributes = read.optional(record, "payload_attributes", what, read.attributes)
    if attributes is not None:
        inner = f"{what}: payload_attributes"
        listed, withdrawn = read.body_of(record["payload_attributes"], inner)
        if listed is not None and listed != transactions:
            raise Malformed(f"{what}: self-inconsistent: transactions and payload_attributes.transactions differ")
        if withdrawn is not None and withdrawals is not None and withdrawn != withdrawals:
            raise Malformed(f"{what}: self-inconsistent: withdrawals and payload_attributes.withdrawals differ")
        withdrawals = withdrawn if withdrawals is None else withdrawals

    def header(value: Any, at: str) -> Header:
        return decode_header(_header_rlp(value, at), at)

    own = read.optional(record, "header_rlp", what, header)
    parent = read.optional(record, "parent_header_rlp", what, header)
    partial = read.optional(record, "header", what, lambda value, at: partial_from_json(wire.mapping(value, at), at))
    if own is None and attributes is None and partial is None:
        raise Malformed(f"{what}: none of header_rlp, header and payload_attributes is given")
    ancestors = read.optional(
        record,
        "ancestor_headers_rlp",
        what,
        lambda value, at: read.listed(value, at, MAX_ANCESTORS, _header_rlp),
    )
    preimages = _preimages(record["preimages"], f"{what}: preimages")
    preimages += ancestors or ()
    claimed_hash = read.optional(record, "claimed_hash", what, wire.hash32)
    if partial is not None:  # an RPC header names its own hash
        beside = read.optional(record["header"], "hash", f"{what}: header", wire.hash32)
        if None not in (beside, claimed_hash) and beside != claimed_hash:
            raise Malformed(f"{what}: self-inconsistent: claimed_hash and header.hash differ")
        claimed_hash = claimed_hash or beside
    claim = Claim(
        chain_id=read.whole(record["chain_id"], f"{what}: chain_id"),
        number=number,
        transactions=transactions,
        claimed_hash=claimed_hash,
        header=own,
        attributes=attributes,
        partial_header=partial,
        withdrawals=withdrawals,
        parent=parent,
        parent_hash=read.optional(record, "parent_hash", what, wire.hash32),
        pre_state_root=read.optional(record, "pre_state_root", what, wire.hash32),
        block_hashes=read.optional(record, "block_hashes", what, lambda value, at: _hash_list(value, number, at)) or {},
        rollup_config=read.optional(record, "rollup_config", what, wire.mapping),
        source=read.optional(record, "source", what, _text) or "",
    )
    return claim, preimages


def read_record(data: bytes, what: str) -> tuple[Claim, list[bytes]]:
    """Read a record from its bytes, gzip-compressed or plain JSON. Raises Malformed or Unsupported, naming the key."""
    if len(data) > MAX_COMPRESSED:
        raise Malformed(f"{what}: {len(data)} bytes; {MAX_COMPRESSED} is the bound")
    if data.startswith(GZIP_MAGIC):
        data = inflate(data, what)
    return claim_from(read.parse(data, what), what)
