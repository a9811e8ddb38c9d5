"""Mutations of bytes and of JSON, seeded: the same generator state gives the same input."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Sequence
from typing import Any

LARGEST = 1 << 20  # bytes of an input

# Values at the edges of what parsers of hex, quantities, lists and times decide about.
EDGES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 127, 2**31, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 2**256 - 1, 2**256, 10**40, 0.5, 1e300,
    "", "0x", "0x0", "0x00", "0x01", "0x1", "0x80", "0xg", "0x-1", "0x_1", "0x1_0", " 0x1", "0X1", "1", "-1", "1e3",
    "0x" + "00" * 20, "0x" + "ff" * 20, "0x" + "00" * 32, "0x" + "ff" * 32, "0x" + "f" * 63, "0x" + "f" * 65,
    "0x" + "00" * 256, "0x" + "ff" * 8, "0xffffffffffffffff", "0x10000000000000000", "0xc0", "0xf8", "0xb840",
    "\u0663", "0x\u0663", "\u00e9", "\x00", "\ud800", "latest", "finalized", "nan", "[]",
    [], {}, [[]], [None], [{}], {"": None}, ["0x"], {"0x": "0x"},
)  # fmt: skip


def edge(rng: random.Random) -> Any:
    """One of `EDGES`, to be changed at will."""
    return copy.deepcopy(rng.choice(EDGES))


def mutate_bytes(data: bytes, rng: random.Random) -> bytes:
    """A few bytes flipped, set, cut, doubled or put in."""
    out = bytearray(data[:LARGEST])
    for _ in range(1 << rng.randrange(4)):
        at = rng.randrange(len(out) + 1)
        size = min(1 << rng.randrange(8), len(out) - at)
        choice = rng.randrange(6)
        if choice == 0 and at < len(out):
            out[at] ^= 1 << rng.randrange(8)
        elif choice == 1 and at < len(out):
            out[at] = rng.choice((0, 1, 0x7F, 0x80, 0xB8, 0xC0, 0xF8, 0xFF))
        elif choice == 2:
            del out[at : at + size]
        elif choice == 3:
            out[at:at] = out[at : at + size]
        elif choice == 4:
            out[at:at] = rng.randbytes(rng.randrange(1, 9))
        else:
            out[at : at + 4] = rng.choice((0, 1, 255, 65536, 2**31, 2**32 - 1)).to_bytes(4, "little")
    return bytes(out[:LARGEST])


def mutate_json(data: bytes, rng: random.Random) -> bytes:
    """One to four changes of the document's tree, now and then of its text; of the bytes where it is no JSON."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return mutate_bytes(data, rng)
    if rng.random() < 0.1:
        return mutate_bytes(data, rng)
    for _ in range(rng.randrange(1, 5)):
        document = change(document, rng)
    try:
        text = json.dumps(document)
    except RecursionError:  # nested on top of nested
        return mutate_bytes(data, rng)
    if rng.random() < 0.1:
        text = _change_text(text, rng)
    return text.encode("utf-8", "surrogatepass")[:LARGEST]


def change(document: Any, rng: random.Random) -> Any:
    """The document with one place changed, drawn level by level, so that a long list does not hide the rest."""
    parent: Any = None
    place: Any = None
    node = document
    while isinstance(node, (dict, list)) and node and (parent is None or rng.random() < 0.8):
        parent, place = node, rng.choice(list(node)) if isinstance(node, dict) else rng.randrange(len(node))
        node = parent[place]
    if parent is None:
        return edge(rng)
    choice = rng.randrange(9)
    if choice == 0:
        del parent[place]
    elif choice == 1 and isinstance(parent, dict):
        parent[_key(place, parent, rng)] = parent.pop(place)
    elif choice == 2 and isinstance(parent, dict):
        parent[_key(place, parent, rng)] = node
    elif choice == 2:
        parent.insert(rng.randrange(len(parent) + 1), node)
    elif choice == 3 and isinstance(parent, list):
        rng.shuffle(parent)
    elif choice == 4:
        nested: Any = node
        for _ in range(rng.choice((1, 2, 70, 900))):
            nested = [nested] if rng.random() < 0.5 else {"a": nested}
        parent[place] = nested
    elif choice == 5:
        parent[place] = parent[rng.choice(list(parent))] if isinstance(parent, dict) else rng.choice(parent)
    elif choice <= 7 and isinstance(node, str):
        parent[place] = _change_string(node, rng)
    elif choice <= 7 and isinstance(node, int):
        parent[place] = node + rng.choice((-1, 1, 2, 2**32, 2**64))
    else:
        parent[place] = edge(rng)
    return document


def _key(own: Any, keys: dict[str, Any], rng: random.Random) -> str:
    return str(rng.choice((own + "x", rng.choice([own, *keys]), "", "\u00e9" * 99, own.upper(), "0x" + "ab" * 20)))


def _change_string(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text) + 1)
    choice = rng.randrange(6)
    if choice == 0:
        return text[:at] + rng.choice("0123456789abcdefABCDEFgx-_ \u0663\x00") + text[at + 1 :]
    if choice == 1:
        return text[:at]
    if choice == 2:
        return text + rng.choice(("0", "00", "f", text))[: 1 << 16]
    if choice == 3:
        return text[:at] + rng.choice(("00", "ff", "_", "\u00e9", "\ud800", "0x")) + text[at:]
    if choice == 4 and text.startswith("0x"):
        try:
            raw = bytes.fromhex(text[2:])
        except ValueError:
            return text.upper()
        return "0x" + mutate_bytes(raw, rng).hex()
    return str(rng.choice([edge for edge in EDGES if isinstance(edge, str)]))


def _change_text(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text) + 1)
    insert: Sequence[str] = (
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "9" * 5000,
        ",",
        "[" * 2000,
        '"a":1,"a":2,',
        "\ufeff",
    )
    if rng.random() < 0.5:
        return text.replace('"0x', rng.choice(('"0X', '" 0x', '0x"')), 1)
    return text[:at] + rng.choice(insert) + text[at:]
