"""A partial Merkle-Patricia trie over preimages (yellow paper, appendix D), for keys of 32 hashed bytes.

Nodes are loaded when a path crosses them. The encoding of every untouched node is kept, so that the root after a few
writes costs only the nodes on their paths.
"""

from __future__ import annotations

from typing import Any, Final

from ethereum_rlp import rlp
from ethereum_rlp.exceptions import RLPException

from rollproof.replay.eels.preimages import FalsePreimageError, Preimages, keccak256

EMPTY_ROOT: Final = keccak256(b"\x80")


class Leaf:
    """The rest of a key and its value."""

    __slots__ = ("path", "reference", "value")

    def __init__(self, path: bytes, value: bytes, reference: Any = None) -> None:
        self.path, self.value, self.reference = path, value, reference


class Extension:
    """A path shared by everything below; its child is always a branch."""

    __slots__ = ("child", "path", "reference")

    def __init__(self, path: bytes, child: Any, reference: Any = None) -> None:
        self.path, self.child, self.reference = path, child, reference


class Branch:
    """Sixteen children: None, a hash (bytes) not loaded yet, or a node. Keys of equal length leave its value empty."""

    __slots__ = ("children", "reference")

    def __init__(self, children: list[Any], reference: Any = None) -> None:
        self.children, self.reference = children, reference


Node = Leaf | Extension | Branch


def nibbles(key: bytes) -> bytes:
    """One nibble a byte."""
    return bytes(nibble for byte in key for nibble in (byte >> 4, byte & 15))


def _compact(path: bytes, leaf: bool) -> bytes:
    """Hex-prefix encoding (appendix C)."""
    flag = 2 * leaf + len(path) % 2
    padded = bytes([flag] if len(path) % 2 else [flag, 0]) + path
    return bytes(padded[i] << 4 | padded[i + 1] for i in range(0, len(padded), 2))


def _expand(compact: bytes) -> tuple[bytes, bool]:
    path = nibbles(compact)
    if not path or path[0] > 3 or (path[0] % 2 == 0 and path[1] != 0):
        raise FalsePreimageError("a trie node's path breaks the hex-prefix encoding")
    return path[2 - path[0] % 2 :], path[0] >= 2


def _shared(a: bytes, b: bytes) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


