"""Signed transactions of every type, built here from the EIPs and not with the code under test."""

from __future__ import annotations

import hashlib
from typing import Any

from rollproof import _core

KEY = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")  # anvil's first account, public
SENDER = bytes.fromhex("f39fd6e51aad88f6f4ce6ab8827279cfffb92266")
GWEI = 10**9
# The zero polynomial's commitment and proofs are the point at infinity, so no KZG library is needed.
INFINITY = b"\xc0" + bytes(47)
BLOB = bytes(131072)
BLOB_HASH = b"\x01" + hashlib.sha256(INFINITY).digest()[1:]


def number(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def signed(kind: int, fields: list[Any]) -> bytes:
    prefix = bytes([kind])
    parity, r, s = _core.sign_hash(_core.keccak256(prefix + _core.rlp_encode(fields)), KEY)
    return prefix + _core.rlp_encode([*fields, number(parity), number(r), number(s)])


def legacy(nonce: int, to: bytes, data: bytes = b"", chain: int | None = 31337, value: int = 1) -> bytes:
    """EIP-155 with ``chain``, the older form without."""
    fields = [number(nonce), number(20 * GWEI), number(500_000), to, number(value), data]
    tail = [number(chain), b"", b""] if chain else []
    parity, r, s = _core.sign_hash(_core.keccak256(_core.rlp_encode([*fields, *tail])), KEY)
    v = 35 + 2 * chain + parity if chain else 27 + parity
    return _core.rlp_encode([*fields, number(v), number(r), number(s)])


def access_list(nonce: int, to: bytes, data: bytes = b"", chain: int = 31337) -> bytes:
    listed = [[bytes([7]) * 20, [bytes(32), b"\x11" * 32]], [bytes([8]) * 20, []]]
    return signed(1, [number(chain), number(nonce), number(20 * GWEI), number(500_000), to, b"\x01", data, listed])


def _market(nonce: int, to: bytes, data: bytes, value: int, gas: int, chain: int) -> list[Any]:
    return [number(chain), number(nonce), number(GWEI), number(20 * GWEI), number(gas), to, number(value), data, []]


def dynamic_fee(nonce: int, to: bytes, data: bytes = b"", value: int = 1, gas: int = 500_000) -> bytes:
    return signed(2, _market(nonce, to, data, value, gas, 31337))


def blob(nonce: int, to: bytes, chain: int = 31337) -> tuple[bytes, bytes]:
    """(as it stands in the block, as it is sent: with its sidecar, EIP-4844)."""
    raw = signed(3, [*_market(nonce, to, b"", 1, 500_000, chain), number(20 * GWEI), [BLOB_HASH]])
    return raw, b"\x03" + _core.rlp_encode([_core.rlp_decode(raw[1:]), [BLOB], [INFINITY], [INFINITY]])


def set_code(nonce: int, to: bytes, delegate: bytes, chain: int = 31337) -> bytes:
    """The sender delegates to ``delegate`` (EIP-7702); its nonce has risen by the time the list is looked at."""
    tuple_ = [number(chain), delegate, number(nonce + 1)]
    parity, r, s = _core.sign_hash(_core.keccak256(b"\x05" + _core.rlp_encode(tuple_)), KEY)
    listed = [[*tuple_, number(parity), number(r), number(s)]]
    return signed(4, [*_market(nonce, to, b"", 1, 500_000, chain), listed])


def deposit(source: bytes, to: bytes, mint: int, data: bytes = b"", system: bool = False) -> bytes:
    """OP Stack deposit from ``SENDER``, unsigned by design."""
    fields = [source, SENDER, to, number(mint), number(1), number(500_000), b"\x01" if system else b"", data]
    return b"\x7e" + _core.rlp_encode(fields)
