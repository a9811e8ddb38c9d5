"""The real OP Stack contracts of contracts-bedrock 0.17.3 on a real anvil, and viem as a second opinion on encodings.

Both come from npm (build/op) and nothing of them is part of the project.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from rollproof.lab.contract import Contract

MODULES = Path(__file__).resolve().parents[2] / "build" / "op" / "node_modules"
MISSING = "no OP Stack contracts: `make node-tools` installs them (npm)"
PROOF_MATURITY = 604_800  # seconds
AIRGAP = 302_400
CLOCK = 302_400
BOND = 8 * 10**16
L2_CHAIN_ID = 1338
GAME_TYPE = 0

Log = tuple[bytes, list[bytes], bytes]


def artifact(name: str) -> Contract:
    """A contract of the package; skips the test where it is not installed."""
    path = MODULES / "@eth-optimism" / "contracts-bedrock" / "forge-artifacts" / f"{name}.sol" / f"{name}.json"
    if not path.is_file():
        pytest.skip(MISSING)
    record = json.loads(path.read_text(encoding="utf-8"))
    return Contract.from_artifact(
        {
            "name": name,
            "abi": record["abi"],
            "bytecode": record["bytecode"]["object"],
            "runtime": record["deployedBytecode"]["object"],
            "storage": record.get("storageLayout"),
        }
    )


def viem(script: str, given: Any) -> Any:
    """What a script makes of ``given`` with viem's OP Stack functions (``op``); skips where viem is not there."""
    node, library = shutil.which("node"), MODULES / "viem" / "_esm" / "op-stack" / "index.js"
    if node is None or not library.is_file():
        pytest.skip(MISSING)
    source = f"""
      import * as op from {json.dumps(str(library))};
      let text = ""; for await (const part of process.stdin) text += part;
      const given = JSON.parse(text);
      const made = await (async () => {{ {script} }})();
      console.log(JSON.stringify(made, (_, value) => typeof value === "bigint" ? value.toString() : value));
    """
    command = [node, "--input-type=module", "--eval", source]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


class Reverted(Exception):
    """What a call reverted with."""


