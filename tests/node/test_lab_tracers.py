"""The lab's tracers against a real anvil: the same contracts and transactions on both, every frame and value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from node import call_scripts as scripts
from node import signing
from node.signing import SENDER
from node.traffic import CONFIG
from rollproof import _core
from rollproof.chain import config as chains
from rollproof.chain.rpc import Limits, Rpc
from rollproof.lab import genesis
from rollproof.lab.block import Holder
from rollproof.lab.chain import Chain
from rollproof.lab.node.node import Node

OSAKA = {"hardfork": "osaka"}
NOBODY = b"\x77" * 20
BALANCE = 10_000 * 10**18  # what anvil's accounts have
CALLS = {"tracer": "callTracer", "tracerConfig": {"withLog": True}}
# revm's names where anvil 1.7.1 does not translate them, in geth's words.
ERRORS = {
    "StateChangeDuringStaticCall": "write protection",
    "StackUnderflow": "stack underflow",
    "CreateCollision": "contract address collision",
}


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


@dataclass
class Pair:
    """A lab's chain and an anvil that get the same blocks."""

    chain: Chain
    rpc: Rpc
    nonce: int = 0
    node: Node = field(init=False)

    def __post_init__(self) -> None:
        self.node = Node(self.chain)

    def mine(self, *transactions: bytes, nonces: int | None = None) -> None:
        """A block of these on both, of the same base fee; its hashes differ, its effects must not."""
        self.nonce += len(transactions) if nonces is None else nonces
        self.chain.append(self.chain.build(list(transactions), timestamp=self.chain.head.timestamp + 12).block)
        for raw in transactions:
            self.rpc.call("eth_sendRawTransaction", "0x" + raw.hex())
        self.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(self.chain.head.header.base_fee or 0))
        self.rpc.call("evm_mine")
        block = self.rpc.call("eth_getBlockByNumber", hex(self.chain.head.number), False)
        assert block["transactions"] == ["0x" + each.hex() for each in self.chain.head.hashes]
        assert int(block["gasUsed"], 16) == self.chain.head.header.gas_used

    def deploy(self, runtime: bytes) -> bytes:
        address = scripts.created(SENDER, self.nonce)
        self.mine(signing.dynamic_fee(self.nonce, b"", scripts.deployment(runtime), value=0, gas=5_000_000))
        return address

    def send(self, to: bytes, data: bytes = b"", *, value: int = 0, gas: int = 4_000_000) -> None:
        self.mine(signing.dynamic_fee(self.nonce, to, data, value=value, gas=gas))

    def ours(self, number: int, config: dict[str, Any]) -> Any:
        answer = self.node.make_request("debug_traceBlockByNumber", [hex(number), config])
        assert "error" not in answer, answer
        return answer["result"]

    def theirs(self, number: int, config: dict[str, Any]) -> Any:
        return self.rpc.call("debug_traceBlockByNumber", hex(number), config)


@pytest.fixture
def pair(anvil: str, tmp_path: Path) -> Iterator[Pair]:
    path = tmp_path / "anvil.toml"
    path.write_text(CONFIG.format(fork="osaka", blobs=[6, 9, 5007716]), encoding="utf-8")
    with Rpc(anvil, limits=Limits(attempts=2, timeout=10.0)) as rpc:
        first = rpc.call("eth_getBlockByNumber", "0x0", False)
        rpc.call("evm_setAutomine", False)
        rpc.call("anvil_setBlockTimestampInterval", 12)
        chain = Chain(
            chains.from_file(path),
            genesis.l1_accounts([]) | {SENDER: Holder(balance=BALANCE)},
            timestamp=int(first["timestamp"], 16),
            gas_limit=int(first["gasLimit"], 16),
            fee_recipient=bytes(20),
        )
        assert chain.account(SENDER)[1] == int(rpc.call("eth_getBalance", "0x" + SENDER.hex(), "0x0"), 16)
        found = Pair(chain, rpc)
        traffic(found)
        yield found


def traffic(pair: Pair) -> None:
    """Calls and creations of every kind, each way of failing, and what ends or delegates an account."""
    store, read, ends, loops, invalid, underflow, jump, revert, why, balances = (
        pair.deploy(code)
        for code in (
            scripts.STORE, scripts.READ, scripts.ENDS, scripts.LOOPS, scripts.INVALID, scripts.UNDERFLOW,
            scripts.BAD_JUMP, scripts.LOG_AND_REVERT, scripts.reverting("too poor"), scripts.BALANCES,
        )
    )  # fmt: skip
    call = scripts.call
    script = pair.deploy(
        b"".join(
            [
                scripts.log(1),
                call(scripts.CALL, store, word(5) + word(9)),
                scripts.log(2),
                call(scripts.DELEGATECALL, store, word(6) + word(9)),
                call(scripts.CALLCODE, store, word(7) + word(10)),
                call(scripts.STATICCALL, read, word(9)),
                call(scripts.STATICCALL, store, word(1) + word(1)),
                call(scripts.CALL, scripts.SHA256, b"abc"),
                *(call(scripts.CALL, each, gas=5_000) for each in (loops, invalid, underflow, jump)),
                call(scripts.CALL, revert),
                call(scripts.CALL, why),
                call(scripts.CALL, NOBODY, value=3),
                call(scripts.CALL, NOBODY, value=10**30),
                call(scripts.CALL, balances, word(int.from_bytes(b"\x99" * 20, "big"))),
                call(scripts.CALL, ends),
                scripts.log(0),
                b"\0",
            ]
        )
    )
    maker = pair.deploy(
        b"".join(
            [
                scripts.create(scripts.CREATE, scripts.deployment(scripts.READ)),
                scripts.create(scripts.CREATE2, scripts.deployment(scripts.STORE)),
                scripts.create(scripts.CREATE2, scripts.deployment(scripts.STORE)),  # taken
                *(scripts.create(scripts.CREATE, bytes.fromhex(init)) for init in ("5f5ffd", "60ef5f5360015ff3")),
                scripts.create(scripts.CREATE, bytes.fromhex("33ff"), value=1),
                b"\0",
            ]
        )
    )
    outer = pair.deploy(
        call(scripts.CALL, script, gas=2_000_000) + call(scripts.CALL, script, gas=300_000) + b"\x5f\x5f\xfd"
    )
    for to, value in ((script, 10), (maker, 5), (outer, 0)):
        pair.send(to, value=value)
    pair.mine(
        signing.dynamic_fee(pair.nonce, NOBODY, value=5),
        signing.dynamic_fee(pair.nonce + 1, store, word(0) + word(9)),
        signing.dynamic_fee(pair.nonce + 2, store, word(0) + word(9), gas=24_000),
    )
    pair.mine(signing.legacy(pair.nonce, store, word(4) + word(4)), signing.access_list(pair.nonce + 1, store, word(4)))
    pair.mine(signing.set_code(pair.nonce, NOBODY, store), nonces=2)
    pair.send(SENDER, word(4) + word(5))  # runs the delegate's code
    pair.mine(
        signing.dynamic_fee(pair.nonce, b"", bytes.fromhex("5f5ffd"), value=0),
        *(signing.dynamic_fee(pair.nonce + 1 + at, each) for at, each in enumerate((why, loops, ends, scripts.SHA256))),
    )


