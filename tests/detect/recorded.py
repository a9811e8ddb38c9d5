"""A block of the lab's contracts whose traces a real anvil 1.7.1 recorded, and the same block executed here.

``python -m detect.recorded ANVIL`` (from tests/) records it again: genesis and transactions are the stage's own, so
that the same happens there, and what anvil says about it is what the readers have to read.
"""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from detect.exchange import Exchange
from detect.stage import ACCOUNTS, ETHER, TIME
from rollproof.detect.execution import ExecutedBlock
from rollproof.lab.contract import Contract
from rollproof.lab.transaction import created

TRACES = Path(__file__).resolve().parent / "traces"
CALL_TRACER = {"tracer": "callTracer", "tracerConfig": {"withLog": True}}
PRESTATE = {"tracer": "prestateTracer"}
DIFFERENCE = {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}}
STRUCT = {"enableMemory": True}


# A precompile's answer stored, transient storage, a write that changes nothing, creations by both instructions (one
# destroys itself at once), CALLCODE, a call of more wei than there is, a delegate call to nobody, a log.
_EVERYTHING = bytes.fromhex(
    "60015f526020602060205f60025afa506020515f55600760015d60015c506020515f5560055f5f5ff5506133"
    "ff5f526002601e5ff0506020602060205f5f60045af2505f5f5f5f6103e861dead5af1505f5f5f5f335af450"
    "6002600160205fa200"
)


@dataclass
class Scene:
    """The block that is looked at, after those that prepare it. ``names`` say what each of its transactions is."""

    exchange: Exchange
    executed: ExecutedBlock
    number: int
    names: tuple[str, ...] = ("payment", "creation", "attack", "swap", "refused", "arbitrary", "everything")


@cache
def scene() -> Scene:
    """A payment, a creation, a re-entrancy attack, a swap, one that is refused, a contract's swap, `_EVERYTHING`."""
    exchange = Exchange()
    stage = exchange.stage
    deployer, thief = stage.account(9), stage.account(8)
    bank = Contract.load("EtherBank")
    bank = bank.at(created(deployer.address, deployer.nonce))
    exchange.happened([deployer.send(None, data=bank.deployment(), gas=2_000_000)])
    exchange.happened([stage.account(7).send(bank.address, data=bank.encode("deposit"), value=9 * ETHER, gas=100_000)])
    bot = exchange.bot()
    everything = created(deployer.address, deployer.nonce)
    size = len(_EVERYTHING)
    init = bytes([0x60, size, 0x60, 0x0C, 0x60, 0x00, 0x39, 0x60, size, 0x60, 0x00, 0xF3]) + _EVERYTHING
    exchange.happened([deployer.send(None, data=init, gas=300_000)])
    attack = Contract.load("ReentrancyAttack").at(created(thief.address, thief.nonce))
    block = stage.build(
        [
            stage.account(0).send(stage.account(1).address, value=3, gas=21_000),
            thief.send(None, data=attack.deployment(bank.address), gas=2_000_000),
            thief.send(attack.address, data=attack.encode("run", 2), value=ETHER, gas=1_000_000),
            exchange.swap(2, 5 * ETHER),
            exchange.swap(3, 5 * ETHER, least=10**30),
            exchange.bot_swap(bot, 4, 7 * ETHER, up=False),
            stage.account(5).send(everything, value=5, gas=400_000),
        ]
    )
    return Scene(exchange, stage.seen(block), block.number)


def load(name: str) -> Any:
    """A recorded answer."""
    return json.loads(gzip.decompress((TRACES / f"{name}.json.gz").read_bytes()))


def record(anvil: str) -> None:
    """Runs the scene on anvil and writes what its tracers say."""
    scene()
    chain = scene().exchange.stage.chain
    accounts = [scene().exchange.stage.account(index).address for index in range(ACCOUNTS)]
    genesis = {
        "config": {"chainId": chain.config.chain_id},
        "nonce": "0x0",
        "timestamp": hex(TIME),
        "extraData": "0x",
        "gasLimit": hex(60_000_000),
        "difficulty": "0x0",
        "mixHash": f"0x{bytes(32).hex()}",
        "coinbase": f"0x{bytes(20).hex()}",
        "alloc": {f"0x{each.hex()}": {"balance": hex(1_000_000 * ETHER)} for each in accounts},
    }
    with tempfile.TemporaryDirectory() as place:
        file, log = Path(place, "genesis.json"), Path(place, "log")
        file.write_text(json.dumps(genesis))
        command = [anvil, "--port", "0", "--init", str(file), "--chain-id", str(chain.config.chain_id), "--no-mining"]
        command += ["--order", "fifo", "--accounts", "0", "--gas-limit", "60000000", "--steps-tracing"]
        with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as node:
            try:
                _record(f"http://{_address(log)}")
            finally:
                node.kill()


def _address(log: Path) -> str:
    for _ in range(600):
        if found := re.search(r"Listening on (127\.0\.0\.1:\d+)", log.read_text(errors="replace")):
            return found[1]
        time.sleep(0.05)
    raise RuntimeError(log.read_text(errors="replace")[-500:])


def _record(url: str) -> None:
    chain, number = scene().exchange.stage.chain, scene().number
    for height in range(1, number + 1):
        block = chain.block(height)
        assert block is not None
        for raw in block.transactions:
            _ask(url, "eth_sendRawTransaction", f"0x{raw.hex()}")
        _ask(url, "evm_setNextBlockTimestamp", block.header.timestamp)
        _ask(url, "evm_mine")
    name = hex(number)
    head = _ask(url, "eth_getBlockByNumber", name, True)
    assert len(head["transactions"]) == len(scene().names)
    _write("block", head)
    _write("receipts", _ask(url, "eth_getBlockReceipts", name))
    _write("parity", _ask(url, "trace_block", name))
    for what, options in (
        ("calls", CALL_TRACER),
        ("prestate", PRESTATE),
        ("difference", DIFFERENCE),
        ("struct", STRUCT),
    ):
        results = []
        for each in head["transactions"]:
            result = _ask(url, "debug_traceTransaction", each["hash"], options)
            results.append({"txHash": each["hash"], "result": result})
        _write(what, results)


def _ask(url: str, method: str, *params: Any) -> Any:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - our own node
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        found = json.load(answer)
    if "error" in found:
        raise RuntimeError(f"{method}: {found['error']}")
    return found["result"]


def _write(name: str, value: Any) -> None:
    TRACES.mkdir(exist_ok=True)
    packed = gzip.compress(json.dumps(value, separators=(",", ":")).encode(), 9, mtime=0)
    (TRACES / f"{name}.json.gz").write_bytes(packed)


if __name__ == "__main__":
    record(sys.argv[1])
