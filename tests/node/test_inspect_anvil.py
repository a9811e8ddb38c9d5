"""Inspecting a real foreign node: its blocks by value, its own traces, and transactions that it has not seen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import rollproof as rp
from detect.seen_write import SeenCall, SeenWrite
from node import signing
from node.test_anvil import CANCUN, SOMEBODY, STORE, contract, send, word
from node.traffic import CONFIG
from rollproof.chain import config as chains
from rollproof.chain.node import Node
from rollproof.chain.rpc import Limits, Rpc
from rollproof.chain.schedule import ChainConfig
from rollproof.detect import registry
from rollproof.detect.inspection import Options

pytestmark = pytest.mark.parametrize("anvil", [CANCUN], indirect=True)


@pytest.fixture(autouse=True)
def two_detectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "detectors", lambda: (SeenWrite(), SeenCall()))


@pytest.fixture
def node(anvil: str) -> Iterator[Node]:
    with Rpc(anvil, limits=Limits(attempts=3, timeout=10.0)) as rpc:
        node = Node(rpc)
        send(node, signing.dynamic_fee(0, b"", STORE, value=0))
        send(node, signing.dynamic_fee(1, contract(0), word(7) + word(5), value=0))
        yield node


def own(directory: Path) -> ChainConfig:
    """The chain as this anvil is started."""
    path = directory / "anvil.toml"
    path.write_text(CONFIG.format(fork="cancun", blobs="[3, 6, 3338477]"), encoding="utf-8")
    return chains.from_file(path)


def options(**more: object) -> Options:
    return Options(limits=Limits(attempts=3, timeout=10.0), **more)  # type: ignore[arg-type]


def test_its_own_traces_are_read_where_the_chain_is_not_known(anvil: str, node: Node) -> None:
    found = list(rp.inspect_range([anvil], "1:3", options()))
    assert [each.looked for each in found] == [True, True], [each.reason for each in found]
    assert all(any("chain 31337" in note for note in each.notes) for each in found)
    last = found[-1]
    assert last.chain_id == 31337
    assert any(each.detector == "seen-call" and each.block == 2 for each in last.findings)
    assert any("nobody proves" in note for note in last.notes)


def test_blocks_are_executed_again_by_value(anvil: str, node: Node, tmp_path: Path) -> None:
    found = list(rp.inspect_range([anvil], "2", options(config=own(tmp_path), evidence=tmp_path / "kept")))
    [one] = found
    assert one.looked, one.reason
    [finding] = [each for each in one.findings if each.detector == "seen-write"]
    [slot] = finding.slots
    assert (slot.account, slot.slot, slot.before, slot.after) == (contract(0), word(5), 0, 7)
    assert finding.evidence is None
    assert any(note.startswith("evidence not written") for note in one.notes)


def test_one_transaction_and_a_pending_one(anvil: str, node: Node, tmp_path: Path) -> None:
    block = node.block(2)
    found = rp.inspect_transaction([anvil], block.hashes[0], options(config=own(tmp_path)))
    assert {each.transaction for each in found.findings} == {block.hashes[0]}
    raw = signing.dynamic_fee(2, contract(0), word(9) + word(5), value=0)
    found = rp.inspect_pending([anvil], [raw], "latest", options(config=own(tmp_path)))
    assert found.looked, found.reason
    [slot] = [each for finding in found.findings for each in finding.slots]
    assert (slot.before, slot.after) == (7, 9)
    assert node.header("latest").header.number == 2
    late = signing.dynamic_fee(9, SOMEBODY, b"", value=0)
    assert "nonce" in rp.inspect_pending([anvil], [late], "latest", options(config=own(tmp_path))).reason
