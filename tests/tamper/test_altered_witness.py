"""Witnesses shuffled, cut, padded, altered: what is read is found by its hash, and what is not there is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rollproof import _core
from rollproof.replay.record import claim_from
from rollproof.replay.verify import verify_claim
from rollproof.types import Outcome
from tamper import seal
from tamper.blocks import (
    CANCUN,
    EVERY,
    HOLOCENE,
    HOMESTEAD,
    JOVIAN,
    PRAGUE,
)
from tamper.seal import flipped

pytestmark = pytest.mark.shared


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
