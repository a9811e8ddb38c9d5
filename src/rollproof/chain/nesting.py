"""How deep JSON nests, found out before it is decoded.

A decoder's own guard is the interpreter's recursion limit. EELS raises that limit beyond what the stack holds, and
running out of stack ends the process where nothing can catch it.
"""

from __future__ import annotations

import re

from rollproof.errors import Malformed

MAX_DEPTH = 64
MAX_CONTAINERS = 8_000_000

_STRUCTURE = bytes(set(range(256)) - set(b'[]{}"'))
_STRING = re.compile(rb'"[^"]*"')
_STRING_ESCAPED = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


def bounded(data: bytes, what: str) -> bytes:
    """``data`` itself. Raises Malformed where its objects and lists nest deeper than 64 or are more than 8 million."""
    # Escapes are rare in what is read here; without them quotes alone delimit strings, and all else can go first.
    rest = _STRING_ESCAPED.sub(b"", data) if b"\\" in data else data
    brackets = _STRING.sub(b"", rest.translate(None, _STRUCTURE))
    if len(brackets) > 2 * MAX_CONTAINERS:
        raise Malformed(f"{what}: more than {MAX_CONTAINERS} objects and lists")
    depth = 0
    for bracket in brackets:
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_DEPTH:
            raise Malformed(f"{what}: JSON is nested deeper than {MAX_DEPTH}")
    return data
