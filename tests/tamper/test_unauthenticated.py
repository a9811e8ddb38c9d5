"""Input that nothing vouches for: used where it fits, said, and never the ground of an accusation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rollproof import _core
from rollproof.replay.verify import verify_claim
from rollproof.types import Outcome
from tamper import seal
from tamper.blocks import (
    BYZANTIUM,
    CANCUN,
    HOLOCENE,
    HOMESTEAD,
    JOVIAN,
    LONDON,
    OP,
    PRAGUE,
    UNICHAIN,
)
from tamper.seal import flipped
from tamper.test_wrong_body import malleated, padded, repeated

pytestmark = pytest.mark.shared

HASHES = ["eth-holesky-2971845", "eth-mainnet-23587691"]  # recorded with a pre-state root and no parent header


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
def test_a_transaction_that_no_state_makes_valid(shared_data: Path, name: str) -> None:
    """What does not decode, or has a signature that none accepts, is invalid whatever the parent's state is."""
    record = seal.honest(shared_data / "blocks", name)
    for change, kind in ((padded, "undecodable"), (malleated, "signature")):
        wrong, index = change(seal.body_of(record))
        result = seal.verdict(seal.reseal(record, transactions=wrong))
        assert result.outcome is Outcome.BROKEN, result.reason
        assert (seal.found(result)[str(index)][1] or "").startswith(f"invalid, {kind}: ")
    # One that the state makes invalid: the nonce, say.
    wrong, index = repeated(seal.body_of(record))
    result = seal.verdict(seal.reseal(record, transactions=wrong))
    assert result.outcome is Outcome.UNKNOWN
    assert "pre-state root from the record" in result.reason


@pytest.mark.parametrize(("name", "said"), [("eth-mainnet-2463000", True), (HOMESTEAD, True), (CANCUN, False)])
def test_which_chain_a_block_is_of_is_the_records_word(shared_data: Path, name: str, said: bool) -> None:
    """A header does not name its chain; a transaction may."""
    record = seal.reseal(seal.honest(shared_data / "blocks", name), receipts_root=b"\x5a" * 32)
    result = seal.verdict(record)
    assert result.outcome is Outcome.BROKEN
    line = "it is a block of chain 1: no transaction in it is signed for a chain"
    assert (line in result.assumes) is said


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


def test_ancestors_prove_a_hash_and_a_list_does_not_count_beside_them(shared_data: Path) -> None:
    """OP Mainnet 109279687 reads BLOCKHASH down a chain of 75 headers."""
    record = seal.honest(shared_data / "blocks", "op-mainnet-109279687")
    false = ["0x" + "21" * 32] * 256
    assert seal.verdict({**record, "block_hashes": false}).outcome is Outcome.HOLDS
    wrong = seal.reseal(record, receipts_root=b"\x5a" * 32)
    assert seal.verdict({**wrong, "block_hashes": false}).outcome is Outcome.BROKEN
    # Headers altered are headers missing, by their hash.
    headers = [seal.unhex(header) for header in record["ancestor_headers_rlp"]]
    hashes = {"0x" + _core.keccak256(header).hex() for header in headers}
    left = {key: value for key, value in record["preimages"].items() if key not in hashes}
    altered = ["0x" + flipped(header).hex() for header in headers]
    for claimed in (record, wrong):
        result = seal.verdict({**claimed, "ancestor_headers_rlp": altered, "preimages": left})
        assert result.outcome is Outcome.UNKNOWN
        assert any(digest in result.reason for digest in hashes)


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
