"""Headers: the RLP round trip, its bounds, and the header that attributes ask for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from rollproof import _core
from rollproof.errors import Malformed, Unsupported
from rollproof.replay.header import decode_header, encode_header, header_hash, partial_from_json, wire
from rollproof.types import Header
from unit.headers import headers


@given(headers())
def test_decode_inverts_encode(header: Header) -> None:
    assert decode_header(encode_header(header)) == header


@given(headers())
def test_hash_is_keccak_of_rlp(header: Header) -> None:
    assert header_hash(header) == _core.keccak256(encode_header(header))


FULL = Header(
    parent_hash=bytes(32),
    ommers_hash=bytes(32),
    beneficiary=bytes(20),
    state_root=bytes(32),
    transactions_root=bytes(32),
    receipts_root=bytes(32),
    logs_bloom=bytes(256),
    difficulty=0,
    number=7,
    gas_limit=30,
    gas_used=0,
    timestamp=9,
    extra_data=b"x",
    mix_hash=bytes(32),
    nonce=bytes(8),
    base_fee=1,
    withdrawals_root=bytes(32),
    blob_gas_used=0,
    excess_blob_gas=0,
    parent_beacon_block_root=bytes(32),
    requests_hash=bytes(32),
)


def test_an_unknown_extra_field_is_unsupported_by_count() -> None:
    items = _core.rlp_decode(encode_header(FULL))
    with pytest.raises(Unsupported, match="22 fields"):
        decode_header(_core.rlp_encode([*items, b"\1"]))


@pytest.mark.parametrize("count", [0, 1, 14])
def test_too_few_fields(count: int) -> None:
    items = _core.rlp_decode(encode_header(FULL))
    with pytest.raises(Malformed):
        decode_header(_core.rlp_encode(items[:count]))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (0, b"\1" * 31),
        (2, b"\1" * 21),
        (6, b"\0" * 255),
        (8, b"\0\7"),  # a leading zero
        (8, b"\1" * 9),
        (7, b"\1" * 33),
        (14, b""),
        (3, [b"\1"]),
    ],
)
def test_a_wrong_field_is_malformed(field: int, value: bytes) -> None:
    items = _core.rlp_decode(encode_header(FULL))
    items[field] = value
    with pytest.raises(Malformed):
        decode_header(_core.rlp_encode(items))


def test_trailing_bytes_are_malformed() -> None:
    with pytest.raises(Malformed):
        decode_header(encode_header(FULL) + b"\0")


def test_a_gap_between_optional_fields_cannot_be_encoded() -> None:
    with pytest.raises(Malformed, match="blob_gas_used"):
        encode_header(replace(FULL, blob_gas_used=None))


def test_partial_header_names_what_it_refuses() -> None:
    assert partial_from_json({"gasUsed": "0x10", "hash": "0x00", "mixHash": None}, "h") == {"gas_used": 16}
    with pytest.raises(Unsupported, match="slotNumber"):
        partial_from_json({"slotNumber": "0x1"}, "h")
    with pytest.raises(Malformed, match="stateRoot"):
        partial_from_json({"stateRoot": "0x12"}, "h")


def test_wire_strings() -> None:
    assert wire(2**255) == str(2**255)
    assert wire(b"\xab\xcd") == "0xabcd"
    assert wire(None) is None
