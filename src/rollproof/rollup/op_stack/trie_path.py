"""A Merkle-Patricia proof as contracts want it: every node on the key's path, also those that stand inside another.

Source: yellow paper, appendix D. Nodes under 32 bytes are part of their parent, so nodes (`eth_getProof`) leave them
out; the OP Stack's on-chain verifier counts each as a step of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rollproof import _core
from rollproof.errors import Lying


def complete(nodes: Sequence[bytes], key: bytes) -> list[bytes]:
    """``nodes`` from the root down, with the embedded nodes on the path of ``key`` (already hashed) put in.

    Raises Lying where they are not a path of that key, or do not end at a value.
    """
    nibbles = [nibble for byte in key for nibble in (byte >> 4, byte & 15)]
    listed = list(nodes)
    path: list[bytes] = []
    at = 0
    expected: Any = None  # hash of the next node, or the node itself where it is embedded
    while True:
        if isinstance(expected, list):
            node, raw = _node(expected), _core.rlp_encode(expected)
            if listed and listed[0] == raw:  # some nodes list them after all
                listed.pop(0)
        else:
            if not listed or (expected is not None and _core.keccak256(listed[0]) != expected):
                raise Lying("proof: the nodes do not hang together, or end too early")
            raw = listed.pop(0)
            node = _decode(raw)
        path.append(raw)
        if len(node) == 17:
            if at == len(nibbles):
                raise Lying("proof: a value in a branch")
            expected, at = node[nibbles[at]], at + 1
        else:
            steps, leaf = _compact(node[0])
            if nibbles[at : at + len(steps)] != steps:
                raise Lying("proof: the key is not in the trie")
            at += len(steps)
            if leaf:
                if at != len(nibbles) or listed:
                    raise Lying("proof: nodes behind the value, or a value too early")
                return path
            expected = node[1]
        if expected == b"":
            raise Lying("proof: the key is not in the trie")


def _decode(raw: bytes) -> list[Any]:
    try:
        node = _core.rlp_decode(raw, 64, 2048)
    except _core.CoreError as error:
        raise Lying(f"proof: {error}") from None
    return _node(node)


def _node(item: Any) -> list[Any]:
    if not isinstance(item, list) or len(item) not in (2, 17):
        raise Lying("proof: what is no trie node")
    return item


def _compact(encoded: Any) -> tuple[list[int], bool]:
    """The nibbles of a leaf's or extension's path, and whether it is a leaf's."""
    if not isinstance(encoded, bytes) or not encoded or encoded[0] >> 4 > 3:
        raise Lying("proof: a path that is not encoded rightly")
    nibbles = [nibble for byte in encoded for nibble in (byte >> 4, byte & 15)]
    return nibbles[1 if nibbles[0] & 1 else 2 :], nibbles[0] >= 2
