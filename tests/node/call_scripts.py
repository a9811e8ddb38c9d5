"""Contracts that make calls of every kind, written out here: for comparing traces with another client's."""

from __future__ import annotations

from rollproof import _core

CALL, CALLCODE, DELEGATECALL, STATICCALL = 0xF1, 0xF2, 0xF4, 0xFA
CREATE, CREATE2 = 0xF0, 0xF5
SHA256 = bytes(19) + b"\x02"

# Runtime codes.
STORE = bytes.fromhex("5f35602035555f5fa000")  # first word of the input into the slot of the second, and a log
READ = bytes.fromhex("5f35545f5260205ff3")  # the slot of the input's first word
ENDS = bytes.fromhex("33ff")  # selfdestruct to the caller
LOOPS = bytes.fromhex("5b5f56")  # until out of gas
INVALID = b"\xfe"
UNDERFLOW = b"\x01"
BAD_JUMP = bytes.fromhex("600556")
LOG_AND_REVERT = bytes.fromhex("60aa5f5260205fa05f5ffd")
BALANCES = bytes.fromhex("5f3531505f353b505f353f5000")  # BALANCE, EXTCODESIZE and EXTCODEHASH of the input's address


def push(value: int) -> bytes:
    raw = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return bytes([0x5F + len(raw)]) + raw


def memory(data: bytes) -> bytes:
    """Code that puts ``data`` at the start of memory."""
    words = [data[at : at + 32].ljust(32, b"\0") for at in range(0, len(data), 32)]
    return b"".join(b"\x7f" + each + push(32 * at) + b"\x52" for at, each in enumerate(words))


def call(kind: int, to: bytes, data: bytes = b"", *, value: int = 0, gas: int = 100_000) -> bytes:
    """Code that makes one call and forgets what came of it."""
    amount = push(value) if kind in (CALL, CALLCODE) else b""
    return (
        memory(data)
        + push(0) * 2
        + push(len(data))
        + push(0)
        + amount
        + b"\x73"
        + to
        + push(gas)
        + bytes([kind])
        + b"\x50"
    )


def create(kind: int, init: bytes, *, value: int = 0, salt: int = 7) -> bytes:
    """Code that creates a contract and forgets its address."""
    salted = push(salt) if kind == CREATE2 else b""
    return memory(init) + salted + push(len(init)) + push(0) + push(value) + bytes([kind]) + b"\x50"


def log(topics: int = 1) -> bytes:
    return push(0x77) * topics + push(0) * 2 + bytes([0xA0 + topics])


def reverting(reason: str) -> bytes:
    """Runtime code that reverts with Solidity's Error(string)."""
    raw = reason.encode()
    data = bytes.fromhex("08c379a0") + (32).to_bytes(32, "big") + len(raw).to_bytes(32, "big") + raw.ljust(32, b"\0")
    return memory(data) + push(len(data)) + push(0) + b"\xfd"


def deployment(runtime: bytes) -> bytes:
    """Init code that leaves ``runtime``."""
    size = len(runtime).to_bytes(2, "big")
    return b"\x61" + size + b"\x80\x60\x0a\x5f\x39\x5f\xf3" + runtime


def created(sender: bytes, nonce: int) -> bytes:
    raw = nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
    return _core.keccak256(_core.rlp_encode([sender, raw]))[12:]
