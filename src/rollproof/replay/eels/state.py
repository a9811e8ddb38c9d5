"""The state EELS runs on: read from a witness, written to an overlay with a journal.

EELS keeps its state as plain dictionaries and copies them at every call. This module offers the same functions (see
``ethereum.forks.*.state``) over proofs, and undoes a failed call by its journal. ``bind`` makes the module that a
fork's code imports as its ``state``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, Final

from ethereum_rlp import rlp
from ethereum_rlp.exceptions import RLPException
from ethereum_types.bytes import Bytes32
from ethereum_types.numeric import U256, Uint

from rollproof.replay.eels.opinion import ExhaustedError
from rollproof.replay.eels.preimages import (
    EMPTY_CODE_HASH,
    AbsentCode,
    FalsePreimageError,
    Preimages,
    keccak256,
)
from rollproof.replay.eels.trie import EMPTY_ROOT, Trie

ZERO: Final = U256(0)


class Account:
    """An account without its storage; never changed in place once the state holds it."""

    __slots__ = ("balance", "code", "code_hash", "nonce")

    def __init__(self, nonce: Uint, balance: U256, code: bytes | AbsentCode, code_hash: bytes) -> None:
        self.nonce, self.balance, self.code, self.code_hash = nonce, balance, code, code_hash

    def copy(self) -> Account:
        """A copy that may be changed."""
        return Account(self.nonce, self.balance, self.code, self.code_hash)

    @property
    def empty(self) -> bool:
        """EIP-161: no nonce, no balance, no code."""
        return self.code_hash == EMPTY_CODE_HASH and self.nonce == Uint(0) and self.balance == ZERO

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Account) and (self.nonce, self.balance, self.code_hash) == (
            other.nonce,
            other.balance,
            other.code_hash,
        )

    __hash__ = None  # type: ignore[assignment]


EMPTY_ACCOUNT: Final = Account(Uint(0), ZERO, b"", EMPTY_CODE_HASH)


class Storage:
    """One account's slots: what was read or written, over a trie. A destroyed storage is a new one, over nothing."""

    __slots__ = ("dirty", "slots", "trie")

    def __init__(self, trie: Trie) -> None:
        self.trie = trie
        self.slots: dict[bytes, U256] = {}
        self.dirty: set[bytes] = set()


