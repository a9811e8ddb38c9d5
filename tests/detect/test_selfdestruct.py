"""Accounts that end for anybody, and for their owner."""

from __future__ import annotations

from detect.stage import ETHER, Stage
from rollproof.detect.run import judge
from rollproof.detect.selfdestruct import UnprotectedSelfdestruct
from rollproof.lab.block import Holder
from rollproof.types import Amount, Severity

OPEN, OWNED = b"\x0e" * 20, b"\x0f" * 20
END = bytes.fromhex("5f35ff")  # selfdestruct(calldata[0:32])
END_FOR_OWNER = bytes.fromhex("335f5414600a575f5ffd5b") + END  # if caller != storage[0]: revert


def test_who_may_end_an_account() -> None:
    owner, stranger = Stage().account(1), Stage().account(2)
    stage = Stage(
        {
            OPEN: Holder(balance=ETHER, code=END),
            OWNED: Holder(balance=ETHER, code=END_FOR_OWNER, storage={0: int.from_bytes(owner.address, "big")}),
        }
    )
    sent = [
        each.send(target, data=each.address.rjust(32, b"\0"), gas=100_000)
        for each, target in ((stranger, OWNED), (owner, OWNED), (stranger, OPEN))
    ]
    block = stage.run(sent)
    assert [each.success for each in block.executions] == [False, True, True]
    [found] = judge(block, [UnprotectedSelfdestruct()]).findings
    assert found.severity is Severity.HIGH
    assert found.amounts == (Amount(None, OPEN, -ETHER), Amount(None, stranger.address, ETHER))
