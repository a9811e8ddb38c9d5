"""States for the second machine's tests, hashed by EELS's own full trie: neither by our partial one nor by the core."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any


@cache
def _full_trie() -> Any:
    from rollproof.replay.eels.machine import Machine

    return Machine("osaka")["trie"]


class Preimages:
    """Collects the nodes and codes of the states that are built with it, by hash."""

    def __init__(self) -> None:
        from ethereum_types.numeric import U256

        from rollproof.replay.eels.preimages import keccak256

        self.trie = _full_trie()
        self.values: dict[bytes, bytes] = {}
        self._zero = U256(0)

        def recorded(data: bytes) -> bytes:
            digest = keccak256(data)
            self.values[digest] = bytes(data)
            return digest

        self.keccak = recorded

    def storage(self, slots: Mapping[int, int]) -> bytes:
        """Adds a storage trie; its root."""
        from ethereum_types.bytes import Bytes32
        from ethereum_types.numeric import U256

        self.trie.keccak256 = self.keccak
        storage = self.trie.Trie(secured=True, default=self._zero)
        for slot, value in slots.items():
            self.trie.trie_set(storage, Bytes32(slot.to_bytes(32, "big")), U256(value))
        return bytes(self.trie.root(storage))

    def state(self, accounts: Mapping[bytes, tuple[int, int, bytes, Mapping[int, int]]]) -> bytes:
        """Adds a state of address -> (nonce, balance, code, slots); its root."""
        from ethereum_rlp import rlp
        from ethereum_types.bytes import Bytes, Bytes20
        from ethereum_types.numeric import U256, Uint

        everything = self.trie.Trie(secured=True, default=None)
        for address, (nonce, balance, code, slots) in accounts.items():
            fields = (Uint(nonce), U256(balance), self.storage(slots), self.keccak(code))
            self.trie.trie_set(everything, Bytes20(address), Bytes(rlp.encode(fields)))
        return bytes(self.trie.root(everything))

    def ordered(self, values: list[bytes]) -> bytes:
        """The root of a list: rlp(index) -> value."""
        from ethereum_rlp import rlp
        from ethereum_types.bytes import Bytes
        from ethereum_types.numeric import Uint

        listed = self.trie.Trie(secured=False, default=None)
        for index, value in enumerate(values):
            self.trie.trie_set(listed, rlp.encode(Uint(index)), Bytes(value))
        return bytes(self.trie.root(listed))
