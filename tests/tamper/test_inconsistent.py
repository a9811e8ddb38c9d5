"""Files that contradict themselves, and input that nothing vouches for: never `broken`, the commitment is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rollproof import _core
from rollproof.replay.header import decode_header, encode_header, wire
from rollproof.types import Outcome
from tamper import seal
from tamper.blocks import (
    CANCUN,
    EVERY,
    HOLOCENE,
    HOMESTEAD,
    JOVIAN,
    UNICHAIN,
)
from tamper.seal import flipped

pytestmark = pytest.mark.shared


@pytest.mark.parametrize("name", EVERY)
def test_a_header_that_does_not_hash_to_the_claim(shared_data: Path, name: str) -> None:
    record = seal.honest(shared_data / "blocks", name)
    claimed = "0x" + flipped(seal.unhex(record["claimed_hash"])).hex()
    result = seal.verdict({**record, "claimed_hash": claimed})
    assert result.outcome is Outcome.UNKNOWN
    assert claimed in result.reason
    assert record["claimed_hash"] in result.reason
    # Altered, and the claimed hash left as it was.
    resealed = seal.reseal(record, state_root=bytes(32))
    result = seal.verdict({**resealed, "claimed_hash": record["claimed_hash"]})
    assert result.outcome is Outcome.UNKNOWN
    assert resealed["claimed_hash"] in result.reason


@pytest.mark.parametrize("name", EVERY)
def test_a_parent_that_is_not_the_headers(shared_data: Path, name: str) -> None:
    """An altered parent would make another state root, base fee and gas limit right."""
    record = seal.honest(shared_data / "blocks", name)
    parent = decode_header(seal.unhex(record["parent_header_rlp"]))
    for change in ({"state_root": bytes(32)}, {"gas_used": 0}, {"timestamp": parent.timestamp - 1}):
        other = encode_header(replace(parent, **change))
        result = seal.verdict({**record, "parent_header_rlp": "0x" + other.hex()})
        assert result.outcome is Outcome.UNKNOWN
        assert "parent_hash" in result.reason
        assert "0x" + _core.keccak256(other).hex() in result.reason


@pytest.mark.parametrize("name", EVERY)
def test_a_header_of_another_parent(shared_data: Path, name: str) -> None:
    """Sealed over it: then the parent served is not that block's, and no state is known to start from."""
    record = seal.honest(shared_data / "blocks", name)
    result = seal.verdict(seal.reseal(record, parent_hash=b"\x11" * 32))
    assert result.outcome is Outcome.UNKNOWN
    assert "parent_hash" in result.reason


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"number": 5}, "number"),
        ({"parent_hash": "0x" + "11" * 32}, "parent_hash"),
        ({"pre_state_root": "0x" + "11" * 32}, "pre_state_root"),
    ],
)
@pytest.mark.parametrize("name", [HOMESTEAD, CANCUN, HOLOCENE, JOVIAN])
def test_a_key_that_contradicts_the_header(shared_data: Path, name: str, change: dict[str, Any], named: str) -> None:
    result = seal.verdict({**seal.honest(shared_data / "blocks", name), **change})
    assert result.outcome is Outcome.UNKNOWN
    assert result.reason.startswith(f"self-inconsistent: {named}: ")


@pytest.mark.parametrize("name", EVERY)
def test_another_chain_id(shared_data: Path, name: str) -> None:
    for chain_id in {1, 10, 8453} - {seal.load(shared_data / "blocks", name)["chain_id"]}:
        result = seal.verdict({**seal.honest(shared_data / "blocks", name), "chain_id": chain_id})
        assert result.outcome is Outcome.UNKNOWN, result.differences


@pytest.mark.parametrize("name", [HOLOCENE, UNICHAIN, "op-sepolia-26207960", JOVIAN])
def test_attributes_with_another_parent(shared_data: Path, name: str) -> None:
    record = seal.load(shared_data / "blocks", name)
    parent = decode_header(seal.unhex(record["parent_header_rlp"]))
    other = encode_header(replace(parent, gas_used=parent.gas_used + 1))
    result = seal.verdict({**record, "parent_header_rlp": "0x" + other.hex()})
    assert result.outcome is Outcome.UNKNOWN
    assert "parent_hash" in result.reason


@pytest.mark.parametrize("name", [HOLOCENE, UNICHAIN, "op-sepolia-26207960"])
def test_attributes_under_a_wrong_hash(shared_data: Path, name: str) -> None:
    """The claim discloses a hash and no more: `broken` in that, with both hashes."""
    record = seal.load(shared_data / "blocks", name)
    wrong = flipped(seal.unhex(record["claimed_hash"]))
    result = seal.verdict({**record, "claimed_hash": "0x" + wrong.hex()})
    assert result.outcome is Outcome.BROKEN
    assert seal.found(result) == {"hash": ("0x" + wrong.hex(), record["claimed_hash"])}
    assert "header fields: the claim discloses only a hash" in result.not_checked
    assert (
        "the parent, attributes and transactions served are those of the block whose hash is claimed" in result.assumes
    )


@pytest.mark.parametrize(
    ("key", "field", "wrong"),
    [
        ("stateRoot", "state_root", "0x" + "11" * 32),
        ("receiptsRoot", "receipts_root", "0x" + "11" * 32),
        ("gasUsed", "gas_used", "0x1"),
        ("withdrawalsRoot", "withdrawals_root", "0x" + "11" * 32),
        ("baseFeePerGas", "base_fee", "0x1"),
        ("logsBloom", "logs_bloom", "0x" + "00" * 256),
    ],
)
def test_a_field_of_a_partial_header(shared_data: Path, key: str, field: str, wrong: str) -> None:
    record = seal.load(shared_data / "blocks", JOVIAN)
    record["header"][key] = wrong
    result = seal.verdict(record)
    assert result.outcome is Outcome.BROKEN, result.reason
    honest = getattr(seal.executed(shared_data / "blocks", JOVIAN).header, field)
    assert seal.found(result)[field][1] == wire(honest)
