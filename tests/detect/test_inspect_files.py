"""Inspecting files: blocks that hold, that do not, that cannot be read, and other clients' traces of the same block."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import demonstration as demo
import rollproof as rp
from detect.seen_write import SeenCall, SeenWrite
from detect.shown import Tags
from rollproof.chain import config as chains
from rollproof.chain.schedule import ChainConfig
from rollproof.cli.tally import Tally
from rollproof.detect import registry
from rollproof.detect.detector import Judgement
from rollproof.detect.execution import Execution
from rollproof.detect.inspection import Inspection
from rollproof.replay import evidence
from rollproof.replay.header import header_hash
from rollproof.types import Severity
from unit.served_chain import CONFIGS, l1


@pytest.fixture(autouse=True)
def two_detectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "detectors", lambda: (SeenWrite(), SeenCall()))


def lab_blocks(directory: Path) -> list[Path]:
    """Evidence files of the lab's first two blocks."""
    served, paths = l1(), []
    for number in (1, 2):
        block = served.chain.block(number)
        assert block is not None
        paths.append(directory / f"{number}.evidence")
        evidence.write(paths[-1], served.chain.claim(block), served.chain.witness(block))
    return paths


@pytest.mark.parametrize("jobs", [1, 3])
def test_blocks_in_order_with_what_was_found(tmp_path: Path, jobs: int) -> None:
    paths = lab_blocks(tmp_path)
    found = list(rp.inspect(paths[::-1], config=CONFIGS["l1"], jobs=jobs))
    assert [each.number for each in found] == [2, 1]
    assert all(each.looked and each.findings for each in found)
    assert [each.source for each in found] == [str(path) for path in paths[::-1]]
    assert [each.reason for each in found[0].suppressed] == ["the call was undone"]
    assert list(found[0]) == list(found[0].findings)


def test_a_tree_in_a_notebook_and_on_a_terminal(tmp_path: Path) -> None:
    [path, _] = lab_blocks(tmp_path)
    [found] = rp.inspect(path, config=CONFIGS["l1"])
    tree = found.tree(found.findings[0].transaction, names={b"\x70" * 20: "Token"}, reads=False)
    assert "write  slot" in str(tree)
    assert "Token (0x707070…7070)" in str(tree)
    assert "<- seen-write (low)" in str(tree)
    shown = Tags(tree._repr_html_())  # type: ignore[attr-defined]
    assert shown.opened == shown.closed
    assert shown.opened["details"] >= 1
    assert shown.opened["mark"] == 1
    with pytest.raises(rp.Missing):
        found.tree(b"\x99" * 32)


def test_the_same_file_gives_the_same_ids(tmp_path: Path) -> None:
    [path, _] = lab_blocks(tmp_path)
    [one], [other] = (list(rp.inspect(path, config=CONFIGS["l1"])) for _ in range(2))
    assert [each.id for each in one] == [each.id for each in other]
    assert len({each.id for each in one}) == len(one.findings)


def demonstrated(directory: Path) -> tuple[list[Path], ChainConfig]:
    """The demonstration's OP Stack blocks, of which one was tampered with, and their chain."""
    paths = [path for path in demo.write(directory) if path.name.startswith("demo-l2")]
    return paths, chains.from_file(directory / "demo-l2.toml")


def test_a_block_that_does_not_hold_is_a_finding(tmp_path: Path) -> None:
    paths, config = demonstrated(tmp_path / "demo")
    for number, inspection in enumerate(rp.inspect(paths, config=config, evidence=tmp_path / "kept"), 1):
        assert inspection.looked
        broken = [each for each in inspection.findings if each.detector == "broken-block"]
        assert len(broken) == (number == demo.TAMPERED)
        for finding in broken:
            assert finding.severity is Severity.HIGH
            assert demo.TOKEN.hex() in finding.title
            assert any("does not hold" in note for note in inspection.notes)
            assert finding.evidence is not None
            [again] = rp.inspect(finding.evidence, config=config)
            assert finding.id in {each.id for each in again.findings}


