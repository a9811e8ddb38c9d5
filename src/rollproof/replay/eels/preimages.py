"""The witness: values by their hash, hashed again before they are believed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from Crypto.Hash import keccak

EMPTY_CODE_HASH = keccak.new(digest_bits=256).update(b"").digest()


def keccak256(data: bytes) -> bytes:
    """Keccak-256 by pycryptodome, as EELS does."""
    return keccak.new(digest_bits=256).update(data).digest()


class AbsentPreimageError(Exception):
    """Execution needs a preimage that the witness lacks. Not an EELS exception, so no call frame can catch it."""


class FalsePreimageError(Exception):
    """A value is filed under a hash that is not its own, or is not what its hash is used for."""


class AbsentCode:
    """Code that is known by its hash only. Any use but its hash raises AbsentPreimageError.

    EXTCODEHASH, value transfers and emptiness checks need no code, so witnesses of other clients leave it out.
    """

    __slots__ = ("hash",)

    def __init__(self, code_hash: bytes) -> None:
        self.hash = code_hash

    def _absent(self) -> AbsentPreimageError:
        return AbsentPreimageError(f"code 0x{self.hash.hex()}")

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        if isinstance(other, bytes | bytearray) and not other:
            return False
        raise self._absent()

    def __hash__(self) -> int:
        raise self._absent()

    def __len__(self) -> int:
        raise self._absent()

    def __getitem__(self, _key: object) -> int:
        raise self._absent()

    def __iter__(self) -> NoReturn:
        raise self._absent()


class Preimages:
    """Checked access to a mapping of keccak-256 to value."""

    def __init__(self, values: Mapping[bytes, bytes]) -> None:
        self._values = values
        self._codes: dict[bytes, bytes | AbsentCode] = {EMPTY_CODE_HASH: b""}

    def find(self, digest: bytes) -> bytes | None:
        """The value whose hash is ``digest``, or None. Raises FalsePreimageError where the value has another hash."""
        value = self._values.get(digest)
        if value is not None and keccak256(value) != digest:
            raise FalsePreimageError(f"the preimage filed under 0x{digest.hex()} has another hash")
        return value

    def node(self, digest: bytes, what: str) -> bytes:
        """A trie node. Raises AbsentPreimageError naming it and ``what`` it leads to."""
        value = self.find(digest)
        if value is None:
            raise AbsentPreimageError(f"trie node 0x{digest.hex()} of {what}")
        return value

    def code(self, code_hash: bytes) -> bytes | AbsentCode:
        """Contract code, or a stand-in that raises when it is used."""
        code = self._codes.get(code_hash)
        if code is None:
            found = self.find(code_hash)
            code = AbsentCode(code_hash) if found is None else found
            self._codes[code_hash] = code
        return code
