"""A contract's calls, results, logs and reverts by name, from a compiler's artifact."""

from __future__ import annotations

from typing import Any

import pytest

from rollproof import _core
from rollproof.errors import Malformed, Missing
from rollproof.lab.contract import Contract


def typed(*types: str, indexed: int = 0) -> list[dict[str, Any]]:
    return [{"type": kind, "name": f"p{i}", "indexed": i < indexed} for i, kind in enumerate(types)]


ARTIFACT: dict[str, Any] = {
    "name": "Token",
    "bytecode": "0x6001",
    "runtime": "6002",
    "immutables": {},
    "storage": {"storage": [{"label": "owner", "slot": "0", "offset": 0, "type": "t_address"},
                            {"label": "_balances", "slot": "3", "offset": 0, "type": "t_mapping"}]},
    "abi": [
        {"type": "constructor", "inputs": typed("string", "uint8")},
        {"type": "function", "name": "transfer", "inputs": typed("address", "uint256"), "outputs": typed("bool")},
        {"type": "function", "name": "get", "inputs": typed("uint256"), "outputs": typed("uint256")},
        {"type": "function", "name": "get", "inputs": typed("address"), "outputs": typed("bytes")},
        {"type": "function", "name": "get", "inputs": typed("address", "bool"), "outputs": []},
        {"type": "event", "name": "Transfer", "inputs": typed("address", "address", "uint256", indexed=2)},
        {"type": "event", "name": "Named", "inputs": typed("string", "uint8", indexed=1)},
        {"type": "error", "name": "TooMuch", "inputs": typed("uint256", "address")},
        {"type": "receive"},
    ],
}  # fmt: skip
ALICE, BOB, HERE = b"\xa1" * 20, b"\xb0" * 20, b"\xc0" * 20
TOKEN = Contract.from_artifact(ARTIFACT).at(HERE)
# keccak256("Transfer(address,address,uint256)"), as every ERC-20 has it.
TRANSFER = bytes.fromhex("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef")


def word(value: int | bytes) -> bytes:
    return value.rjust(32, b"\0") if isinstance(value, bytes) else value.to_bytes(32, "big")


def test_calls_and_results() -> None:
    calldata = TOKEN.encode("transfer", BOB, 5)
    assert calldata == bytes.fromhex("a9059cbb") + word(BOB) + word(5)
    assert TOKEN.arguments("transfer", calldata) == (BOB, 5)
    assert TOKEN.decode("transfer", word(1)) == (True,)
    assert TOKEN.slots == {"owner": 0, "_balances": 3}
    assert (TOKEN.address, TOKEN.runtime) == (HERE, b"\x60\x02")
    assert TOKEN.deployment("T", 6) == b"\x60\x01" + word(64) + word(6) + word(1) + b"T".ljust(32, b"\0")
    with pytest.raises(Malformed, match="does not call"):
        TOKEN.arguments("transfer", b"\0" * 68)
    with pytest.raises(Missing, match="no function mint"):
        TOKEN.encode("mint", 5)
    with pytest.raises(Missing, match="no address"):
        _ = Contract.from_artifact(ARTIFACT).address
    with pytest.raises(Missing, match="no artifact"):
        Contract.load("../errors")


def test_a_name_that_several_functions_have() -> None:
    assert len(TOKEN.encode("get", ALICE, True)) == 68
    assert TOKEN.encode("get(address)", ALICE)[:4] != TOKEN.encode("get(uint256)", 1)[:4]
    with pytest.raises(ValueError, match="is several"):
        TOKEN.encode("get", ALICE)


def test_logs() -> None:
    log = (HERE, [TRANSFER, word(ALICE), word(BOB)], word(9))
    assert TOKEN.event("Transfer", log) == {"p0": ALICE, "p1": BOB, "p2": 9}
    assert TOKEN.event("Transfer", (ALICE, *log[1:])) is None
    assert TOKEN.event("Named", log) is None
    hashed = _core.keccak256(b"name")
    assert TOKEN.event("Named", (HERE, [TOKEN.topic("Named"), hashed], word(3))) == {"p0": hashed, "p1": 3}
    for bad in ((HERE, log[1][:2], word(9)), (HERE, log[1], b""), (HERE, [TRANSFER, b"\1" * 32, word(BOB)], word(9))):
        with pytest.raises(Malformed):
            TOKEN.event("Transfer", bad)


def test_why_a_call_reverts() -> None:
    text = bytes.fromhex("08c379a0") + word(32) + word(3) + b"why".ljust(32, b"\0")
    assert TOKEN.reason(text) == "why"
    assert TOKEN.reason(bytes.fromhex("4e487b71") + word(0x11)) == "Panic(0x11)"
    own = _core.keccak256(b"TooMuch(uint256,address)")[:4]
    assert TOKEN.reason(own + word(7) + word(BOB)) == f"TooMuch(7, 0x{BOB.hex()})"
    assert TOKEN.reason(own) == "0x" + own.hex()
    assert TOKEN.reason(text[:40]).startswith("0x08c379a0")


def test_code_that_is_not_linked_is_refused() -> None:
    with pytest.raises(Malformed, match="not linked"):
        Contract.from_artifact(ARTIFACT | {"bytecode": "0x73__$abc$__"})
