"""Files that contradict themselves, and input that nothing vouches for: never `broken`, the commitment is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rollproof import _core
from rollproof.replay.header import decode_header, encode_header, wire
from rollproof.replay.record import claim_from
from rollproof.replay.verify import verify_claim
from rollproof.types import Outcome
from tamper import seal
from tamper.seal import flipped
from tamper.test_header import BYZANTIUM, CANCUN, EVERY, HOLOCENE, HOMESTEAD, JOVIAN, LONDON, OP, PRAGUE, UNICHAIN

pytestmark = pytest.mark.shared

HASHES = ["eth-holesky-2971845", "eth-mainnet-23587691"]  # recorded with a pre-state root and no parent header


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


# ------------------------------------------------------------------------------------------ unauthenticated input


@pytest.mark.parametrize("name", HASHES)
@pytest.mark.parametrize("field", ["state_root", "receipts_root", "logs_bloom", "gas_used"])
def test_results_on_a_pre_state_that_nothing_vouches_for(shared_data: Path, name: str, field: str) -> None:
    """The pre-state root may be what is wrong."""
    record = seal.honest(shared_data / "blocks", name)
    honest = getattr(seal.header_of(record), field)
    change: dict[str, Any] = {field: honest + 1 if isinstance(honest, int) else flipped(honest)}
    result = seal.verdict(seal.reseal(record, **change))
    assert result.outcome is Outcome.UNKNOWN
    assert field in result.reason
    assert "pre-state root from the record" in result.reason
    assert any("pre-state root from the record" in line for line in result.assumes)


@pytest.mark.parametrize("name", HASHES)
@pytest.mark.parametrize(
    ("field", "wrong"), [("difficulty", 1), ("nonce", b"\1" * 8), ("extra_data", bytes(33)), ("gas_used", 2**40)]
)
def test_header_rules_need_no_pre_state(shared_data: Path, name: str, field: str, wrong: Any) -> None:
    change: dict[str, Any] = {field: wrong}
    result = seal.verdict(seal.reseal(seal.honest(shared_data / "blocks", name), **change))
    assert result.outcome is Outcome.BROKEN
    assert {each.key for each in result.differences} <= {field, f"{field}_bound"}


@pytest.mark.parametrize("name", HASHES)
def test_another_pre_state_root(shared_data: Path, name: str) -> None:
    record = seal.honest(shared_data / "blocks", name)
    result = seal.verdict({**record, "pre_state_root": "0x" + "11" * 32})
    assert result.outcome is Outcome.UNKNOWN
    assert "0x" + "11" * 32 in result.reason


@pytest.mark.parametrize("name", [*HASHES, HOMESTEAD, HOLOCENE])
def test_block_hashes_are_never_an_accusation(shared_data: Path, name: str) -> None:
    """False ones are unused, or used and then said."""
    record = seal.honest(shared_data / "blocks", name)
    listed = ["0x" + f"{index:02x}" * 32 for index in range(1, 256)]
    result = seal.verdict({**record, "block_hashes": listed})
    assert result.outcome in (Outcome.HOLDS, Outcome.UNKNOWN)
    if result.outcome is Outcome.UNKNOWN:
        assert "block hashes from the record" in result.reason or "pre-state root" in result.reason


def test_a_configuration_in_the_record_never_overrides_the_built_in_one(shared_data: Path) -> None:
    """With Holocene switched off the honest block still holds, and a wrong claim is still `broken`."""
    for name in (HOLOCENE, UNICHAIN, JOVIAN):
        record = seal.load(shared_data / "blocks", name)
        record["rollup_config"] = {**record["rollup_config"], "holocene_time": 2**40, "isthmus_time": None}
        result = seal.verdict(record)
        assert result.outcome is Outcome.HOLDS, result.reason
        assert any(line.startswith("built-in configuration of chain") for line in result.assumes)
        wrong = seal.reseal(seal.honest(shared_data / "blocks", name), gas_used=21_000)
        result = seal.verdict({**wrong, "rollup_config": record["rollup_config"]})
        assert result.outcome is Outcome.BROKEN
        assert list(seal.found(result)) == ["gas_used"]


@pytest.mark.parametrize("name", [HOLOCENE, UNICHAIN])
def test_a_configuration_of_an_unknown_chain_accuses_nobody(shared_data: Path, name: str) -> None:
    """For a chain that is not built in the record's configuration counts, and what differs may be its doing."""
    record = seal.load(shared_data / "blocks", name)
    record["chain_id"] = 4_000_000_007
    record["rollup_config"] = {**record["rollup_config"], "l2_chain_id": 4_000_000_007}
    record["claimed_hash"] = "0x" + "11" * 32
    result = seal.verdict(record)
    assert result.outcome is Outcome.UNKNOWN
    assert result.differences == () or "rests on" in result.reason or "wrong chain" in result.reason


