"""Every parser of bytes from outside that is written in Python, each as a function of bytes."""

from __future__ import annotations

import contextlib
import gzip
import json
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import demonstration as demo
from fuzz import chain, settings, tables, traces
from fuzz.engine import Target
from fuzz.mutate import change, edge, mutate_bytes, mutate_json
from fuzz.node import ASKED, FaultyNode, transaction
from rollproof import _core
from rollproof.chain import blocks, claims, config, crosscheck, header, preflight
from rollproof.chain.node import Node
from rollproof.chain.rpc import Limits, Rpc
from rollproof.chain.witness import NodeSource
from rollproof.errors import RollproofError
from rollproof.replay import body, evidence, payload, record
from rollproof.replay.verify import verify_claim
from rollproof.types import Claim, Header, Outcome
from small_chain import Built

if TYPE_CHECKING or sys.version_info < (3, 14):
    from backports import zstd
else:
    from compression import zstd

WHAT = "input"
RESEALED = (
    "resealed"  # source of a record whose headers were changed and hashed anew: it may be a block in its own right
)


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _judge(claim: Claim, preimages: Sequence[bytes] | _core.Preimages, source: Any = None) -> Outcome:
    """A verdict, which never raises; `holds` only for an honest block's hash: mutation finds no other."""
    verdict = verify_claim(
        claim,
        preimages,
        source=source,
        config=chain.configs().get(claim.chain_id),
        max_rounds=8,
        second_opinion="never",
    )
    assert "\n" not in verdict.reason
    assert verdict.outcome is not Outcome.UNKNOWN or verdict.reason, "unknown without a reason"
    assert verdict.outcome is not Outcome.BROKEN or verdict.differences, "broken without a difference"
    if verdict.outcome is Outcome.HOLDS and claim.claimed_hash is not None and claim.source != RESEALED:
        assert claim.claimed_hash in {built.claim.claimed_hash for built in chain.blocks()}, "holds on a wrong claim"
    return verdict.outcome


# --- the record of a block, JSON, plain or gzip-compressed


def _run_record(data: bytes) -> None:
    _judge(*record.read_record(data, WHAT))


def _record(built: Built) -> bytes:
    claim = built.claim
    assert claim.header is not None and claim.parent is not None
    document = {
        "chain_id": claim.chain_id,
        "number": claim.number,
        "source": "lab",
        "claimed_hash": _hex(claim.claimed_hash or b""),
        "header_rlp": _hex(header.encode(claim.header)),
        "transactions": [_hex(raw) for raw in claim.transactions],
        "withdrawals": _withdrawals(claim),
        "parent_header_rlp": _hex(header.encode(claim.parent)),
        "pre_state_root": _hex(claim.parent.state_root),
        "parent_hash": _hex(claim.header.parent_hash),
        "ancestor_headers_rlp": [_hex(header.encode(claim.parent))],
        "block_hashes": [_hex(claim.header.parent_hash)],
        "preimages": {_hex(_core.keccak256(value)): _hex(value) for value in sorted(built.preimages.values())},
    }
    return json.dumps(document).encode()


def _record_of_attributes(built: Built) -> bytes:
    """The same block by its payload attributes, with a rollup configuration."""
    document, claim = json.loads(_record(built)), built.claim
    assert claim.header is not None and claim.header.parent_beacon_block_root is not None
    del document["header_rlp"]
    document["payload_attributes"] = {
        "timestamp": hex(claim.header.timestamp),
        "prevRandao": _hex(claim.header.mix_hash),
        "suggestedFeeRecipient": _hex(claim.header.beneficiary),
        "parentBeaconBlockRoot": _hex(claim.header.parent_beacon_block_root),
        "gasLimit": hex(claim.header.gas_limit),
        "eip1559Params": _hex(claim.header.extra_data[1:9]),
        "minBaseFee": int.from_bytes(claim.header.extra_data[9:17], "big"),
        "noTxPool": True,
        "withdrawals": [],
    }
    document["rollup_config"] = json.loads(_ROLLUP)
    return json.dumps(document).encode()


