"""Block headers between JSON, RLP and ``types.Header``; a header is only believed when it hashes to its claim.

Source: yellow paper section 4.4.3; EIP-1559, 4895, 4844, 4788, 7685 for the fields added at the end.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from rollproof import _core
from rollproof.chain import wire
from rollproof.errors import Lying, Malformed, Unsupported
from rollproof.types import Header

EMPTY_OMMERS = bytes.fromhex("1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347")
EMPTY_ROOT = bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")
EMPTY_CODE = bytes.fromhex("c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470")

MAX_EXTRA = 4096  # bytes; consensus rules bound it further, clique headers were longer than 32
MAX_RLP = 16 * 1024

_BYTES, INT = 0, 1
# (field, JSON key, kind, bytes or bits); the first 15 are in every header, each later one needs all before it.
FIELDS: tuple[tuple[str, str, int, int], ...] = (
    ("parent_hash", "parentHash", _BYTES, 32),
    ("ommers_hash", "sha3Uncles", _BYTES, 32),
    ("beneficiary", "miner", _BYTES, 20),
    ("state_root", "stateRoot", _BYTES, 32),
    ("transactions_root", "transactionsRoot", _BYTES, 32),
    ("receipts_root", "receiptsRoot", _BYTES, 32),
    ("logs_bloom", "logsBloom", _BYTES, 256),
    ("difficulty", "difficulty", INT, 256),
    ("number", "number", INT, 64),
    ("gas_limit", "gasLimit", INT, 64),
    ("gas_used", "gasUsed", INT, 64),
    ("timestamp", "timestamp", INT, 64),
    ("extra_data", "extraData", _BYTES, -MAX_EXTRA),
    ("mix_hash", "mixHash", _BYTES, 32),
    ("nonce", "nonce", _BYTES, 8),
    ("base_fee", "baseFeePerGas", INT, 256),
    ("withdrawals_root", "withdrawalsRoot", _BYTES, 32),
    ("blob_gas_used", "blobGasUsed", INT, 64),
    ("excess_blob_gas", "excessBlobGas", INT, 64),
    ("parent_beacon_block_root", "parentBeaconBlockRoot", _BYTES, 32),
    ("requests_hash", "requestsHash", _BYTES, 32),
)
_REQUIRED = 15
_LATER = ("blockAccessListHash", "balHash", "slotNumber")  # Amsterdam: would change the hash


class Sealed(NamedTuple):
    """A header and the hash it was checked to have."""

    hash: bytes
    header: Header


def encode(header: Header) -> bytes:
    """The header's RLP: what is hashed."""
    items: list[bytes] = []
    for name, _, kind, _ in FIELDS:
        value = getattr(header, name)
        if value is None:
            break
        items.append(_big_endian(value) if kind == INT else value)
    return _core.rlp_encode(items)


def seal(header: Header) -> Sealed:
    """The header with its hash."""
    return Sealed(_core.keccak256(encode(header)), header)


def decode(raw: bytes, what: str) -> Sealed:
    """A header from its RLP.

    Raises:
        Malformed: not a header's RLP.
        Unsupported: more fields than the forks we know have.
    """
    if len(raw) > MAX_RLP:
        raise Malformed(f"{what}: header of {len(raw)} bytes")
    try:
        items = _core.rlp_decode(raw, 2, 64)
    except _core.CoreError as error:
        raise Malformed(f"{what}: {error}") from None
    return from_items(items, what)


def from_items(items: Any, what: str) -> Sealed:
    """A header from its decoded RLP list. Raises as ``decode``."""
    if not isinstance(items, list) or len(items) < _REQUIRED or not all(isinstance(item, bytes) for item in items):
        raise Malformed(f"{what}: not a header")
    if len(items) > len(FIELDS):
        raise Unsupported(f"{what}: header with {len(items)} fields: Amsterdam or a later fork, which is not supported")
    values: dict[str, Any] = {}
    for (name, _, kind, size), item in zip(FIELDS, items, strict=False):
        if kind == INT:
            if len(item) > size // 8 or item[:1] == b"\0":
                raise Malformed(f"{what}: header {name} is not a {size}-bit integer")
            values[name] = int.from_bytes(item, "big")
        elif len(item) != size and not (size < 0 and len(item) <= -size):
            raise Malformed(f"{what}: header {name} has {len(item)} bytes")
        else:
            values[name] = item
    return seal(Header(**values))


def from_json(record: Any, what: str) -> Sealed:
    """A header from a node's block object, hashed and compared with the ``hash`` beside it.

    Raises:
        Malformed: a field is absent or not what it should be.
        Unsupported: a field of a fork that is not known.
        Lying: the fields do not hash to ``hash``.
    """
    record = wire.mapping(record, what)
    for key in _LATER:
        if record.get(key) is not None:
            raise Unsupported(f"{what}: header field {key}: Amsterdam or a later fork, which is not supported")
    values: dict[str, Any] = {}
    absent = ""
    for position, (name, key, kind, size) in enumerate(FIELDS):
        value = record.get(key)
        if value is None:
            if position < _REQUIRED:
                raise Malformed(f"{what}: {key} is missing")
            absent = absent or key
            continue
        if absent:
            raise Malformed(f"{what}: {key} without {absent}")
        at = f"{what}: {key}"
        if kind == INT:
            values[name] = wire.quantity(value, at, size)
        else:
            values[name] = wire.data(value, at, size if size > 0 else None, MAX_EXTRA)
    sealed = seal(Header(**values))
    claimed = wire.hash32(wire.field(record, "hash", what), f"{what}: hash")
    if claimed != sealed.hash:
        raise Lying(f"{what}: header hashes to 0x{sealed.hash.hex()}, not to the 0x{claimed.hex()} beside it")
    return sealed


def _big_endian(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")
