"""Where two tries part: from two roots down to the leaves, or to the path prefix below which nothing can be read.

What a block did not touch is in no receipt and no trace; that its claimed state differs there shows only in the trie
(yellow paper appendix D). Nodes are found by their hash, so whoever serves them need not be trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from rollproof import _core
from rollproof.errors import Malformed
from rollproof.replay.header import EMPTY_ROOT

MAX_STEPS = 100_000  # node pairs compared
KEY_NIBBLES = 64

Lookup = Callable[[bytes], bytes | None]


@dataclass(frozen=True, slots=True)
class Parting:
    """One place where the tries differ. ``path`` has one nibble a byte; 64 of them name a leaf.

    ``claimed`` and ``computed`` are the leaf's value, or the hash of the subtree, or None where there is nothing.
    ``opaque``: a node below was not served, so that the place cannot be narrowed down.
    """

    path: bytes
    claimed: bytes | None
    computed: bytes | None
    opaque: bool


@dataclass(frozen=True, slots=True)
class _Short:
    """A leaf (``value``) or an extension (``child``), with the nibbles still to walk."""

    path: bytes
    value: bytes | None
    child: Any = None


@dataclass(frozen=True, slots=True)
class _Blind:
    hash: bytes


_Node = None | _Short | _Blind | tuple[Any, ...]


def _nibbles(packed: bytes) -> tuple[bytes, bool]:
    """Hex-prefix decoding (yellow paper appendix C): nibbles, and whether the node is a leaf."""
    if not packed or packed[0] >> 4 > 3:
        raise Malformed("trie node: a path with a wrong prefix")
    digits = bytes(nibble for byte in packed for nibble in (byte >> 4, byte & 15))
    return digits[1 if digits[0] & 1 else 2 :], bool(digits[0] & 2)


def _node(item: Any, lookup: Lookup) -> _Node:
    """What a reference leads to: nothing, an inline node, or the node behind a hash (blind where it is not served)."""
    if item in (b"", EMPTY_ROOT):
        return None
    if isinstance(item, bytes):
        if len(item) != 32:
            raise Malformed("trie node: a reference that is neither a hash nor a node")
        raw = lookup(item)
        if raw is None:
            return _Blind(item)
        item = _core.rlp_decode(raw, 40, 2_000)
    if not isinstance(item, list):
        raise Malformed("trie node: not a list")
    if len(item) == 17:
        return tuple(item[:16])
    if len(item) != 2 or not isinstance(item[0], bytes):
        raise Malformed("trie node: neither 2 nor 17 items")
    path, leaf = _nibbles(item[0])
    if leaf:
        if not isinstance(item[1], bytes):
            raise Malformed("trie node: a leaf whose value is a list")
        return _Short(path, item[1])
    if not path:
        raise Malformed("trie node: an extension without a path")
    return _Short(path, None, item[1])


def _below(node: _Node, nibble: int, lookup: Lookup) -> tuple[Any, _Node]:
    """The reference (as far as there is one) and the node one nibble further down."""
    if isinstance(node, tuple):
        return node[nibble], _node(node[nibble], lookup)
    if isinstance(node, _Short) and node.path and node.path[0] == nibble:
        if len(node.path) > 1 or node.value is not None:
            return None, _Short(node.path[1:], node.value, node.child)
        return node.child, _node(node.child, lookup)
    return b"", None


def part(claimed_root: bytes, computed_root: bytes, claimed: Lookup, computed: Lookup) -> Iterator[Parting]:
    """Every place where the trie of ``claimed_root`` departs from that of ``computed_root``, in key order.

    Raises Malformed for a served node that is none, and where the tries differ in more than can be walked.
    """
    start = (b"", _node(claimed_root, claimed), _node(computed_root, computed))
    todo: list[tuple[bytes, _Node, _Node]] = [start] if claimed_root != computed_root else []
    steps = 0
    while todo:
        path, left, right = todo.pop()
        steps += 1
        if steps > MAX_STEPS or len(path) > KEY_NIBBLES:
            raise Malformed("trie: the tries differ in too many places to list")
        if left == right:
            continue
        if isinstance(left, _Blind) or isinstance(right, _Blind):
            yield Parting(path, _shown(left), _shown(right), True)
            continue
        if _ends(left, path) and _ends(right, path):
            yield Parting(path, _value(left), _value(right), False)
            continue
        only = _only_leaf(left, right)
        if only is not None:
            whole = path + only.path
            yield Parting(whole, only.value if only is left else None, only.value if only is right else None, False)
            continue
        for nibble in reversed(range(16)):
            one, down_left = _below(left, nibble, claimed)
            other, down_right = _below(right, nibble, computed)
            if one is None or other is None or one != other:
                todo.append((path + bytes([nibble]), down_left, down_right))


def _only_leaf(left: _Node, right: _Node) -> _Short | None:
    """The leaf that one side has where the other has nothing."""
    if left is None and isinstance(right, _Short) and right.value is not None:
        return right
    if right is None and isinstance(left, _Short) and left.value is not None:
        return left
    return None


def _ends(node: _Node, path: bytes) -> bool:
    return len(path) == KEY_NIBBLES and (node is None or (isinstance(node, _Short) and not node.path))


def _value(node: _Node) -> bytes | None:
    return node.value if isinstance(node, _Short) else None


def _shown(node: _Node) -> bytes | None:
    """A blind node's hash; of one that is known but not comparable, only that it is there."""
    if isinstance(node, _Blind):
        return node.hash
    return None if node is None else b""
