"""JSON-RPC's two kinds of hex, quantities and data, read strictly and written canonically.

Every reader takes ``what``, the name of the thing as it should appear in an error, and raises ``Malformed``.
Source: execution-apis, "Hex value encoding".
"""

from __future__ import annotations

from typing import Any

from rollproof.errors import Malformed

MAX_DATA = 64 * 1024 * 1024  # bytes of one hex string


def quantity(value: Any, what: str, bits: int = 256) -> int:
    """A ``0x`` quantity of at most ``bits`` bits. Leading zeros are let through: some nodes write them."""
    if not isinstance(value, str) or not value.startswith("0x") or not 3 <= len(value) <= 66:
        raise Malformed(f"{what}: expected a hex quantity, got {short(value)}")
    try:
        number = int(value, 16) if value.isascii() and value[2:].isalnum() else -1
    except ValueError:
        number = -1
    if number < 0 or number >> bits:
        raise Malformed(f"{what}: expected a hex quantity of at most {bits} bits, got {short(value)}")
    return number


def data(value: Any, what: str, length: int | None = None, limit: int = MAX_DATA) -> bytes:
    """``0x`` bytes, of exactly ``length`` bytes when given and never more than ``limit``."""
    if not isinstance(value, str) or not value.startswith("0x"):
        raise Malformed(f"{what}: expected hex data, got {short(value)}")
    if len(value) > 2 * limit + 2:
        raise Malformed(f"{what}: more than {limit} bytes")
    try:
        raw = bytes.fromhex(value[2:])
    except ValueError:
        raise Malformed(f"{what}: expected hex data, got {short(value)}") from None
    if 2 * len(raw) + 2 != len(value):  # fromhex skips white space
        raise Malformed(f"{what}: expected hex data, got {short(value)}")
    if length is not None and len(raw) != length:
        raise Malformed(f"{what}: expected {length} bytes, got {len(raw)}")
    return raw


def hash32(value: Any, what: str) -> bytes:
    """A 32-byte hash."""
    return data(value, what, 32)


def address(value: Any, what: str) -> bytes:
    """A 20-byte address."""
    return data(value, what, 20)


def mapping(value: Any, what: str) -> dict[str, Any]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise Malformed(f"{what}: expected a JSON object, got {short(value)}")
    return value


def sequence(value: Any, what: str, limit: int) -> list[Any]:
    """A JSON array of at most ``limit`` items."""
    if not isinstance(value, list):
        raise Malformed(f"{what}: expected a JSON array, got {short(value)}")
    if len(value) > limit:
        raise Malformed(f"{what}: {len(value)} items, more than {limit}")
    return value


def field(record: dict[str, Any], key: str, what: str) -> Any:
    """A key that has to be there and not null."""
    value = record.get(key)
    if value is None:
        raise Malformed(f"{what}: {key} is missing")
    return value


def to_quantity(number: int) -> str:
    """``5 -> "0x5"``."""
    return hex(number)


def to_data(raw: bytes) -> str:
    """``b"\\x01" -> "0x01"``."""
    return "0x" + raw.hex()


def short(value: Any) -> str:
    """At most 24 printable characters of something that came from outside, for a one-line message."""
    if isinstance(value, (dict, list)):
        return f"a JSON {'object' if isinstance(value, dict) else 'array'}"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return "a JSON number"
    text = repr(value[:40]) if isinstance(value, str) else repr(value)
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= 24 else text[:21] + "..."
