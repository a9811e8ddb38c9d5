"""RLP lists whose fields are strings, read strictly. Source: yellow paper, appendix B."""

from __future__ import annotations

from typing import Any

from rollproof import _core
from rollproof.errors import Malformed


def fields(data: bytes, count: int, what: str, depth: int = 2) -> list[Any]:
    """The items of a list of exactly ``count``. Raises Malformed."""
    try:
        items = _core.rlp_decode(data, depth)
    except _core.CoreError as error:
        raise Malformed(f"{what}: {error}") from None
    if not isinstance(items, list) or len(items) != count:
        raise Malformed(f"{what}: not a list of {count}")
    return items


def string(item: Any, what: str, length: int | None = None) -> bytes:
    """An item that is a string, of exactly ``length`` bytes when given. Raises Malformed."""
    if not isinstance(item, bytes) or (length is not None and len(item) != length):
        raise Malformed(f"{what}: not a string{'' if length is None else f' of {length} bytes'}")
    return item


def number(item: Any, what: str, bits: int = 256) -> int:
    """An item that is an unsigned integer of at most ``bits`` bits, without leading zeros. Raises Malformed."""
    raw = string(item, what)
    if len(raw) * 8 > bits or raw[:1] == b"\0":
        raise Malformed(f"{what}: not an integer of at most {bits} bits")
    return int.from_bytes(raw, "big")


def integer(value: int) -> bytes:
    """An unsigned integer as RLP has it. Raises OverflowError for a negative one."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")