class Bed:
    """The contracts, behind proxies, as they are deployed; `user` owns what there is to own."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=30.0)
        accounts = [bytes.fromhex(each[2:]) for each in self.rpc("eth_accounts")]
        self.user, self.other, self._admin = accounts[0], accounts[1], accounts[9]
        self._deploy()

    def close(self) -> None:
        self._client.close()

    # The node.

    def rpc(self, method: str, *params: Any) -> Any:
        """Raises Reverted with the node's message, and the revert data's own words where there are any."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        answer = self._client.post("/", json=body).json()
        if "error" in answer:
            data = answer["error"].get("data")
            raw = bytes.fromhex(data[2:]) if isinstance(data, str) and data.startswith("0x") else b""
            raise Reverted(f"{answer['error'].get('message')} {artifact('OptimismPortal2').reason(raw)}")
        return answer["result"]

    def send(
        self, to: Contract | bytes | None, data: bytes, *, value: int = 0, sender: bytes | None = None
    ) -> dict[str, Any]:
        """A transaction that has to succeed; its receipt."""
        target = to.address if isinstance(to, Contract) else to
        fields = {"from": hexed(sender or self.user), "data": hexed(data), "value": hex(value), "gas": hex(12_000_000)}
        if target is not None:
            fields["to"] = hexed(target)
        self.rpc("eth_call", fields | {"gas": hex(12_000_000)}, "latest")
        wanted = self.rpc("eth_sendTransaction", fields)
        deadline = time.monotonic() + 20
        while (receipt := self.rpc("eth_getTransactionReceipt", wanted)) is None:
            assert time.monotonic() < deadline, "anvil did not mine"
            time.sleep(0.005)
        assert receipt["status"] == "0x1", f"0x{data[:4].hex()} failed"
        return dict(receipt)

    def call(self, to: Contract, data: bytes, *, sender: bytes | None = None) -> bytes:
        fields = {"from": hexed(sender or self.user), "to": hexed(to.address), "data": hexed(data)}
        return bytes.fromhex(self.rpc("eth_call", fields, "latest")[2:])

    def view(self, to: Contract, function: str, *arguments: Any) -> tuple[Any, ...]:
        return to.decode(function, self.call(to, to.encode(function, *arguments)))

    def wait(self, seconds: int) -> None:
        """The chain's clock goes on."""
        self.rpc("evm_increaseTime", seconds)
        self.rpc("evm_mine")

    # The contracts.

    def _create(self, contract: Contract, *arguments: Any) -> Contract:
        receipt = self.send(None, contract.deployment(*arguments))
        return contract.at(bytes.fromhex(receipt["contractAddress"][2:]))

    def _proxied(self, name: str) -> Contract:
        return artifact(name).at(self._create(artifact("Proxy"), self._admin).address)

    def _initialize(self, proxied: Contract, *arguments: Any, constructor: Sequence[Any] = ()) -> None:
        """Puts an implementation behind the proxy and initializes it."""
        implementation = self._create(artifact(proxied.name), *constructor)
        proxy = artifact("Proxy").at(proxied.address)
        initialize = proxied.encode("initialize", *arguments)
        self.send(proxy, proxy.encode("upgradeToAndCall", implementation.address, initialize), sender=self._admin)

    def _deploy(self) -> None:
        self.portal = self._proxied("OptimismPortal2")
        self.system_config = self._proxied("SystemConfig")
        self.superchain_config = self._proxied("SuperchainConfig")
        self.factory = self._proxied("DisputeGameFactory")
        self.anchors = self._proxied("AnchorStateRegistry")
        self.weth = self._proxied("DelayedWETH")
        user, nobody = self.user, bytes(20)
        self._initialize(self.superchain_config, user, False)
        self._initialize(self.factory, user)
        resources = (20_000_000, 10, 8, 10**9, 1_000_000, 2**128 - 1)
        addresses = (nobody, nobody, nobody, self.factory.address, self.portal.address, nobody, nobody)
        self._initialize(
            self.system_config, user, 1368, 810_949, user.rjust(32, b"\0"), 60_000_000, user, resources,
            b"\xff" * 20, addresses,
        )  # fmt: skip
        self._initialize(
            self.portal, self.factory.address, self.system_config.address, self.superchain_config.address, GAME_TYPE,
            constructor=(PROOF_MATURITY, AIRGAP),
        )  # fmt: skip
        anchor = (GAME_TYPE, (b"\xa0" * 32, 0))
        self._initialize(self.anchors, [anchor], constructor=(self.factory.address,))
        self._initialize(self.weth, user, self.superchain_config.address, constructor=(AIRGAP,))
        oracle = self._create(artifact("PreimageOracle"), 126_000, 86_400)
        machine = self._create(artifact("AlphabetVM"), b"\xab" * 32, oracle.address)
        game = self._create(
            artifact("FaultDisputeGame"), GAME_TYPE, b"\xab" * 32, 73, 30, 10_800, CLOCK, machine.address,
            self.weth.address, self.anchors.address, L2_CHAIN_ID,
        )  # fmt: skip
        self.send(self.factory, self.factory.encode("setImplementation", GAME_TYPE, game.address))
        self.send(self.factory, self.factory.encode("setInitBond", GAME_TYPE, BOND))

    def resolve(self, game: bytes) -> None:
        """Lets a game's clocks run out and resolves it."""
        contract = artifact("FaultDisputeGame").at(game)
        self.wait(CLOCK + 1)
        self.send(contract, contract.encode("resolveClaim", 0, 0))
        self.send(contract, contract.encode("resolve"))


def logs(receipt: dict[str, Any]) -> list[tuple[int, Log]]:
    """(index in the block, log) of a receipt."""
    return [
        (
            int(each["logIndex"], 16),
            (
                bytes.fromhex(each["address"][2:]),
                [bytes.fromhex(topic[2:]) for topic in each["topics"]],
                bytes.fromhex(each["data"][2:]),
            ),
        )
        for each in receipt["logs"]
    ]


def hexed(data: bytes) -> str:
    return "0x" + data.hex()
