"""A wrong state root, narrowed down to accounts and slots, or to the path prefixes where the two tries part.

What no transaction touched is in no receipt; it shows only in the trie (yellow paper appendix D). Nodes of the claimed
trie come from the evidence or from proofs; a source that can prove keys below a path is asked for more, round by round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Protocol, runtime_checkable

from rollproof import _core
from rollproof.errors import Malformed
from rollproof.replay.header import EMPTY_ROOT, wire
from rollproof.replay.parting import KEY_NIBBLES, Parting, part
from rollproof.types import Difference

MAX_LISTED = 16  # partings of one trie
MAX_ROUNDS = 8
MAX_ASKED = 4  # partings that a source is asked about in one round
_FIELDS = ("nonce", "balance", "storage_root", "code_hash")

_Leaf = tuple[int, int, bytes, bytes]


@runtime_checkable
class Narrowing(Protocol):
    """A source with proofs of the claimed state."""

    def claimed_nodes(self) -> Sequence[bytes]:
        """Nodes of the claimed trie that were served so far."""
        ...

    def below(self, address: bytes | None, path: bytes) -> Sequence[bytes]:
        """Nodes below a path (one nibble a byte) of both states' account tries, or of an account's storage tries."""
        ...


class Narrow:
    """Compares the claimed state with the computed one.

    ``preimages`` holds what was served and takes what is served on the way, so that evidence has all of it; ``fresh``
    are the nodes that the block makes. ``names`` are addresses and slots that may stand behind a hash.
    """

    def __init__(
        self, preimages: _core.Preimages, fresh: Sequence[bytes], names: Sequence[bytes], source: Narrowing | None
    ) -> None:
        self._preimages, self._source = preimages, source
        self._fresh: Mapping[bytes, bytes] = {_core.keccak256(node): node for node in fresh}
        self._names = {_core.keccak256(name): name for name in names}
        if source is not None:
            preimages.add(list(source.claimed_nodes()))

    def differences(self, claimed: bytes, computed: bytes) -> list[Difference]:
        """What differs below two state roots; empty where no node of the claimed one is known.

        Raises Malformed and CoreError for a node that is none.
        """
        if claimed != EMPTY_ROOT and self._preimages.get(claimed) is None:
            return []
        out: list[Difference] = []
        for parting in self._partings(self._source, None, claimed, computed):
            if parting.opaque or len(parting.path) != KEY_NIBBLES:
                out.append(_prefix("account trie", parting))
                continue
            key = _packed(parting.path)
            address = self._named(key, 20)
            out += self._account(key, address, _leaf(parting.claimed), _leaf(parting.computed))
        return out

    def _account(self, key: bytes, address: bytes | None, claimed: _Leaf, computed: _Leaf) -> list[Difference]:
        shown = f"keccak 0x{key.hex()}" if address is None else f"0x{address.hex()}"
        out: list[Difference] = []
        for at, name in enumerate(_FIELDS):
            if claimed[at] == computed[at]:
                continue
            slots = self._storage(shown, address, claimed[2], computed[2]) if name == "storage_root" else []
            out += slots or [Difference("account", f"{shown}.{name}", wire(claimed[at]), wire(computed[at]))]
        return out

    def _storage(self, shown: str, address: bytes | None, claimed: bytes, computed: bytes) -> list[Difference]:
        out: list[Difference] = []
        source = None if address is None else self._source  # nothing of an account without a name can be proven
        for parting in self._partings(source, address, claimed, computed):
            if parting.opaque and not parting.path:
                return []  # no more than that the storage root differs
            if parting.opaque or len(parting.path) != KEY_NIBBLES:
                out.append(_prefix(f"storage of {shown}", parting))
                continue
            key = _packed(parting.path)
            slot = self._named(key, 32)
            name = f"keccak 0x{key.hex()}" if slot is None else f"0x{slot.hex()}"
            values = [f"0x{_word(raw):064x}" for raw in (parting.claimed, parting.computed)]
            out.append(Difference("storage", f"{shown}[{name}]", values[0], values[1]))
        return out

    def _partings(
        self, source: Narrowing | None, address: bytes | None, claimed: bytes, computed: bytes
    ) -> list[Parting]:
        found: list[Parting] = []
        asked: set[bytes] = set()
        for _ in range(MAX_ROUNDS):
            found = list(islice(part(claimed, computed, self._preimages.get, self._computed), MAX_LISTED))
            blind = [each.path for each in found if each.opaque and each.path not in asked]
            if source is None or not blind:
                break
            asked.update(blind[:MAX_ASKED])
            if not sum(self._preimages.add(list(source.below(address, path))) for path in blind[:MAX_ASKED]):
                break
        return found

    def _computed(self, key: bytes) -> bytes | None:
        return self._fresh.get(key) or self._preimages.get(key)

    def _named(self, key: bytes, length: int) -> bytes | None:
        name = self._names.get(key) or self._preimages.get(key)
        return name if name is not None and len(name) == length else None


def _prefix(where: str, parting: Parting) -> Difference:
    return Difference("trie", f"{where} 0x{parting.path.hex()[1::2]}", wire(parting.claimed), wire(parting.computed))


def _packed(path: bytes) -> bytes:
    return bytes(path[at] << 4 | path[at + 1] for at in range(0, KEY_NIBBLES, 2))


def _leaf(raw: bytes | None) -> _Leaf:
    """The fields of an account leaf; an absent account reads as an empty one."""
    if raw is None:
        return 0, 0, EMPTY_ROOT, _core.keccak256(b"")
    items = _core.rlp_decode(raw, 2, 8)
    if not isinstance(items, list) or len(items) != 4 or not all(isinstance(item, bytes) for item in items):
        raise Malformed("trie node: an account leaf that is none")
    return int.from_bytes(items[0], "big"), int.from_bytes(items[1], "big"), items[2], items[3]


def _word(raw: bytes | None) -> int:
    value = b"" if raw is None else _core.rlp_decode(raw, 1, 1)
    if not isinstance(value, bytes) or len(value) > 32:
        raise Malformed("trie node: a storage leaf that is none")
    return int.from_bytes(value, "big")
