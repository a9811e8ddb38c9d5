"""What the Rust targets begin with, in the layouts that rust/fuzz/src reads: from the lab's and from recorded blocks.

A witness is written with its references replaced by the number of the value referred to, see rust/fuzz/src/seal.rs.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from fuzz import chain
from rollproof import _core
from rollproof.chain.header import encode
from rollproof.errors import RollproofError
from rollproof.replay import execute, judge, record
from rollproof.replay.draft import Draft
from rollproof.replay.execute import Inputs
from small_chain import Built

TARGETS = ("rlp", "trie", "witness", "transaction", "header", "block")
LARGEST = 160_000  # bytes of a block that is worth mutating whole
MOST_GAS = 3_000_000  # as rust/fuzz/src/block.rs
_MARKER = b"\xee" * 28
_FORKS = (  # noqa: SIM905
    "frontier homestead tangerine_whistle spurious_dragon byzantium petersburg istanbul berlin london paris shanghai "
    "cancun prague osaka bedrock regolith canyon ecotone fjord granite isthmus jovian"
).split()


def write(directory: Path, recorded: Path | None) -> int:
    """Writes ``directory/TARGET/*``; returns how many. ``recorded``: the recorded blocks, where they are there."""
    count = 0
    for target, inputs in _all(recorded).items():
        (directory / target).mkdir(parents=True, exist_ok=True)
        for data in inputs:
            (directory / target / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
            count += 1
    return count


def _all(recorded: Path | None) -> Mapping[str, list[bytes]]:
    out: dict[str, list[bytes]] = {target: [] for target in TARGETS}
    rng = random.Random(0)
    out["trie"] = [rng.randbytes(size) for size in (16, 64, 256, 1024, 4096)]
    for inputs in (*map(_inputs, chain.blocks()), *_recorded(recorded)):
        values = sorted(inputs.preimages.values())
        out["transaction"] += inputs.transactions
        out["rlp"] += [*inputs.transactions[:4], *rng.sample(values, min(8, len(values))), encode(inputs.env)]
        unsealed, place = _unseal(values)
        block = _block(inputs, unsealed, place)
        if len(block) <= LARGEST and inputs.env.gas_used <= MOST_GAS:
            out["block"].append(block)
        paths = b"".join(
            bytes([number % 4]) + _core.keccak256(address) for number, (address, _) in enumerate(_touched(inputs)[:40])
        )
        below, _ = _unseal(values, root=inputs.pre_state_root)
        witness = _witness(below)
        if len(witness) <= LARGEST:
            out["witness"].append(witness + paths)
        headers = [value for value in values if value[:1] >= b"\xf9" and len(value) > 500 and value[3:4] == b"\xa0"]
        headers += [encode(inputs.parent)] if inputs.parent is not None else []
        if headers:
            written = _witness(_unseal(headers)[0])
            out["header"].append(inputs.env.number.to_bytes(8, "little") + written + bytes(range(1, 64)))
    return out


def _inputs(built: Built) -> Inputs:
    claim = built.claim
    assert claim.header is not None and claim.parent is not None
    config = chain.configs()[claim.chain_id]
    return Inputs(
        config=config,
        fork=config.require_fork_at(claim.number, claim.header.timestamp),
        env=claim.header,
        parent=claim.parent,
        pre_state_root=claim.parent.state_root,
        transactions=claim.transactions,
        withdrawals=claim.withdrawals,
        block_hashes={},
        preimages=built.preimages,
    )


def _recorded(directory: Path | None) -> Iterator[Inputs]:
    """The inputs of recorded blocks whose file is small: what is large is not worth mutating."""
    for path in sorted(directory.glob("*.json.gz")) if directory is not None else ():
        if path.stat().st_size > 250_000:
            continue
        try:
            claim, values = record.read_record(path.read_bytes(), path.name)
            preimages = _core.Preimages()
            preimages.add(values)
            _, _, inputs = judge.judge(Draft(claim), preimages, None, None, 1)
        except RollproofError:
            continue
        if inputs is not None:
            used = _used(inputs)
            yield replace(inputs, preimages=used) if used is not None else inputs


def _used(inputs: Inputs) -> _core.Preimages | None:
    """Only what the run reads, found by asking for it: the block made small."""
    kept = _core.Preimages()
    for _ in range(500):
        result = execute.run(replace(inputs, preimages=kept), None, 1)
        if not isinstance(result, _core.Needs):
            return kept
        wanted = [code for _, code in result.codes] + [block for _, block in result.headers]
        wanted += [node for _, _, node in result.nodes]
        state = _core.State(inputs.preimages, inputs.pre_state_root)
        found = [value for value in map(inputs.preimages.get, wanted) if value is not None]
        try:
            for address in result.accounts:
                found += state.prove(address)
            for address, slot in result.slots:
                found += [*state.prove(address), *state.prove(address, slot)]
        except _core.Missing:
            return None
        if kept.add(found) == 0:
            return None
    return None


def _touched(inputs: Inputs) -> Sequence[tuple[bytes, list[bytes]]]:
    result = execute.run(inputs, None, 1)
    return result.touched if isinstance(result, _core.Done) else []


def _unseal(values: Sequence[bytes], root: bytes | None = None) -> tuple[list[bytes], dict[bytes, int]]:
    """The values with references as markers, referred-to ones first; ``root`` (and what it needs) alone and last."""
    by_hash = {_core.keccak256(value): value for value in values}
    place: dict[bytes, int] = {}
    out: list[bytes] = []

    def references(value: bytes) -> list[tuple[int, bytes]]:
        windows = ((at, value[at : at + 32]) for at in range(len(value) - 31))
        return [(at, window) for at, window in windows if window in by_hash]

    def visit(wanted: bytes) -> None:
        if wanted in place:
            return
        found = references(by_hash[wanted])
        for _, reference in found:
            visit(reference)
        written = bytearray(by_hash[wanted])
        for at, reference in found:
            written[at : at + 32] = _mark(place[reference])
        place[wanted] = len(out)
        out.append(bytes(written))

    for each in by_hash if root is None else [root] * (root in by_hash):
        visit(each)
    return out, place


def _mark(index: int) -> bytes:
    return _MARKER + index.to_bytes(4, "little")


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little") + data


def _witness(unsealed: Sequence[bytes]) -> bytes:
    return len(unsealed).to_bytes(2, "little") + b"".join(map(_sized, unsealed))


def _block(inputs: Inputs, unsealed: Sequence[bytes], place: Mapping[bytes, int]) -> bytes:
    env, rules = inputs.env, execute.arguments(inputs)
    target, most, fraction = rules["blob"] or (0, 0, 0)
    listed = inputs.withdrawals if rules["family"] == "ethereum" else None
    present = (
        rules["blob"] is not None, rules["dao"], rules["create2_deployer"], rules["deposit_contract"] is not None,
        env.base_fee is not None, env.excess_blob_gas is not None, env.parent_beacon_block_root is not None,
        listed is not None,
    )  # fmt: skip

    def word(value: bytes) -> bytes:
        return _mark(place[value]) if value in place else value

    def number(value: int, size: int = 8) -> bytes:
        return value.to_bytes(size, "little")

    fork = rules["fork"] if rules["fork"] != "holocene" else "granite"  # execute alike
    return b"".join(
        (
            bytes([_FORKS.index(fork), sum(bit << index for index, bit in enumerate(present))]),
            number(rules["chain_id"]),
            number(target, 2) + number(most, 2) + number(fraction, 4),
            number(rules["block_reward"]),
            rules["deposit_contract"] or bytes(20),
            number(env.number) + number(env.timestamp) + number(env.gas_limit),
            env.beneficiary + word(env.parent_hash) + env.difficulty.to_bytes(32, "big") + env.mix_hash,
            number(env.base_fee or 0) + number(env.excess_blob_gas or 0),
            env.parent_beacon_block_root or bytes(32),
            b"\0",
            word(inputs.pre_state_root),
            bytes([len(inputs.transactions)]) + b"".join(map(_sized, inputs.transactions))
            if len(inputs.transactions) < 256
            else b"\0",
            bytes([min(255, len(listed or ()))]),
            *(
                number(each.index) + number(each.validator_index) + each.address + number(each.amount)
                for each in (listed or ())[:255]
            ),
            _witness(unsealed),
        )
    )


def describe(directory: Path) -> str:
    """How many inputs each target begins with, as one JSON line."""
    return json.dumps({target: len(list((directory / target).glob("*"))) for target in TARGETS})
