"""Receipts from JSON, and their consensus encoding, so that they can be held against the header's receipts root.

Source: EIP-658, EIP-2718; OP Stack specs, "Deposit Receipt" (hashed with nonce and version from Canyon).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from rollproof import _core
from rollproof.chain import wire
from rollproof.errors import Malformed

_MAX_LOGS = 1_000_000
Log = tuple[bytes, list[bytes], bytes]  # address, topics, data


class Receipt(NamedTuple):
    """One transaction's receipt. Before Byzantium ``status`` is None and ``root`` the state root after it."""

    type: int
    status: int | None
    root: bytes | None
    gas_used: int
    cumulative_gas_used: int
    bloom: bytes
    logs: list[Log]
    transaction_hash: bytes
    deposit_nonce: int | None
    deposit_version: int | None

    def claim(self) -> dict[str, Any]:
        """The keys of ``types.Claim.receipts``."""
        return {
            "status": self.status,
            "root": self.root,
            "gas_used": self.gas_used,
            "cumulative_gas_used": self.cumulative_gas_used,
            "logs": self.logs,
        }

    def encode(self) -> bytes:
        """What the receipts trie holds."""
        outcome = self.root if self.status is None else _int(self.status)
        items: list[Any] = [outcome, _int(self.cumulative_gas_used), self.bloom, [list(log) for log in self.logs]]
        if self.deposit_version is not None:
            items += [_int(self.deposit_nonce or 0), _int(self.deposit_version)]
        body = _core.rlp_encode(items)
        return bytes([self.type]) + body if self.type else body


def from_json(record: Any, what: str) -> Receipt:
    """One receipt object.

    Raises:
        Malformed: a field is absent or not what it should be.
    """
    record = wire.mapping(record, what)

    def number(key: str, bits: int = 64) -> int | None:
        return wire.quantity(record[key], f"{what}: {key}", bits) if record.get(key) is not None else None

    def needed(key: str) -> int:
        return wire.quantity(wire.field(record, key, what), f"{what}: {key}", 64)

    status = number("status", 1)
    root = wire.hash32(record["root"], f"{what}: root") if status is None and record.get("root") is not None else None
    if status is None and root is None:
        raise Malformed(f"{what}: neither status nor root")
    logs = [_log(log, what) for log in wire.sequence(record.get("logs"), f"{what}: logs", _MAX_LOGS)]
    return Receipt(
        number("type", 8) or 0,
        status,
        root,
        needed("gasUsed"),
        needed("cumulativeGasUsed"),
        wire.data(wire.field(record, "logsBloom", what), f"{what}: logsBloom", 256),
        logs,
        wire.hash32(wire.field(record, "transactionHash", what), f"{what}: transactionHash"),
        number("depositNonce"),
        number("depositReceiptVersion"),
    )


def _log(record: Any, what: str) -> Log:
    record = wire.mapping(record, f"{what}: log")
    topics = [wire.hash32(t, f"{what}: topic") for t in wire.sequence(record.get("topics"), f"{what}: topics", 4)]
    address = wire.address(record.get("address"), f"{what}: log address")
    return address, topics, wire.data(record.get("data"), f"{what}: log data")


def _int(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")
