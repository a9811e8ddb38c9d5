"""Seals wrong claims: a recorded block with other header fields or another body, consistent from its roots to its hash.

A record is a file of ../shared/data/blocks as plain JSON values. Nothing here decides what is wrong with it.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from rollproof import _core
from rollproof.replay import body
from rollproof.replay.draft import Draft
from rollproof.replay.execute import Inputs
from rollproof.replay.header import decode_header, encode_header, header_hash, with_results
from rollproof.replay.judge import judge
from rollproof.replay.record import claim_from
from rollproof.replay.verify import verify_claim
from rollproof.types import Claim, Header, Verdict, Withdrawal

Record = dict[str, Any]


@dataclass(frozen=True)
class Executed:
    """An honest block after execution: its claim with a header, the inputs of execution and what came out."""

    claim: Claim
    header: Header
    inputs: Inputs
    done: _core.Done
    values: tuple[bytes, ...]  # preimages of the parent's state


@cache
def _read(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes())


def load(blocks: Path, name: str) -> Record:
    """A fresh copy of the record ``NAME-NUMBER``; the caller may change it."""
    found: Record = json.loads(_read(blocks / f"{name}.json.gz"))
    return found


def flipped(value: bytes) -> bytes:
    """With one bit of the last byte changed."""
    return value[:-1] + bytes([value[-1] ^ 1])


def unhex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def header_of(record: Record) -> Header:
    """The header that a record in header form claims."""
    return decode_header(unhex(record["header_rlp"]))


@cache
def executed(blocks: Path, name: str) -> Executed:
    """The honest block executed; asserts its hash, or the header fields that the record has."""
    claim, values = claim_from(load(blocks, name), name)
    found = execute_claim(claim, values)
    if claim.claimed_hash is not None:
        assert header_hash(found.header) == claim.claimed_hash
    for field, value in (claim.partial_header or {}).items():
        assert getattr(found.header, field) == value
    return found


def execute_claim(claim: Claim, values: Sequence[bytes]) -> Executed:
    """The block with the header that execution gives it; whether that is the claimed one is not looked at."""
    preimages = _core.Preimages()
    preimages.add(values)
    draft = Draft(claim)
    _, _, inputs = judge(draft, preimages, None, None, 64)
    assert inputs is not None
    assert draft.done is not None, draft.differences
    header = with_results(inputs.env, draft.done)
    sealed = replace(claim, header=header, claimed_hash=header_hash(header))
    return Executed(sealed, header, inputs, draft.done, tuple(preimages.values()))


def honest(blocks: Path, name: str) -> Record:
    """The record in header form: one that has payload attributes gets the header that its claimed hash is of."""
    record = load(blocks, name)
    if record["header_rlp"] is not None:
        return record
    return _sealed({**record, "payload_attributes": None, "header": None}, executed(blocks, name).header)


def reseal(
    record: Record,
    *,
    transactions: Sequence[bytes] | None = None,
    withdrawals: Sequence[Withdrawal] | None = None,
    **fields: Any,
) -> Record:
    """The record with header ``fields`` changed, sealed anew: number, header and claimed hash follow the header.

    With ``transactions`` or ``withdrawals`` the body is another one, under its own root unless ``fields`` name one.
    """
    changed = dict(record)
    roots: dict[str, Any] = {}
    if transactions is not None:
        changed["transactions"] = ["0x" + raw.hex() for raw in transactions]
        roots["transactions_root"] = body.transactions_root(transactions)
    if withdrawals is not None:
        changed["withdrawals"] = [_withdrawal(each) for each in withdrawals]
        roots["withdrawals_root"] = body.withdrawals_root(withdrawals)
    return _sealed(changed, replace(header_of(record), **{**roots, **fields}))


def _sealed(record: Record, header: Header) -> Record:
    encoded = encode_header(header)
    return {
        **record,
        "number": header.number,
        "header_rlp": "0x" + encoded.hex(),
        "claimed_hash": "0x" + _core.keccak256(encoded).hex(),
        "parent_hash": "0x" + header.parent_hash.hex(),
    }


def _withdrawal(each: Withdrawal) -> dict[str, str]:
    return {
        "index": hex(each.index),
        "validatorIndex": hex(each.validator_index),
        "address": "0x" + each.address.hex(),
        "amount": hex(each.amount),
    }


def body_of(record: Record) -> list[bytes]:
    """The record's raw transactions."""
    return [unhex(raw) for raw in record["transactions"]]


def withdrawals_of(record: Record) -> tuple[Withdrawal, ...]:
    """The record's withdrawals."""
    claim, _ = claim_from({**record, "preimages": {}}, "record")
    return claim.withdrawals or ()


def verdict(record: Record, **options: Any) -> Verdict:
    """The verdict on a record, by the first machine alone unless ``second_opinion`` says otherwise."""
    claim, values = claim_from(record, "record")
    return verify_claim(claim, values, **{"second_opinion": "never", **options})


def write(path: Path, record: Record) -> Path:
    """The record as a file of the recorded blocks' form."""
    path.write_bytes(gzip.compress(json.dumps(record).encode(), 1))
    return path


def found(result: Verdict) -> dict[str, tuple[str | None, str | None]]:
    """A verdict's differences: key -> (claimed, computed)."""
    return {each.key: (each.claimed, each.computed) for each in result.differences}
