"""Accounts that end for anybody, and for their owner."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from detect.by_hand import BANK, EVE, TEST, Event, call, cheat, raw, told
from detect.stage import ETHER, Stage
from rollproof.detect import foreign
from rollproof.detect.execution import ExecutedBlock
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


def delegated_end(directory: Path, *, usurped: bool) -> ExecutedBlock:
    """An account that runs code which ends it, for its owner or for who has made himself owner just before."""
    anybody, engine, bomb = (f"0x{each:040x}" for each in (0xA1, 0xE1, 0xB1))
    events: list[list[Any]] = [["enter", "CALL", anybody, anybody, "0x0", "0x12345678", "0x" + "11" * 20]]
    if usurped:
        events += [
            ["enter", "CALL", engine, engine, "0x0", "0x8129fc1c", anybody],
            ["sstore", "0x0", anybody],
            ["exit", 1],
        ]
    events += [
        ["enter", "CALL", engine, engine, "0x0", "0x4f1ef286", anybody],
        ["sload", "0x0", anybody],
        ["enter", "DELEGATECALL", bomb, engine, "0x0", "0xb8b3dbc6", anybody],
        ["selfdestruct", anybody],
        *[["exit", 1]] * 3,
    ]
    path = directory / "trace.jsonl"
    path.write_text(json.dumps({"id": "x", "from": "0x" + "11" * 20, "to": anybody, "events": events}) + "\n")
    [block] = foreign.read(path)
    return block


def test_who_makes_himself_owner_is_none(tmp_path: Path) -> None:
    """As Parity's library, November 2017: initialised by a stranger, then ended by him."""
    detector = UnprotectedSelfdestruct()
    assert not judge(delegated_end(tmp_path, usurped=False), [detector]).findings
    [found] = judge(delegated_end(tmp_path, usurped=True), [detector]).findings
    assert found.severity is Severity.MEDIUM


@pytest.mark.parametrize(
    ("caller", "staged", "count"),
    [(EVE, True, 1), (TEST, True, 0), (EVE, False, 0)],
    ids=["stranger", "maker", "chain"],
)
def test_in_a_test_that_plays_everybody_who_made_it_may_end_it(
    caller: str, staged: bool, count: int, tmp_path: Path
) -> None:
    """On a chain a contract that is made and ended in one transaction belongs to who sent it, whoever calls."""
    made, ended = call(BANK, kind="CREATE"), call(BANK, ["selfdestruct", caller], by=caller)
    asked = [cheat()] if staged else []
    block = told(tmp_path, *asked, *made, *ended)
    found = judge(block, [UnprotectedSelfdestruct()]).findings
    assert [each.severity for each in found] == [Severity.LOW] * count
    assert all(raw(BANK) in each.addresses for each in found)


@pytest.mark.parametrize(("kind", "count"), [("CREATE", 0), ("CALL", 1)])
def test_whom_a_constructor_names_may_end_it(kind: str, count: int, tmp_path: Path) -> None:
    """What any other call of the transaction wrote names nobody: that may be how he came to be owner."""
    named: Event = ["sstore", "0x0", EVE]
    opened = call(BANK, named, kind="CREATE") if kind == "CREATE" else [*call(BANK, kind="CREATE"), *call(BANK, named)]
    asks: list[Event] = [["sload", "0x0", EVE], ["selfdestruct", EVE]]
    ended = call(BANK, *asks, by=EVE)
    assert len(judge(told(tmp_path, cheat(), *opened, *ended), [UnprotectedSelfdestruct()]).findings) == count
