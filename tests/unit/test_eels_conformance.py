"""Execution Spec Tests through our state, trie and block loop: the first block of a selection of blockchain tests.

The EVM is EELS's own, so what these hold against the fixtures is what is ours: the witness-backed state, the partial
trie, the fork table, the block's constants and the order of its parts. The pre-state's preimages are made by EELS's
full trie, not by ours.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eels_preimages import Preimages
from first_machine import first_machine
from rollproof import _core
from rollproof.replay.second_opinion import Inputs, available, compare, contradicts, reexecute

pytestmark = [
    pytest.mark.eels,
    pytest.mark.slow,
    pytest.mark.skipif(not available(), reason="EELS is not installed: pip install 'rollproof[eels]'"),
]

# The fixtures hold nothing of Tangerine Whistle and Spurious Dragon.
ARCHIVE = "eest-v5.4.0-blockchain_tests.tar.xz"
FORKS = {
    "Frontier": "frontier",
    "Homestead": "homestead",
    "Byzantium": "byzantium",
    "ConstantinopleFix": "petersburg",
    "Istanbul": "istanbul",
    "Berlin": "berlin",
    "London": "london",
    "Paris": "paris",
    "Shanghai": "shanghai",
    "Cancun": "cancun",
    "Prague": "prague",
    "Osaka": "osaka",
    "BPO1": "osaka",
    "BPO2": "osaka",
    "BPO3": "osaka",
    "BPO4": "osaka",
}
ETHER = 10**18
DEPOSIT_CONTRACT = bytes.fromhex("00000000219ab540356cbb839cbe05303d7705fa")
REWARD = dict.fromkeys(("frontier", "homestead"), 5 * ETHER)
REWARD |= {"byzantium": 3 * ETHER} | dict.fromkeys(("petersburg", "istanbul", "berlin", "london"), 2 * ETHER)

# Small files that cross every fork, and between them creation, collision, self-destruction, transient storage,
# storage deletion, empty accounts, refunds, blobs, withdrawals, requests, delegation and system calls.
SELECTED = (
    "frontier/opcodes/test_cover_revert",
    "frontier/opcodes/test_double_kill",
    "frontier/opcodes/test_value_transfer_gas_calculation",
    "frontier/create/test_create_deposit_oog",
    "frontier/create/test_create_suicide_store",
    "frontier/examples/test_block_intermediate_state",
    "frontier/touch/test_zero_gas_price_and_touching",
    "frontier/validation/test_tx_gas_limit",
    "homestead/coverage/test_coverage",
    "constantinople/eip1014_create2/test_recreate",
    "berlin/eip2930_access_list/test_eip2930_tx_validity",
    "london/eip1559_fee_market_change/test_eip1559_tx_validity",
    "paris/eip7610_create_collision",
    "paris/security/test_tx_selfdestruct_balance_bug",
    "shanghai/eip3651_warm_coinbase/test_warm_coinbase_gas_usage",
    "shanghai/eip4895_withdrawals",
    "cancun/eip1153_tstore/test_tload_calls",
    "cancun/eip4788_beacon_root/test_beacon_root_selfdestruct",
    "cancun/eip4844_blobs/test_blobhash_multiple_txs_in_block",
    "cancun/eip4844_blobs/test_invalid_tx_max_fee_per_blob_gas",
    "cancun/eip6780_selfdestruct/test_selfdestruct_created_in_same_tx_with_revert",
    "prague/eip6110_deposits",
    "prague/eip7002_el_triggerable_withdrawals/test_eip_7002",
    "prague/eip7251_consolidations/test_eip_7251",
    "prague/eip7623_increase_calldata_cost",
    "prague/eip7702_set_code_tx/test_delegation_clearing",
    "prague/eip7702_set_code_tx/test_nonce_validity",
    "prague/eip7702_set_code_tx/test_set_code_to_self_destruct",
    "osaka/eip7918_blob_reserve_price",
    "osaka/eip7939_count_leading_zeros",
)


def unhex(value: str) -> bytes:
    return bytes.fromhex(value.removeprefix("0x"))


def fork_at(network: str, timestamp: int, number: int) -> tuple[str, str]:
    """(our fork, its name in the fixture) of a block of ``network``, which may be a transition."""
    before, _, rest = network.partition("To")
    if rest:
        after, _, at = rest.partition("At")
        moment = int(at.removeprefix("Time").removeprefix("Block").replace("k", "000"))
        before = after if (timestamp if at.startswith("Time") else number) >= moment else before
    return FORKS[before], before


def accounts(pre: dict[str, Any]) -> dict[bytes, tuple[int, int, bytes, dict[int, int]]]:
    """A fixture's state as Preimages takes it."""
    return {
        unhex(address): (
            int(account["nonce"], 16),
            int(account["balance"], 16),
            unhex(account["code"]),
            {int(slot, 16): int(value, 16) for slot, value in account["storage"].items()},
        )
        for address, account in pre.items()
    }