class Trie:
    """A trie pinned to ``root``. ``what`` names it where a node is missing."""

    def __init__(self, preimages: Preimages, root: bytes, what: str) -> None:
        self._preimages, self._what = preimages, what
        self._top: Any = None if root == EMPTY_ROOT else root

    def get(self, key: bytes) -> bytes | None:
        """The value under a hashed key of 32 bytes."""
        path = nibbles(key)
        node = self._top = self._load(self._top)
        while node is not None:
            if isinstance(node, Leaf):
                if len(node.path) != len(path):
                    raise FalsePreimageError(f"a leaf of {self._what} is not 32 bytes deep")
                return node.value if node.path == path else None
            if len(path) <= (len(node.path) if isinstance(node, Extension) else 0):
                raise FalsePreimageError(f"a path of {self._what} is more than 32 bytes deep")
            if isinstance(node, Extension):
                if not path.startswith(node.path):
                    return None
                path = path[len(node.path) :]
                node.child = self._load(node.child)
                node = node.child
            else:
                child = node.children[path[0]] = self._load(node.children[path[0]])
                path, node = path[1:], child
        return None

    def put(self, key: bytes, value: bytes) -> None:
        """Sets a hashed key of 32 bytes to a non-empty value."""
        if self.get(key) != value:
            self._top = self._insert(self._top, nibbles(key), value)

    def delete(self, key: bytes) -> None:
        """Removes a hashed key; needs the node beside it where a branch is left with one child."""
        if self.get(key) is not None:
            self._top = self._remove(self._top, nibbles(key))

    def root(self) -> bytes:
        """The root hash of what the trie holds now."""
        if self._top is None:
            return EMPTY_ROOT
        if isinstance(self._top, bytes):
            return self._top
        reference = self._reference(self._top)
        return reference if isinstance(reference, bytes) else keccak256(rlp.encode(reference))

    def _load(self, child: Any) -> Any:
        if not isinstance(child, bytes):
            return child
        encoded = self._preimages.node(child, self._what)
        try:
            return self._node(rlp.decode(encoded), child)
        except (RLPException, RecursionError) as error:
            raise FalsePreimageError(f"0x{child.hex()} of {self._what} is not a trie node") from error

    def _node(self, item: Any, reference: Any) -> Node:
        if isinstance(item, list | tuple) and len(item) == 2 and isinstance(item[0], bytes):
            path, leaf = _expand(item[0])
            if leaf and isinstance(item[1], bytes) and item[1]:
                return Leaf(path, item[1], reference)
            if not leaf and path and (child := self._child(item[1])) is not None:
                return Extension(path, child, reference)
        elif isinstance(item, list | tuple) and len(item) == 17 and item[16] == b"":
            return Branch([self._child(child) for child in item[:16]], reference)
        raise FalsePreimageError(f"a preimage of {self._what} is not a trie node")

    def _child(self, item: Any) -> Any:
        if item == b"":
            return None
        if isinstance(item, bytes):
            if len(item) != 32:
                raise FalsePreimageError(f"a node of {self._what} refers to a hash that is not 32 bytes long")
            return item
        return self._node(item, item)

    def _insert(self, node: Any, path: bytes, value: bytes) -> Node:
        if node is None:
            return Leaf(path, value)
        if isinstance(node, Branch):
            node.children[path[0]] = self._insert(node.children[path[0]], path[1:], value)
            node.reference = None
            return node
        same = _shared(node.path, path)
        if same == len(node.path):
            if isinstance(node, Leaf):
                return Leaf(path, value)
            extension: Extension = node
            extension.child = self._insert(extension.child, path[same:], value)
            extension.reference = None
            return extension
        branch = Branch([None] * 16)
        rest = node.path[same + 1 :]
        if isinstance(node, Leaf):
            branch.children[node.path[same]] = Leaf(rest, node.value)
        else:
            branch.children[node.path[same]] = Extension(rest, node.child) if rest else node.child
        branch.children[path[same]] = Leaf(path[same + 1 :], value)
        return Extension(path[:same], branch) if same else branch

    def _remove(self, node: Any, path: bytes) -> Node | None:
        """``node`` without a key that is known to be below it, so every node on the path is loaded."""
        if isinstance(node, Leaf):
            return None
        node.reference = None
        if isinstance(node, Extension):
            return _prefixed(node.path, self._remove(node.child, path[len(node.path) :]))
        branch: Branch = node
        branch.children[path[0]] = self._remove(branch.children[path[0]], path[1:])
        left = [i for i, child in enumerate(branch.children) if child is not None]
        if len(left) > 1:
            return branch
        return _prefixed(bytes(left), self._load(branch.children[left[0]]))

    def _reference(self, node: Any) -> Any:
        """How a parent refers to ``node``: its hash, or its own structure where that takes under 32 bytes."""
        if node is None:
            return b""
        if isinstance(node, bytes):
            return node
        if node.reference is None:
            item: Any
            if isinstance(node, Leaf):
                item = [_compact(node.path, True), node.value]
            elif isinstance(node, Extension):
                item = [_compact(node.path, False), self._reference(node.child)]
            else:
                item = [*(self._reference(child) for child in node.children), b""]
            encoded = rlp.encode(item)
            node.reference = item if len(encoded) < 32 else keccak256(encoded)
        return node.reference


def _prefixed(path: bytes, node: Node | None) -> Node:
    """``node`` moved down below ``path``: what is left of an extension, or of a branch with one child."""
    if isinstance(node, Leaf):
        return Leaf(path + node.path, node.value)
    if isinstance(node, Extension):
        return Extension(path + node.path, node.child)
    if node is None:
        raise FalsePreimageError("a branch with fewer than two children")
    return Extension(path, node)
