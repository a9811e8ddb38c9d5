"""Other clients' traces and protocol tables, as targets: what a recording says is read, judged, or refused."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from functools import cache
from typing import Any

from detect.recorded import load, scene
from fuzz.mutate import mutate_bytes, mutate_json
from rollproof.detect.foreign.combine import group
from rollproof.detect.foreign.source import TraceFile
from rollproof.detect.protocols import table
from rollproof.detect.run import judge

WHAT = "input"
STEPS = 600  # of a struct log, so that an input stays small
_TABLE = """[[function]]
signature = "swap(uint256,(address,uint8)[],bytes)"
action = "swap"
protocol = "One"
arguments = { amount = 0 }

[[event]]
signature = "Swap(address,int256)"
indexed = [0]
action = "swap"
protocol = "One"
arguments = { sender = 0, amount = 1 }

[[account]]
address = "0x4200000000000000000000000000000000000006"
name = "One"
kind = "wrapper"
chain = 10

[[slot]]
name = "admin"
standard = "One"
hash_of = "one.admin"
less = 1
"""


def run_trace(data: bytes) -> None:
    """Every recording of a file, with every detector."""
    for recording in group([TraceFile(WHAT, data)]):
        judge(recording.read())


@cache
def seeds_trace() -> Sequence[bytes]:
    """One of each format, and several on lines of one file."""
    attack, swap = scene().names.index("attack"), scene().names.index("swap")
    calls, receipts, block = load("calls"), load("receipts"), load("block")
    log = load("struct")[attack]["result"]
    log["structLogs"] = log["structLogs"][:STEPS]
    events = [
        ["sload", "0x1", "0x5"],
        ["enter", "CALL", f"0x{'b' * 40}", f"0x{'b' * 40}", "0x7", "0x2e1a7d4d", None],
        ["sstore", "0x2", "0x1"],
        ["log", f"0x{'b' * 40}", ["0x1"], "0x00"],
        ["exit", 1],
        ["leafcall", "CALL", f"0x{'c' * 40}", "0x1", 0],
        ["selfdestruct", f"0x{'c' * 40}"],
    ]
    trace = {"id": "x", "from": f"0x{'9' * 40}", "to": f"0x{'a' * 40}", "events": events, "names": {}}
    documents: list[Any] = [
        calls[swap],
        load("parity"),
        {"transaction": block["transactions"][attack], "receipt": receipts[attack], "result": log},
        trace,
    ]
    lines = [calls, load("difference"), receipts, {**block, "logsBloom": "0x"}]
    return [*(json.dumps(each).encode() for each in documents), b"\n".join(json.dumps(each).encode() for each in lines)]


def mutate_trace(data: bytes, rng: random.Random) -> bytes:
    """A change of one line's document."""
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    lines[at] = mutate_json(lines[at], rng).replace(b"\n", b" ")
    return b"\n".join(lines)


def run_table(data: bytes) -> None:
    """Every entry of a table."""
    for _ in table.parse(data, WHAT):
        pass


def seeds_table() -> Sequence[bytes]:
    """One entry of each kind."""
    return [_TABLE.encode()]


def mutate_table(data: bytes, rng: random.Random) -> bytes:
    """Bytes, or a line gone, twice or elsewhere."""
    lines = data.split(b"\n")
    if rng.random() < 0.5:
        return mutate_bytes(data, rng)
    line = lines.pop(rng.randrange(len(lines)))
    for _ in range(rng.randrange(3)):
        lines.insert(rng.randrange(len(lines) + 1), line)
    return b"\n".join(lines)