@pytest.mark.parametrize("name", [BYZANTIUM, LONDON, PRAGUE, *OP])
def test_receipts_and_post_state_beside_an_honest_header(shared_data: Path, name: str) -> None:
    """They are the source's own, so what is wrong with them is wrong with the source."""
    block = seal.executed(shared_data / "blocks", name)
    sender = next(outcome["sender"] for outcome in block.done.outcomes if outcome["type"] != 0x7E)
    for change in ({"receipts": ({"gas_used": 1},)}, {"post_state": {sender: {"balance": 1}}}):
        result = verify_claim(replace(block.claim, **change), block.values, second_opinion="never")
        assert result.outcome is Outcome.UNKNOWN
        assert result.reason.startswith("self-inconsistent: ")
        assert result.differences != ()


# ------------------------------------------------------------------------------------------------------ witnesses


def _without(values: list[bytes], block: seal.Executed) -> list[bytes]:
    root = block.inputs.pre_state_root
    return [value for value in values if _core.keccak256(value) != root]


WITNESSES: list[tuple[str, Callable[[list[bytes]], list[bytes]], str]] = [
    ("shuffled", lambda values: values[::-1], "holds"),
    ("doubled", lambda values: values + values, "holds"),
    ("with-unused-values", lambda values: [*values, b"", b"\0", b"\xc0", bytes(100), b"\xff" * 600], "holds"),
    ("empty", lambda values: [], "unknown"),
    ("half", lambda values: values[: len(values) // 2], "unknown"),
    ("every-value-cut", lambda values: [value[:-1] for value in values], "unknown"),
    ("every-value-padded", lambda values: [value + b"\0" for value in values], "unknown"),
    ("every-value-altered", lambda values: [flipped(value) for value in values if value], "unknown"),
]


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize(("change", "outcome"), [pytest.param(row[1], row[2], id=row[0]) for row in WITNESSES])
def test_a_witness_altered(
    shared_data: Path, name: str, change: Callable[[list[bytes]], list[bytes]], outcome: str
) -> None:
    claim, values = claim_from(seal.load(shared_data / "blocks", name), name)
    result = verify_claim(claim, change(values), second_opinion="never")
    assert result.outcome == outcome, result.reason
    assert result.differences == ()
    if outcome == "unknown":
        assert "missing: " in result.reason
        assert "0x" in result.reason


@pytest.mark.parametrize("name", EVERY)
def test_the_keys_of_preimages_are_not_believed(shared_data: Path, name: str) -> None:
    """Values filed under other values' hashes: what counts is what they hash to."""
    record = seal.load(shared_data / "blocks", name)
    keys, values = list(record["preimages"]), list(record["preimages"].values())
    record["preimages"] = dict(zip(keys, values[1:] + values[:1], strict=True))
    assert seal.verdict(record).outcome is Outcome.HOLDS


@pytest.mark.parametrize("name", [HOMESTEAD, CANCUN, PRAGUE, HOLOCENE, JOVIAN])
def test_a_wrong_claim_never_holds_for_want_of_a_node(shared_data: Path, name: str) -> None:
    """The root of the parent's state gone, and the claim wrong: unknown, not holds, not broken."""
    block = seal.executed(shared_data / "blocks", name)
    record = seal.reseal(seal.honest(shared_data / "blocks", name), state_root=b"\x12" * 32)
    claim, values = claim_from(record, name)
    result = verify_claim(claim, _without(values, block), second_opinion="never")
    assert result.outcome is Outcome.UNKNOWN
    assert block.inputs.pre_state_root.hex() in result.reason
    # What needs no execution is still judged.
    claim, values = claim_from(seal.reseal(record, extra_data=bytes(40)), name)
    result = verify_claim(claim, _without(values, block), second_opinion="never")
    assert result.outcome is Outcome.BROKEN
    assert [each.key for each in result.differences] == ["extra_data"]
    assert any(line.startswith("execution: missing") for line in result.not_checked)
