"""What revert data says in words: Solidity's Error(string) and Panic(uint256)."""

from __future__ import annotations

from typing import Final

_ERROR: Final = bytes.fromhex("08c379a0")
_PANIC: Final = bytes.fromhex("4e487b71")
_MAX_REASON: Final = 1_024  # bytes
# Solidity documentation, "Panic via assert and Error via require".
_PANICS: Final = {
    0x00: "generic panic",
    0x01: "assert(false)",
    0x11: "arithmetic underflow or overflow",
    0x12: "division or modulo by zero",
    0x21: "enum overflow",
    0x22: "invalid encoded storage byte array accessed",
    0x31: "out-of-bounds array access; popping on an empty array",
    0x32: "out-of-bounds access of an array or bytesN",
    0x41: "out of memory",
    0x51: "uninitialized function",
}


def reason(output: bytes) -> str | None:
    """The reason in revert data; None where there is none in a form that is known."""
    if output[:4] == _PANIC and len(output) >= 36:
        number = int.from_bytes(output[4:36], "big")
        return _PANICS.get(number, f"unknown panic code: {number:#x}")
    if output[:4] != _ERROR or len(output) < 68:
        return None
    body = output[4:]
    at = int.from_bytes(body[:32], "big")
    if at > len(body) - 32:
        return None
    length = int.from_bytes(body[at : at + 32], "big")
    if length > len(body) - at - 32:
        return None
    return body[at + 32 : at + 32 + min(length, _MAX_REASON)].decode("utf-8", "replace")
