"""EELS with our OP Stack rules reproduces real blocks: by block hash, or by every field that the record has."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from first_machine import first_machine
from rollproof import _core
from rollproof.replay.second_opinion import Inputs, Opinion, available, compare, contradicts, reexecute

pytestmark = [
    pytest.mark.eels,
    pytest.mark.slow,
    pytest.mark.skipif(not available(), reason="EELS is not installed: pip install 'rollproof[eels]'"),
]

CHEAP = [
    "eth-mainnet-1150000",  # Homestead
    "eth-mainnet-1920000",  # the DAO fork's block
    "eth-mainnet-2463000",  # Tangerine Whistle, empty
    "eth-mainnet-4370000",  # Byzantium's first
    "eth-mainnet-23587691",  # Prague
    "op-mainnet-109279688",  # Regolith
    "op-sepolia-26207960",  # Holocene
    "unichain-10211000",  # Holocene
    "base-sepolia-37312300",  # Jovian
]
EMPTY_OMMERS = bytes.fromhex("1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347")
BLOB = {"cancun": (3, 6, 3338477), "prague": (6, 9, 5007716)}
REWARD = {"homestead": 5, "tangerine_whistle": 5, "byzantium": 3, "london": 2}
DEPOSIT_CONTRACT = {
    1: "00000000219ab540356cbb839cbe05303d7705fa",
    560048: "00000000219ab540356cbb839cbe05303d7705fa",
    17000: "4242424242424242424242424242424242424242",
}


def unhex(value: str) -> bytes:
    return bytes.fromhex(value.removeprefix("0x"))


def number(value: Any) -> int:
    return int(value, 16) if isinstance(value, str) else int(value)


def header_fields(encoded: str) -> list[bytes]:
    from ethereum_rlp import rlp

    fields = rlp.decode(unhex(encoded))
    assert isinstance(fields, list | tuple)
    return [bytes(field) for field in fields if isinstance(field, bytes)]


def uint(value: bytes) -> int:
    return int.from_bytes(value, "big")


def base_fee(parent: list[bytes], denominator: int, elasticity: int, minimum: int = 0) -> int:
    """EIP-1559 with the parameters that the OP Stack block's parent has in its extra data."""
    fee, limit, used = uint(parent[15]), uint(parent[9]), uint(parent[10])
    if minimum:
        used = max(used, uint(parent[17]))
    target = limit // elasticity
    if used > target:
        fee += max(fee * (used - target) // target // denominator, 1)
    else:
        fee -= fee * (target - used) // target // denominator
    return max(fee, minimum)


class Recorded:
    """One file of ../shared/data/blocks and its entry in the manifest."""

    def __init__(self, directory: Path, name: str) -> None:
        self.record: dict[str, Any] = json.loads(gzip.decompress((directory / f"{name}.json.gz").read_bytes()))
        manifest = json.loads((directory / "manifest.json").read_text())
        self.entry = next(entry for entry in manifest if entry["file"] == f"{name}.json.gz")
        below, _, above = self.entry["fork"].partition("/")
        self.family = "op" if above else "ethereum"
        self.fork: str = above or {"dao_fork": "homestead", "gray_glacier": "london"}.get(below, below)
        self.parent = self.record["parent_header_rlp"] and header_fields(self.record["parent_header_rlp"])

    def environment(self) -> dict[str, Any]:
        """What the header gives to execution; without one, from the attributes and the parent."""
        if self.record["header_rlp"]:
            fields = header_fields(self.record["header_rlp"])
            environment: dict[str, Any] = {
                "number": uint(fields[8]),
                "timestamp": uint(fields[11]),
                "gas_limit": uint(fields[9]),
                "beneficiary": fields[2],
                "parent_hash": fields[0],
                "difficulty": uint(fields[7]),
                "prev_randao": fields[13],
            }
            later = {15: "base_fee", 18: "excess_blob_gas", 19: "parent_beacon_block_root"}
            for position, name in later.items():
                if len(fields) > position:
                    environment[name] = fields[position] if position == 19 else uint(fields[position])
            return environment
        attributes = self.record["payload_attributes"]
        extra = self.parent[12]
        minimum = uint(extra[9:17]) if self.fork == "jovian" else 0
        return {
            "number": self.record["number"],
            "timestamp": number(attributes["timestamp"]),
            "gas_limit": number(attributes["gasLimit"]),
            "beneficiary": unhex(attributes["suggestedFeeRecipient"]),
            "parent_hash": unhex(self.record["parent_hash"]),
            "prev_randao": unhex(attributes["prevRandao"]),
            "parent_beacon_block_root": unhex(attributes["parentBeaconBlockRoot"]),
            "excess_blob_gas": 0,
            "base_fee": base_fee(self.parent, uint(extra[1:5]), uint(extra[5:9]), minimum),
        }

    def inputs(self) -> Inputs:
        """The block as the second machine takes it."""
        from ethereum.crypto.hash import keccak256

        record = self.record
        preimages = {unhex(digest): unhex(value) for digest, value in record["preimages"].items()}
        parent = [record["parent_header_rlp"]] if self.parent else []
        for header in [*parent, *record["ancestor_headers_rlp"]]:
            preimages[bytes(keccak256(unhex(header)))] = unhex(header)
        withdrawals = record["withdrawals"]
        contract = DEPOSIT_CONTRACT.get(record["chain_id"])
        listed = record["block_hashes"]
        return Inputs(
            family=self.family,
            chain_id=record["chain_id"],
            fork=self.fork,
            parent_state_root=self.parent[3] if self.parent else unhex(record["pre_state_root"]),
            transactions=tuple(map(unhex, record["transactions"])),
            preimages=preimages,
            withdrawals=None
            if withdrawals is None
            else tuple(
                (number(w["index"]), number(w["validatorIndex"]), unhex(w["address"]), number(w["amount"]))
                for w in withdrawals
            ),
            block_hashes={record["number"] - 1 - i: unhex(hash_) for i, hash_ in enumerate(listed)},
            blob=BLOB.get(self.fork),
            block_reward=REWARD.get(self.fork, 0) * 10**18,
            dao=self.entry["fork"] == "dao_fork",
            deposit_contract=unhex(contract) if contract else None,
            **self.environment(),
        )

    def header(self, opinion: Opinion, inputs: Inputs) -> list[bytes]:
        """The block's header from what was computed and what the record gives."""
        if self.record["header_rlp"]:
            fields = header_fields(self.record["header_rlp"])
        else:
            extra = b"\0" + unhex(self.record["payload_attributes"]["eip1559Params"])
            fields = [b""] * 20
            fields[0:3] = [inputs.parent_hash, EMPTY_OMMERS, inputs.beneficiary]
            fields[8:10] = [minimal(inputs.number), minimal(inputs.gas_limit)]
            fields[11:16] = [
                minimal(inputs.timestamp),
                extra,
                inputs.prev_randao,
                bytes(8),
                minimal(inputs.base_fee or 0),
            ]
            fields[19] = inputs.parent_beacon_block_root or b""
        fields[3:7] = [opinion.state_root, opinion.transactions_root, opinion.receipts_root, opinion.logs_bloom]
        fields[10] = minimal(opinion.gas_used)
        computed = {16: opinion.withdrawals_root, 17: minimal(opinion.blob_gas_used), 20: opinion.requests_hash}
        for position, value in computed.items():
            if position < len(fields):
                assert value is not None
                fields[position] = value
        return fields


def minimal(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def check(directory: Path, name: str) -> Opinion:
    """Executes a recorded block and holds it against everything that is known of it."""
    from ethereum.crypto.hash import keccak256
    from ethereum_rlp import rlp

    recorded = Recorded(directory, name)
    inputs = recorded.inputs()
    opinion = reexecute(inputs)
    assert opinion.computed, opinion
    entry = recorded.entry
    assert [executed.gas_used for executed in opinion.transactions] == entry.get("per_tx_gas", [])
    assert opinion.gas_used == entry["gas_used"]
    if entry["state_root"]:  # null where a claimed header has it
        assert opinion.state_root == unhex(entry["state_root"])
        assert opinion.receipts_root == unhex(entry["receipts_root"])
    if recorded.record["claimed_hash"]:
        sealed = keccak256(rlp.encode(recorded.header(opinion, inputs)))
        assert sealed.hex() == recorded.record["claimed_hash"].removeprefix("0x")
    else:
        claimed = recorded.record["header"]
        assert opinion.transactions_root == unhex(claimed["transactionsRoot"])
        assert opinion.logs_bloom == unhex(claimed["logsBloom"])
        assert opinion.withdrawals_root == unhex(claimed["withdrawalsRoot"])
        assert inputs.base_fee == number(claimed["baseFeePerGas"])
    return opinion


@pytest.mark.parametrize("name", CHEAP)
def test_the_two_machines_agree(shared_data: Path, name: str) -> None:
    inputs = Recorded(shared_data / "blocks", name).inputs()
    first = first_machine(inputs)
    assert isinstance(first, _core.Done)
    assert compare(first, reexecute(inputs)) == ()
    fewer = replace(inputs, transactions=inputs.transactions[:-1], timestamp=inputs.timestamp + 1)
    opinion = reexecute(fewer)
    if opinion.computed:  # a block that never was: nobody recorded what the two must find
        again = first_machine(fewer)
        assert isinstance(again, _core.Done)
        assert compare(again, opinion) == ()
        assert not inputs.transactions or compare(first, opinion)


@pytest.mark.parametrize("name", CHEAP)
def test_reproduces_the_recorded_block(shared_data: Path, name: str) -> None:
    check(shared_data / "blocks", name)


def test_a_wrong_rule_or_environment_does_not_reproduce_the_block(shared_data: Path) -> None:
    recorded = Recorded(shared_data / "blocks", "op-sepolia-26207960")
    inputs, claimed = recorded.inputs(), unhex(recorded.entry["state_root"])
    assert inputs.base_fee is not None
    later = replace(inputs, base_fee=inputs.base_fee + 1)
    for wrong in (later, replace(inputs, beneficiary=b"\1" * 20), replace(inputs, timestamp=inputs.timestamp + 1)):
        opinion = reexecute(wrong)
        if opinion.computed:
            (found,) = contradicts({"state_root": claimed}, opinion)
            assert found.key == "state_root"
        else:
            assert opinion.missing
    dropped = reexecute(replace(inputs, transactions=inputs.transactions[:-1]))
    assert dropped.computed
    assert contradicts({"state_root": claimed}, dropped)
    swapped = reexecute(replace(inputs, transactions=(*inputs.transactions[1:], inputs.transactions[0])))
    assert contradicts({"state_root": claimed}, swapped)  # its fees were those of the block before


def test_every_preimage_that_was_used_is_needed(shared_data: Path) -> None:
    recorded = Recorded(shared_data / "blocks", "op-mainnet-109279688")
    inputs = recorded.inputs()
    asked: set[bytes] = set()

    class Asked(dict[bytes, bytes]):
        def get(self, key: bytes, default: Any = None) -> Any:
            asked.add(key)
            return super().get(key, default)

    whole = reexecute(replace(inputs, preimages=Asked(inputs.preimages)))
    assert whole.computed
    used = sorted(asked & inputs.preimages.keys())
    assert len(used) > 200
    codes = 0
    for digest in used[:: len(used) // 25]:
        without = {key: value for key, value in inputs.preimages.items() if key != digest}
        opinion = reexecute(replace(inputs, preimages=without))
        # A code may be looked up for an account whose code is not executed: then nothing may change.
        codes += opinion.computed
        assert replace(opinion, seconds=0.0) == replace(whole, seconds=0.0) or digest.hex() in (opinion.missing or "")
    assert codes < 10
