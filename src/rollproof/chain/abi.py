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
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from rollproof import _core
from rollproof.chain.abi_type import MAX_DATA, MAX_DEPTH, MAX_TYPE, Reader, Tuple, parse
from rollproof.errors import Malformed

__all__ = ["MAX_DATA", "decode", "encode", "function", "parse", "selector", "topic", "types_of"]

_NAME: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]{0,255}\Z")


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
    return _list(tuple(types)).read(Reader(data), 0)


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
def _list(types: tuple[str, ...]) -> Tuple:
    return Tuple(f"({','.join(types)})", [parse(each) for each in types])
