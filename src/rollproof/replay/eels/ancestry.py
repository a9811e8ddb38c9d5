"""Hashes of ancestor blocks for BLOCKHASH, walked back from the parent's header."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ethereum_rlp import rlp
from ethereum_rlp.exceptions import RLPException

from rollproof.replay.eels.preimages import AbsentPreimageError, FalsePreimageError, Preimages

MAX_ANCESTORS = 256


class Ancestry:
    """Indexed like EELS's list of the last block hashes: ``-1`` is the parent.

    A hash is authentic as far as the witness holds the headers between; behind them the unauthenticated ``hashes``
    are used and their numbers kept in ``used``.
    """

    def __init__(self, preimages: Preimages, number: int, parent_hash: bytes, hashes: Mapping[int, bytes]) -> None:
        self._preimages, self._number, self._unauthenticated = preimages, number, hashes
        self._chain = [parent_hash]  # of number - 1, number - 2, ...
        self.used: set[int] = set()

    def __getitem__(self, index: int) -> bytes:
        depth = -int(index)
        if not 1 <= depth <= min(MAX_ANCESTORS, self._number):
            raise IndexError(index)
        while len(self._chain) < depth:
            header = self._preimages.find(self._chain[-1])
            if header is None:
                return self._taken_on_trust(self._number - depth)
            self._chain.append(self._parent(header))
        return self._chain[depth - 1]

    def _parent(self, header: bytes) -> bytes:
        number = self._number - len(self._chain)
        try:
            fields: Any = rlp.decode(header)
            parent, own = fields[0], int.from_bytes(fields[8], "big")
        except (RLPException, IndexError, TypeError, RecursionError) as error:
            raise FalsePreimageError(f"the preimage of block {number}'s hash is not a header") from error
        if own != number or len(parent) != 32:
            raise FalsePreimageError(f"the header of block {number} has another number or no parent")
        return bytes(parent)

    def _taken_on_trust(self, number: int) -> bytes:
        found = self._unauthenticated.get(number)
        if found is None:
            raise AbsentPreimageError(f"the hash of block {number}")
        self.used.add(number)
        return found
