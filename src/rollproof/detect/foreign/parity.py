"""Parity's call traces: trace_block, trace_transaction, trace_filter, trace_replay*, geth's flatCallTracer.

Keys in camelCase as nodes write them, or in snake_case as archives do. Reward traces are not executions and are passed
over; ``vmTrace`` and ``stateDiff`` are not read. Source: OpenEthereum documentation, "JSONRPC trace module".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from rollproof.chain import wire
from rollproof.detect.foreign import fields
from rollproof.detect.foreign.calls import CREATES, KINDS, Call, placed
from rollproof.detect.foreign.writer import MAX_FRAMES_DEEP, MAX_ROWS
from rollproof.errors import Malformed, Unsupported
from rollproof.replay.trace import Kind

_TYPES: Final = ("call", "create", "suicide", "selfdestruct", "reward")


@dataclass(slots=True)
class ParityTransaction:
    """One transaction's calls in order of entry."""

    hash: bytes | None
    position: int | None
    calls: list[Call] = field(default_factory=list)


@dataclass(slots=True)
class ParityBlock:
    """Transactions in the order of the traces, and the one block that all of them name."""

    number: int | None
    hash: bytes | None
    transactions: list[ParityTransaction]


def looks_like(value: Any) -> bool:
    """Whether an object is one of Parity's traces."""
    return isinstance(value, dict) and isinstance(value.get("action"), dict) and "type" in value


def key_of(record: Mapping[str, Any], camel: str, snake: str, what: str) -> Any:
    """The value under either spelling. Raises Malformed where both are there and differ."""
    one, other = record.get(camel), record.get(snake)
    if one is not None and other is not None and camel != snake and one != other:
        raise Malformed(f"{what}: {camel} and {snake} differ")
    return other if one is None else one


def read(traces: Any, where: str) -> ParityBlock:
    """All transactions of a list of traces.

    Raises:
        Malformed: traces of several blocks, transactions interleaved, or trace addresses that are no tree.
        Unsupported: a trace or call type that is not known by name.
    """
    block = ParityBlock(None, None, [])
    seen: set[bytes] = set()
    tree: _Tree | None = None
    for at, item in enumerate(wire.sequence(traces, where, MAX_ROWS)):
        what = f"{where}: trace {at}"
        record = wire.mapping(item, what)
        kind = fields.text(record.get("type"), f"{what}: type", 32)
        if kind not in _TYPES:
            raise Unsupported(f"{what}: trace type {kind} is not known")
        _same_block(block, record, what)
        if kind == "reward":
            continue
        named = key_of(record, "transactionHash", "transaction_hash", what)
        key = None if named is None else wire.hash32(named, f"{what}: transactionHash")
        place = key_of(record, "transactionPosition", "transaction_position", what)
        position = fields.optional(place, f"{what}: transactionPosition", 32)
        address = _trace_address(key_of(record, "traceAddress", "trace_address", what), what)
        if tree is None or not address:
            if tree is not None:
                tree.close()
            _follows(block, key, position, seen, what)
            block.transactions.append(ParityTransaction(key, position))
            tree = _Tree(block.transactions[-1].calls, where)
        current = block.transactions[-1]
        if (key, position) != (current.hash, current.position):
            raise Malformed(f"{what}: it stands among the traces of another transaction")
        tree.add(record, kind, address, what)
    if tree is not None:
        tree.close()
    return block


def _follows(block: ParityBlock, key: bytes | None, position: int | None, seen: set[bytes], what: str) -> None:
    if key is not None:
        if key in seen:
            raise Malformed(f"{what}: transaction 0x{key.hex()} begins twice")
        seen.add(key)
    before = block.transactions[-1].position if block.transactions else None
    if position is not None and before is not None and position <= before:
        raise Malformed(f"{what}: transaction {position} follows transaction {before}")


def _same_block(block: ParityBlock, record: dict[str, Any], what: str) -> None:
    named = key_of(record, "blockHash", "block_hash", what)
    number = key_of(record, "blockNumber", "block_number", what)
    if named is not None:
        key = wire.hash32(named, f"{what}: blockHash")
        if block.hash is not None and key != block.hash:
            raise Malformed(f"{what}: block hash 0x{key.hex()}, and 0x{block.hash.hex()} before it")
        block.hash = key
    if number is not None:
        found = fields.number(number, f"{what}: blockNumber", 64)
        if block.number is not None and found != block.number:
            raise Malformed(f"{what}: block number {found}, and {block.number} before it")
        block.number = found


def _trace_address(value: Any, what: str) -> tuple[int, ...]:
    listed = wire.sequence(value, f"{what}: traceAddress", MAX_FRAMES_DEEP)
    return tuple(fields.number(each, f"{what}: traceAddress", 32) for each in listed)