def test_state_that_no_transaction_explains_is_found(tmp_path: Path) -> None:
    paths, config = demonstrated(tmp_path)
    path = paths[0]
    claim, preimages = evidence.read(path)
    assert claim.header is not None
    assert claim.post_state is not None
    mallory, header = b"\x66" * 20, replace(claim.header, state_root=b"\x01" * 32)
    stolen = {mallory: {"balance": 10**18}}
    claim = replace(claim, header=header, claimed_hash=header_hash(header), post_state={**claim.post_state, **stolen})
    changed = tmp_path / "changed.evidence"
    evidence.write(changed, claim, preimages)
    [found] = rp.inspect(changed, config=config)
    [tampered] = [each for each in found.findings if each.detector == "unattributed-change"]
    assert tampered.severity is Severity.CRITICAL
    assert tampered.addresses == (mallory,)
    assert [each.amount for each in tampered.amounts] == [10**18]
    [without] = rp.inspect(changed, config=config, exclude=("unattributed-*", "broken-*"))
    assert {each.detector for each in without.findings} <= {"seen-write", "seen-call"}


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x28\xb5\x2f\xfd", b"\x1f\x8b\x08", b"{}", b"[" * 10_000])
def test_a_file_that_is_none_is_not_clean(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    [found] = rp.inspect(path)
    assert not found.looked
    assert found.reason
    assert "\n" not in found.reason
    [found] = rp.inspect_traces(path) if content else [found]
    assert not found.looked


def test_a_trace_that_is_given_as_a_block_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text('{"id": "a", "from": "0x1", "to": "0x2", "events": []}\n', encoding="utf-8")
    [found] = rp.inspect(path)
    assert found.reason.endswith("other clients' traces need --trace")
    assert "--trace" not in next(rp.inspect_traces(path)).reason


def test_a_witness_with_a_hole_is_not_clean(tmp_path: Path) -> None:
    [path, _] = lab_blocks(tmp_path)
    claim, preimages = evidence.read(path)
    evidence.write(path, claim, preimages.values()[1:])
    [found] = rp.inspect(path, config=CONFIGS["l1"])
    assert not found.looked
    assert found.findings == ()


def test_an_altered_transaction_is_not_judged(tmp_path: Path) -> None:
    [path, _] = lab_blocks(tmp_path)
    claim, preimages = evidence.read(path)
    evidence.write(path, replace(claim, transactions=claim.transactions[::-1]), preimages)
    [found] = rp.inspect(path, config=CONFIGS["l1"])
    assert not found.looked


class Failing(SeenCall):
    """Fails on the second transaction that it sees."""

    id = "failing"

    def check(self, execution: Execution) -> Iterator[Judgement]:
        yield self.finding(execution, "first")
        if execution.index:
            raise KeyError(execution.index)


class Refused(SeenCall):
    id = "refused"

    def check(self, execution: Execution) -> Iterator[Judgement]:
        if execution.frame_rows:
            raise rp.Retry("node: slow")
        yield self.finding(execution, "no call")


def test_a_detector_that_fails_has_not_judged_and_the_others_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "detectors", lambda: (Failing(), SeenWrite(), Refused(), SeenCall()))
    [found] = rp.inspect(lab_blocks(tmp_path)[0], config=CONFIGS["l1"])
    assert found.looked
    assert {each.detector for each in found.findings} == {"seen-write", "seen-call"}
    reasons = {each.detector: each.reason for each in found.unjudged}
    assert reasons["failing"].startswith("the detector failed: KeyError in test_inspect_files.py:")
    assert reasons["refused"] == "node: slow"
    assert found.transactions == 2


def test_a_trace_that_is_cut_short_is_not_clean(tmp_path: Path) -> None:
    [path, _] = lab_blocks(tmp_path)
    [found] = rp.inspect(path, config=CONFIGS["l1"])
    assert counted(found) == 0
    assert found.executed is not None
    found.executed.gaps = ("it ends inside a call",)
    assert counted(found) == 2


def counted(found: Inspection) -> int:
    """The exit code of one inspection whose findings are left out."""
    tally = Tally()
    tally.add(replace(found, findings=()))
    return tally.code(Severity.LOW, cut_short=False)


def test_nothing_to_inspect_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(rp.Missing):
        list(rp.inspect(tmp_path))
    with pytest.raises(rp.Missing):
        list(rp.inspect(str(tmp_path / "*.json")))


def test_evidence_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    [path, _] = lab_blocks(tmp_path)
    taken = tmp_path / "taken"
    taken.write_text("a file", encoding="utf-8")
    [found] = rp.inspect(path, config=CONFIGS["l1"], evidence=taken)
    assert found.findings
    assert all(each.evidence is None for each in found.findings)
    assert any(note.startswith("evidence not written: taken") for note in found.notes)


def test_a_node_traced_the_same_block_to_the_same_calls(tmp_path: Path) -> None:
    served = l1()
    block = served.chain.block(2)
    assert block is not None
    answer = served.ask("debug_traceBlockByHash", "0x" + block.hash.hex(), {"tracer": "callTracer"})
    path = tmp_path / "calls.json.gz"
    path.write_bytes(gzip.compress(json.dumps(answer).encode()))
    [traced] = rp.inspect_traces(path)
    [own] = rp.inspect(lab_blocks(tmp_path)[1], config=CONFIGS["l1"])

    def calls(found: Inspection) -> dict[bytes | None, str]:
        return {each.transaction: each.title for each in found.findings if each.detector == "seen-call"}

    assert calls(traced) == calls(own)
    assert len(calls(own)) == 4


def test_recorded_blocks_are_looked_at(shared_data: Path) -> None:
    paths = [shared_data / "blocks" / f"{name}.json.gz" for name in ("eth-mainnet-4370000", "op-mainnet-132796000")]
    found = list(rp.inspect(paths, jobs=2))
    assert all(each.looked for each in found), [each.reason for each in found]
    assert [each.chain_id for each in found] == [1, 10]
    assert all(each.findings for each in found)
    for each in found:
        assert each.executed is not None
        there = {execution.transaction for execution in each.executed.executions}
        assert {finding.transaction for finding in each.findings} <= there
