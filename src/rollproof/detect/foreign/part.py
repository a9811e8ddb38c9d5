"""What one JSON document of a trace file is, told by its content, and which transactions it is about."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from rollproof.chain import wire
from rollproof.detect.foreign import call_tracer, event_trace, fields, parity, prestate, receipts, struct_log
from rollproof.detect.foreign.source import Document
from rollproof.errors import Unsupported

_HASHES = ("txHash", "transactionHash")


class Form(Enum):
    """The formats that are known."""

    EVENTS = "an event trace"
    STRUCT = "struct logs"
    CALLS = "call trees"
    DIFF = "state differences"
    PARITY = "Parity traces"
    RECEIPTS = "receipts"
    BLOCK = "a block"

    @property
    def executes(self) -> bool:
        """Whether it shows executions by itself."""
        return self in (Form.EVENTS, Form.STRUCT, Form.CALLS, Form.PARITY)


@dataclass(slots=True)
class Part:
    """One document. ``hashes`` are those of its transactions, as far as it names them."""

    document: Document
    form: Form
    hashes: tuple[bytes, ...]

    @property
    def where(self) -> str:
        """File and line."""
        return self.document.where


def recognised(document: Document, value: Any) -> Part:
    """The part that a parsed document is. Raises Unsupported where it is none of the formats."""
    value = fields.result_of(value)
    form = _form(value, document.where)
    return Part(document, form, tuple(dict.fromkeys(_hashes(value, form, document.where))))


def entries(value: Any, where: str) -> list[tuple[bytes | None, Any]]:
    """(transaction's hash, result) of a block's results, or of a single one."""
    value = fields.result_of(value)
    found: list[tuple[bytes | None, Any]] = []
    for at, item in enumerate(value if isinstance(value, list) else [value]):
        what = f"{where}: entry {at}"
        if isinstance(item, dict) and "error" in item and "result" not in item and "type" not in item:
            raise Unsupported(f"{what}: the node could not trace it ({wire.short(item['error'])})")
        if isinstance(item, dict) and "result" in item:
            named = next((item[key] for key in _HASHES if item.get(key) is not None), None)
            found.append((None if named is None else wire.hash32(named, f"{what}: txHash"), item["result"]))
        else:
            found.append((None, item))
    return found


def _form(value: Any, where: str) -> Form:
    if event_trace.looks_like(value):
        return Form.EVENTS
    if receipts.looks_like_block(value):
        return Form.BLOCK
    if receipts.looks_like_receipt(value):
        return Form.RECEIPTS
    if isinstance(value, dict) and (isinstance(value.get("traces"), list) or _replay(value)):
        return Form.PARITY
    one = _first(value)
    if parity.looks_like(one) or _replay(one):
        return Form.PARITY
    if receipts.looks_like_receipt(one):
        return Form.RECEIPTS
    if isinstance(one, dict) and isinstance(one.get("trace"), dict) and struct_log.looks_like(one["trace"]):
        return Form.STRUCT
    if isinstance(one, dict) and "result" in one:
        one = one["result"]
    if struct_log.looks_like(one):
        return Form.STRUCT
    if call_tracer.looks_like(one):
        return Form.CALLS
    if prestate.looks_like(one):
        return Form.DIFF
    raise Unsupported(f"{where}: none of the trace formats that are known (docs/traces.md)")


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value


def _replay(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("trace"), list)
        and ("stateDiff" in value or "vmTrace" in value)
    )


def _hashes(value: Any, form: Form, where: str) -> list[bytes]:
    if form in (Form.CALLS, Form.DIFF, Form.STRUCT):
        if isinstance(value, dict) and isinstance(value.get("transaction"), dict):
            named = value["transaction"].get("hash")
            return [] if named is None else [wire.hash32(named, f"{where}: hash")]
        return [key for key, _ in entries(value, where) if key is not None]
    if form is Form.RECEIPTS:
        return [each.hash for each in receipts.receipts(value if isinstance(value, list) else [value], where)]
    if form is Form.BLOCK:
        return [each.hash for each in receipts.block(value, where).transactions]
    if form is Form.PARITY:
        return _parity_hashes(value, where)
    return []


def _parity_hashes(value: Any, where: str) -> list[bytes]:
    if isinstance(value, dict):
        value = value.get("traces", [value])
    found: dict[bytes, None] = {}
    for at, item in enumerate(value):
        record = wire.mapping(item, f"{where}: trace {at}")
        named = parity.key_of(record, "transactionHash", "transaction_hash", f"{where}: trace {at}")
        if named is not None:
            found[wire.hash32(named, f"{where}: trace {at}: transactionHash")] = None
    return list(found)
