"""Signed transactions and deposits of the lab's accounts, in their EIP-2718 encoding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rollproof import _core
from rollproof.replay.header import minimal

GWEI = 10**9
Authorization = tuple[int, bytes, int, int, int, int]  # chain id, code's address, nonce, y parity, r, s (EIP-7702)


@dataclass(slots=True)
class Account:
    """A key of the lab with its next nonce; worthless, because anybody can compute it from its name."""

    key: bytes
    address: bytes
    chain_id: int
    nonce: int = 0

    @classmethod
    def named(cls, name: str, chain_id: int) -> Account:
        """The account of this name, the same on every chain and in every run."""
        account = cls(_core.keccak256(b"rollproof lab " + name.encode()), b"", chain_id)
        probe = account.send(None, gas=0)
        account.address, account.nonce = _core.decode_transaction(probe, "ethereum")["sender"], 0
        return account

    def send(
        self,
        to: bytes | None,
        *,
        value: int = 0,
        data: bytes = b"",
        gas: int = 200_000,
        fee: int = 100 * GWEI,
        tip: int = GWEI,
        access: Sequence[tuple[bytes, Sequence[bytes]]] = (),
        blobs: Sequence[bytes] = (),
        authorizations: Sequence[Authorization] = (),
    ) -> bytes:
        """A transaction with this account's next nonce; ``to`` None creates a contract.

        Type 2, or 3 with ``blobs`` (versioned hashes, EIP-4844), or 4 with ``authorizations`` (EIP-7702). ``value`` in
        wei; ``fee`` and ``tip`` in wei per gas, ``fee`` also per blob gas.
        """
        fields: list[Any] = [self.chain_id, self.nonce, tip, fee, gas, to or b"", value, data]
        fields.append([[address, list(slots)] for address, slots in access])
        kind = 2
        if blobs:
            kind = 3
            fields += [fee, list(blobs)]
        elif authorizations:
            kind = 4
            fields.append([list(each) for each in authorizations])
        self.nonce += 1
        prefix = bytes([kind])
        return prefix + _rlp([*fields, *self._sign(prefix + _rlp(fields))])

    def send_legacy(
        self, to: bytes | None, *, value: int = 0, data: bytes = b"", gas: int = 200_000, price: int = 100 * GWEI
    ) -> bytes:
        """A transaction of before EIP-2718, protected by EIP-155; ``price`` in wei per gas."""
        fields: list[Any] = [self.nonce, price, gas, to or b"", value, data]
        parity, r, s = self._sign(_rlp([*fields, self.chain_id, 0, 0]))
        self.nonce += 1
        return _rlp([*fields, self.chain_id * 2 + 35 + parity, r, s])

    def send_access_list(
        self,
        to: bytes | None,
        *,
        value: int = 0,
        data: bytes = b"",
        gas: int = 200_000,
        price: int = 100 * GWEI,
        access: Sequence[tuple[bytes, Sequence[bytes]]] = (),
    ) -> bytes:
        """A transaction of type 1 (EIP-2930); ``price`` in wei per gas."""
        fields: list[Any] = [self.chain_id, self.nonce, price, gas, to or b"", value, data]
        fields.append([[address, list(slots)] for address, slots in access])
        self.nonce += 1
        return b"\x01" + _rlp([*fields, *self._sign(b"\x01" + _rlp(fields))])

    def authorize(self, code: bytes) -> Authorization:
        """Signs that this account runs the code of address ``code`` from now on (EIP-7702); takes up a nonce."""
        fields = (self.chain_id, code, self.nonce)
        self.nonce += 1
        return (*fields, *self._sign(b"\x05" + _rlp(list(fields))))

    def _sign(self, message: bytes) -> tuple[int, int, int]:
        return _core.sign_hash(_core.keccak256(message), self.key)


def deposit(
    source_hash: bytes, sender: bytes, to: bytes | None, *, mint: int = 0, value: int = 0, gas: int, data: bytes = b""
) -> bytes:
    """An OP Stack deposit transaction (type 0x7e) as of Regolith: never a system transaction; amounts in wei."""
    return b"\x7e" + _rlp([source_hash, sender, to or b"", mint, value, gas, 0, data])


def created(sender: bytes, nonce: int) -> bytes:
    """The address of a contract that ``sender`` creates by its transaction of this nonce (yellow paper, section 7)."""
    return _core.keccak256(_core.rlp_encode([sender, minimal(nonce)]))[12:]


def _rlp(item: Any) -> bytes:
    return _core.rlp_encode(_items(item))


def _items(item: Any) -> Any:
    if isinstance(item, int):
        return minimal(item)
    return item if isinstance(item, bytes) else [_items(each) for each in item]
