"""What a recording's parts say together, as one recorded block. Contradictions between them are refused by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from rollproof.detect.foreign import call_tracer, event_trace, fields, parity, prestate, receipts, struct_log
from rollproof.detect.foreign.balances import agree
from rollproof.detect.foreign.calls import CREATES, Call, write
from rollproof.detect.foreign.digest import digest
from rollproof.detect.foreign.part import Form, Part, entries
from rollproof.detect.foreign.place_logs import place
from rollproof.detect.foreign.receipts import BlockFields, Receipt, Sent
from rollproof.detect.foreign.recorded import RecordedBlock, RecordedTransaction
from rollproof.detect.shows import Shows
from rollproof.errors import Malformed, Unsupported

_CALLS = Shows.CALLS | Shows.SELECTOR | Shows.INPUT | Shows.OUTPUT | Shows.ETHER | Shows.SENDER


@dataclass(slots=True)
class _Around:
    """What stands around the executions: receipts, differences and transactions by hash, and the block."""

    where: str
    block: BlockFields = field(default_factory=BlockFields)
    receipts: dict[bytes, Receipt] = field(default_factory=dict)
    differences: dict[bytes | None, prestate.Prestate] = field(default_factory=dict)
    sent: dict[bytes, Sent] = field(default_factory=dict)
    index: dict[bytes, int] = field(default_factory=dict)


def recorded(parts: Sequence[Part], where: str) -> RecordedBlock:
    """One block of the parts. Raises Malformed where they contradict themselves or each other."""
    values = {id(part): fields.result_of(part.document.value()) for part in parts}
    around = _around(parts, values, where)
    shown = [part for part in parts if part.form in (Form.EVENTS, Form.STRUCT, Form.CALLS, Form.PARITY)]
    if len(shown) > 1:
        raise Unsupported(f"{where}: more than one record of the same executions")
    if not shown:
        raise Unsupported(f"{where}: {parts[0].form.value} alone do not show an execution: give call traces as well")
    part = shown[0]
    value = values[id(part)]
    if part.form is Form.EVENTS:
        block = event_trace.read(value, part.where)
    elif part.form is Form.STRUCT:
        block = _struct(value, part, around)
    elif part.form is Form.CALLS:
        block = _calls(value, part, around)
    else:
        block = _parity(value, part, around)
    block.where = where
    block.chain_id, block.timestamp = around.block.chain_id, around.block.timestamp or block.timestamp
    block.base_fee = block.base_fee if around.block.base_fee is None else around.block.base_fee
    block.beneficiary = around.block.beneficiary or block.beneficiary
    block.gas_limit = around.block.gas_limit
    if around.block.number is not None:
        if block.number not in (None, around.block.number):
            raise Malformed(f"{where}: traces of block {block.number} with block {around.block.number}")
        block.number = around.block.number
    if any(each.hash is None for each in block.transactions):
        block.digest = digest(values[id(each)] for each in parts)
    return block


def _around(parts: Sequence[Part], values: dict[int, Any], where: str) -> _Around:
    around = _Around(where)
    for part in parts:
        value = values[id(part)]
        if part.form is Form.BLOCK:
            around.block = receipts.block(value, part.where)
            for index, each in enumerate(around.block.transactions):
                around.sent[each.hash] = each
                around.index[each.hash] = index
        elif part.form is Form.RECEIPTS:
            found = receipts.receipts(value if isinstance(value, list) else [value], part.where)
            _take_receipts(around, found, part.where)
        elif part.form is Form.DIFF:
            for key, each in entries(value, part.where):
                if key in around.differences:
                    raise Malformed(f"{part.where}: two state differences of one transaction")
                around.differences[key] = prestate.read(each, part.where)
    return around


def _take_receipts(around: _Around, found: list[Receipt], where: str) -> None:
    for each in found:
        if each.hash in around.receipts:
            raise Malformed(f"{where}: two receipts of 0x{each.hash.hex()}")
        if each.block_hash is not None and around.block.hash not in (None, each.block_hash):
            raise Malformed(f"{where}: receipts of block 0x{each.block_hash.hex()}, and another before them")
        around.block.hash = each.block_hash or around.block.hash
        around.receipts[each.hash] = each
        if each.index is not None and around.index.setdefault(each.hash, each.index) != each.index:
            raise Malformed(f"{where}: 0x{each.hash.hex()} stands at two places of its block")


def _same(around: _Around, hashes: list[bytes | None], where: str) -> None:
    """Raises Malformed where a part names other transactions than the traces."""
    traced = {key for key in hashes if key is not None}
    if len(traced) != sum(key is not None for key in hashes):
        raise Malformed(f"{where}: two traces of one transaction")
    if not traced:
        return
    for name, others in (("receipts", around.receipts), ("state differences", around.differences)):
        missing = traced - set(others)
        if others and None not in others and missing:
            raise Malformed(f"{where}: {name} of {len(missing)} transactions are missing, 0x{min(missing).hex()} one")
    unknown = {key for key in around.differences if key is not None} - traced
    if unknown:
        raise Malformed(f"{where}: a state difference of 0x{min(unknown).hex()}, and no trace of it")
    if around.sent and not traced <= set(around.sent):
        raise Malformed(f"{where}: a trace of 0x{min(traced - set(around.sent)).hex()}, which its block does not have")


def _calls(value: Any, part: Part, around: _Around) -> RecordedBlock:
    listed = entries(value, part.where)
    if len(listed) == len(around.block.transactions) and all(key is None for key, _ in listed):
        listed = [(sent.hash, tree) for sent, (_, tree) in zip(around.block.transactions, listed, strict=True)]
    elif len(listed) == 1 and listed[0][0] is None and len(around.receipts) == 1:
        listed = [(next(iter(around.receipts)), listed[0][1])]
    _same(around, [key for key, _ in listed], part.where)
    shows = _CALLS | Shows.GAS | Shows.LOGS | Shows.TOPICS
    transactions = []
    own_logs = False
    trees = []
    for at, (key, tree) in enumerate(listed):
        read = call_tracer.read(tree, part.where if len(listed) == 1 else f"{part.where}: transaction {at}")
        trees.append((key, read))
        own_logs |= read.has_logs
        if not read.has_gas:
            shows &= ~Shows.GAS
    for at, (key, read) in enumerate(trees):
        receipt = None if key is None else around.receipts.get(key)
        if not own_logs and not (receipt and place(read.calls, receipt.logs, f"{part.where}: transaction {at}")):
            shows &= ~(Shows.LOGS | Shows.TOPICS)
        transactions.append(_transaction(read.calls, key, at, around, part.where))
        difference = around.differences.get(key)
        if difference is not None:
            agree(read.calls, difference, around.block.beneficiary, f"{part.where}: transaction {at}")
    if shows & Shows.LOGS == 0:
        for _, read in trees:
            for call in read.calls:
                call.logs = []
    if around.differences and all(each.post is not None for each in around.differences.values()):
        shows |= Shows.NET_STORAGE
    return RecordedBlock(part.where, shows, transactions)


def _transaction(
    calls: list[Call], key: bytes | None, at: int, around: _Around, where: str, position: int | None = None
) -> RecordedTransaction:
    root = calls[0]
    what = f"{where}: transaction {at if key is None else f'0x{key.hex()}'}"
    receipt = None if key is None else around.receipts.get(key)
    sent = None if key is None else around.sent.get(key)
    if receipt is not None and receipt.success is not None and receipt.success != root.success:
        raise Malformed(f"{what}: its receipt and its calls disagree on whether it succeeded")
    if receipt is not None and None not in (receipt.gas_used, root.gas_used) and receipt.gas_used != root.gas_used:
        pass  # a refund may be taken off one and not the other: Parity shows gas before it
    if sent is not None and sent.sender not in (None, root.caller):
        raise Malformed(f"{what}: its block says that another account sent it")
    creates = root.kind in CREATES
    if (
        sent is not None
        and sent.sender is not None
        and (sent.creates, sent.to or root.target) != (creates, root.target)
    ):
        raise Malformed(f"{what}: its block says that it calls another account")
    index = around.index.get(key, position) if key is not None else position
    return RecordedTransaction(
        partial(write, calls),
        hash=key,
        index=index,
        sender=root.caller,
        to=None if creates else root.target,
        success=root.success,
        gas_used=receipt.gas_used if receipt is not None and receipt.gas_used else root.gas_used,
    )


def _parity(value: Any, part: Part, around: _Around) -> RecordedBlock:
    where = part.where
    record = value if isinstance(value, dict) and "traces" in value else {}
    if record.get("receipts") is not None:
        _take_receipts(around, receipts.receipts(record["receipts"], f"{where}: receipts"), f"{where}: receipts")
    if isinstance(value, dict) and "trace" in value:
        value = [value]
    if isinstance(value, list) and value and isinstance(value[0], dict) and isinstance(value[0].get("trace"), list):
        found = parity.ParityBlock(None, None, [])
        for key, traces in parity.replayed(value, where):
            one = parity.read(traces, where)
            found.transactions += [parity.ParityTransaction(key, None, each.calls) for each in one.transactions]
    else:
        found = parity.read(record["traces"] if record else value, where)
    _same(around, [each.hash for each in found.transactions], where)
    number = fields.optional(parity.key_of(record, "blockNumber", "block_number", where), f"{where}: number", 64)
    if number is not None and found.number not in (None, number):
        raise Malformed(f"{where}: traces of block {found.number} in block {number}")
    if found.hash is not None and around.block.hash not in (None, found.hash):
        raise Malformed(f"{where}: traces of block 0x{found.hash.hex()}, receipts or header of another")
    shows, transactions = _CALLS | Shows.GAS, []
    listed = bool(around.receipts) and all(each.logs is not None for each in around.receipts.values())
    if listed:
        shows |= Shows.LOGS | Shows.TOPICS
    for at, each in enumerate(found.transactions):
        receipt = None if each.hash is None else around.receipts.get(each.hash)
        if listed and receipt is not None:
            place(each.calls, receipt.logs, f"{where}: transaction {at}")
        if any(call.kind is not None and call.gas is None for call in each.calls):
            shows &= ~Shows.GAS
        transactions.append(_transaction(each.calls, each.hash, at, around, where, each.position))
    return RecordedBlock(
        where,
        shows,
        transactions,
        number=found.number if number is None else number,
        hash=found.hash,
        timestamp=fields.optional(
            parity.key_of(record, "blockTimestamp", "block_timestamp", where), f"{where}: timestamp", 64
        ),
        beneficiary=None if record.get("miner") is None else fields.address(record["miner"], f"{where}: miner"),
        base_fee=fields.optional(record.get("base_fee_per_gas"), f"{where}: base fee"),
    )


def _struct(value: Any, part: Part, around: _Around) -> RecordedBlock:
    where = part.where
    listed: list[tuple[bytes | None, Any, Sent | None]] = []
    if isinstance(value, dict) and ("transaction" in value or "tx" in value):
        sent = receipts.sent(value.get("transaction") or value.get("tx"), f"{where}: transaction")
        body = value.get("result") or value.get("trace") or value
        if isinstance(value.get("receipt"), dict):
            _take_receipts(around, [receipts.receipt(value["receipt"], f"{where}: receipt")], where)
        listed.append((sent.hash or None, body, sent))
    else:
        for key, body in entries(value, where):
            inner = body["trace"] if isinstance(body, dict) and "trace" in body else body
            listed.append((key, inner, None if key is None else around.sent.get(key)))
    if len(listed) == 1 and listed[0][0] is None and len(around.sent) == 1:
        only = next(iter(around.sent.values()))
        listed = [(only.hash, listed[0][1], only)]
    _same(around, [key for key, _, _ in listed], where)
    shows, transactions, gaps = ~Shows(0), [], []
    for at, (key, body, own) in enumerate(listed):
        receipt = None if key is None else around.receipts.get(key)
        log = struct_log.StructLog(body, _sent(own, receipt), where if len(listed) == 1 else f"{where}: entry {at}")
        if receipt is not None and receipt.success is not None and receipt.success != log.success:
            raise Malformed(f"{where}: the receipt says otherwise on whether the transaction succeeded")
        shows &= log.shows | (Shows.SENDER if own is not None and own.sender is not None else Shows(0))
        gaps += log.gaps
        transactions.append(
            RecordedTransaction(
                log.write,
                hash=key,
                index=None if key is None else around.index.get(key),
                sender=own.sender if own else None,
                to=own.to if own else log.root.target,
                success=log.success,
                gas_used=receipt.gas_used if receipt else None,
            )
        )
    return RecordedBlock(where, shows, transactions, gaps=gaps)


def _sent(sent: Sent | None, receipt: Receipt | None) -> struct_log.Sent:
    created = receipt.created if receipt else None
    if sent is None:
        return struct_log.Sent(creates=created is not None, created=created)
    return struct_log.Sent(
        sender=sent.sender,
        to=sent.to,
        creates=sent.creates,
        created=created,
        value=sent.value,
        data=sent.data,
    )
