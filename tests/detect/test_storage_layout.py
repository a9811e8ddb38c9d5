"""One slot, two meanings."""

from __future__ import annotations

from detect.stage import Stage
from rollproof.detect.run import judge
from rollproof.detect.storage_layout import StorageCollision
from rollproof.types import Severity


def test_a_library_writes_over_its_own_address() -> None:
    stage = Stage()
    timer = stage.deploy("CollidingTimer", stage.deploy("Clock").address)
    number = int.from_bytes(stage.account(1).address, "big")
    block = stage.run([timer.send("set", number, sender=stage.account(1))])
    [found] = judge(block, [StorageCollision()]).findings
    assert found.severity is Severity.MEDIUM
    assert found.slots[0].slot == bytes(32)


def test_a_library_writes_where_it_should() -> None:
    stage = Stage()
    timer = stage.deploy("AlignedTimer", stage.deploy("Clock").address)
    number = int.from_bytes(stage.account(1).address, "big")
    block = stage.run([timer.send("set", number, sender=stage.account(1))])
    assert block.executions[0].success
    assert judge(block, [StorageCollision()]).findings == []
