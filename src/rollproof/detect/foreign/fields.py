"""Values of a trace, read strictly. Where a place is named (``what``), the error says it."""

from __future__ import annotations

from typing import Any, Final

from rollproof.chain import wire
from rollproof.detect.foreign.strict_json import printable
from rollproof.errors import Malformed

MAX_NAME: Final = 256
MAX_INPUT: Final = 16 << 20  # bytes of one call's data, or of a log's
ZERO: Final = bytes(20)
WORD: Final = 1 << 256
MAX_GAS: Final = (1 << 64) - 1


def number(value: Any, what: str, bits: int = 256) -> int:
    """A JSON integer, or a hex quantity; clients write both."""
    if isinstance(value, int) and not isinstance(value, bool):
        if value < 0 or value >> bits:
            raise Malformed(f"{what}: expected a number of at most {bits} bits")
        return value
    return wire.quantity(value, what, bits)


def optional(value: Any, what: str, bits: int = 256) -> int | None:
    """As `number`; None where it is null or absent."""
    return None if value is None else number(value, what, bits)


def padded(value: Any, what: str, length: int) -> bytes:
    """Minimal or padded hex as so many bytes."""
    found = wire.quantity(value, what, 8 * length) if value != "0x" else 0
    return found.to_bytes(length, "big")


def address(value: Any, what: str) -> bytes:
    """A 20-byte address, padded or minimal."""
    if isinstance(value, str) and len(value) == 42:
        return wire.address(value, what)
    return padded(value, what, 20)


def data(value: Any, what: str) -> bytes:
    """Bytes; none where it is null or absent."""
    return b"" if value is None else wire.data(value, what, None, MAX_INPUT)


def text(value: Any, what: str, limit: int = MAX_NAME) -> str:
    """A printable string. Raises Malformed for control characters and for more than ``limit`` characters."""
    if not isinstance(value, str):
        raise Malformed(f"{what}: expected a string, got {wire.short(value)}")
    if len(value) > limit:
        raise Malformed(f"{what}: more than {limit} characters")
    if not printable(value):
        raise Malformed(f"{what}: has control characters")
    return value


def result_of(value: Any) -> Any:
    """What stands in a JSON-RPC answer; the value itself where it is none."""
    if isinstance(value, dict) and "result" in value and value.keys() <= {"jsonrpc", "id", "result"} and len(value) > 1:
        return value["result"]
    return value
