"""The real cast (Foundry) against a lab's node over HTTP: what it reads, sends, traces and is refused."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
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
from unit.served_chain import Served, l2

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


@contextmanager
def serving(node: Node, home: Path) -> Iterator[Cast]:
    """cast, and a node whose pool goes into a block at once."""
    program, chain, pool = binary(), node.chain, node.pool
    assert pool is not None
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
        yield Cast(program, server.url, home, chain)
        stop.set()
        miner.join()


@pytest.fixture
def cast(tmp_path: Path) -> Iterator[Cast]:
    accounts = genesis.l1_accounts([]) | {SENDER: Holder(balance=10**22)}
    chain = Chain(genesis.configs()["l1"], accounts, timestamp=1_780_000_000, gas_limit=30_000_000)
    with serving(Node(chain, pool=Pool("ethereum"), name="l1"), tmp_path) as found:
        yield found


@pytest.fixture
def on_l2(tmp_path: Path) -> Iterator[tuple[Cast, Served]]:
    served = l2()
    with serving(served.node, tmp_path) as found:
        yield found, served


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


def test_delegations(cast: Cast) -> None:
    """With a gas limit, because estimates of these are refused by name."""
    address = cast.create(scripts.READ)
    assert "authorizationList" in cast.fails("send", "--private-key", KEY, "--auth", address, SOMEBODY)
    receipt = cast.json("send", "--private-key", KEY, "--gas-limit", "100000", "--auth", address, SOMEBODY)
    assert (receipt["status"], receipt["type"]) == ("0x1", "0x4")
    assert cast.say("code", FROM) == "0xef0100" + address[2:]


@pytest.mark.slow  # cast's KZG setup
def test_blobs(cast: Cast, tmp_path: Path) -> None:
    file = tmp_path / "blob"
    file.write_bytes(b"data")
    blob = ["--gas-limit", "100000", "--blob", "--path", str(file)]
    receipt = cast.json("send", "--private-key", KEY, *blob, SOMEBODY)
    assert (receipt["status"], receipt["type"], receipt["blobGasUsed"]) == ("0x1", "0x3", hex(131_072))
    assert cast.chain.head.header.blob_gas_used == 131_072


def test_an_l2_with_deposits_is_read_and_written(on_l2: tuple[Cast, Served]) -> None:
    """What cast 1.7.1 knows of the OP Stack; `cast run` picks its rules by well-known chain ids and cannot."""
    cast, served = on_l2
    first = served.chain.block(1)
    assert first is not None
    block = cast.json("block", "1", "--full")
    assert [each["type"] for each in block["transactions"]] == ["0x7e", "0x7e"]
    deposit = "0x" + first.hashes[1].hex()
    assert int(cast.json("tx", deposit)["mint"], 16) == 10**18
    receipt = cast.json("receipt", deposit)
    assert (receipt["type"], receipt["depositNonce"], receipt["status"]) == ("0x7e", "0x0", "0x1")
    key = "0x" + served.alice.key.hex()
    before = int(cast.say("balance", "0x" + served.alice.address.hex()))
    sent = cast.json("send", "--private-key", key, SOMEBODY, "--value", "7")
    receipt = cast.json("receipt", sent["transactionHash"])
    paid = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16) + int(receipt["l1Fee"], 16) + 7
    paid += 100 * int(receipt["gasUsed"], 16) * int(receipt["operatorFeeScalar"], 16)  # Jovian
    paid += int(receipt["operatorFeeConstant"], 16)
    assert before - int(cast.say("balance", "0x" + served.alice.address.hex())) == paid
    assert cast.say("balance", SOMEBODY) == "7"
