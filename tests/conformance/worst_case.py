"""The gas-heavy Prague blocks with a witness: a block and an ``executionWitness`` as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from conformance.fixtures import BlobSchedule, Config, unhex
from conformance.network import chain_of
from rollproof import _core
from rollproof.chain.execution_witness import from_json
from rollproof.replay.header import NAMES, minimal
from rollproof.replay.verify import verify_claim
from rollproof.types import Claim, Header, Verdict

_BYTES = {name for name, field in Header.__dataclass_fields__.items() if str(field.type).startswith("bytes")}
_PRAGUE = {"Prague": BlobSchedule("0x6", "0x9", "0x4c6964")}  # EIP-7691


def _number(value: int | str) -> int:
    return value if isinstance(value, int) else int(value, 16)


def _header(record: dict[str, Any]) -> Header:
    values: dict[str, Any] = {}
    for name in NAMES:
        value = record["base_fee_per_gas" if name == "base_fee" else name]
        values[name] = unhex(value) if name in _BYTES else _number(value)
    return Header(**values)


def _transaction(record: dict[str, Any]) -> bytes:
    """A legacy transaction's RLP. Raises KeyError for another type: there is none in these files."""
    body, signature = record["transaction"]["Legacy"], record["signature"]
    v = _number(signature["yParity"]) + 35 + 2 * _number(body["chain_id"])
    first = (minimal(_number(body[name])) for name in ("nonce", "gas_price", "gas_limit"))
    last = (minimal(_number(value)) for value in (v, signature["r"], signature["s"]))
    return _core.rlp_encode([*first, unhex(body["to"]), minimal(_number(body["value"])), unhex(body["input"]), *last])


def judge(path: Path) -> Verdict:
    """The verdict on a file's block, from its witness alone."""
    record = json.loads(path.read_bytes())["block_and_witness"]
    body, header = record["block"]["body"], _header(record["block"]["header"])
    assert body["ommers"] == body["withdrawals"] == []
    chain_id = record["chain_config"]["chain_id"]
    claim = Claim(
        chain_id=chain_id,
        number=header.number,
        transactions=tuple(map(_transaction, body["transactions"])),
        header=header,
        withdrawals=(),
    )
    preimages = from_json(record["witness"], "witness").preimages()
    config = chain_of("Prague", Config(hex(chain_id), _PRAGUE))
    return verify_claim(claim, preimages, config=config, second_opinion="never")
