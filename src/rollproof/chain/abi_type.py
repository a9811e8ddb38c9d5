"""The types of the contract ABI, each with how it is written and read. `rollproof.chain.abi` says how strictly.

Source: Solidity documentation, "Contract ABI Specification" ("Types", "Formal Specification of the Encoding").
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from rollproof.errors import Malformed, Unsupported

MAX_DATA: Final = 16 * 1024 * 1024  # bytes of one encoding
MAX_DEPTH: Final = 16  # arrays and tuples inside each other
MAX_TYPE: Final = 4096  # characters of a type
_REPEATED: Final = 4  # how often the data may be read over before it is a bomb
_LENGTH: Final = re.compile(r"[1-9][0-9]{0,7}\Z")
_WORD: Final = 32


@lru_cache(maxsize=4096)
def parse(name: str) -> Type:
    """The type of a name. Raises Unsupported for one that is not known, and for one that is not canonical (uint)."""
    if len(name) > MAX_TYPE:
        raise Unsupported(f"ABI type of {len(name)} characters")
    return _parse(name, 0)


class Type(ABC):
    """One ABI type. ``size`` is what its head takes in bytes; ``dynamic`` types have an offset there."""

    __slots__ = ("dynamic", "name", "size")

    def __init__(self, name: str, size: int = _WORD, dynamic: bool = False) -> None:
        if size > MAX_DATA:
            raise Unsupported(f"ABI type {name[:60]} of {size} bytes")
        self.name, self.size, self.dynamic = name, size, dynamic

    @abstractmethod
    def encode(self, value: Any) -> bytes: ...

    @abstractmethod
    def read(self, reader: Reader, at: int) -> Any:
        """The value whose encoding begins at byte ``at``."""

    def refuse(self, value: Any) -> ValueError:
        return ValueError(f"not a value of ABI type {self.name[:60]}: {repr(value)[:60]}")


class Reader:
    """Outside data, with a bound on how much may be read of it in all."""

    __slots__ = ("_left", "data", "length")

    def __init__(self, data: bytes) -> None:
        self.data, self.length = data, len(data)
        self._left = _REPEATED * len(data) + 1024

    def word(self, at: int) -> int:
        return int.from_bytes(self.take(at, _WORD), "big")

    def take(self, at: int, length: int) -> bytes:
        if at + length > self.length:
            raise Malformed(f"ABI data: {length} bytes at {at}, of {self.length}")
        self._left -= length
        if self._left < 0:
            raise Malformed("ABI data: the same bytes over and over")
        return self.data[at : at + length]

    def pointed(self, base: int, at: int) -> int:
        """Where the offset that stands at ``at`` leads, counted from ``base``."""
        offset = self.word(at)
        if offset > self.length - base:
            raise Malformed(f"ABI data: an offset beyond its {self.length} bytes")
        return base + offset


class _Integer(Type):
    __slots__ = ("_high", "_low")

    def __init__(self, name: str, bits: int, signed: bool) -> None:
        super().__init__(name)
        self._low, self._high = (-(1 << bits - 1), 1 << bits - 1) if signed else (0, 1 << bits)

    def encode(self, value: Any) -> bytes:
        if not isinstance(value, int) or isinstance(value, bool) or not self._low <= value < self._high:
            raise self.refuse(value)
        return (value if value >= 0 else value + (1 << 256)).to_bytes(_WORD, "big")

    def read(self, reader: Reader, at: int) -> int:
        value = reader.word(at)
        if self._low and value >> 255:
            value -= 1 << 256
        if not self._low <= value < self._high:
            raise Malformed(f"ABI data: {value:#x} at {at} is no {self.name}")
        return value


class _Bool(Type):
    __slots__ = ()

    def encode(self, value: Any) -> bytes:
        if not isinstance(value, bool):
            raise self.refuse(value)
        return int(value).to_bytes(_WORD, "big")

    def read(self, reader: Reader, at: int) -> bool:
        value = reader.word(at)
        if value > 1:
            raise Malformed(f"ABI data: {value:#x} at {at} is no bool")
        return value == 1


class _Address(Type):
    __slots__ = ()

    def encode(self, value: Any) -> bytes:
        if not isinstance(value, bytes) or len(value) != 20:
            raise self.refuse(value)
        return bytes(12) + value

    def read(self, reader: Reader, at: int) -> bytes:
        word = reader.take(at, _WORD)
        if any(word[:12]):
            raise Malformed(f"ABI data: 0x{word.hex()} at {at} is no address")
        return word[12:]


class _FixedBytes(Type):
    __slots__ = ("_length",)

    def __init__(self, name: str, length: int) -> None:
        super().__init__(name)
        self._length = length

    def encode(self, value: Any) -> bytes:
        if not isinstance(value, bytes) or len(value) != self._length:
            raise self.refuse(value)
        return value.ljust(_WORD, b"\0")

    def read(self, reader: Reader, at: int) -> bytes:
        word = reader.take(at, _WORD)
        if any(word[self._length :]):
            raise Malformed(f"ABI data: 0x{word.hex()} at {at} is no {self.name}")
        return word[: self._length]


class _Bytes(Type):
    __slots__ = ()

    def encode(self, value: Any) -> bytes:
        if not isinstance(value, bytes):
            raise self.refuse(value)
        return len(value).to_bytes(_WORD, "big") + value + bytes(-len(value) % _WORD)

    def read(self, reader: Reader, at: int) -> Any:
        return reader.take(at + _WORD, reader.word(at))


class _String(_Bytes):
    __slots__ = ()

    def encode(self, value: Any) -> bytes:
        if not isinstance(value, str):
            raise self.refuse(value)
        return super().encode(value.encode())

    def read(self, reader: Reader, at: int) -> str:
        raw: bytes = super().read(reader, at)
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise Malformed(f"ABI data: the string at {at} is not UTF-8") from None


class Tuple(Type):
    __slots__ = ("_items",)

    def __init__(self, name: str, items: Sequence[Type]) -> None:
        size = sum(each.size if not each.dynamic else _WORD for each in items)
        super().__init__(name, size, any(each.dynamic for each in items))
        self._items = tuple(items)

    def encode(self, value: Any) -> bytes:
        if not isinstance(value, list | tuple) or len(value) != len(self._items):
            raise self.refuse(value)
        return _joined(self._items, value, self.size)

    def read(self, reader: Reader, at: int) -> tuple[Any, ...]:
        found = []
        place = at
        for each in self._items:
            if each.dynamic:
                found.append(each.read(reader, reader.pointed(at, place)))
                place += _WORD
            else:
                found.append(each.read(reader, place))
                place += each.size
        return tuple(found)


class _Array(Type):
    """``T[]`` where ``length`` is None, else ``T[k]``."""

    __slots__ = ("_item", "_length", "_step")

    def __init__(self, name: str, item: Type, length: int | None) -> None:
        self._item, self._length = item, length
        self._step = _WORD if item.dynamic else item.size
        super().__init__(name, self._step * (length or 0), item.dynamic or length is None)

    def encode(self, value: Any) -> bytes:
        if not isinstance(value, list | tuple) or (self._length is not None and len(value) != self._length):
            raise self.refuse(value)
        prefix = len(value).to_bytes(_WORD, "big") if self._length is None else b""
        return prefix + _joined((self._item,) * len(value), value, self._step * len(value))

    def read(self, reader: Reader, at: int) -> tuple[Any, ...]:
        length = self._length
        if length is None:
            length = reader.word(at)
            at += _WORD
        if length * self._step > reader.length - at:
            raise Malformed(f"ABI data: {self.name[:60]} of more items than there is data")
        item, step = self._item, self._step
        if item.dynamic:
            return tuple(item.read(reader, reader.pointed(at, at + i * step)) for i in range(length))
        return tuple(item.read(reader, at + i * step) for i in range(length))


def _joined(items: Sequence[Type], values: Sequence[Any], size: int) -> bytes:
    """Heads, then what the offsets in them point to."""
    heads, tails = [], []
    for each, value in zip(items, values, strict=True):
        encoded = each.encode(value)
        if each.dynamic:
            heads.append(size.to_bytes(_WORD, "big"))
            tails.append(encoded)
            size += len(encoded)
        else:
            heads.append(encoded)
    return b"".join(heads + tails)


def _parse(name: str, depth: int) -> Type:
    if depth > MAX_DEPTH:
        raise Unsupported(f"ABI type more than {MAX_DEPTH} deep")
    if name.endswith("]"):
        inner, _, length = name[:-1].rpartition("[")
        if length and not _LENGTH.match(length):
            raise _unknown(name)
        return _Array(name, _parse(inner, depth + 1), int(length) if length else None)
    if name.startswith("(") and name.endswith(")"):
        return Tuple(name, [_parse(each, depth + 1) for each in split(name)])
    if name in _SIMPLE:
        return _SIMPLE[name]
    raise _unknown(name)


def split(name: str) -> list[str]:
    """What stands between the commas of "(a,(b,c),d)". An empty tuple is nothing, so none is let through."""
    found, begin, level = [], 1, 0
    for index, character in enumerate(name):
        if character == "(":
            level += 1
        elif character == ")":
            level -= 1
        if level == 0 and index < len(name) - 1:
            raise _unknown(name)
        if (character == "," and level == 1) or level == 0:
            found.append(name[begin:index])
            begin = index + 1
    if level:
        raise _unknown(name)
    return found


def _unknown(name: str) -> Unsupported:
    return Unsupported(f"ABI type {name[:60]!r}")


_SIMPLE: Final[Mapping[str, Type]] = {
    **{f"uint{bits}": _Integer(f"uint{bits}", bits, False) for bits in range(8, 257, 8)},
    **{f"int{bits}": _Integer(f"int{bits}", bits, True) for bits in range(8, 257, 8)},
    **{f"bytes{length}": _FixedBytes(f"bytes{length}", length) for length in range(1, 33)},
    "address": _Address("address"),
    "bool": _Bool("bool"),
    "bytes": _Bytes("bytes", _WORD, True),
    "string": _String("string", _WORD, True),
}
