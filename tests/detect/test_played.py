"""Whole stories in one transaction, with everybody in it: as the traces of a test framework's tests are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from detect.event_form import event_form
from detect.stage import ETHER, Stage
from rollproof.detect import foreign
from rollproof.detect.approval_drain import ApprovalDrain
from rollproof.detect.arbitrary_call import ArbitraryCall
from rollproof.detect.execution import ExecutedBlock, Execution
from rollproof.detect.proxy_hijack import ProxyHijack
from rollproof.detect.run import judge
from rollproof.detect.signature import SignatureMisuse
from rollproof.detect.storage_layout import StorageCollision
from rollproof.detect.transaction_origin import TransactionOrigin
from rollproof.detect.unauthorised_write import UnauthorisedWrite

DETECTORS = (
    UnauthorisedWrite(),
    ProxyHijack(),
    ArbitraryCall(),
    ApprovalDrain(),
    SignatureMisuse(),
    StorageCollision(),
    TransactionOrigin(),
)
STORIES = {
    "stolenByGift": "unauthorised-write",
    "stolenOwnership": "unauthorised-write",
    "ownersOwnership": None,
    "forwarded": "unauthorised-write",
    "collided": "proxy-hijack",
    "permitted": "approval-drain",
    "deposited": None,
    "spent": None,
    "calledItself": "arbitrary-call",
}


def played(execution: Execution, personas: set[bytes], directory: Path) -> ExecutedBlock:
    """An event trace in which what a persona does is done by its address, out of the test's own frame."""
    event_form(execution, directory)
    path = directory / "execution.jsonl"
    record = json.loads(path.read_text(encoding="utf-8"))
    names = {"0x" + each.hex() for each in personas}
    kept, left = [], []
    for event in record["events"]:
        if event[0] == "enter":
            left.append(event[3] in names and event[5] is not None)
            if not left[-1]:
                kept.append(event)
        elif event[0] == "exit":
            if not left.pop():
                kept.append(event)
        else:
            kept.append(event)
    record["events"] = kept
    path.write_text(json.dumps(record) + "\n", encoding="utf-8")
    [block] = foreign.read(path)
    return block


@pytest.mark.parametrize("story", STORIES)
def test_a_story(story: str, tmp_path: Path) -> None:
    stage = Stage()
    test = stage.deploy("Played", value=5 * ETHER)
    block = stage.run([test.send(story, gas=10_000_000)])
    [execution] = block.executions
    assert execution.success
    trace = played(execution, {test.call("alice"), test.call("eve")}, tmp_path)
    found = {each.detector for each in judge(trace, DETECTORS).findings if each.severity.rank > 1}
    expected = STORIES[story]
    assert (expected in found) if expected else not found, found
