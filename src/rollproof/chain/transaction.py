"""Raw EIP-2718 transactions from a node's JSON transaction objects; kept only when they hash to their claimed hash.

Source: yellow paper section 4.2, EIP-155, 2930, 1559, 4844, 7702; OP Stack specs, "Deposits" (type 0x7e).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rollproof import _core
from rollproof.chain import wire
from rollproof.errors import Malformed, Unsupported

MAX_INPUT = 16 * 1024 * 1024  # bytes
_MAX_LIST = 1_000_000


class _Reader:
    """Reads fields of one transaction object into RLP items."""

    def __init__(self, record: Mapping[str, Any], what: str) -> None:
        self.record, self.what = record, what

    def number(self, key: str, default: int | None = None) -> bytes:
        value = self.record.get(key)
        if value is None:
            if default is None:
                raise Malformed(f"{self.what}: {key} is missing")
            number = default
        else:
            number = wire.quantity(value, f"{self.what}: {key}")
        return number.to_bytes((number.bit_length() + 7) // 8, "big")

    def data(self, key: str, length: int | None = None) -> bytes:
        value = self.record.get(key)
        if value is None and key == "input":
            value = self.record.get("data")
        if value is None:
            raise Malformed(f"{self.what}: {key} is missing")
        return wire.data(value, f"{self.what}: {key}", length, MAX_INPUT)

    def recipient(self) -> bytes:
        value = self.record.get("to")
        return b"" if value is None else wire.address(value, f"{self.what}: to")

    def records(self, key: str, optional: bool = False) -> list[_Reader]:
        value = self.record.get(key)
        if value is None and optional:
            return []
        items = wire.sequence(value, f"{self.what}: {key}", _MAX_LIST)
        return [_Reader(wire.mapping(item, f"{self.what}: {key}"), f"{self.what}: {key}") for item in items]

    def hashes(self, key: str) -> list[bytes]:
        items = wire.sequence(self.record.get(key), f"{self.what}: {key}", _MAX_LIST)
        return [wire.hash32(item, f"{self.what}: {key}") for item in items]

    def access_list(self) -> list[Any]:
        entries = self.records("accessList", optional=True)
        return [[entry.data("address", 20), entry.hashes("storageKeys")] for entry in entries]

    def parity(self) -> bytes:
        # Some nodes write only v, which typed transactions define as the parity.
        return self.number("yParity" if self.record.get("yParity") is not None else "v")

    def signature(self) -> list[bytes]:
        return [self.parity(), self.number("r"), self.number("s")]


def encode(record: Mapping[str, Any], what: str) -> bytes:
    """The raw transaction of a JSON transaction object. The hash is not checked here.

    Raises:
        Malformed: a field is absent or not what it should be.
        Unsupported: a transaction type that is not known by name.
    """
    reader = _Reader(record, what)
    kind = wire.quantity(record["type"], f"{what}: type", 8) if record.get("type") is not None else 0
    build = _KINDS.get(kind)
    if build is None:
        raise Unsupported(f"{what}: transaction type 0x{kind:02x}")
    body = _core.rlp_encode(build(reader))
    return body if kind == 0 else bytes([kind]) + body


def _legacy(tx: _Reader) -> list[Any]:
    return [
        tx.number("nonce"),
        tx.number("gasPrice"),
        tx.number("gas"),
        tx.recipient(),
        tx.number("value"),
        tx.data("input"),
        tx.number("v"),
        tx.number("r"),
        tx.number("s"),
    ]


def _access_list(tx: _Reader) -> list[Any]:
    return [
        tx.number("chainId"),
        tx.number("nonce"),
        tx.number("gasPrice"),
        tx.number("gas"),
        tx.recipient(),
        tx.number("value"),
        tx.data("input"),
        tx.access_list(),
        *tx.signature(),
    ]


def _fee_market(tx: _Reader) -> list[Any]:
    return [
        tx.number("chainId"),
        tx.number("nonce"),
        tx.number("maxPriorityFeePerGas"),
        tx.number("maxFeePerGas"),
        tx.number("gas"),
        tx.recipient(),
        tx.number("value"),
        tx.data("input"),
        tx.access_list(),
    ]


def _dynamic_fee(tx: _Reader) -> list[Any]:
    return [*_fee_market(tx), *tx.signature()]


def _blob(tx: _Reader) -> list[Any]:
    return [*_fee_market(tx), tx.number("maxFeePerBlobGas"), tx.hashes("blobVersionedHashes"), *tx.signature()]


def _set_code(tx: _Reader) -> list[Any]:
    authorizations = [
        [a.number("chainId"), a.data("address", 20), a.number("nonce"), *a.signature()]
        for a in tx.records("authorizationList")
    ]
    return [*_fee_market(tx), authorizations, *tx.signature()]


def _deposit(tx: _Reader) -> list[Any]:
    system = tx.record.get("isSystemTx", False)
    if not isinstance(system, bool):
        raise Malformed(f"{tx.what}: isSystemTx is not a boolean")
    return [
        tx.data("sourceHash", 32),
        tx.data("from", 20),
        tx.recipient(),
        tx.number("mint", 0),
        tx.number("value"),
        tx.number("gas"),
        b"\x01" if system else b"",
        tx.data("input"),
    ]


_KINDS = {0: _legacy, 1: _access_list, 2: _dynamic_fee, 3: _blob, 4: _set_code, 0x7E: _deposit}
