"""Event traces written by hand (docs/traces.md): for cases that need one execution and no contract."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rollproof.chain import abi
from rollproof.detect import foreign
from rollproof.detect.execution import ExecutedBlock, Execution
from rollproof.detect.parties import CHEATS

Event = list[Any]

SENDER, TEST, EVE, BOB, BANK, CODE, COIN = (f"0x{digit * 40}" for digit in "1234567")


def raw(account: str) -> bytes:
    """Its twenty bytes."""
    return bytes.fromhex(account[2:])


def call(
    target: str,
    *inside: Event,
    by: str | None = None,
    value: int = 0,
    selector: str | None = "0x0000000a",
    kind: str = "CALL",
    code: str | None = None,
    success: bool = True,
) -> list[Event]:
    """A call, or a creation. ``by``: in whose name; by default the account's that is open."""
    entered = ["enter", kind, code or target, target, hex(value), selector, by]
    return [entered, *inside, ["exit", int(success)]]


def pays(account: str, value: int, *, by: str | None = None, success: bool = True) -> list[Event]:
    """Wei, and nothing else."""
    return call(account, by=by, value=value, selector=None, success=success)


def changed(slot: int | bytes, before: int, after: int) -> list[Event]:
    """A word that is read and then written."""
    place = "0x" + slot.hex() if isinstance(slot, bytes) else hex(slot)
    return [["sload", place, hex(before)], ["sstore", place, hex(after)]]


def moved(token: str, sender: str, recipient: str, amount: int, held: int) -> list[Event]:
    """A token's transfer by its sender, who held so much of it; the recipient held nothing."""
    topics = [
        abi.topic("Transfer(address,address,uint256)"),
        *(raw(each).rjust(32, b"\0") for each in (sender, recipient)),
    ]
    said: Event = ["log", token, ["0x" + each.hex() for each in topics], f"0x{amount:064x}"]
    books = [*changed(1, held, held - amount), *changed(2, 0, amount)]
    return call(token, *books, said, selector="0xa9059cbb")


def cheat() -> Event:
    """What only a test does: it asks its framework for something."""
    return ["leafcall", "CALL", "0x" + CHEATS.hex(), "0x0", 1]


def told(directory: Path, *events: Event, to: str = TEST) -> ExecutedBlock:
    """A transaction of SENDER in which these happen inside the called account."""
    record = {"id": "by hand", "from": SENDER, "to": to, "events": call(to, *events)}
    path = directory / "trace.jsonl"
    path.write_text(json.dumps(record) + "\n", encoding="utf-8")
    [block] = foreign.read(path)
    return block


def one(directory: Path, *events: Event, to: str = TEST) -> Execution:
    """The only execution of that."""
    [execution] = told(directory, *events, to=to).executions
    return execution
