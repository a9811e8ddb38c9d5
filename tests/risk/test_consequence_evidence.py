"""What evidence has to have before a number is given: whole, partial, tampered, and completed by a node."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer

from risk.consequence_bed import B, Bed, C, compared
from rollproof import _core
from rollproof.cli.consequence import run as command
from rollproof.lab import genesis
from rollproof.replay import evidence
from rollproof.replay.both_states import both_states
from rollproof.risk.consequence import Label
from rollproof.types import Outcome
from rollproof.venue.revaluation import revalue
from unit.venue_model import USD

GIFT = 5_000 * USD


@pytest.fixture(scope="module")
def bed() -> Bed:
    return Bed()


@pytest.fixture(autouse=True)
def one_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of the bed have no L1 attributes, which the second machine insists on; test_consequence_node has them."""
    monkeypatch.setattr(sys.modules["rollproof.replay.verify"], "available", lambda: False)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return genesis.write_configs(tmp_path_factory.mktemp("configs"))["l2"]


def run(capsys: pytest.CaptureFixture[str], path: Path, config: Path | None, **more: Any) -> tuple[int, dict[str, Any]]:
    code = command(path, config=config, as_json=True, **more)
    said = capsys.readouterr().out
    return code, json.loads(said) if said else {}


def gift(bed: Bed) -> Any:
    return bed.lie([(bed.account(B), bed.value(bed.account(B)) + GIFT)])


def written(bed: Bed, path: Path, block: Any, preimages: _core.Preimages | None = None, **claimed: Any) -> Path:
    evidence.write(path, bed.claim(block, **claimed), preimages or bed.venue.chain.preimages)
    return path


