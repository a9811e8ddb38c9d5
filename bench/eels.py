"""The core against EELS: the same loops, and a few of the same real blocks."""

from __future__ import annotations

import time
from typing import Any

from bench.blocks import recorded
from bench.contracts import LOOPS, block
from bench.timing import seconds, table
from rollproof import _core
from rollproof.replay import second_opinion
from rollproof.replay.confirm import opinion_inputs
from rollproof.replay.second_opinion import Inputs, available, reexecute

BLOCKS = ("eth-mainnet-4370000", "eth-mainnet-23587691", "op-mainnet-109279688", "op-sepolia-26207960")
TURNS = {"arithmetic loop": 5_000, "new holders": 100}


def run() -> str:
    if not available():
        raise SystemExit(f"bench: {second_opinion.INSTALL}")
    rows = []
    for loop in LOOPS:
        short = type(loop)(loop.name, loop.address, loop.code, TURNS[loop.name])
        root, preimages = short.state()
        rules, env = block("cancun", 10**9)
        given = (preimages, root, rules, env, [short.transaction()])
        done = _core.run_block(*given)
        asked = Inputs(
            family="ethereum",
            chain_id=31337,
            fork="cancun",
            number=1,
            timestamp=1_800_000_000,
            gas_limit=30_000_000,
            beneficiary=bytes(20),
            parent_hash=bytes(32),
            parent_state_root=root,
            transactions=(short.transaction(),),
            preimages={_core.keccak256(value): value for value in preimages.values()},
            withdrawals=(),
            base_fee=10**9,
            excess_blob_gas=0,
            parent_beacon_block_root=bytes(32),
            blob=(3, 6, 3338477),
        )
        rows.append(_row(short.name, done, _best(given), asked))
    for name in BLOCKS:
        for found in recorded(name):
            arguments = found.arguments()
            done = _core.run_block(*arguments)
            rows.append(_row(name, done, _best(arguments), opinion_inputs(found.inputs)))
    return table(("block", "Mgas", "ours ms", "EELS ms", "EELS Mgas/s", "EELS / ours"), rows)


def _best(given: tuple[Any, ...]) -> float:
    return min(seconds(lambda: _core.run_block(*given)) for _ in range(9))


def _row(name: str, done: _core.Done | _core.Invalid | _core.Needs, ours: float, asked: Inputs) -> tuple[str, ...]:
    began = time.perf_counter()
    opinion = reexecute(asked)
    theirs = time.perf_counter() - began
    if not isinstance(done, _core.Done) or opinion.state_root != done.state_root:
        raise SystemExit(f"bench: the machines disagree about {name}")
    gas = done.gas_used / 1e6
    return name, f"{gas:.2f}", f"{ours * 1e3:.1f}", f"{theirs * 1e3:.0f}", f"{gas / theirs:.2f}", f"{theirs / ours:.0f}"