def _mutate_record(data: bytes, rng: random.Random) -> bytes:
    """Half of the time the headers' fields, hashed anew so that what lies behind the first check is reached."""
    if rng.random() < 0.5:
        return mutate_json(data, rng)
    try:
        document = json.loads(data)
        parent = header.decode(bytes.fromhex(document["parent_header_rlp"][2:]), WHAT).header
        parent = _changed(parent, rng) if rng.random() < 0.7 else parent
        document["parent_header_rlp"] = _hex(header.encode(parent))
        document["pre_state_root"] = _hex(parent.state_root)
        document["parent_hash"] = _hex(header.seal(parent).hash)
        if document.get("header_rlp"):
            own = header.decode(bytes.fromhex(document["header_rlp"][2:]), WHAT).header
            own = replace(own if rng.random() < 0.5 else _changed(own, rng), parent_hash=header.seal(parent).hash)
            document["header_rlp"] = _hex(header.encode(own))
            document["claimed_hash"] = _hex(header.seal(own).hash)
            document["number"] = own.number
        document["source"] = RESEALED
        for name in ("ancestor_headers_rlp", "block_hashes"):
            document.pop(name, None)
        return json.dumps(document).encode()
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError, RollproofError):
        return mutate_json(data, rng)


def _changed(given: Header, rng: random.Random) -> Header:
    """A header with one to three fields at an edge."""
    changes: dict[str, Any] = {}
    for _ in range(rng.randrange(1, 4)):
        name = rng.choice([each.name for each in fields(Header)])
        old = getattr(given, name)
        if isinstance(old, int):
            bits = 256 if name in ("difficulty", "base_fee") else 64
            edges = (0, 1, old + 1, old - 1, old * 2, 2**32, 2**63, 2**64 - 1, 2**bits - 1)
            changes[name] = max(0, min(2**bits - 1, rng.choice(edges)))
        elif isinstance(old, bytes):
            size = rng.randrange(40) if name == "extra_data" else len(old)
            changes[name] = rng.choice((bytes(size), b"\xff" * size, rng.randbytes(size)))
    return replace(given, **changes)


def _withdrawals(claim: Claim) -> list[dict[str, str]] | None:
    if claim.withdrawals is None:
        return None
    return [
        {
            "index": hex(each.index),
            "validatorIndex": hex(each.validator_index),
            "address": _hex(each.address),
            "amount": hex(each.amount),
        }
        for each in claim.withdrawals
    ]


def _seeds_record() -> Sequence[bytes]:
    built = chain.blocks()
    plain = [_record(each) for each in built] + [_record_of_attributes(each) for each in built[-2:]]
    return [*plain, gzip.compress(plain[0], mtime=0)]


# --- the evidence file


def _run_evidence(data: bytes) -> None:
    _judge(*evidence.loads(data, WHAT))


def _seeds_evidence() -> Sequence[bytes]:
    return [evidence.dumps(built.claim, built.preimages) for built in chain.blocks()]


def _mutate_evidence(data: bytes, rng: random.Random) -> bytes:
    """Mostly what is inside the frame: the claim's JSON, the lengths, the preimages."""
    choice = rng.random()
    if choice < 0.1:
        return mutate_bytes(data, rng)
    try:
        content = zstd.ZstdDecompressor().decompress(data, 1 << 24)
    except (zstd.ZstdError, EOFError):
        return mutate_bytes(data, rng)
    at = len(evidence.MAGIC)
    size = int.from_bytes(content[at : at + 4], "little")
    text, rest = content[at + 4 : at + 4 + size], content[at + 4 + size :]
    if choice < 0.6:
        text = mutate_json(text, rng)
    elif choice < 0.9:
        rest = mutate_bytes(rest, rng)
    else:
        return zstd.compress(mutate_bytes(content, rng), level=1)
    return zstd.compress(content[:at] + len(text).to_bytes(4, "little") + text + rest, level=1)


# --- an execution payload or a raw block


def _run_payload(data: bytes) -> None:
    claim = payload.read_payload(data, WHAT)
    for built in chain.blocks():
        if built.claim.header is not None and built.claim.header.parent_hash == claim.parent_hash:
            # A raw block does not say which hash it should have, so a valid one of a mutated header holds by itself.
            claimed = claim.claimed_hash if b"blockHash" in data else None
            _judge(replace(claim, parent=built.claim.parent, claimed_hash=claimed), built.preimages)


