"""JSON from outside, read strictly: bounded size, no doubled key, no float, and no key that is not known."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

from rollproof.chain import wire
from rollproof.chain.nesting import bounded
from rollproof.errors import Malformed, Unsupported
from rollproof.types import PayloadAttributes, Withdrawal

T = TypeVar("T")

MAX_TRANSACTIONS = 100_000
MAX_WITHDRAWALS = 100_000
MAX_TRANSACTION_BYTES = 16 * 1024 * 1024


def _refuse_number(text: str) -> NoReturn:
    raise Malformed(f"number {text[:40]} is not an integer")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        doubled = next(key for key in keys if keys.count(key) > 1)
        raise Malformed(f"key {doubled[:80]!r} stands twice in one object")
    return found


def parse(data: bytes, what: str) -> dict[str, Any]:
    """The JSON object in ``data``. Raises Malformed: not JSON, nested too deep, a doubled key, a float."""
    bounded(data, what)
    try:
        found = json.loads(data, object_pairs_hook=_unique, parse_float=_refuse_number, parse_constant=_refuse_number)
    except Malformed as error:
        raise Malformed(f"{what}: {error}") from None
    except ValueError as error:  # JSONDecodeError, bad UTF-8, an integer of too many digits
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "not text"
        raise Malformed(f"{what}: not JSON ({reason})") from None
    return wire.mapping(found, what)


def known(record: Mapping[str, Any], keys: frozenset[str], what: str) -> None:
    """Raises Unsupported naming the first key that is not one of ``keys``."""
    for key in record:
        if key not in keys:
            raise Unsupported(f"{what}: key {key[:80]!r} is not known")


def optional(record: Mapping[str, Any], key: str, what: str, read: Callable[[Any, str], T]) -> T | None:
    """``read`` of the value under ``key``; None where it is absent or null."""
    value = record.get(key)
    return None if value is None else read(value, f"{what}: {key}")


def whole(value: Any, what: str) -> int:
    """A JSON integer of at most 64 bits, or the same as a 0x quantity."""
    if isinstance(value, str):
        return wire.quantity(value, what, 64)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0 or value >> 64:
        raise Malformed(f"{what}: expected an integer of at most 64 bits")
    return value


def listed(value: Any, what: str, limit: int, read: Callable[[Any, str], T]) -> tuple[T, ...]:
    """A JSON list of at most ``limit`` entries, each through ``read``."""
    if not isinstance(value, list):
        raise Malformed(f"{what}: expected a list")
    if len(value) > limit:
        raise Malformed(f"{what}: {len(value)} entries; {limit} is the bound")
    return tuple(read(entry, f"{what}[{index}]") for index, entry in enumerate(value))


def transaction(value: Any, what: str) -> bytes:
    """A raw EIP-2718 transaction in 0x hex."""
    raw = wire.data(value, what, None, MAX_TRANSACTION_BYTES)
    if not raw:
        raise Malformed(f"{what}: an empty transaction")
    return raw


def transactions(value: Any, what: str) -> tuple[bytes, ...]:
    """A list of raw transactions."""
    return listed(value, what, MAX_TRANSACTIONS, transaction)


_WITHDRAWAL = frozenset({"index", "validatorIndex", "address", "amount"})


def withdrawal(value: Any, what: str) -> Withdrawal:
    """An engine API withdrawal: index, validatorIndex, address, amount in gwei."""
    record = wire.mapping(value, what)
    known(record, _WITHDRAWAL, what)
    for key in _WITHDRAWAL:
        if key not in record:
            raise Malformed(f"{what}: {key} is absent")
    return Withdrawal(
        whole(record["index"], f"{what}: index"),
        whole(record["validatorIndex"], f"{what}: validatorIndex"),
        wire.address(record["address"], f"{what}: address"),
        whole(record["amount"], f"{what}: amount"),
    )


def withdrawals(value: Any, what: str) -> tuple[Withdrawal, ...]:
    """A list of withdrawals."""
    return listed(value, what, MAX_WITHDRAWALS, withdrawal)


ATTRIBUTES = frozenset(
    {
        "timestamp",
        "prevRandao",
        "suggestedFeeRecipient",
        "parentBeaconBlockRoot",
        "transactions",
        "withdrawals",
        "noTxPool",
        "gasLimit",
        "eip1559Params",
        "minBaseFee",
        "extraData",
    }
)


def attributes(value: Any, what: str) -> PayloadAttributes:
    """OP Stack payload attributes (V1 to V3 with the Holocene and Jovian fields). Raises Malformed, Unsupported."""
    record = wire.mapping(value, what)
    known(record, ATTRIBUTES, what)

    def needed(key: str) -> Any:
        if record.get(key) is None:
            raise Malformed(f"{what}: {key} is absent")
        return record[key]

    return PayloadAttributes(
        timestamp=whole(needed("timestamp"), f"{what}: timestamp"),
        prev_randao=wire.hash32(needed("prevRandao"), f"{what}: prevRandao"),
        fee_recipient=wire.address(needed("suggestedFeeRecipient"), f"{what}: suggestedFeeRecipient"),
        gas_limit=whole(needed("gasLimit"), f"{what}: gasLimit"),
        parent_beacon_block_root=optional(record, "parentBeaconBlockRoot", what, wire.hash32),
        eip1559_params=optional(record, "eip1559Params", what, lambda item, at: wire.data(item, at, 8)),
        min_base_fee=optional(record, "minBaseFee", what, whole),
        extra_data=optional(record, "extraData", what, lambda item, at: wire.data(item, at, None, 4096)),
    )


def body_of(record: Mapping[str, Any], what: str) -> tuple[tuple[bytes, ...] | None, tuple[Withdrawal, ...] | None]:
    """The transactions and withdrawals that payload attributes carry, where they do."""
    return optional(record, "transactions", what, transactions), optional(record, "withdrawals", what, withdrawals)


def chunks(values: Sequence[bytes], what: str, limit: int) -> None:
    """Raises Malformed when the values together exceed ``limit`` bytes."""
    total = sum(map(len, values))
    if total > limit:
        raise Malformed(f"{what}: {total} bytes; {limit} is the bound")