def test_the_command_names_the_account_and_the_amount(
    bed: Bed, tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(bed, tmp_path / "gift.evidence", gift(bed))
    code, said = run(capsys, path, config)
    assert code == 1
    assert said["venue"] == "0x" + bed.venue.venue.address.hex()  # the only venue that the block touches
    assert (said["adapter"], said["collateral"]["symbol"], said["collateral"]["decimals"]) == ("lab", "USDC", 6)
    assert (said["totals"]["overpaid"], said["totals"]["hole"], said["complete"]) == (str(GIFT), str(GIFT), True)
    [one] = [each for each in said["accounts"] if each["labels"] != ["unchanged"]]
    assert (one["address"], one["labels"]) == ("0x" + bed.who(B).hex(), ["overpaid"])
    assert one["difference"]["worth"] == str(GIFT)
    assert command(path, config=config) == 1
    text = capsys.readouterr().out
    assert f"0x{bed.who(B).hex()}" in text
    assert "+5,000" in text


def test_an_honest_block_costs_nothing(
    bed: Bed, tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = run(capsys, written(bed, tmp_path / "honest.evidence", bed.venue.chain.head), config)
    assert (code, said["verdict"], said["venue"]) == (0, "holds", None)


def test_without_a_configuration_nothing_is_known_of_the_labs_chain(
    bed: Bed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = run(capsys, written(bed, tmp_path / "gift.evidence", gift(bed)), None)
    assert (code, said["verdict"], said["venue"]) == (2, "unknown", None)


def test_an_account_that_the_evidence_lacks_is_unknown_by_name(bed: Bed) -> None:
    block = gift(bed)
    preimages = bed.without(bed.account(C), block, bed.venue.chain.head)
    states, revalued = bed.judged(block, preimages)
    assert states.verdict.outcome is Outcome.BROKEN
    assert revalued.reason == ""
    found = compared(revalued)
    assert [each.address for each in found.labelled(Label.UNKNOWN)] == [bed.who(C)]
    [unknown] = found.labelled(Label.UNKNOWN)
    assert "lacks" in unknown.reason
    assert [each.address for each in found.labelled(Label.OVERPAID)] == [bed.who(B)]
    assert not found.complete
    assert (found.claimed.accounts, found.claimed.owed, found.hole) == (None, None, None)
    assert found.overpaid == GIFT


def test_a_price_that_the_evidence_lacks_is_no_number_at_all(bed: Bed) -> None:
    block = gift(bed)
    _, revalued = bed.judged(block, bed.without(bed.price, block))
    assert revalued.claimed is None
    assert "--rpc-url" in revalued.reason


def test_a_witness_alone_does_not_tell_the_claimed_state(
    bed: Bed, tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    witness = _core.Preimages()
    witness.add(bed.venue.chain.witness(bed.venue.chain.head))
    path = written(bed, tmp_path / "witness.evidence", gift(bed), witness)
    code, said = run(capsys, path, config)
    assert (code, said["verdict"], said["venue"]) == (2, "broken", None)
    assert "not known" in said["reason"]


def post_state(bed: Bed, amount: int) -> dict[bytes, Any]:
    address, slot = bed.account(B)
    return {address: {"storage": {slot.to_bytes(32, "big"): amount}}}


def without_claimed(bed: Bed, block: Any) -> _core.Preimages:
    """All preimages but the claimed state's root: nothing of it can be read by its own root."""
    left = _core.Preimages()
    left.add([each for each in bed.venue.chain.preimages.values() if _core.keccak256(each) != block.header.state_root])
    return left


def test_disclosed_values_count_where_they_make_the_claimed_root(bed: Bed) -> None:
    block = gift(bed)
    right = bed.value(bed.account(B))
    disclosed = post_state(bed, right + GIFT)
    states, revalued = bed.judged(block, without_claimed(bed, block), post_state=disclosed)
    assert states.claimed == block.header.state_root
    assert compared(revalued).overpaid == GIFT


@pytest.mark.parametrize("wrong", [1, -GIFT, 10**15])
def test_disclosed_values_that_do_not_make_it_give_no_number(bed: Bed, wrong: int) -> None:
    block = gift(bed)
    disclosed = post_state(bed, bed.value(bed.account(B)) + GIFT + wrong)
    states, revalued = bed.judged(block, without_claimed(bed, block), post_state=disclosed)
    assert states.verdict.outcome is Outcome.BROKEN
    assert states.claimed is None
    assert revalued.claimed is None
    assert "not known" in revalued.reason


def test_disclosed_values_cannot_accuse_an_honest_block(bed: Bed) -> None:
    disclosed = post_state(bed, bed.value(bed.account(B)) + GIFT)
    states, revalued = bed.judged(bed.venue.chain.head, post_state=disclosed)
    assert states.verdict.outcome is Outcome.UNKNOWN
    assert revalued.claimed is None


@pytest.mark.parametrize("field", ["state_root", "parent_hash", "timestamp", "gas_used"])
def test_a_header_that_was_altered_gives_no_number(
    bed: Bed, tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str], field: str
) -> None:
    block = gift(bed)
    value = getattr(block.header, field)
    header = replace(block.header, **{field: b"\x11" * 32 if isinstance(value, bytes) else value + 1})
    code, said = run(capsys, written(bed, tmp_path / "altered.evidence", block, header=header), config)
    assert (code, said["venue"]) == (2, None)


def test_a_file_with_any_byte_altered_gives_no_number(
    bed: Bed, tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The frame may refuse it, or what it decompresses to: what is read is the same, or nothing."""
    path = written(bed, tmp_path / "gift.evidence", gift(bed))
    whole = path.read_bytes()
    for at in range(0, len(whole), max(1, len(whole) // 40)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        code, said = run(capsys, path, config)
        amounts = None if said.get("venue") is None else said["totals"]["overpaid"]
        assert amounts in (None, str(GIFT))
        assert code == (2 if amounts is None else 1)
    path.write_bytes(whole[:-9])
    assert run(capsys, path, config)[0] == 2


def test_a_block_whose_receipts_alone_are_wrong_costs_nothing_and_says_so(bed: Bed) -> None:
    chain = bed.venue.chain
    block = chain.reseal(chain.head, receipts=[chain.head.receipts[0][:-1] + b"\x01"])
    _, revalued = bed.judged(block)
    assert revalued.verdict.outcome is Outcome.BROKEN
    assert not compared(revalued).wrong
    assert any("receipts" in note for note in revalued.notes)


def test_a_contract_that_is_no_venue_is_refused(bed: Bed) -> None:
    states, _ = bed.judged(gift(bed))
    assert "no venue" in revalue(states, venue=bed.venue.oracle.address).reason


def test_a_block_that_touches_no_venue_asks_for_one(bed: Bed) -> None:
    """A price is pushed: that touches the oracle alone."""
    other = Bed()
    other.venue.push(2_000 * 10**8, 60_000 * 10**8)
    block = gift(other)
    states = both_states(
        other.claim(block), other.venue.chain.preimages, config=other.venue.chain.config, second_opinion="never"
    )
    assert "--venue" in revalue(states).reason
    assert compared(revalue(states, venue=other.venue.venue.address)).overpaid == GIFT


def test_usage(bed: Bed, tmp_path: Path) -> None:
    asked: tuple[dict[str, Any], ...] = (
        {}, {"evidence": tmp_path, "block": "1"}, {"block": "1"}, {"evidence": tmp_path, "venue": "0x12"},
        {"evidence": tmp_path, "family": "op"}, {"evidence": tmp_path, "accounts": ["nobody"]},
    )  # fmt: skip
    for each in asked:
        with pytest.raises(typer.BadParameter):
            command(**each)
    assert command(tmp_path / "absent.evidence") == 2
    assert command(tmp_path / "absent.evidence", adapter="nobody's") == 2