def _payload(built: Built) -> dict[str, Any]:
    found = built.claim.header
    assert found is not None
    return {
        "parentHash": _hex(found.parent_hash),
        "feeRecipient": _hex(found.beneficiary),
        "stateRoot": _hex(found.state_root),
        "receiptsRoot": _hex(found.receipts_root),
        "logsBloom": _hex(found.logs_bloom),
        "prevRandao": _hex(found.mix_hash),
        "blockNumber": hex(found.number),
        "gasLimit": hex(found.gas_limit),
        "gasUsed": hex(found.gas_used),
        "timestamp": hex(found.timestamp),
        "extraData": _hex(found.extra_data),
        "baseFeePerGas": hex(found.base_fee or 0),
        "blockHash": _hex(built.claim.claimed_hash or b""),
        "transactions": [_hex(raw) for raw in built.claim.transactions],
        "withdrawals": _withdrawals(built.claim) or [],
        "blobGasUsed": hex(found.blob_gas_used or 0),
        "excessBlobGas": hex(found.excess_blob_gas or 0),
    }


def _seeds_payload() -> Sequence[bytes]:
    seeds: list[Any] = []
    for built in chain.blocks():
        found, inner = built.claim.header, _payload(built)
        assert found is not None and found.parent_beacon_block_root is not None
        if built.claim.withdrawals is None and found.withdrawals_root is not None:
            inner["withdrawalsRoot"] = _hex(found.withdrawals_root)
        beacon = _hex(found.parent_beacon_block_root)
        seeds.append({"executionPayload": inner, "parentBeaconBlockRoot": beacon, "executionRequests": []})
        seeds.append({"method": "engine_newPayloadV4", "params": [inner, [], beacon, []], "id": 1, "jsonrpc": "2.0"})
        items: list[Any] = [
            _core.rlp_decode(header.encode(found)),
            [raw if raw[0] < 0xC0 else _core.rlp_decode(raw) for raw in built.claim.transactions],
            [],
            [_core.rlp_decode(body.encode_withdrawal(each)) for each in built.claim.withdrawals or ()],
        ]
        raw = _core.rlp_encode(items)
        seeds += [{"result": _hex(raw)}, raw, _hex(raw).encode()]
    return [each if isinstance(each, bytes) else json.dumps(each).encode() for each in seeds]


# --- block ranges


def _run_range(data: bytes) -> None:
    span = blocks.parse(data.decode("utf-8", "replace"))
    assert span.at is not None or span.last or 0 <= span.first < span.stop


_RANGES = ("5", "0x5", "1:4", "0x1:0x4", "1:+3", "-3:", "latest", "safe", "finalized", "0x" + "ab" * 32, "0", " 7 ")


def _mutate_range(data: bytes, rng: random.Random) -> bytes:
    if rng.random() < 0.5:
        return b"".join(rng.choice((b"0x", b":", b"+", b"-", b"9", b"18446744073709551616", data)) for _ in range(3))[
            :200
        ]
    return mutate_bytes(data, rng)[:200]


# --- chain configurations

_FORK_TIMES = ("regolith", "canyon", "delta", "ecotone", "fjord", "granite", "holocene", "isthmus", "jovian")
_ROLLUP = json.dumps(
    {
        "genesis": {
            "l1": {"hash": "0x" + "11" * 32, "number": 1},
            "l2": {"hash": "0x" + "22" * 32, "number": 0},
            "l2_time": 1780000000,
            "system_config": {"batcherAddr": "0x" + "33" * 20, "gasLimit": 60000000},
        },
        "block_time": 2,
        "max_sequencer_drift": 600,
        "seq_window_size": 3600,
        "channel_timeout": 300,
        "l1_chain_id": 1337,
        "l2_chain_id": 1338,
        **{f"{name}_time": 0 for name in _FORK_TIMES},
        "batch_inbox_address": "0x" + "44" * 20,
        "chain_op_config": {"eip1559Elasticity": 6, "eip1559Denominator": 50, "eip1559DenominatorCanyon": 250},
    }
)


