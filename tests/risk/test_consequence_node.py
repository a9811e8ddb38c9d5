"""A sequencer that lies once, its node over HTTP, and evidence that lacks most of the venue: what can be completed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rollproof import _core
from rollproof.cli.consequence import run as command
from rollproof.lab import genesis
from rollproof.lab.faults.state_transition import StateSlot
from rollproof.lab.node.node import Node
from rollproof.lab.node.server import Server
from rollproof.lab.stack import Stack
from rollproof.replay import evidence
from rollproof.types import Claim

STOLEN = 1_000_000 * 10**6


class Scene:
    """The lab with traffic; in one block the attacker's USDC and a trader's balance at the venue are too large."""

    def __init__(self, directory: Path) -> None:
        self.config = genesis.write_configs(directory)["l2"]
        self.stack = stack = Stack(3)
        stack.populate()
        stack.run(8)
        venue = stack.deployed["PerpetualsVenue"]
        self.trader = bytes(stack.view("l2", venue, "accountAt", 0)[0])
        key = self.trader.rjust(32, b"\0") + venue.slots["_accounts"].to_bytes(32, "big")
        slot = int.from_bytes(_core.keccak256(key), "big")
        self.fault = stack.inject(StateSlot(address=venue.address, slot=slot, amount=STOLEN))
        stack.run(20)
        self.venue, self.number = venue.address, self.fault.effects[0].number
        block = stack.l2.block(self.number)
        assert block is not None
        self.claim: Claim = stack.l2.claim(block)
        self.witness = stack.l2.witness(block)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return Scene(tmp_path_factory.mktemp("scene"))


def said(capsys: pytest.CaptureFixture[str], evidence: Path | None = None, **asked: Any) -> tuple[int, dict[str, Any]]:
    code = command(evidence, as_json=True, **asked)
    return code, json.loads(capsys.readouterr().out)


def test_a_node_completes_the_evidence_which_then_needs_none(
    scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, whole, page = tmp_path / "thin.evidence", tmp_path / "whole.evidence", tmp_path / "page.html"
    evidence.write(path, scene.claim, scene.witness)
    venue = "0x" + scene.venue.hex()
    code, thin = said(capsys, path, config=scene.config, venue=venue)
    assert (code, thin["verdict"], thin["venue"]) == (2, "broken", None)
    with Server(Node(scene.stack.l2, stack=scene.stack, name="l2")) as server:
        common: dict[str, Any] = {"config": scene.config, "venue": venue, "rpc_url": (server.url,)}
        code, online = said(capsys, path, **common, evidence_out=whole, html=page)
        direct = said(capsys, block=str(scene.number), **common)
    assert (code, online["complete"]) == (1, True)
    [one] = [each for each in online["accounts"] if each["labels"] != ["unchanged"]]
    assert (one["address"], one["labels"]) == ("0x" + scene.trader.hex(), ["overpaid"])
    assert one["difference"] == {
        "cash": str(STOLEN), "profit": "0", "equity": str(STOLEN), "wallet": "0", "worth": str(STOLEN),
    }  # fmt: skip
    assert (online["totals"]["hole"], online["totals"]["unbacked"]) == (str(STOLEN), "0")
    assert "0x" + scene.trader.hex() in page.read_text(encoding="utf-8")
    code, offline = said(capsys, whole, config=scene.config, venue=venue)
    assert code == 1
    for key in ("accounts", "outside", "markets", "totals", "knock_on", "labels"):
        assert offline[key] == online[key]
        assert direct[1][key] == online[key]
    assert direct[0] == 1


def test_a_node_of_another_chain_is_no_help(scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "thin.evidence"
    evidence.write(path, scene.claim, scene.witness)
    with Server(Node(scene.stack.l1, stack=scene.stack, name="l1")) as server:
        code, found = said(capsys, path, config=scene.config, rpc_url=(server.url,))
    assert (code, found["venue"]) == (2, None)
    assert any("no node helped" in note and "chain" in note for note in found["notes"])


def test_a_file_that_tells_all_needs_no_node(scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "all.evidence"
    evidence.write(path, scene.claim, scene.stack.l2.preimages)
    code, found = said(
        capsys, path, config=scene.config, venue="0x" + scene.venue.hex(), rpc_url=("http://127.0.0.1:1",)
    )
    assert (code, found["complete"], found["notes"]) == (1, True, [])
