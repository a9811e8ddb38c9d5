"""prestateTracer's result: the accounts that execution begins with, or in diffMode what it changes.

Source: geth, "Built-in tracers", "Prestate tracer".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from rollproof.chain import wire
from rollproof.detect.foreign import fields
from rollproof.errors import Malformed, Unsupported

_KEYS: Final = frozenset({"balance", "nonce", "code", "codeHash", "storage"})
MAX_ACCOUNTS: Final = 1_000_000
MAX_CODE: Final = 1 << 20


@dataclass(slots=True)
class Account:
    """What is said of one account; None: nothing is."""

    balance: int | None = None
    nonce: int | None = None
    code: bytes | None = None
    storage: dict[bytes, int] = field(default_factory=dict)


@dataclass(slots=True)
class Prestate:
    """Accounts before; ``post`` None: the tracer did not run in diffMode. A slot that ends at zero is not in post."""

    pre: dict[bytes, Account]
    post: dict[bytes, Account] | None


def looks_like(value: Any) -> bool:
    """Whether an object is a prestateTracer result, plain or diffMode."""
    return _is_diff(value) or _is_plain(value)


def _is_diff(value: Any) -> bool:
    return (
        isinstance(value, dict) and value.keys() == {"pre", "post"} and all(isinstance(x, dict) for x in value.values())
    )


def _is_plain(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and bool(value)
        and all(key.startswith("0x") and len(key) == 42 and isinstance(each, dict) for key, each in value.items())
    )


def read(value: Any, where: str) -> Prestate:
    """Both modes. Raises Malformed, Unsupported for a field that is not known."""
    if _is_diff(value):
        return Prestate(_accounts(value["pre"], f"{where}: pre"), _accounts(value["post"], f"{where}: post"))
    return Prestate(_accounts(value, where), None)


def _accounts(value: Any, where: str) -> dict[bytes, Account]:
    record = wire.mapping(value, where)
    if len(record) > MAX_ACCOUNTS:
        raise Malformed(f"{where}: more than {MAX_ACCOUNTS} accounts")
    found: dict[bytes, Account] = {}
    for key, each in record.items():
        address = fields.address(key, where)
        what = f"{where}: 0x{address.hex()}"
        if address in found:
            raise Malformed(f"{what}: twice")
        found[address] = _account(each, what)
    return found


def _account(value: Any, what: str) -> Account:
    record = wire.mapping(value, what)
    for key in record:
        if key not in _KEYS:
            raise Unsupported(f"{what}: {key[:80]!a} is not known")
    storage: dict[bytes, int] = {}
    for slot, held in wire.mapping(record.get("storage") or {}, f"{what}: storage").items():
        place = fields.padded(slot, f"{what}: slot", 32)
        if place in storage:
            raise Malformed(f"{what}: slot 0x{place.hex()} twice")
        storage[place] = fields.number(held, f"{what}: slot 0x{place.hex()}")
    code = record.get("code")
    return Account(
        balance=fields.optional(record.get("balance"), f"{what}: balance"),
        nonce=fields.optional(record.get("nonce"), f"{what}: nonce", 64),
        code=None if code is None else wire.data(code, f"{what}: code", None, MAX_CODE),
        storage=storage,
    )