def _run_config(data: bytes) -> None:
    path = Path(tempfile.gettempdir()) / f"rollproof-fuzz-{id(data)}{'.json' if data[:1] == b'{' else '.toml'}"
    path.write_bytes(data)
    try:
        found = config.from_file(path, family="op" if data[:1] == b"{" else None)
    finally:
        path.unlink()
    for number, timestamp in ((0, 0), (1, 1_780_000_012), (2**64 - 1, 2**64 - 1)):
        fork = found.fork_at(number, timestamp)
        found.blob_schedule(number, timestamp)
        found.base_fee_params(number, timestamp)
        assert fork.runs_as is None or fork.name
    config.compare_eth_config(found, json.loads(_ETH_CONFIG))


def _seeds_config() -> Sequence[bytes]:
    return [demo.ETHEREUM.encode(), demo.OP_STACK.encode(), _ROLLUP.encode()]


def _mutate_config(data: bytes, rng: random.Random) -> bytes:
    if data[:1] == b"{":
        return mutate_json(data, rng)
    lines = data.decode("utf-8", "replace").splitlines()
    edges = (
        "0",
        "-1",
        "18446744073709551616",
        "1.5",
        "nan",
        '"0x"',
        '"x"',
        "[]",
        "[1, 2]",
        "{}",
        "2026-01-01",
        "true",
        "{a = 1}",
    )
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(lines) or 1)
        choice = rng.randrange(5)
        if choice == 0 and lines:
            del lines[at]
        elif choice == 1 and lines:
            lines.insert(rng.randrange(len(lines)), lines[at])
        elif choice == 2 and lines and "=" in lines[at]:
            lines[at] = lines[at].split("=")[0] + "= " + rng.choice(edges)
        elif choice == 3:
            name = rng.choice(
                ("paris", "osaka", "bpo1", "bpo9", "jovian", "glamsterdam", "canyon", "as_of", "deposit_contract")
            )
            lines.insert(at, f"{name} = {rng.choice(edges)}")
        else:
            lines.insert(at, rng.choice(("[blocks]", "[times]", "[blobs]", "[x]", "a.b.c = 1", "[" * 3000)))
    text = "\n".join(lines).encode("utf-8", "surrogatepass")
    return mutate_bytes(text, rng) if rng.random() < 0.1 else text


# --- what nodes answer

_ETH_CONFIG = json.dumps(
    {
        "current": {
            "activationTime": 0,
            "blobSchedule": {"target": 6, "max": 9, "baseFeeUpdateFraction": 5007716},
            "chainId": "0x539",
            "forkId": "0x00000000",
            "precompiles": {"ECREC": "0x0000000000000000000000000000000000000001"},
            "systemContracts": {"BEACON_ROOTS_ADDRESS": "0x000f3df6d732807ef1319fb7b8bb8522d0beac02"},
        },
        "next": None,
        "last": None,
    }
)


def _run_eth_config(data: bytes) -> None:
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        return
    for found in chain.configs().values():
        with contextlib.suppress(RollproofError):
            config.compare_eth_config(found, answer)


_NO_WAIT = Limits(attempts=2, backoff=0.0, longest_wait=0.0, batch=4)


