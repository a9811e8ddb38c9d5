"""Blocks read from nodes: verdicts in order, evidence that says the same elsewhere, nodes that disagree, payloads."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import demonstration as demo
from rollproof.chain import config as chains
from rollproof.errors import Malformed, Missing
from rollproof.replay.online import Options, verify_payload, verify_range
from rollproof.replay.verify import verify_file
from rollproof.types import Outcome, Verdict
from small_chain import Built
from unit.lab_node import LabNode, payload


class Lab:
    """Both demonstration chains, their configurations and a node for each."""

    def __init__(self, directory: Path, seed: int = 0) -> None:
        self.l1, self.l2 = directory / "l1.toml", directory / "l2.toml"
        self.l1.write_text(demo.ETHEREUM, encoding="utf-8")
        self.l2.write_text(demo.OP_STACK, encoding="utf-8")
        self.ethereum = list(demo.ethereum_blocks(self.l1, seed))
        self.op_stack = list(demo.op_stack_blocks(self.l2, seed))

    def options(self, built: list[Built], **changes: Any) -> Options:
        own = chains.from_file(self.l1 if built is self.ethereum else self.l2)
        return replace(Options(config=own, second_opinion="never"), **changes)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(tmp_path_factory.mktemp("lab"))


def outcomes(verdicts: list[Verdict]) -> list[tuple[int | None, Outcome]]:
    return [(verdict.number, verdict.outcome) for verdict in verdicts]


@pytest.mark.parametrize("jobs", [1, 3])
def test_an_honest_chain_holds_block_by_block(lab: Lab, jobs: int) -> None:
    node = LabNode(lab.ethereum)
    verdicts = list(verify_range([node], "1:6", lab.options(lab.ethereum, jobs=jobs)))
    assert outcomes(verdicts) == [(number, Outcome.HOLDS) for number in range(1, 6)], [v.reason for v in verdicts]
    assert [verdict.computed_hash for verdict in verdicts] == node.hashes[1:]
    assert all(verdict.rpc is not None and verdict.rpc["calls"] > 0 for verdict in verdicts)


def test_tampered_block_and_its_evidence_say_the_same(lab: Lab, tmp_path: Path) -> None:
    options = lab.options(lab.op_stack, witness_out=tmp_path / "kept")
    verdicts = list(verify_range([LabNode(lab.op_stack)], "-5:", options))
    assert [outcome for _, outcome in outcomes(verdicts)] == [
        Outcome.BROKEN if number == demo.TAMPERED else Outcome.HOLDS for number in range(1, 6)
    ]
    storage = [found for found in verdicts[demo.TAMPERED - 1].differences if found.scope == "storage"]
    assert [(found.key[:42], int(found.claimed or "", 16)) for found in storage] == [("0x" + demo.TOKEN.hex(), 10**27)]
    for verdict in verdicts:
        path = tmp_path / "kept" / f"1338-{verdict.number}.evidence"
        again = verify_file(path, config=options.config, second_opinion="never")
        assert (again.outcome, again.computed_hash) == (verdict.outcome, verdict.computed_hash)
        assert again.differences == verdict.differences
        assert again.rpc is None


def test_nodes_that_have_different_blocks_are_both_named(lab: Lab, tmp_path: Path) -> None:
    other = Lab(tmp_path, seed=5)
    one, two = LabNode(lab.ethereum), LabNode(other.ethereum)
    (verdict,) = verify_range([one, two], "2", lab.options(lab.ethereum))
    assert verdict.outcome is Outcome.UNKNOWN
    assert one.hashes[2].hex() in verdict.reason
    assert two.hashes[2].hex() in verdict.reason
    assert [found.key for found in verdict.differences] == ["hash"]


def test_a_node_without_the_block_is_said_and_not_taken_for_agreement(lab: Lab) -> None:
    behind = LabNode(lab.ethereum, most=1)
    (verdict,) = verify_range([LabNode(lab.ethereum), behind], "2", lab.options(lab.ethereum))
    assert verdict.outcome is Outcome.HOLDS
    assert any(line.startswith("cross-check: ") for line in verdict.not_checked)


def test_what_was_read_before_an_error_stays(lab: Lab) -> None:
    verdicts = verify_range([LabNode(lab.ethereum, most=3)], "1:6", lab.options(lab.ethereum, jobs=2))
    assert outcomes([next(verdicts) for _ in range(3)]) == [(number, Outcome.HOLDS) for number in range(1, 4)]
    with pytest.raises(Missing, match="no block 4"):
        next(verdicts)


@pytest.mark.parametrize("number", range(1, 6))
def test_payload_is_judged_on_a_node_that_never_had_it(lab: Lab, number: int) -> None:
    built = lab.op_stack
    node = LabNode(lab.op_stack, most=number - 1)
    dump = json.dumps(payload(built[number - 1].claim)).encode()
    (verdict,) = verify_payload([node], dump, lab.options(lab.op_stack))
    assert verdict.outcome is (Outcome.BROKEN if number == demo.TAMPERED else Outcome.HOLDS), verdict.reason
    assert verdict.number == number
    if verdict.outcome is Outcome.BROKEN:
        assert [found.key for found in verdict.differences if found.scope == "header"] == ["state_root"]


def test_payload_whose_parent_nobody_has(lab: Lab) -> None:
    node = LabNode(lab.op_stack, most=1)
    dump = json.dumps(payload(lab.op_stack[3].claim)).encode()
    with pytest.raises(Missing, match="no block 0x"):
        list(verify_payload([node], dump, lab.options(lab.op_stack)))


def test_payload_altered_under_its_hash_is_no_accusation(lab: Lab, tmp_path: Path) -> None:
    record = payload(lab.op_stack[0].claim)
    record["executionPayload"]["gasUsed"] = "0x1"
    path = tmp_path / "altered.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(Malformed, match=r"altered\.json: self-inconsistent"):
        list(verify_payload([LabNode(lab.op_stack)], path, lab.options(lab.op_stack)))
