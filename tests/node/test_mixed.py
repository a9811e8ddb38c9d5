"""Against a real anvil, from the command line: mixed traffic agrees, and state changed between blocks is named."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from node import signing
from node.system_contracts import WITHDRAWAL_REQUESTS
from node.traffic import BLOCK_TIME, CONFIG, SOMEBODY, Miner, created, mixed, word
from rollproof.chain.node import Node
from rollproof.chain.rpc import Limits, Rpc

BLOCKS = 200
OSAKA = ("osaka", [6, 9, 5007716])  # the blob parameters that anvil 1.7.1 runs it with
CANCUN = ("cancun", [3, 6, 3338477])


@pytest.fixture
def node(anvil: str) -> Iterator[Node]:
    with Rpc(anvil, limits=Limits(attempts=3, timeout=10.0)) as rpc:
        yield Node(rpc)


def verify(anvil: str, block_range: str, config: Path, *more: str) -> tuple[int, list[dict[str, Any]], str]:
    """Exit code, verdicts and stderr of the program."""
    command = [sys.executable, "-m", "rollproof", "verify", "--rpc-url", anvil, "--block", block_range]
    command += ["--config", str(config), "--json", "--audit-rate", "0", *more]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def configured(directory: Path, fork: str, blobs: list[int]) -> Path:
    path = directory / "anvil.toml"
    path.write_text(CONFIG.format(fork=fork, blobs=blobs), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("anvil", "rules"), [({"hardfork": "osaka"}, OSAKA), ({"hardfork": "cancun"}, CANCUN)], indirect=["anvil"]
)
def test_mixed_traffic_agrees_in_every_account_and_slot(
    node: Node, anvil: str, rules: tuple[str, list[int]], tmp_path: Path
) -> None:
    miner = Miner(node)
    blocks = BLOCKS if rules is OSAKA else 40
    mixed(miner, blocks, delegations=rules is OSAKA)
    code, verdicts, err = verify(anvil, f"1:{blocks + 1}", configured(tmp_path, *rules), "-j", "2")
    assert [(v["number"], v["verdict"], v["reason"]) for v in verdicts] == [
        (number, "holds", None) for number in range(1, blocks + 1)
    ], err
    assert code == 0
    for verdict in verdicts:
        assert {"gas_used", "receipts_root", "logs_bloom", "receipts", "post_state"} <= set(verdict["checked"])
        assert "state_root" not in verdict["checked"]
        assert verdict["computed_hash"] is None
        assert any(line.startswith("state_root: ") and "break consensus" in line for line in verdict["not_checked"])
        assert any("without proof" in line for line in verdict["assumes"])
        assert verdict["rpc"]["calls"] > 0
        assert verdict["rpc"]["block_time"] == BLOCK_TIME or verdict["number"] == 1
    # The traffic was what it is meant to be, by anvil's own receipts.
    kinds: Counter[int] = Counter()
    failed = 0
    for number in range(1, blocks + 1):
        block = node.block(number)
        blobs = any(raw[:1] == b"\x03" for raw in block.transactions)
        assert ("transactions_root" in verdicts[number - 1]["checked"]) is not blobs
        for raw, receipt in zip(block.transactions, node.receipts(block), strict=True):
            kinds[raw[0] if raw[0] < 0x80 else 0] += 1
            failed += receipt.status == 0
    assert set(kinds) == ({0, 1, 2, 3, 4} if rules is OSAKA else {0, 1, 2, 3})
    assert min(kinds.values()) >= blocks // 20
    assert failed >= blocks // 10


def balance(node: Node, address: bytes, number: int) -> int:
    return int(node.rpc.call("eth_getBalance", "0x" + address.hex(), hex(number)), 16)


@pytest.mark.parametrize("anvil", [{"hardfork": "osaka"}], indirect=True)
@pytest.mark.parametrize("jobs", ["1", "3"])
def test_state_changed_between_blocks_is_named(node: Node, anvil: str, jobs: str, tmp_path: Path) -> None:
    miner = Miner(node)
    mixed(miner, 20, delegations=True)
    store = created(0)
    before = miner.mine(miner.call(store, 11, 77))
    miner.mine(signing.dynamic_fee(miner.nonce, SOMEBODY, value=5))
    untouched = miner.mine(signing.dynamic_fee(miner.nonce, b"\x77" * 20))
    had = balance(node, SOMEBODY, untouched)
    node.rpc.call("anvil_setStorageAt", "0x" + store.hex(), hex(77), "0x" + word(99).hex())
    node.rpc.call("anvil_setBalance", "0x" + SOMEBODY.hex(), hex(10**18))
    miner.mine(signing.dynamic_fee(miner.nonce, b"\x77" * 20))
    touching = miner.mine(
        miner.call(store, 12, 77),
        signing.dynamic_fee(miner.nonce + 1, SOMEBODY, value=5),
    )
    miner.mine(miner.call(store, 13, 77))
    config = configured(tmp_path, *OSAKA)
    # Whether the range has a block that touched them before, or they are known only from before the range.
    for first in (before, untouched):
        code, verdicts, _ = verify(anvil, f"{first}:{miner.height + 1}", config, "-j", jobs)
        assert code == 1
        assert [v["number"] for v in verdicts if v["verdict"] != "holds"] == [touching]
        (broken,) = [v for v in verdicts if v["verdict"] == "broken"]
        assert "outside any transaction" in broken["reason"]
        assert broken["confirmed"] is False
        assert any("without proof" in line for line in broken["assumes"])
        assert {(d["scope"], d["key"], d["claimed"], d["computed"]) for d in broken["differences"]} == {
            ("storage", f"0x{store.hex()}[0x{word(77).hex()}]", "0x" + word(99).hex(), "0x" + word(11).hex()),
            ("account", f"0x{SOMEBODY.hex()}.balance", str(10**18), str(had)),
        }


@pytest.mark.parametrize("anvil", [{"hardfork": "osaka"}], indirect=True)
def test_state_changed_right_after_the_block_that_wrote_it_is_named(node: Node, anvil: str, tmp_path: Path) -> None:
    """The node then shows the changed state as that block's own: the block's result is what differs."""
    miner = Miner(node)
    mixed(miner, 3, delegations=True)
    store = created(0)
    writing = miner.mine(miner.call(store, 11, 77))
    node.rpc.call("anvil_setStorageAt", "0x" + store.hex(), hex(77), "0x" + word(99).hex())
    miner.mine(miner.call(store, 12, 77))
    code, verdicts, _ = verify(anvil, f"1:{miner.height + 1}", configured(tmp_path, *OSAKA))
    assert code == 1
    key = f"0x{store.hex()}[0x{word(77).hex()}]"
    wrong = [v for v in verdicts if v["verdict"] != "holds"]
    assert [v["verdict"] for v in wrong] == ["broken", "broken"]
    assert [v["number"] for v in wrong] == [writing, writing + 1]
    for verdict in wrong:
        assert verdict["differences"] == [
            {"scope": "storage", "key": key, "claimed": "0x" + word(99).hex(), "computed": "0x" + word(11).hex()}
        ]


@pytest.mark.parametrize("anvil", [{"hardfork": "prague"}], indirect=True)
def test_contracts_that_the_node_lacks_are_said(node: Node, anvil: str, tmp_path: Path) -> None:
    sent = [signing.dynamic_fee(0, SOMEBODY), signing.set_code(1, SOMEBODY, SOMEBODY), signing.dynamic_fee(3, SOMEBODY)]
    for raw in sent:
        node.rpc.call("eth_sendRawTransaction", "0x" + raw.hex())
        node.rpc.call("evm_mine")
    code, verdicts, _ = verify(anvil, "1:4", configured(tmp_path, "prague", [6, 9, 5007716]))
    assert code == 0
    assert [v["verdict"] for v in verdicts] == ["holds"] * 3
    for verdict in verdicts:
        assert any(line.startswith(f"requests of {WITHDRAWAL_REQUESTS}") for line in verdict["not_checked"])


@pytest.mark.parametrize("anvil", [{"hardfork": "cancun"}], indirect=True)
def test_a_configuration_that_the_node_contradicts_is_said_and_accuses_nobody(
    node: Node, anvil: str, tmp_path: Path
) -> None:
    miner = Miner(node)
    miner.mine(signing.dynamic_fee(0, SOMEBODY))
    config = configured(tmp_path, "cancun", [6, 9, 5007716])
    code, (verdict,), _ = verify(anvil, "1", config)
    assert (code, verdict["verdict"]) == (0, "holds")  # nothing in the block depends on it
    (line,) = [line for line in verdict["not_checked"] if line.startswith("the node's configuration differs")]
    assert "current.blobSchedule.target is 3, we have 6" in line
    node.rpc.call("anvil_setBalance", "0x" + SOMEBODY.hex(), hex(10**18))
    miner.mine(signing.dynamic_fee(1, b"\x77" * 20))
    code, (verdict,), _ = verify(anvil, "1", config)
    assert (code, verdict["verdict"]) == (2, "unknown")
    assert verdict["reason"].startswith("the node's configuration differs from ours: ")
    assert [found["key"] for found in verdict["differences"]] == [f"0x{SOMEBODY.hex()}.balance"]