def _run_rpc(data: bytes) -> None:
    """From the chain id to the verdict over a node whose answers carry faults.

    However it lies: it is an error that names it or `unknown`, never `broken`, for the block itself is pinned by hash.
    """
    try:
        faults = json.loads(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(faults, list) or not faults or not isinstance(faults[0], int):
        return
    choice = faults[0] % (4 * len(chain.blocks()))
    built = chain.blocks()[choice // 4]
    with Rpc(_Never(), limits=_NO_WAIT, sleep=lambda _: None) as rpc:
        rpc._shared.endpoint = FaultyNode(built, faults[1:], offers=choice % 4)
        node = Node(rpc)
        chain_id = node.chain_id()
        block = node.block(built.claim.claimed_hash or b"")
        parent = node.header(block.header.parent_hash)
        source = NodeSource([node], block, parent, budget=1 << 10)
        claim = claims._claim(chain_id, block, parent, source.label)
        outcome = _judge(claim, source.begin(), source)
        if chain_id == built.claim.chain_id:
            assert outcome is not Outcome.BROKEN, "a lying node became a broken block"
        source.receipts()
        crosscheck.receipts([node], block)
        answer = node.config()
        if answer is not None:
            config.compare_eth_config(chain.configs()[built.claim.chain_id], answer)
        str(preflight.preflight(node))


class _Never:
    def make_request(self, method: str, params: Any, /) -> Any:
        raise AssertionError(f"{method} went past the faulty endpoint")


def _seeds_rpc() -> Sequence[bytes]:
    return [json.dumps([choice]).encode() for choice in range(4 * len(chain.blocks()))]


def _mutate_rpc(data: bytes, rng: random.Random) -> bytes:
    """Adds, changes and removes faults; the values are edges or pieces of honest answers, changed."""
    try:
        faults = json.loads(data)
    except (ValueError, RecursionError):
        faults = [0]
    if not isinstance(faults, list) or not faults or not isinstance(faults[0], int):
        faults = [0]
    if rng.random() < 0.1:
        faults[0] = rng.randrange(4 * len(chain.blocks()))
    if len(faults) > 1 and rng.random() < 0.3:
        del faults[rng.randrange(1, len(faults))]
    for _ in range(rng.randrange(1, 3)):
        choice = rng.random()
        value: Any
        if choice < 0.4:
            value = edge(rng)
        elif choice < 0.5:
            value = {"drop": True}
        elif choice < 0.6:
            value = {
                "raw": rng.choice(
                    ("", "{", "null", "[]", "1e999", '{"id": 0}', '{"error": 1, "id": 0}', "<html>", "[" * 5000)
                )
            }
        elif choice < 0.65:
            code = rng.choice((-32601, -32000, -32005, 4444, 429, 0, 2**70))
            message = rng.choice(
                ("not found", "missing trie node", "rate limit", "batch too large", "pruned", "x" * 4000, "")
            )
            value = {"jsonrpc": "2.0", "id": 0, "error": {"code": code, "message": message}}
        else:
            value = change(json.loads(rng.choice(_pieces())), rng)
        at = rng.randrange(16 if rng.random() < 0.8 else ASKED)
        faults.append([at, [rng.randrange(64) for _ in range(rng.randrange(7))], value])
    try:
        return json.dumps(faults[:12]).encode("utf-8", "surrogatepass")
    except RecursionError:  # nested on top of nested
        return data


@cache
def _pieces() -> tuple[str, ...]:
    """Honest answers to change: transactions, proofs, blocks."""
    pieces: list[Any] = []
    for built in chain.blocks():
        node = FaultyNode(built, [], offers=3)
        pieces += [transaction(raw) for raw in built.claim.transactions]
        pieces += node._eth_getBlockReceipts(None)
        pieces.append(node._eth_getBlockByNumber("latest", True))
        pieces.append(node._eth_getProof(_hex(built.done.touched[0][0]), [], None))
        pieces.append(node._debug_executionWitness("0x1"))
    return tuple(json.dumps(piece) for piece in pieces)


TARGETS = (
    Target("record", _run_record, _seeds_record, _mutate_record),
    Target("evidence", _run_evidence, _seeds_evidence, _mutate_evidence),
    Target("payload", _run_payload, _seeds_payload, mutate_json),
    Target("range", _run_range, lambda: [text.encode() for text in _RANGES], _mutate_range),
    Target("config", _run_config, _seeds_config, _mutate_config),
    Target("eth_config", _run_eth_config, lambda: [_ETH_CONFIG.encode()], mutate_json),
    Target("rpc", _run_rpc, _seeds_rpc, _mutate_rpc),
    Target("trace", traces.run_trace, traces.seeds_trace, traces.mutate_trace),
    Target("protocols", traces.run_table, traces.seeds_table, traces.mutate_table),
    Target("positions", tables.run_positions, tables.seeds_positions, tables.mutate_cells),
    Target("settings", settings.run_settings, settings.seeds_settings, settings.mutate_settings),
)
