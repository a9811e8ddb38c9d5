"""The trace of real blocks against what is independently known of them: receipts' logs and the state's changes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

import rollproof as rp
from rollproof import _core
from rollproof.replay import sources
from rollproof.replay.draft import Draft
from rollproof.replay.execute import run
from rollproof.replay.judge import judge
from rollproof.replay.trace import Kind, Trace

BLOCKS = [
    "eth-mainnet-4370000",
    "eth-mainnet-15050000",
    "eth-mainnet-21230867",
    "op-mainnet-109279679",
    "op-mainnet-132796000",
    "op-sepolia-26207962",
    "base-sepolia-37312300",
]


def traced(path: Path) -> tuple[_core.Done, Trace]:
    claim, preimages = sources.read(path)
    assert isinstance(preimages, _core.Preimages)
    _, _, inputs = judge(Draft(claim, {}), preimages, None, None, 1)
    assert inputs is not None
    done = run(inputs, None, 1, trace=True)
    assert isinstance(done, _core.Done)
    assert done.trace is not None
    return done, Trace(done.trace)


@pytest.fixture(params=BLOCKS)
def block(request: pytest.FixtureRequest, shared_data: Path) -> tuple[_core.Done, Trace]:
    return traced(shared_data / "blocks" / f"{request.param}.json.gz")


def test_a_file_is_traced_in_one_call(shared_data: Path) -> None:
    path = shared_data / "blocks" / "eth-mainnet-21230867.json.gz"
    frames = rp.trace(path).frames
    assert len({frame.transaction for frame in frames if frame.transaction is not None}) == 67
    with pytest.raises(rp.RollproofError, match="no-such-file"):
        rp.trace(path.with_name("no-such-file.json.gz"))


def test_surviving_logs_are_the_receipts_logs(block: tuple[_core.Done, Trace]) -> None:
    done, trace = block
    survived: dict[int, list[tuple[bytes, list[bytes], int]]] = {}
    for log in trace.logs:
        transaction = trace.transaction_of(log.frame)
        if transaction is not None and not trace.reverted(log.frame):
            survived.setdefault(transaction, []).append((log.address, list(log.topics), log.data_length))
    for index, outcome in enumerate(done.outcomes):
        logs = [(address, topics, len(data)) for address, topics, data in outcome["logs"]]
        assert survived.get(index, []) == logs


def test_the_last_surviving_write_is_the_slots_value(block: tuple[_core.Done, Trace]) -> None:
    done, trace = block
    last: dict[tuple[bytes, bytes], int] = {}
    targets = [frame.target for frame in trace.frames]
    for access in trace.accesses:
        if access.write and not access.transient and not trace.reverted(access.frame):
            last[targets[access.frame], access.slot] = access.value
    changed = {
        (address, slot): after
        for address, _, post, slots in done.changes
        for slot, _, after in slots
        if post is not None
    }
    assert changed
    assert changed.items() <= last.items()


def test_a_read_sees_the_last_surviving_or_pending_write(block: tuple[_core.Done, Trace]) -> None:
    """Within one frame nothing but the frame's own calls can come between a write and a read of the same slot."""
    _, trace = block
    alone: dict[tuple[int, bytes], tuple[int, int]] = {}
    calls = {frame.parent: frame.order for frame in trace.frames if frame.parent is not None}
    compared = 0
    for access in trace.accesses:
        if access.transient:
            continue
        key = (access.frame, access.slot)
        known = alone.get(key)
        if known is not None and calls.get(access.frame, -1) < known[0]:
            assert (access.before if access.write else access.value) == known[1]
            compared += 1
        alone[key] = (access.order, access.value)
    assert compared > 0 or len(trace.accesses) < 50


def test_frames_nest_and_every_transaction_has_one_on_top(block: tuple[_core.Done, Trace]) -> None:
    done, trace = block
    tops: dict[int, int] = {}
    for frame in trace.frames:
        if frame.parent is None:
            assert frame.depth == 0
            if frame.transaction is not None:
                tops[frame.transaction] = tops.get(frame.transaction, 0) + 1
                outcome = done.outcomes[frame.transaction]
                assert frame.caller == outcome["sender"]
                assert frame.success == bool(outcome["status"])
                assert frame.target == (outcome["created"] or outcome["to"] or frame.target)
        else:
            parent = trace.frames[frame.parent]
            assert frame.depth == parent.depth + 1
            assert frame.order > parent.order
            assert frame.transaction == parent.transaction
            if frame.kind is not Kind.DELEGATECALL:
                assert frame.caller == parent.target
    assert tops == dict.fromkeys(range(len(done.outcomes)), 1)


def test_opcode_counts_are_the_recorded_ones(shared_data: Path) -> None:
    """SLOAD and SSTORE counts of another executor, recorded beside the blocks."""
    recorded = {entry["file"]: entry for entry in json.loads((shared_data / "blocks" / "manifest.json").read_text())}
    for name in BLOCKS:
        file = f"{name}.json.gz"
        claim = json.loads(gzip.decompress((shared_data / "blocks" / file).read_bytes()))
        assert claim["number"] == recorded[file]["number"]
        _, trace = traced(shared_data / "blocks" / file)
        counts = recorded[file]["opcodes"]
        kinds = trace.column("access_write")
        reads, writes = kinds.count(0), kinds.count(1)
        # Ours leave out the few instructions that ran out of gas, theirs count an instruction when it starts; system
        # calls (which may be counted on one side only) touch two slots each.
        assert counts.get("SLOAD", 0) - 12 <= reads <= counts.get("SLOAD", 0) + 12
        assert counts.get("SSTORE", 0) - 12 <= writes <= counts.get("SSTORE", 0) + 12