class _Tree:
    """Checks that traces come as a walk through a tree, parents first and children in order."""

    def __init__(self, calls: list[Call], where: str) -> None:
        self.calls, self.where = calls, where
        self._path: list[tuple[Call, int, str]] = []  # open call, its announced children, where it stands
        self._address: list[int] = []

    def add(self, record: dict[str, Any], kind: str, address: tuple[int, ...], what: str) -> None:
        if len(address) >= MAX_FRAMES_DEEP:
            raise Malformed(f"{what}: calls nest deeper than {MAX_FRAMES_DEEP}")
        while len(self._path) > len(address):
            self._pop()
        parent = self._path[-1][0] if self._path else None
        if len(address) != len(self._path) or (parent is None and (address or self.calls)):
            raise Malformed(f"{what}: its trace address has no trace above it")
        if parent is not None:
            if list(address[:-1]) != self._address or address[-1] != parent.children:
                raise Malformed(f"{what}: its trace address does not follow the one before it")
            if parent.kind is None:
                raise Malformed(f"{what}: it stands below a self-destruct")
            parent.children += 1
        call = _call(record, kind, len(address), parent, what)
        self.calls.append(call)
        announced = fields.number(record.get("subtraces"), f"{what}: subtraces", 32)
        self._path.append((call, announced, what))
        if address:
            self._address.append(address[-1])

    def close(self) -> None:
        while self._path:
            self._pop()

    def _pop(self) -> None:
        call, announced, what = self._path.pop()
        if self._path:
            self._address.pop()
        if call.children != announced:
            raise Malformed(f"{what}: {announced} traces below it are announced, {call.children} are there")


def _call(record: dict[str, Any], type_: str, depth: int, parent: Call | None, what: str) -> Call:
    action = wire.mapping(record.get("action"), f"{what}: action")
    error = fields.text(record.get("error") or "", f"{what}: error", 4096)
    if type_ in ("suicide", "selfdestruct"):
        return _selfdestruct(action, depth, parent, error, what)
    result = record.get("result")
    result = {} if result is None else wire.mapping(result, f"{what}: result")
    origin = fields.address(wire.field(action, "from", what), f"{what}: from")
    value = fields.optional(action.get("value"), f"{what}: value") or 0
    if type_ == "create":
        kind = Kind.CREATE2 if key_of(action, "creationMethod", "creation_method", what) == "create2" else Kind.CREATE
        named = result.get("address")
        if named is None and not error:
            raise Malformed(f"{what}: a creation without address or error")
        to = fields.ZERO if named is None else fields.address(named, f"{what}: address")
        data, output = action.get("init"), result.get("code")
    else:
        kind = _call_kind(key_of(action, "callType", "call_type", what), what)
        to = fields.address(wire.field(action, "to", what), f"{what}: to")
        data, output = action.get("input"), result.get("output")
    caller, target, code, apparent = placed(kind, origin, to, value, parent, what)
    used = key_of(result, "gasUsed", "gas_used", what)
    return Call(
        depth=depth,
        kind=kind,
        caller=caller,
        target=target,
        code=code,
        value=apparent,
        gas=fields.optional(action.get("gas"), f"{what}: gas", 64),
        gas_used=fields.optional(used, f"{what}: gasUsed", 64),
        data=fields.data(data, f"{what}: input"),
        output=fields.data(output, f"{what}: output"),
        success=not error,
        error=error,
    )


def _call_kind(value: Any, what: str) -> Kind:
    name = fields.text("call" if value is None else value, f"{what}: callType", 32)
    kind = KINDS.get(name.upper())
    if kind is None or kind in CREATES:
        raise Unsupported(f"{what}: call type {name} is not known")
    return kind


def _selfdestruct(action: dict[str, Any], depth: int, parent: Call | None, error: str, what: str) -> Call:
    if parent is None:
        raise Malformed(f"{what}: a transaction cannot begin with a self-destruct")
    address = fields.address(wire.field(action, "address", what), f"{what}: address")
    if address != parent.target:
        raise Malformed(f"{what}: a self-destruct of 0x{address.hex()} stands in a call of 0x{parent.target.hex()}")
    named = key_of(action, "refundAddress", "refund_address", what)
    beneficiary = fields.address(named, f"{what}: refundAddress")
    balance = fields.number(action.get("balance"), f"{what}: balance")
    return Call(depth, None, address, beneficiary, beneficiary, balance, None, None, b"", b"", not error, error)


def replayed(value: Any, where: str) -> Iterator[tuple[bytes | None, Any]]:
    """The hash and the traces of each entry of trace_replayBlockTransactions."""
    for at, item in enumerate(wire.sequence(value, where, MAX_ROWS)):
        record = wire.mapping(item, f"{where}: entry {at}")
        named = record.get("transactionHash")
        yield None if named is None else wire.hash32(named, f"{where}: transactionHash"), record.get("trace")
