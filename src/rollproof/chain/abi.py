"""The contract ABI's encoding, bounded: values to calldata and back, selectors, topics.

Types are written as in a signature: "uint256", "(address,uint256)[]", "bytes32[4]". Integers are ``int``, addresses
20 ``bytes``, bytesN and bytes are ``bytes``, strings ``str``, arrays and tuples any sequence going in and ``tuple``
coming out.

Decoding takes what Solidity's decoder (ABI coder v2) takes, no less, so that nobody hides a call from us that a
contract understands: offsets may point anywhere inside the data, padding may hold anything, more data may follow. What
that decoder refuses is refused here: values outside their type, and offsets or lengths outside the data. Data that
makes much out of little, by pointing to the same place many times, is refused as well.

Source: Solidity documentation, "Contract ABI Specification".
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from rollproof import _core
from rollproof.errors import Malformed, Unsupported

MAX_DATA: Final = 16 * 1024 * 1024  # bytes of one encoding
MAX_DEPTH: Final = 16  # arrays and tuples inside each other
MAX_TYPE: Final = 4096  # characters of a type
_REPEATED: Final = 4  # how often the data may be read over before it is a bomb
_NAME: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]{0,255}\Z")
_LENGTH: Final = re.compile(r"[1-9][0-9]{0,7}\Z")
_WORD: Final = 32


def encode(types: Sequence[str], values: Sequence[Any]) -> bytes:
    """The ABI encoding of values, as function arguments or results.

    Raises ValueError for a value that is not of its type, Unsupported for a type that is not known by name.
    """
    return _list(tuple(types)).encode(values)


def decode(types: Sequence[str], data: bytes) -> tuple[Any, ...]:
    """The values that `encode` had, of outside data.

    Raises Malformed where the data does not hold them, Unsupported for a type that is not known by name.
    """
    if len(data) > MAX_DATA:
        raise Malformed(f"ABI data: {len(data)} bytes, more than {MAX_DATA}")
    return _list(tuple(types)).read(_Reader(data), 0)


@lru_cache(maxsize=4096)
def selector(signature: str) -> bytes:
    """The four bytes that call a function or name an error, of its canonical signature: "transfer(address,uint256)"."""
    return topic(signature)[:4]


@lru_cache(maxsize=4096)
def topic(signature: str) -> bytes:
    """The first topic of an event's logs, of its canonical signature.

    Raises ValueError where it is none: a hash of another spelling would match nothing, silently.
    """
    name, bracket, rest = signature.partition("(")
    if not bracket or not rest.endswith(")") or not _NAME.match(name):
        raise ValueError(f"not a signature: {signature[:80]!r}")
    if rest != ")":
        parse(bracket + rest)
    return _core.keccak256(signature.encode())


def function(item: Mapping[str, Any]) -> str:
    """The canonical signature of a function, event or error in a contract's JSON ABI.

    Raises Malformed for an item without a name or with ill-typed parameters.
    """
    name = item.get("name")
    if not isinstance(name, str) or not _NAME.match(name):
        raise Malformed(f"an ABI item has no name: {str(name)[:40]!r}")
    return f"{name}({','.join(types_of(item.get('inputs', [])))})"


def types_of(parameters: Any) -> tuple[str, ...]:
    """The types of a JSON ABI's ``inputs``, ``outputs`` or ``components``, tuples written out. Raises Malformed."""
    return _types_of(parameters, 0)


def _types_of(parameters: Any, depth: int) -> tuple[str, ...]:
    if not isinstance(parameters, list) or len(parameters) > 256 or depth > MAX_DEPTH:
        raise Malformed("ABI parameters: not a list, more than 256, or too deep")
    found = []
    for each in parameters:
        name = each.get("type") if isinstance(each, Mapping) else None
        if not isinstance(name, str) or len(name) > MAX_TYPE:
            raise Malformed("an ABI parameter has no type")
        if name.startswith("tuple"):
            name = f"({','.join(_types_of(each.get('components'), depth + 1))}){name.removeprefix('tuple')}"
        found.append(name)
    return tuple(found)


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
    def read(self, reader: _Reader, at: int) -> Any:
        """The value whose encoding begins at byte ``at``."""

    def refuse(self, value: Any) -> ValueError:
        return ValueError(f"not a value of ABI type {self.name[:60]}: {repr(value)[:60]}")


class _Reader:
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

    def read(self, reader: _Reader, at: int) -> int:
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

    def read(self, reader: _Reader, at: int) -> bool:
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

    def read(self, reader: _Reader, at: int) -> bytes:
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

    def read(self, reader: _Reader, at: int) -> bytes:
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

    def read(self, reader: _Reader, at: int) -> Any:
        return reader.take(at + _WORD, reader.word(at))


class _String(_Bytes):
    __slots__ = ()

    def encode(self, value: Any) -> bytes:
        if not isinstance(value, str):
            raise self.refuse(value)
        return super().encode(value.encode())

    def read(self, reader: _Reader, at: int) -> str:
        raw: bytes = super().read(reader, at)
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise Malformed(f"ABI data: the string at {at} is not UTF-8") from None


class _Tuple(Type):
    __slots__ = ("_items",)

    def __init__(self, name: str, items: Sequence[Type]) -> None:
        size = sum(each.size if not each.dynamic else _WORD for each in items)
        super().__init__(name, size, any(each.dynamic for each in items))
        self._items = tuple(items)

    def encode(self, value: Any) -> bytes:
        if not isinstance(value, list | tuple) or len(value) != len(self._items):
            raise self.refuse(value)
        return _joined(self._items, value, self.size)

    def read(self, reader: _Reader, at: int) -> tuple[Any, ...]:
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

    def read(self, reader: _Reader, at: int) -> tuple[Any, ...]:
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


@lru_cache(maxsize=4096)
def _list(types: tuple[str, ...]) -> _Tuple:
    return _Tuple(f"({','.join(types)})", [parse(each) for each in types])


def _parse(name: str, depth: int) -> Type:
    if depth > MAX_DEPTH:
        raise Unsupported(f"ABI type more than {MAX_DEPTH} deep")
    if name.endswith("]"):
        inner, _, length = name[:-1].rpartition("[")
        if length and not _LENGTH.match(length):
            raise _unknown(name)
        return _Array(name, _parse(inner, depth + 1), int(length) if length else None)
    if name.startswith("(") and name.endswith(")"):
        return _Tuple(name, [_parse(each, depth + 1) for each in _split(name)])
    if name in _SIMPLE:
        return _SIMPLE[name]
    raise _unknown(name)


def _split(name: str) -> list[str]:
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
