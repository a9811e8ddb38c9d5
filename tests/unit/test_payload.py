"""Payloads and raw blocks: every form gives the block they were made from; what contradicts itself is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollproof import _core
from rollproof.errors import Malformed, Missing, Unsupported
from rollproof.replay import read, verify_claim
from rollproof.replay.body import encode_withdrawal
from rollproof.replay.header import encode_header
from rollproof.replay.payload import read_payload
from rollproof.types import Claim, Outcome

BLOCK = "eth-hoodi-1265656.json.gz"


@pytest.fixture(scope="module")
def served(request: pytest.FixtureRequest) -> tuple[Claim, _core.Preimages]:
    shared: Path = request.getfixturevalue("shared_data")
    return read(shared / "blocks" / BLOCK)


def _payload(claim: Claim) -> dict[str, Any]:
    header = claim.header
    assert header is not None
    assert claim.claimed_hash is not None
    return {
        "parentHash": "0x" + header.parent_hash.hex(),
        "feeRecipient": "0x" + header.beneficiary.hex(),
        "stateRoot": "0x" + header.state_root.hex(),
        "receiptsRoot": "0x" + header.receipts_root.hex(),
        "logsBloom": "0x" + header.logs_bloom.hex(),
        "prevRandao": "0x" + header.mix_hash.hex(),
        "blockNumber": hex(header.number),
        "gasLimit": hex(header.gas_limit),
        "gasUsed": hex(header.gas_used),
        "timestamp": hex(header.timestamp),
        "extraData": "0x" + header.extra_data.hex(),
        "baseFeePerGas": hex(header.base_fee or 0),
        "blockHash": "0x" + claim.claimed_hash.hex(),
        "transactions": ["0x" + raw.hex() for raw in claim.transactions],
        "withdrawals": [
            {
                "index": hex(each.index),
                "validatorIndex": hex(each.validator_index),
                "address": "0x" + each.address.hex(),
                "amount": hex(each.amount),
            }
            for each in claim.withdrawals or ()
        ],
        "blobGasUsed": hex(header.blob_gas_used or 0),
        "excessBlobGas": hex(header.excess_blob_gas or 0),
    }


def _root(claim: Claim) -> str:
    assert claim.header is not None
    return "0x" + (claim.header.parent_beacon_block_root or b"").hex()


def _rlp(claim: Claim) -> bytes:
    assert claim.header is not None
    raws = [_core.rlp_decode(raw, 16) if raw[0] >= 0xC0 else raw for raw in claim.transactions]
    listed = [_core.rlp_decode(encode_withdrawal(each)) for each in claim.withdrawals or ()]
    return _core.rlp_encode([_core.rlp_decode(encode_header(claim.header)), raws, [], listed])


def _forms(claim: Claim) -> dict[str, bytes]:
    payload, root = _payload(claim), _root(claim)
    envelope = {"executionPayload": payload, "parentBeaconBlockRoot": root}
    request = {"jsonrpc": "2.0", "id": 1, "method": "engine_newPayloadV4", "params": [payload, [], root, []]}
    rlp = _rlp(claim)
    return {
        "envelope": json.dumps(envelope).encode(),
        "envelope with requests": json.dumps({**envelope, "executionRequests": []}).encode(),
        "request": json.dumps(request).encode(),
        "answer": json.dumps({"id": 1, "result": {**envelope, "blockValue": "0x0"}}).encode(),
        "rlp": rlp,
        "hex": b"0x" + rlp.hex().encode() + b"\n",
        "bare hex": rlp.hex().encode(),
        "debug_getRawBlock": json.dumps({"result": "0x" + rlp.hex()}).encode(),
    }


@pytest.mark.parametrize(
    "form",
    ["envelope", "envelope with requests", "request", "answer", "rlp", "hex", "bare hex", "debug_getRawBlock"],
)
def test_every_form_is_the_same_block_and_holds(form: str, served: tuple[Claim, _core.Preimages]) -> None:
    claim, preimages = served
    found = read_payload(_forms(claim)[form], "p")
    assert (found.header, found.transactions, found.withdrawals) == (
        claim.header,
        claim.transactions,
        claim.withdrawals,
    )
    assert found.chain_id == claim.chain_id
    verdict = verify_claim(replace(found, parent=claim.parent), preimages, second_opinion="never")
    assert (verdict.outcome, verdict.reason) == (Outcome.HOLDS, "")


def test_a_payload_that_is_not_its_hash_is_refused(served: tuple[Claim, _core.Preimages]) -> None:
    claim, _ = served
    payload, root = _payload(claim), _root(claim)
    for key, value in (("gasUsed", "0x1"), ("transactions", payload["transactions"][:-1]), ("withdrawals", [])):
        wrong = {"executionPayload": {**payload, key: value}, "parentBeaconBlockRoot": root}
        with pytest.raises(Malformed, match="self-inconsistent"):
            read_payload(json.dumps(wrong).encode(), "p")


def test_what_is_absent_or_unknown_is_named(served: tuple[Claim, _core.Preimages]) -> None:
    payload = _payload(served[0])
    with pytest.raises(Missing, match="parentBeaconBlockRoot"):
        read_payload(json.dumps(payload).encode(), "p")
    with pytest.raises(Unsupported, match="slotNumber"):
        read_payload(json.dumps({**payload, "slotNumber": "0x1"}).encode(), "p")
    with pytest.raises(Malformed, match="stateRoot"):
        read_payload(json.dumps({key: payload[key] for key in payload if key != "stateRoot"}).encode(), "p")
    with pytest.raises(Malformed, match="engine_newPayload"):
        read_payload(json.dumps({"method": "eth_call", "params": [payload]}).encode(), "p")


def test_without_a_signed_transaction_the_chain_id_has_to_be_named(served: tuple[Claim, _core.Preimages]) -> None:
    header = served[0].header
    assert header is not None
    empty = _core.rlp_encode([_core.rlp_decode(encode_header(header)), [], [], []])
    with pytest.raises(Missing, match="chain id"):
        read_payload(empty, "p")
    assert read_payload(empty, "p", 560048).chain_id == 560048


@given(st.binary(max_size=200))
def test_garbage_is_refused(data: bytes) -> None:
    for each in (data, b"{" + data, b"0x" + data, b"\xf8" + data):
        with pytest.raises((Malformed, Missing, Unsupported)):
            read_payload(each, "p", 1)
