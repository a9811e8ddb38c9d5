"""Protocol tables in TOML, read strictly: an unknown key or action is refused by name."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from typing import Any, Final

from rollproof import _core
from rollproof.chain import abi
from rollproof.detect.protocols.entry import Account, Event, Function, Slot
from rollproof.errors import Malformed, RollproofError, Unsupported

MAX_TABLE: Final = 4 << 20  # bytes
MAX_ENTRIES: Final = 20_000
MAX_TEXT: Final = 512

ACTIONS: Final = frozenset(
    {
        "add-liquidity", "approve", "approve-all", "balance", "borrow", "deposit", "execute", "flash-callback",
        "flash-loan", "grant-role", "initialise", "liquidate", "multicall", "permit", "price-read", "price-update",
        "remove-liquidity", "repay", "reserves", "revoke-role", "route", "seize", "set-admin", "set-owner",
        "start-auction", "supply-read", "swap", "swap-callback", "take-auction", "token-callback", "transfer",
        "transfer-from", "unwrap", "upgrade", "withdraw", "wrap",
    }
)  # fmt: skip
KINDS: Final = frozenset({"router", "wrapper", "pools", "other"})

Entry = Function | Event | Account | Slot


def parse(data: bytes, what: str) -> Iterator[Entry]:
    """Entries in order. Raises Malformed for what is no table, Unsupported for a key, action or kind not known."""
    if len(data) > MAX_TABLE:
        raise Malformed(f"{what}: more than {MAX_TABLE} bytes")
    try:
        table = tomllib.loads(data.decode())
    except UnicodeDecodeError:
        raise Malformed(f"{what}: not text (UTF-8)") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Malformed(f"{what}: not TOML ({str(error)[:200]})") from None
    for key, entries in table.items():
        read = _READERS.get(key)
        if read is None:
            raise Unsupported(f"{what}: key {key[:80]!a} is not known")
        if not isinstance(entries, list) or len(entries) > MAX_ENTRIES:
            raise Malformed(f"{what}: {key} is no list of at most {MAX_ENTRIES} tables")
        for at, entry in enumerate(entries):
            place = f"{what}: {key} {at + 1}"
            if not isinstance(entry, dict):
                raise Malformed(f"{place}: no table")
            try:
                yield read(_Fields(entry, place))
            except ValueError as error:
                raise Malformed(f"{place}: {error}") from None


class _Fields:
    """One entry's keys; those that nobody asked for are refused."""

    def __init__(self, entry: dict[str, Any], what: str) -> None:
        self.entry, self.what = dict(entry), what

    def text(self, key: str) -> str:
        value = self.entry.pop(key, None)
        if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT or not value.isprintable():
            raise Malformed(f"{self.what}: {key} is no line of text")
        return value

    def one_of(self, key: str, known: frozenset[str]) -> str:
        value = self.text(key)
        if value not in known:
            raise Unsupported(f"{self.what}: {key} {value!a} is not known")
        return value

    def whole(self, key: str) -> int | None:
        value = self.entry.pop(key, None)
        if value is not None and (type(value) is not int or not 0 <= value < 1 << 64):
            raise Malformed(f"{self.what}: {key} is no whole number")
        return value

    def bytes(self, key: str, length: int) -> bytes:
        value = self.text(key)
        try:
            raw = bytes.fromhex(value.removeprefix("0x"))
        except ValueError:
            raw = b""
        if len(raw) != length or not value.startswith("0x"):
            raise Malformed(f"{self.what}: {key} is no 0x hex of {length} bytes")
        return raw

    def places(self, count: int) -> dict[str, int]:
        value = self.entry.pop("arguments", {})
        if not isinstance(value, dict):
            raise Malformed(f"{self.what}: arguments is no table")
        for name, place in value.items():
            if type(place) is not int or not 0 <= place < count:
                raise Malformed(f"{self.what}: argument {name[:80]!a} stands at no place of the signature")
        return value

    def done(self) -> None:
        for key in self.entry:
            raise Unsupported(f"{self.what}: key {key[:80]!a} is not known")


def _types(signature: str, what: str) -> list[str]:
    """The parameters' types, tuples taken apart where they stand in the head (no dynamic part inside)."""
    name, bracket, rest = signature.partition("(")
    if not name or not bracket or not rest.endswith(")"):
        raise Malformed(f"{what}: {signature[:80]!a} is no signature")
    try:
        abi.topic(signature)
    except RollproofError as error:
        raise Malformed(f"{what}: {error}") from None
    return _split(rest[:-1])


def _split(text: str) -> list[str]:
    found, depth, current = [], 0, ""
    for each in text:
        depth += (each == "(") - (each == ")")
        if each == "," and depth == 0:
            found.append(current)
            current = ""
        else:
            current += each
    return [*found, current] if text else []


def _head(types: list[str]) -> list[str]:
    """Words of the head: a tuple without dynamic parts takes one for each of its members."""
    found: list[str] = []
    for each in types:
        members = _split(each[1:-1]) if each.startswith("(") and each.endswith(")") else []
        if members and not any("[" in one or one in ("bytes", "string") or "(" in one for one in members):
            found += members
        else:
            found.append(each)
            fixed = each.rpartition("[")[2].removesuffix("]") if each.endswith("]") else ""
            if fixed.isdigit() and each.count("[") == 1 and each.split("[")[0] not in ("bytes", "string"):
                found += [each] * (int(fixed) - 1)
    return found


def _function(fields: _Fields) -> Function:
    signature = fields.text("signature")
    head = _head(_types(signature, fields.what))
    found = Function(
        selector=abi.selector(signature),
        signature=signature,
        action=fields.one_of("action", ACTIONS),
        protocol=fields.text("protocol"),
        words=fields.places(len(head)),
    )
    fields.done()
    return found


def _event(fields: _Fields) -> Event:
    signature = fields.text("signature")
    types = _types(signature, fields.what)
    indexed = fields.entry.pop("indexed", [])
    if (
        not isinstance(indexed, list)
        or len(indexed) > 3
        or any(type(each) is not int or not 0 <= each < len(types) for each in indexed)
        or sorted(set(indexed)) != indexed
    ):
        raise Malformed(f"{fields.what}: indexed is no rising list of at most three places")
    places = fields.places(len(types))
    plain = [at for at in range(len(types)) if at not in indexed]
    found = Event(
        topic=abi.topic(signature),
        signature=signature,
        action=fields.one_of("action", ACTIONS),
        protocol=fields.text("protocol"),
        topics={name: indexed.index(at) + 1 for name, at in places.items() if at in indexed},
        words={name: plain.index(at) for name, at in places.items() if at in plain},
        indexed=len(indexed),
    )
    fields.done()
    return found


def _account(fields: _Fields) -> Account:
    found = Account(
        fields.bytes("address", 20), fields.text("name"), fields.one_of("kind", KINDS), fields.whole("chain")
    )
    fields.done()
    return found


def _slot(fields: _Fields) -> Slot:
    name, standard = fields.text("name"), fields.text("standard")
    if "hash_of" in fields.entry:
        preimage, less = fields.text("hash_of"), fields.whole("less") or 0
        number = int.from_bytes(_core.keccak256(preimage.encode()), "big") - less
        slot = (number % (1 << 256)).to_bytes(32, "big")
    else:
        slot = fields.bytes("slot", 32)
    fields.done()
    return Slot(slot, name, standard)


_READERS: Final[dict[str, Callable[[_Fields], Entry]]] = {
    "function": _function,
    "event": _event,
    "account": _account,
    "slot": _slot,
}
