"""JSON of any shape, read strictly: no doubled key, no float, no lone surrogate, bounded nesting and number of values.

Call trees nest two levels a frame, deeper than the standard decoder's recursion may go: where a document is deep, a
decoder with a stack of its own takes over.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, NoReturn

from rollproof.errors import Malformed

MAX_DEPTH: Final = 2 * 1026 + 16  # 1,025 frames, and what stands around and inside them
MAX_VALUES: Final = 24_000_000
MAX_DEEP: Final = 32 << 20  # bytes of a document that needs the slower decoder
SHALLOW: Final = 64

_STRUCTURE: Final = bytes(set(range(256)) - set(b'[]{}",'))
_STRING: Final = re.compile(rb'"[^"]*"')
_STRING_ESCAPED: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_SPACE: Final = re.compile(r"[ \t\n\r]*")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def parse(data: bytes, what: str) -> Any:
    """The value in ``data``. Raises Malformed naming ``what``."""
    depth = _measured(data, what)
    if depth > SHALLOW and len(data) > MAX_DEEP:
        raise Malformed(f"{what}: nested {depth} deep, and more than {MAX_DEEP} bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise Malformed(f"{what}: not text (UTF-8)") from None
    try:
        return _SHALLOW.decode(text) if depth <= SHALLOW else _deep(text)
    except Malformed as error:
        raise Malformed(f"{what}: {error}") from None
    except ValueError as error:  # JSONDecodeError, an integer of too many digits
        reason = f"{error.msg} at character {error.pos}" if isinstance(error, json.JSONDecodeError) else "a bad number"
        raise Malformed(f"{what}: not JSON ({reason})") from None


def _measured(data: bytes, what: str) -> int:
    rest = _STRING_ESCAPED.sub(b"", data) if b"\\" in data else data
    marks = _STRING.sub(b"", rest.translate(None, _STRUCTURE))
    if len(marks) > MAX_VALUES:
        raise Malformed(f"{what}: more than {MAX_VALUES} values")
    depth = deepest = 0
    for mark in marks.translate(None, b',"'):
        depth += 1 if mark in b"[{" else -1
        if depth > deepest:
            deepest = depth
            if depth > MAX_DEPTH:
                raise Malformed(f"{what}: nested deeper than {MAX_DEPTH}")
    return deepest


def _number(text: str) -> NoReturn:
    raise Malformed(f"number {text[:40]} is not an integer")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        doubled = next(key for key in keys if keys.count(key) > 1)
        raise Malformed(f"key {doubled[:80]!a} stands twice in one object")
    return found


_SHALLOW: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_number, parse_constant=_number)


def printable(text: str) -> bool:
    """Whether nothing in it can move a terminal's cursor or break a line."""
    return text.isprintable() and not _SURROGATE.search(text)


def _deep(text: str) -> Any:
    """What the decoder gives, without recursion: scalars by it, objects and lists by a stack."""
    root: list[Any] = []
    stack: list[tuple[bool, list[Any]]] = [(False, root)]  # (is an object, its items; pairs in an object)
    keys: list[str | None] = [None]
    at = _skip(text, 0)
    fresh = True  # just opened: a value or the end may follow, no comma
    while True:
        is_object, items = stack[-1]
        closing = text[at : at + 1]
        if len(stack) > 1 and closing == ("}" if is_object else "]") and (fresh or keys[-1] is None):
            stack.pop()
            keys.pop()
            _put(stack, keys, _unique(items) if is_object else items)
            at, fresh = _skip(text, at + 1), False
        else:
            if not fresh:
                at = _comma(text, at)
            if is_object:
                key, at = _key(text, at)
                keys[-1] = key
            if text[at : at + 1] in ("{", "["):
                stack.append((text[at] == "{", []))
                keys.append(None)
                at, fresh = _skip(text, at + 1), True
                continue
            value, at = _SHALLOW.raw_decode(text, at)
            _put(stack, keys, value)
            at, fresh = _skip(text, at), False
        if len(stack) == 1:
            if at != len(text):
                raise json.JSONDecodeError("Extra data", text, at)
            return root[0]


def _put(stack: list[tuple[bool, list[Any]]], keys: list[str | None], value: Any) -> None:
    is_object, items = stack[-1]
    items.append((keys[-1], value) if is_object else value)
    keys[-1] = None


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _comma(text: str, at: int) -> int:
    if text[at : at + 1] != ",":
        raise json.JSONDecodeError("Expecting ',' delimiter", text, at)
    return _skip(text, at + 1)


def _key(text: str, at: int) -> tuple[str, int]:
    if text[at : at + 1] != '"':
        raise json.JSONDecodeError("Expecting property name enclosed in double quotes", text, at)
    key, at = _SHALLOW.raw_decode(text, at)
    at = _skip(text, at)
    if text[at : at + 1] != ":":
        raise json.JSONDecodeError("Expecting ':' delimiter", text, at)
    return key, _skip(text, at + 1)
