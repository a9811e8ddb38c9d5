"""What a claim has to claim, and whose configuration counts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rollproof.chain.config import from_file, load
from rollproof.replay.sources import read
from rollproof.replay.verify import verify_claim
from rollproof.types import Outcome

ATTRIBUTES_ONLY = "op-sepolia-22884230.json.gz"
PARTIAL = "base-sepolia-37312300.json.gz"


@pytest.mark.parametrize("partial", [None, {}])
def test_nothing_claimed_is_nothing_checked(shared_data: Path, partial: dict[str, int] | None) -> None:
    claim, preimages = read(shared_data / "blocks" / ATTRIBUTES_ONLY)
    verdict = verify_claim(replace(claim, claimed_hash=None, partial_header=partial), preimages)
    assert verdict.outcome is Outcome.UNKNOWN
    assert "nothing to compare with" in verdict.reason
    assert not {"state_root", "receipts_root", "block_hash"} & set(verdict.checked)


@pytest.mark.parametrize("field", ["number", "parent_hash", "timestamp", "beneficiary", "mix_hash", "gas_limit"])
def test_a_partial_header_that_contradicts_its_record(shared_data: Path, field: str) -> None:
    claim, preimages = read(shared_data / "blocks" / PARTIAL)
    assert claim.partial_header is not None
    known = claim.partial_header[field]
    other = known + 1 if isinstance(known, int) else bytes(len(known))
    changed = replace(claim, partial_header={**claim.partial_header, field: other})
    verdict = verify_claim(changed, preimages, second_opinion="never")
    assert verdict.outcome is Outcome.UNKNOWN
    assert verdict.reason.startswith(f"self-inconsistent: {field}")


@pytest.mark.parametrize("limit", [2**63, 2**64 - 1])
def test_a_gas_limit_beyond_63_bits(shared_data: Path, limit: int) -> None:
    claim, preimages = read(shared_data / "blocks" / "op-mainnet-109279688.json.gz")
    assert claim.header is not None
    sealed = replace(claim, header=replace(claim.header, gas_limit=limit), claimed_hash=None)
    verdict = verify_claim(sealed, preimages, second_opinion="never")
    assert verdict.outcome is Outcome.BROKEN
    assert [found.key for found in verdict.differences][:1] == ["gas_limit"]


def test_an_excess_blob_gas_whose_price_nobody_can_compute_ends_at_once(shared_data: Path) -> None:
    """Its parent was not recorded, so no header rule stands before execution."""
    claim, preimages = read(shared_data / "blocks" / "eth-mainnet-23587691.json.gz")
    assert claim.header is not None
    sealed = replace(claim, header=replace(claim.header, excess_blob_gas=2**63), claimed_hash=None)
    verdict = verify_claim(sealed, preimages, second_opinion="never")
    assert verdict.outcome is Outcome.UNKNOWN
    assert "excess blob gas" in verdict.reason


def test_a_configuration_of_another_chain(shared_data: Path) -> None:
    claim, preimages = read(shared_data / "blocks" / "eth-mainnet-1150000.json.gz")
    verdict = verify_claim(claim, preimages, config=load(11155111), second_opinion="never")
    assert verdict.outcome is Outcome.UNKNOWN
    assert verdict.reason == "wrong chain: the configuration is of chain 11155111, the block of 1"


def test_a_configuration_of_ones_own_is_said_to_be_assumed(shared_data: Path, tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    own.write_text('name = "mine"\nchain_id = 1\nfamily = "ethereum"\n[blocks]\nfrontier = 0\nhomestead = 1150000\n')
    config = from_file(own)
    claim, preimages = read(shared_data / "blocks" / "eth-mainnet-1150000.json.gz")
    verdict = verify_claim(claim, preimages, config=config, second_opinion="never")
    assert verdict.outcome is Outcome.HOLDS
    assert any("configuration of chain 1 from" in line for line in verdict.assumes)
