"""Recorded witnesses: what is refused, and by which name."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollproof.errors import Malformed, Unsupported
from rollproof.replay import record
from rollproof.replay.header import encode_header
from rollproof.types import Withdrawal
from unit.test_header import FULL

HEADER = "0x" + encode_header(FULL).hex()
ATTRIBUTES = {
    "timestamp": "0x1",
    "prevRandao": "0x" + "00" * 32,
    "suggestedFeeRecipient": "0x" + "00" * 20,
    "gasLimit": "0x5",
    "transactions": ["0x01"],
}
RECORD: dict[str, Any] = {
    "chain_id": 1,
    "number": 7,
    "source": "somewhere",
    "claimed_hash": "0x" + "11" * 32,
    "header_rlp": HEADER,
    "payload_attributes": None,
    "transactions": ["0x01", "0xc0"],
    "withdrawals": [{"index": "0x1", "validatorIndex": "0x2", "address": "0x" + "03" * 20, "amount": "0x4"}],
    "parent_header_rlp": None,
    "pre_state_root": "0x" + "22" * 32,
    "ancestor_headers_rlp": [HEADER],
    "block_hashes": ["0x" + "33" * 32, "0x" + "44" * 32],
    "rollup_config": None,
    "preimages": {"0x00": "0xabcd", "0x01": "0x"},
}


def _bytes(**changes: Any) -> bytes:
    merged = {**RECORD, **changes}
    return gzip.compress(json.dumps({k: v for k, v in merged.items() if v != "absent"}).encode())


def test_a_record_is_read() -> None:
    claim, preimages = record.read_record(_bytes(), "r")
    assert claim.header == FULL
    assert claim.transactions == (b"\1", b"\xc0")
    assert claim.withdrawals == (Withdrawal(1, 2, b"\3" * 20, 4),)
    assert claim.block_hashes == {6: b"\x33" * 32, 5: b"\x44" * 32}
    assert claim.pre_state_root == b"\x22" * 32
    assert preimages == [b"\xab\xcd", b"", encode_header(FULL)]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"number": "absent"}, "number"),
        ({"number": -1}, "number"),
        ({"number": True}, "number"),
        ({"number": 1.5}, "1.5"),
        ({"number": 2**64}, "number"),
        ({"chain_id": None}, "chain_id"),
        ({"transactions": "0x01"}, "transactions"),
        ({"transactions": ["01"]}, r"transactions\[0\]"),
        ({"transactions": ["0x0"]}, r"transactions\[0\]"),
        ({"header_rlp": "0x1234"}, "header_rlp"),
        ({"header_rlp": None}, "none of header_rlp"),
        ({"claimed_hash": "0x11"}, "claimed_hash"),
        ({"withdrawals": [{"index": "0x1"}]}, r"withdrawals\[0\]"),
        ({"preimages": {"0xkey": "zz"}}, "0xkey"),
        ({"preimages": {"0xkey": 5}}, "0xkey"),
        ({"preimages": []}, "preimages"),
        ({"block_hashes": ["0x" + "00" * 32] * 8}, "block_hashes"),
        ({"ancestor_headers_rlp": ["0x" + "00" * 20_000]}, "ancestor_headers_rlp"),
        ({"rollup_config": []}, "rollup_config"),
        ({"source": 5}, "source"),
        ({"payload_attributes": ATTRIBUTES}, "self-inconsistent: transactions"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(Malformed, match=named):
        record.read_record(_bytes(**changes), "r")


@pytest.mark.parametrize("key", ["headers", "Number", "preimage"])
def test_an_unknown_key_is_refused_by_name(key: str) -> None:
    with pytest.raises(Unsupported, match=key):
        record.read_record(_bytes(**{key: 1}), "r")


def test_the_hash_that_a_header_gives_itself_is_claimed() -> None:
    mine = {"header_rlp": None, "payload_attributes": ATTRIBUTES, "transactions": ["0x01"]}
    beside = {**mine, "header": {"stateRoot": "0x" + "77" * 32, "hash": "0x" + "55" * 32}}
    assert record.read_record(_bytes(**beside, claimed_hash=None), "r")[0].claimed_hash == b"\x55" * 32
    assert record.read_record(_bytes(**beside, claimed_hash="0x" + "55" * 32), "r")[0].claimed_hash == b"\x55" * 32
    with pytest.raises(Malformed, match=r"claimed_hash and header\.hash differ"):
        record.read_record(_bytes(**beside), "r")


def test_withdrawals_of_the_attributes_alone_are_the_blocks() -> None:
    attributes = {**ATTRIBUTES, "withdrawals": RECORD["withdrawals"]}
    given = _bytes(header_rlp=None, payload_attributes=attributes, transactions=["0x01"], withdrawals=None)
    assert record.read_record(given, "r")[0].withdrawals == (Withdrawal(1, 2, b"\3" * 20, 4),)


def test_unknown_attributes_and_header_keys_are_refused_by_name() -> None:
    with pytest.raises(Unsupported, match="inclusionList"):
        record.read_record(_bytes(payload_attributes={**ATTRIBUTES, "inclusionList": []}), "r")
    with pytest.raises(Unsupported, match="slotNumber"):
        record.read_record(_bytes(header={"slotNumber": "0x1"}), "r")


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1,"a":2}',
        b"[1]",
        b"{",
        b"\xff\xfe",
        b'{"a":NaN}',
        b"[" * 200_000,
        b'{"number":' + b"9" * 5000 + b"}",
        b"",
    ],
)
def test_wrong_json_is_malformed(text: bytes) -> None:
    with pytest.raises(Malformed, match="r: "):
        record.read_record(gzip.compress(text), "r")


def test_depth_is_bounded_whatever_the_recursion_limit() -> None:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000_000)  # as EELS does: the decoder's own guard is gone
    try:
        for text in (
            b'{"a":' * 500_000,
            b'{"a":"[[",' + b'"b":[' * 100_000,
            b'{"\\"":"' + b"\\\\" + b'","b":' + b"[" * 500_000,
        ):
            with pytest.raises(Malformed, match="deeper"):
                record.read_record(gzip.compress(text), "r")
    finally:
        sys.setrecursionlimit(limit)


def test_brackets_inside_of_strings_are_no_depth() -> None:
    source = "[" * 100 + '"' + "{" * 100 + "\\"
    claim, _ = record.read_record(_bytes(source=source), "r")
    assert claim.source == source


def _damage() -> list[tuple[str, Callable[[bytes], bytes]]]:
    return [
        ("truncated", lambda data: data[:-9]),
        ("after the gzip stream", lambda data: data + b"padding"),
        ("gzip", lambda data: data[:40] + bytes([data[40] ^ 1]) + data[41:]),
    ]


@pytest.mark.parametrize(("named", "damage"), _damage())
def test_damaged_gzip_is_malformed(named: str, damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(Malformed, match=named):
        record.read_record(damage(_bytes()), "r")


def test_a_bomb_ends_at_the_bound() -> None:
    with pytest.raises(Malformed, match="more than 1000 bytes"):
        record.inflate(gzip.compress(bytes(10_000_000)), "r", 1000)
    halves = gzip.compress(bytes(600)) + gzip.compress(bytes(600))
    with pytest.raises(Malformed, match="more than 1000 bytes"):
        record.inflate(halves, "r", 1000)


@given(st.binary(max_size=300))
def test_garbage_is_refused(data: bytes) -> None:
    for each in (data, b"\x1f\x8b" + data, gzip.compress(data)):
        with pytest.raises((Malformed, Unsupported)):
            record.read_record(each, "r")
