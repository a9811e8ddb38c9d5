"""Where two state tries part: the path prefixes below which the claimed and the computed state differ.

This is what can still be said of a wrong state root where nobody serves the claimed accounts, but some nodes of the
claimed trie are there. Source: yellow paper, appendix D.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rollproof import _core
from rollproof.types import Difference

MAX_LISTED = 16
MAX_DEPTH = 64  # nibbles of a hashed key

Lookup = Callable[[bytes], bytes | None]
Children = dict[bytes, bytes]  # nibbles below a node -> reference: a hash, an embedded node's RLP or a leaf's value


def _nibbles(packed: bytes) -> tuple[bytes, bool]:
    """Hex-prefix decoding: the path, one nibble a byte, and whether it ends at a leaf."""
    split = bytes(nibble for byte in packed for nibble in (byte >> 4, byte & 15))
    return split[1 if split[0] & 1 else 2 :], bool(split[0] & 2)


def _children(node: bytes) -> Children | None:
    """What a node's RLP refers to; None where it is no trie node."""
    try:
        items = _core.rlp_decode(node, MAX_DEPTH, 1024)
    except _core.CoreError:
        return None
    if not isinstance(items, list) or len(items) not in (2, 17):
        return None
    if len(items) == 2:
        if not isinstance(items[0], bytes) or not items[0]:
            return None
        return {_nibbles(items[0])[0]: _reference(items[1])}
    return {bytes([nibble]): _reference(item) for nibble, item in enumerate(items[:16]) if item}


def _reference(item: Any) -> bytes:
    return item if isinstance(item, bytes) else _core.rlp_encode(item)


def _open(reference: bytes, lookup: Lookup) -> Children | None:
    if len(reference) == 32:
        node = lookup(reference)
        return None if node is None else _children(node)
    return _children(reference)


def parting(claimed_root: bytes, computed_root: bytes, claimed: Lookup, computed: Lookup) -> list[Difference]:
    """The deepest known prefixes at which the two tries differ, at most 16; scope ``trie``, key the nibbles in hex.

    ``claimed`` and ``computed`` give a node by its hash, or None. Empty where the claimed root's own node is not known.
    """
    if claimed_root == computed_root or claimed(claimed_root) is None:
        return []
    found: list[Difference] = []
    open_pairs: list[tuple[bytes, bytes, bytes]] = [(b"", claimed_root, computed_root)]
    while open_pairs and len(found) < MAX_LISTED:
        path, one, other = open_pairs.pop()
        ours, theirs = (None, None) if len(path) >= MAX_DEPTH else (_open(one, claimed), _open(other, computed))
        if ours is None or theirs is None:
            found.append(_difference(path, one, other))  # a value, or a node that nobody served
            continue
        if (len(ours) == 1 or len(theirs) == 1) and ours.keys() != theirs.keys():
            found.append(_difference(path, one, other))  # an extension or a leaf on one side: the paths part here
            continue
        for step in sorted(ours.keys() | theirs.keys(), reverse=True):
            left, right = ours.get(step), theirs.get(step)
            if left == right:
                continue
            if left is None or right is None:
                found.append(_difference(path + step, left, right))
            else:
                open_pairs.append((path + step, left, right))
    return found[:MAX_LISTED]


def _difference(path: bytes, claimed: bytes | None, computed: bytes | None) -> Difference:
    shown = ["0x" + each.hex() if each is not None else None for each in (claimed, computed)]
    return Difference("trie", "0x" + path.hex()[1::2], shown[0], shown[1])