def inputs_of(test: dict[str, Any], block: dict[str, Any], preimages: Preimages) -> tuple[Inputs, dict[str, Any]]:
    """The first block as the second machine takes it, and its header's fields by our names."""
    from ethereum_rlp import rlp

    decoded: Any = rlp.decode(unhex(block["rlp"]))
    header, transactions = decoded[0], decoded[1]
    number = [int.from_bytes(field, "big") for field in header]
    fork, named = fork_at(test["network"], number[11], number[8])
    root = preimages.state(accounts(test["pre"]))
    assert root == unhex(test["genesisBlockHeader"]["stateRoot"])
    genesis: Any = rlp.decode(unhex(test["genesisRLP"]))
    preimages.keccak(rlp.encode(genesis[0]))
    schedule = test["config"].get("blobSchedule", {}).get(named)
    names = ("target", "max", "baseFeeUpdateFraction")
    target, most, fraction = (int(schedule[name], 16) if schedule else 0 for name in names)
    given = Inputs(
        family="ethereum",
        chain_id=int(test["config"]["chainid"], 16),
        fork=fork,
        number=number[8],
        timestamp=number[11],
        gas_limit=number[9],
        beneficiary=header[2],
        parent_hash=header[0],
        parent_state_root=root,
        transactions=tuple(tx if isinstance(tx, bytes) else rlp.encode(tx) for tx in transactions),
        preimages=preimages.values,
        withdrawals=tuple((uint(w[0]), uint(w[1]), w[2], uint(w[3])) for w in decoded[3]) if len(decoded) > 3 else None,
        difficulty=number[7],
        prev_randao=header[13],
        base_fee=number[15] if len(header) > 15 else None,
        excess_blob_gas=number[18] if len(header) > 18 else None,
        parent_beacon_block_root=header[19] if len(header) > 19 else None,
        blob=(target, most, fraction) if schedule else None,
        block_reward=REWARD.get(fork, 0),
        deposit_contract=DEPOSIT_CONTRACT,
    )
    claimed: dict[str, Any] = {
        "state_root": header[3],
        "transactions_root": header[4],
        "receipts_root": header[5],
        "logs_bloom": header[6],
        "gas_used": number[10],
    }
    optional = {16: ("withdrawals_root", header), 17: ("blob_gas_used", number), 20: ("requests_hash", header)}
    return given, claimed | {name: source[i] for i, (name, source) in optional.items() if i < len(header)}


def uint(value: bytes) -> int:
    return int.from_bytes(value, "big")


def judge(test: dict[str, Any]) -> str:
    """ "ok", or why the first block of a fixture was not looked at. Raises AssertionError where we differ from it."""
    block = test["blocks"][0]
    expected = block.get("expectException", "")
    if expected and not all(part.startswith("TransactionException") for part in expected.split("|")):
        return "a rule of the header, not of execution"
    if block.get("uncleHeaders") or "rlp" not in block:
        return "ommers or no block"
    given, claimed = inputs_of(test, block, Preimages())
    opinion = reexecute(given)
    if expected:
        assert opinion.invalid is not None, (expected, opinion)
        return "ok"
    assert opinion.computed, opinion
    assert contradicts(claimed, opinion) == ()
    return "ok"


def fixtures(archive: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Fixtures of the selected files, by name. The archive is read once through, so it is unpacked nowhere."""
    with tarfile.open(archive, "r|xz") as members:
        for member in members:
            place = member.name.partition("blockchain_tests/")[2]
            if not member.isfile() or not place.endswith(".json"):
                continue
            if any(place.startswith(selected) for selected in SELECTED) and member.size < 2_000_000:
                file = members.extractfile(member)
                assert file is not None
                yield from json.load(file).items()


def test_selected_fixtures(shared_data: Path) -> None:
    """Every selected file is there, and every fixture in it that is about execution agrees."""
    seen: set[str] = set()
    counts: dict[str, int] = {}
    for _, test in fixtures(shared_data / "conformance" / ARCHIVE):
        verdict = judge(test)
        counts[verdict] = counts.get(verdict, 0) + 1
        seen |= {fork_at(test["network"], 0, 0)[0]}
    assert seen == set(FORKS.values()), counts
    assert counts["ok"] > 300, counts


def test_forks_without_fixtures_agree_with_the_first_machine(shared_data: Path) -> None:
    """Tangerine Whistle and Spurious Dragon have no fixtures: their neighbours' are run under them on both machines."""
    computed = dict.fromkeys(("tangerine_whistle", "spurious_dragon"), 0)
    for _, test in fixtures(shared_data / "conformance" / ARCHIVE):
        if test["network"] not in ("Frontier", "Homestead", "Byzantium") or not test["blocks"][0].get("rlp"):
            continue
        given, _claimed = inputs_of(test, test["blocks"][0], Preimages())
        for fork in computed:
            inputs = replace(given, fork=fork, block_reward=5 * ETHER)
            opinion, first = reexecute(inputs), first_machine(inputs)
            if opinion.invalid is not None:
                assert isinstance(first, _core.Invalid)
                continue
            assert isinstance(first, _core.Done)
            assert compare(first, opinion) == ()
            computed[fork] += 1
    assert all(count > 10 for count in computed.values()), computed