@pytest.mark.parametrize("anvil", [OSAKA], indirect=True)
def test_call_frames_are_anvils(pair: Pair) -> None:
    kinds: set[str] = set()
    errors: set[str] = set()
    for number in range(1, pair.chain.head.number + 1):
        block = pair.chain.block(number)
        assert block is not None
        for config in (
            CALLS,
            {"tracer": "callTracer"},
            {"tracer": "callTracer", "tracerConfig": {"onlyTopCall": True}},
        ):
            ours, theirs = pair.ours(number, config), pair.theirs(number, config)
            for one, other, raw in zip(ours, theirs, block.transactions, strict=True):
                assert one["txHash"] == other["txHash"]
                top, shown = one["result"], other["result"]
                # geth shows the transaction's own gas limit, anvil what is left of it after the intrinsic gas.
                assert int(top.pop("gas"), 16) == _core.decode_transaction(raw, "ethereum")["gas_limit"]
                del shown["gas"]
                # anvil adds up the gas of the transactions before this one in its block.
                receipt = pair.rpc.call("eth_getTransactionReceipt", one["txHash"])
                assert top.pop("gasUsed") == receipt["gasUsed"]
                del shown["gasUsed"]
                if config.get("tracerConfig", {}) == {"onlyTopCall": True}:
                    assert "calls" not in top
                    assert {each["type"] for each in shown.pop("calls", [])} <= {"SELFDESTRUCT"}  # anvil keeps these
                assert without_log_index(top) == without_log_index(renamed(shown)), (number, config)
                kinds |= {each["type"] for each in frames(top)}
                errors |= {each["error"] for each in frames(top) if "error" in each}
    assert kinds == {"CALL", "CALLCODE", "DELEGATECALL", "STATICCALL", "CREATE", "CREATE2", "SELFDESTRUCT"}
    assert {"execution reverted", "out of gas", "insufficient balance for transfer", *ERRORS.values()} <= errors


@pytest.mark.parametrize("anvil", [OSAKA], indirect=True)
@pytest.mark.parametrize("options", [{}, {"diffMode": True}, {"disableCode": True}, {"disableStorage": True}])
def test_prestates_are_anvils(pair: Pair, options: dict[str, bool]) -> None:
    config = {"tracer": "prestateTracer", "tracerConfig": options}
    for number in range(1, pair.chain.head.number + 1):
        assert pair.ours(number, config) == pair.theirs(number, config), number


@pytest.mark.parametrize("anvil", [OSAKA], indirect=True)
def test_calls_and_estimates_are_anvils(pair: Pair) -> None:
    """What a call gives and why it fails; an estimate that is the least which is enough is never above anvil's."""
    sender, why, store = "0x" + SENDER.hex(), scripts.created(SENDER, 8), scripts.created(SENDER, 0)
    reverted = pair.node.make_request("eth_call", [{"to": "0x" + why.hex()}, "latest"])["error"]
    assert (reverted["code"], reverted["message"]) == (3, "execution reverted: too poor")
    body = {"from": sender, "to": "0x" + store.hex(), "data": "0x" + (word(1) + word(77)).hex()}
    assert pair.node.make_request("eth_call", [body, "latest"])["result"] == pair.rpc.call("eth_call", body, "latest")
    ours = int(pair.node.make_request("eth_estimateGas", [body])["result"], 16)
    assert 21_000 < ours <= int(pair.rpc.call("eth_estimateGas", body), 16)
    pair.send(store, word(1) + word(77), gas=ours)
    assert pair.chain.head.outcomes[0]["status"] == 1
    assert pair.rpc.call("eth_getBlockReceipts", "latest")[0]["status"] == "0x1"


def frames(top: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield top
    for each in top.get("calls", []):
        yield from frames(each)


def renamed(top: dict[str, Any]) -> dict[str, Any]:
    for each in frames(top):
        if "error" in each:
            each["error"] = ERRORS.get(each["error"], each["error"])
    return top


def without_log_index(top: dict[str, Any]) -> dict[str, Any]:
    """geth counts a block's logs that stay, anvil all of a transaction's; ours are held against receipts elsewhere."""
    for each in frames(top):
        for log in each.get("logs", []):
            log.pop("index", None)
    return top
