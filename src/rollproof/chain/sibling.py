"""Sibling nodes: what a deletion needs and no proof of the deleted key holds.

When a branch is left with one child, that child is merged with the branch's path, so it has to be known; a proof of
the deleted key names it by hash only. Two ways to its bytes, both checked by that hash:

1. the post-state. There the child is already merged, so the proof of the deleted key's absence ends in it. Cutting the
   path back gives the node as it was before.
2. a key under the child's path, found by brute force and proven at the parent.

Source: yellow paper appendix D; hex-prefix encoding in appendix C.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rollproof import _core
from rollproof.chain.header import Sealed
from rollproof.chain.nodes import Nodes
from rollproof.chain.pinned import Pinned
from rollproof.errors import Missing, RollproofError


class Siblings:
    """Looks for sibling nodes of ``block``'s deletions in the state of ``parent``.

    ``budget`` bounds the hashes tried for one node; ``seed`` makes the keys found the same again.
    """

    def __init__(self, nodes: Nodes, parent: Sealed, block: Sealed, budget: int, seed: int) -> None:
        self._nodes, self._parent, self._block = nodes, parent, block
        self._budget, self._seed = budget, seed

    def cut(self, address: bytes | None, path: bytes, wanted: bytes, known: Iterable[bytes]) -> bytes | None:
        """The node as the post-state's proofs of ``known`` keys beside it hold it; None where they do not."""
        keys = [key for key in known if beside(key, path)]
        if not keys:
            return None
        asked: dict[bytes, list[bytes]] = {key: [] for key in keys} if address is None else {address: keys}
        try:
            found = self._nodes.ask(lambda node: Pinned(node, self._block).proofs(asked))
        except RollproofError as error:  # this is the cheap way; the other one asks for the parent only
            self._nodes.notes.append(str(error))
            return None
        if address is None:
            return merged(((a, p.account_nodes) for a, p in found.items()), path, wanted)
        return merged(((s, nodes) for s, (_, nodes) in found[address].slots.items()), path, wanted)

    def dig(self, address: bytes | None, path: bytes, wanted: bytes) -> bytes:
        """The node as the parent's proof of a key below it holds it.

        Raises:
            Missing: no such key within the budget, or another node is there.
            Lying, Reset, Retry: see ``Pinned.proofs``.
        """
        where = "account trie" if address is None else f"storage of 0x{address.hex()}"
        name = f"sibling node 0x{wanted.hex()} of the {where} at path {path.hex()[1::2]}"
        key = _core.find_key(path, 20 if address is None else 32, self._budget, self._seed)
        if key is None:
            raise Missing(f"{self._nodes.label}: {name}: no key below it found within {self._budget} hashes")
        asked: dict[bytes, list[bytes]] = {key: []} if address is None else {address: [key]}
        for proof in self._nodes.ask(lambda node: Pinned(node, self._parent).proofs(asked)).values():
            for raw in proof.nodes():
                if _core.keccak256(raw) == wanted:
                    return raw
        raise Missing(f"{self._nodes.label}: {name} is not in the parent's state")


def nibbles(raw: bytes) -> bytes:
    """One nibble a byte, as the core writes paths."""
    return bytes(n for byte in raw for n in (byte >> 4, byte & 15))


def merged(proofs: Iterable[tuple[bytes, Sequence[bytes]]], path: bytes, wanted: bytes) -> bytes | None:
    """The node at ``path`` with hash ``wanted``, cut out of post-state proofs.

    ``path`` has one nibble a byte; ``proofs`` are (key, nodes from the root).
    """
    for key, nodes in proofs:
        try:
            for full, leaf, value in _tails(nodes, nibbles(_core.keccak256(key))):
                if full[: len(path)] == path and (leaf or len(full) > len(path)):
                    raw = _core.rlp_encode([_hex_prefix(full[len(path) :], leaf), value])
                    if _core.keccak256(raw) == wanted:
                        return raw
        except _core.CoreError:  # a proof may carry more than what it shows, and that is held by nothing
            continue
    return None


def beside(key: bytes, path: bytes) -> bool:
    """Whether deleting ``key`` can leave the node at ``path`` alone in its branch."""
    return bool(path) and nibbles(_core.keccak256(key)[: (len(path) + 1) // 2])[: len(path) - 1] == path[:-1]


def _tails(nodes: Sequence[bytes], key: bytes) -> Iterator[tuple[bytes, bool, Any]]:
    """Every leaf and extension on the way to ``key``: its full path, whether it is a leaf, and what it holds."""
    depth = 0
    for raw in nodes:
        item: Any = _core.rlp_decode(raw, 20, 1024)
        while isinstance(item, list):  # a child shorter than 32 bytes stands inside its parent
            if len(item) == 17:
                if depth >= len(key):
                    return
                item, depth = item[key[depth]], depth + 1
            elif len(item) == 2 and isinstance(item[0], bytes) and item[0]:
                path, leaf = _plain(item[0])
                yield key[:depth] + path, leaf, item[1]
                if leaf or key[depth : depth + len(path)] != path:
                    return
                item, depth = item[1], depth + len(path)
            else:
                return


def _plain(encoded: bytes) -> tuple[bytes, bool]:
    all_nibbles = nibbles(encoded)
    return all_nibbles[2 - (all_nibbles[0] & 1) :], all_nibbles[0] >= 2


def _hex_prefix(path: bytes, leaf: bool) -> bytes:
    flag = 2 if leaf else 0
    padded = bytes([flag + 1]) + path if len(path) % 2 else bytes([flag, 0]) + path
    return bytes(padded[i] << 4 | padded[i + 1] for i in range(0, len(padded), 2))