class State:
    """The state of one block while it is executed; ``root()`` is the root of what it holds."""

    def __init__(self, preimages: Preimages, root: bytes, deadline: float = math.inf) -> None:
        """``deadline``: the ``time.monotonic()`` after which a call or a jump raises ExhaustedError."""
        self._preimages, self._deadline = preimages, deadline
        self._trie = Trie(preimages, root, "the account trie")
        self._accounts: dict[bytes, Account | None] = {}
        self._roots: dict[bytes, bytes] = {}  # storage roots as the account trie has them
        self._storages: dict[bytes, Storage] = {}
        self._dirty: set[bytes] = set()
        self._hashed: dict[bytes, bytes] = {}
        self._undo: list[Callable[[], None]] = []
        self._marks: list[int] = []
        self._original: dict[tuple[bytes, bytes], U256] = {}
        self.created_accounts: set[bytes] = set()
        self.output: Any = None  # the last message call's, for its error

    def _key(self, name: bytes) -> bytes:
        hashed = self._hashed.get(name)
        if hashed is None:
            hashed = self._hashed[name] = keccak256(name)
        return hashed

    def account(self, address: bytes) -> Account | None:
        """The account at an address, None where there is none."""
        if address in self._accounts:
            return self._accounts[address]
        leaf = self._trie.get(self._key(address))
        account = None if leaf is None else self._decode(address, leaf)
        self._accounts[address] = account
        return account

    def _decode(self, address: bytes, leaf: bytes) -> Account:
        try:
            nonce, balance, storage_root, code_hash = fields = _byte_strings(rlp.decode(leaf))
            account = Account(
                Uint.from_be_bytes(nonce), U256.from_be_bytes(balance), self._preimages.code(code_hash), code_hash
            )
        except (RLPException, ValueError, RecursionError) as error:
            raise FalsePreimageError(f"the leaf of account 0x{address.hex()} is not an account") from error
        if len(storage_root) != 32 or len(code_hash) != 32 or any(field[:1] == b"\0" for field in fields[:2]):
            raise FalsePreimageError(f"the leaf of account 0x{address.hex()} is not in its one encoding")
        self._roots[address] = storage_root
        return account

    def set_account(self, address: bytes, account: Account | None) -> None:
        """Replaces an account; its storage stays."""
        old = self.account(address)
        self._accounts[address] = account
        self._dirty.add(address)
        if self._marks:
            self._undo.append(lambda: self._accounts.__setitem__(address, old))

    def code(self, code_hash: bytes) -> bytes | AbsentCode:
        """Code by its hash; a stand-in where the witness lacks it."""
        return self._preimages.code(code_hash)

    def _storage(self, address: bytes) -> Storage:
        storage = self._storages.get(address)
        if storage is None:
            self.account(address)  # learns the storage root
            root = self._roots.get(address, EMPTY_ROOT)
            storage = Storage(Trie(self._preimages, root, f"the storage of 0x{address.hex()}"))
            self._storages[address] = storage
        return storage

    def slot(self, address: bytes, key: bytes) -> U256:
        """A storage value, zero where there is none."""
        storage = self._storage(address)
        value = storage.slots.get(key)
        if value is None:
            leaf = storage.trie.get(self._key(key))
            try:
                value = ZERO if leaf is None else U256.from_be_bytes(*_byte_strings([rlp.decode(leaf)]))
            except (RLPException, ValueError, RecursionError) as error:
                raise FalsePreimageError(f"slot 0x{key.hex()} of 0x{address.hex()} is not a number") from error
            storage.slots[key] = value
        return value

    def set_slot(self, address: bytes, key: bytes, value: U256) -> None:
        """Writes a storage value."""
        old = self.slot(address, key)
        storage = self._storages[address]
        storage.slots[key] = value
        storage.dirty.add(key)
        self._dirty.add(address)
        if self._marks:
            self._original.setdefault((address, key), old)
            self._undo.append(lambda: storage.slots.__setitem__(key, old))

    def original_slot(self, address: bytes, key: bytes) -> U256:
        """A storage value as it was before the current transaction (EIP-2200); zero in an account it created."""
        if address in self.created_accounts:
            return ZERO
        value = self._original.get((address, key))
        return self.slot(address, key) if value is None else value

    def destroy_storage(self, address: bytes) -> None:
        """Empties an account's storage."""
        old = self._storage(address)
        self._storages[address] = Storage(Trie(self._preimages, EMPTY_ROOT, f"the storage of 0x{address.hex()}"))
        self._dirty.add(address)
        if self._marks:
            self._undo.append(lambda: self._storages.__setitem__(address, old))

    def has_storage(self, address: bytes) -> bool:
        """Whether any slot is set. Asked of accounts without code, whose slots nothing in a block can have written."""
        storage = self._storage(address)
        return storage.trie.root() != EMPTY_ROOT or any(value != ZERO for value in storage.slots.values())

    def check_time(self) -> None:
        """Raises ExhaustedError after the deadline."""
        if time.monotonic() > self._deadline:
            raise ExhaustedError("the second machine ran out of time")

    def begin(self) -> None:
        """Starts a call frame."""
        self.check_time()
        if not self._marks:
            self._original.clear()
        self._marks.append(len(self._undo))

    def commit(self) -> None:
        """Keeps what the frame wrote."""
        self._marks.pop()
        if not self._marks:
            self._undo.clear()
            self.created_accounts.clear()

    def rollback(self) -> None:
        """Undoes what the frame wrote."""
        mark = self._marks.pop()
        while len(self._undo) > mark:
            self._undo.pop()()
        if not self._marks:
            self.created_accounts.clear()

    def storage_root(self, address: bytes) -> bytes:
        """An account's storage root with everything written so far."""
        storage = self._storages.get(address)
        if storage is None:
            self.account(address)
            return self._roots.get(address, EMPTY_ROOT)
        # Writing before deleting asks for the fewest sibling nodes: a deletion may leave a branch with one child.
        written = sorted(storage.dirty, key=lambda key: storage.slots[key] == ZERO)
        for key in written:
            value = storage.slots[key]
            if value == ZERO:
                storage.trie.delete(self._key(key))
            else:
                storage.trie.put(self._key(key), rlp.encode(value))
        storage.dirty.clear()
        return storage.trie.root()

    def root(self) -> bytes:
        """The state root. Not inside a call frame."""
        for address in sorted(self._dirty, key=lambda address: self._accounts.get(address) is None):
            account = self.account(address)
            if account is None:
                self._trie.delete(self._key(address))
            else:
                leaf = (account.nonce, account.balance, self.storage_root(address), account.code_hash)
                self._trie.put(self._key(address), rlp.encode(leaf))
        self._dirty.clear()
        return self._trie.root()


def _byte_strings(items: Any) -> list[bytes]:
    """The items of a decoded list that must all be byte strings; ValueError where one is not."""
    if not isinstance(items, list | tuple) or not all(isinstance(item, bytes) for item in items):
        raise ValueError("not a list of byte strings")
    return [bytes(item) for item in items]


class TransientStorage:
    """EIP-1153: slots that live for one transaction."""

    def __init__(self) -> None:
        self._slots: dict[tuple[bytes, bytes], U256] = {}
        self._undo: list[tuple[tuple[bytes, bytes], U256]] = []
        self._marks: list[int] = []

    def slot(self, address: bytes, key: Bytes32) -> U256:
        """A transient value, zero where there is none."""
        return self._slots.get((address, key), ZERO)

    def set_slot(self, address: bytes, key: Bytes32, value: U256) -> None:
        """Writes a transient value."""
        self._undo.append(((address, key), self.slot(address, key)))
        self._slots[address, key] = value

    def begin(self) -> None:
        """Starts a call frame."""
        self._marks.append(len(self._undo))

    def commit(self) -> None:
        """Keeps what the frame wrote."""
        self._marks.pop()

    def rollback(self) -> None:
        """Undoes what the frame wrote."""
        mark = self._marks.pop()
        while len(self._undo) > mark:
            name, value = self._undo.pop()
            self._slots[name] = value
