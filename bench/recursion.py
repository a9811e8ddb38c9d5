"""One transaction of very many frames, which re-enter each other: what the first pass and the detectors make of it."""

from __future__ import annotations

from functools import partial
from typing import Any

from bench.contracts import CHAIN_ID, SENDER
from bench.timing import interleaved, seconds, table
from rollproof import _core
from rollproof.detect.run import Report, judge
from rollproof.detect.source import executed_block
from rollproof.lab.bytecode import assemble
from rollproof.lab.transaction import Account

GAS = 400_000_000
ROUNDS = 5
FIRST, SECOND = b"\xc1" * 20, b"\xc2" * 20


def code(other: bytes) -> bytes:
    """Reads slot 0, calls the other twice with n - 1, writes n to slot 0; n is the first word of input, 0 ends it."""
    call = f"PUSH0 PUSH0 32 PUSH0 PUSH0 0x{other.hex()} GAS CALL POP "
    return assemble(
        f"PUSH0 CALLDATALOAD DUP1 @deeper JUMPI STOP deeper: PUSH0 SLOAD POP 1 DUP2 SUB PUSH0 MSTORE {call}{call}"
        "PUSH0 SSTORE STOP"
    )


def given(depth: int) -> tuple[Any, ...]:
    """The arguments of ``_core.run_transactions`` for 2 ** (depth + 1) - 1 frames."""
    root, values = _core.genesis(
        [(SENDER, 0, 10**24, b"", []), (FIRST, 1, 0, code(SECOND), []), (SECOND, 1, 0, code(FIRST), [])]
    )
    preimages = _core.Preimages()
    preimages.add(values)
    rules = _core.Rules(family="ethereum", chain_id=CHAIN_ID, fork="prague", blob=(6, 9, 5007716))
    env = _core.Env(
        number=1, timestamp=1_800_000_000, gas_limit=GAS, beneficiary=bytes(20), parent_hash=bytes(32), base_fee=7,
        excess_blob_gas=0, parent_beacon_block_root=bytes(32),
    )  # fmt: skip
    data = depth.to_bytes(32, "big")
    raw = Account.named("bench", CHAIN_ID).send_legacy(FIRST, data=data, gas=GAS)
    return preimages, root, rules, env, [raw]


def inspected(arguments: tuple[Any, ...], done: _core.Done | _core.Invalid | _core.Needs) -> Report:
    """What all detectors say of transactions that were run with these arguments."""
    assert isinstance(done, _core.Done)
    return judge(
        executed_block(
            done, transactions=arguments[4], chain_id=CHAIN_ID, number=1, family="ethereum", base_fee=7, gas_limit=GAS
        )
    )


def _run(arguments: tuple[Any, ...], inspect: str | None) -> float:
    return seconds(lambda: _core.run_transactions(*arguments, inspect=inspect))


def _judge(arguments: tuple[Any, ...], done: _core.Done) -> float:
    return seconds(lambda: inspected(arguments, done))


def run() -> str:
    rows = []
    for depth in (12, 15, 16):
        arguments = given(depth)
        done = _core.run_transactions(*arguments, inspect="picked")
        if not isinstance(done, _core.Done) or done.outcomes[0]["status"] != 1:
            raise SystemExit(f"bench: the recursion failed: {done}")
        report = inspected(arguments, done)
        passes = {"alone": None, "first": "first", "picked": "picked"}
        work = {name: partial(_run, arguments, inspect) for name, inspect in passes.items()}
        took = interleaved(work | {"detectors": partial(_judge, arguments, done)}, ROUNDS)
        whole = took["picked"] + took["detectors"]
        names = ", ".join(sorted({each.detector for each in report.findings})) or "nothing"
        frames = 2 ** (depth + 1) - 1
        shown = [f"{took[name] * 1e3:.0f}" for name in ("alone", "first", "picked", "detectors")]
        rows.append((f"{frames:,} frames", f"{done.gas_used / 1e6:.0f}", *shown, f"{whole:.2f}", names))
    head = ("recursion", "Mgas", "execution ms", "first pass ms", "both passes ms", "detectors ms", "whole s", "found")
    return table(head, rows)
