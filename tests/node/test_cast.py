"""The real cast (Foundry) against a lab's node over HTTP: what it reads, sends, traces and is refused."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from node import call_scripts as scripts
from node import signing
from node.conftest import ROOT
from node.signing import SENDER
from rollproof import _core
from rollproof.lab import genesis
from rollproof.lab.block import Holder
from rollproof.lab.chain import Chain
from rollproof.lab.node.node import Node
from rollproof.lab.node.server import Server
from rollproof.lab.pool import Pool

KEY = "0x" + signing.KEY.hex()
SOMEBODY = "0x" + "77" * 20
FROM = "0x" + SENDER.hex()


def binary() -> Path:
    """cast itself; skips the test where it is not installed."""
    found = sorted((ROOT / "build" / "node" / "node_modules" / "@foundry-rs").glob("cast-*/bin/cast*"))
    if not found:
        pytest.skip("no cast: `make node-tools` installs it (npm)")
    return found[0]


def word(value: int) -> str:
    return value.to_bytes(32, "big").hex()


@dataclass
class Cast:
    """The program, pointed at the node of ``chain``."""

    program: Path
    url: str
    home: Path
    chain: Chain

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {"ETH_RPC_URL": self.url, "HOME": str(self.home), "PATH": "/usr/bin:/bin"}
        command = [str(self.program), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)

    def say(self, *arguments: str) -> str:
        """Its output. Raises AssertionError where it fails."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def json(self, *arguments: str) -> Any:
        return json.loads(self.say(arguments[0], "--json", *arguments[1:]))

    def fails(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode != 0, done.stdout
        return done.stderr

    def create(self, runtime: bytes) -> str:
        receipt = self.json("send", "--private-key", KEY, "--create", "0x" + scripts.deployment(runtime).hex())
        assert receipt["status"] == "0x1"
        return str(receipt["contractAddress"])


@pytest.fixture
def cast(tmp_path: Path) -> Iterator[Cast]:
    program = binary()
    accounts = genesis.l1_accounts([]) | {SENDER: Holder(balance=10**22)}
    chain = Chain(genesis.configs()["l1"], accounts, timestamp=1_780_000_000, gas_limit=30_000_000)
    pool = Pool("ethereum")
    node = Node(chain, pool=pool, name="l1")
    stop = threading.Event()

    def mine() -> None:
        while not stop.wait(0.01):
            with node.lock:
                if len(pool):
                    built = chain.build([each.raw for each in pool], timestamp=chain.head.timestamp + 12, skip=True)
                    chain.append(built.block)
                    pool.remove(built.block.hashes)

    miner = threading.Thread(target=mine, daemon=True)
    with Server(node) as server:
        miner.start()
        yield Cast(program, server.url, tmp_path, chain)
        stop.set()
        miner.join()


def test_it_deploys_sends_and_reads(cast: Cast) -> None:
    assert cast.say("chain-id") == "1337"
    address = cast.create(scripts.STORE)
    assert address == "0x" + scripts.created(SENDER, 0).hex()
    assert cast.say("code", address) == "0x" + scripts.STORE.hex()
    body = "0x" + word(5) + word(9)
    for kind in ([], ["--legacy"]):
        receipt = cast.json("send", "--private-key", KEY, *kind, address, body)
        assert (receipt["status"], receipt["type"]) == ("0x1", "0x0" if kind else "0x2")
    assert cast.say("storage", address, "9") == "0x" + word(5)
    cast.say("send", "--private-key", KEY, SOMEBODY, "--value", "1ether")
    assert cast.say("balance", SOMEBODY) == str(10**18)
    assert cast.say("nonce", FROM) == "4"
    assert cast.say("block-number") == "4"
    digest = receipt["transactionHash"]
    assert cast.json("receipt", digest) == receipt
    shown = cast.json("tx", digest)
    assert (shown["from"].lower(), shown["input"], shown["blockNumber"]) == (FROM, body, receipt["blockNumber"])
    raw = cast.say("tx", digest, "--raw")
    assert "0x" + _core.keccak256(bytes.fromhex(raw[2:])).hex() == digest
    logs = cast.json("logs", "--address", address, "--from-block", "0")
    assert [each["blockNumber"] for each in logs] == ["0x2", "0x3"]
    block = cast.json("block", "3", "--full")
    assert block["hash"] == "0x" + (cast.chain.block(3) or cast.chain.head).hash.hex()
    assert [each["hash"] for each in block["transactions"]] == [digest]
    assert cast.say("find-block", str(1_780_000_013)) == "1"


def test_a_proof_is_that_of_the_state(cast: Cast) -> None:
    address = cast.create(scripts.STORE)
    cast.say("send", "--private-key", KEY, address, "0x" + word(5) + word(9))
    proof = cast.json("proof", address, "9")
    preimages = _core.Preimages()
    preimages.add([bytes.fromhex(each[2:]) for each in [*proof["accountProof"], *proof["storageProof"][0]["proof"]]])
    state = _core.State(preimages, bytes.fromhex(cast.json("block", "latest")["stateRoot"][2:]))
    assert state.storage(bytes.fromhex(address[2:]), (9).to_bytes(32, "big")) == 5


def test_it_calls_estimates_and_traces(cast: Cast) -> None:
    address = cast.create(scripts.STORE)
    body = "0x" + word(5) + word(9)
    assert cast.say("call", address, body) == "0x"
    # cast executes both by itself, on the state that the node serves.
    assert "Transaction successfully executed" in cast.say("call", address, body, "--trace")
    estimate = cast.say("estimate", address, body, "--from", FROM)
    receipt = cast.json("send", "--private-key", KEY, "--gas-limit", estimate, address, body)
    assert (receipt["status"], int(receipt["gasUsed"], 16)) == ("0x1", int(estimate))
    done = cast.say("run", receipt["transactionHash"])
    assert f"Gas used: {int(estimate)}" in done
    traced = cast.say("rpc", "debug_traceTransaction", receipt["transactionHash"], '{"tracer":"callTracer"}')
    assert json.loads(traced)["gasUsed"] == receipt["gasUsed"]
    price = cast.say("gas-price")
    assert int(price) > int(cast.say("base-fee"))


def test_failures_come_through_with_their_reason(cast: Cast) -> None:
    address = cast.create(scripts.reverting("too poor"))
    assert "execution reverted: too poor" in cast.fails("call", address)
    assert "execution reverted: too poor" in cast.fails("send", "--private-key", KEY, address)
    receipt = cast.json("send", "--private-key", KEY, "--gas-limit", "100000", address)
    assert receipt["status"] == "0x0"
    assert "does not exist" in cast.fails("rpc", "eth_mineAll")
    assert "invalid transaction" in cast.fails("publish", "0x1234")
    assert "nonce too low" in cast.fails("send", "--private-key", KEY, "--nonce", "0", SOMEBODY)
    poor = "0x" + "11" * 32
    assert "insufficient funds" in cast.fails("send", "--private-key", poor, "--gas-limit", "21000", SOMEBODY)
    assert "struct logger" in cast.fails("rpc", "debug_traceTransaction", receipt["transactionHash"])


def test_delegations_and_blobs(cast: Cast, tmp_path: Path) -> None:
    """With a gas limit, because estimates of these are refused by name."""
    address = cast.create(scripts.READ)
    assert "authorizationList" in cast.fails("send", "--private-key", KEY, "--auth", address, SOMEBODY)
    receipt = cast.json("send", "--private-key", KEY, "--gas-limit", "100000", "--auth", address, SOMEBODY)
    assert (receipt["status"], receipt["type"]) == ("0x1", "0x4")
    assert cast.say("code", FROM) == "0xef0100" + address[2:]
    file = tmp_path / "blob"
    file.write_bytes(b"data")
    receipt = cast.json(
        "send", "--private-key", KEY, "--gas-limit", "100000", "--blob", "--path", str(file), SOMEBODY
    )  # fmt: skip
    assert (receipt["status"], receipt["type"], receipt["blobGasUsed"]) == ("0x1", "0x3", hex(131_072))
    assert cast.chain.head.header.blob_gas_used == 131_072
