"""Call trees and Parity's traces of a block or a transaction, with their receipts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from rollproof.detect.foreign import call_tracer, fields, parity, receipts
from rollproof.detect.foreign.around import Around
from rollproof.detect.foreign.balances import agree
from rollproof.detect.foreign.calls import CREATES, Call, write
from rollproof.detect.foreign.part import entries
from rollproof.detect.foreign.place_logs import place
from rollproof.detect.foreign.prestate import Prestate
from rollproof.detect.foreign.recorded import RecordedBlock, RecordedTransaction
from rollproof.detect.shows import Shows
from rollproof.errors import Malformed

_CALLS = Shows.CALLS | Shows.SELECTOR | Shows.INPUT | Shows.OUTPUT | Shows.ETHER | Shows.SENDER
_LOGS = Shows.LOGS | Shows.TOPICS


def call_trees(values: Sequence[tuple[str, Any]], around: Around, where: str) -> RecordedBlock:
    """callTracer's results; ``values``: where each document stands, and what it says. Raises Malformed, Unsupported."""
    listed = [(key, tree, place) for place, value in values for key, tree in entries(value, place)]
    if all(key is None for key, _, _ in listed):
        hashes = [each.hash for each in around.block.transactions] or list(around.receipts)
        if len(hashes) == len(listed):
            listed = [(key, tree, place) for key, (_, tree, place) in zip(hashes, listed, strict=True)]
    around.same([key for key, _, _ in listed], where)
    shows, transactions = _CALLS | Shows.GAS | _LOGS, []
    trees = [
        (key, call_tracer.read(tree, place if len(listed) == 1 else f"{place}: transaction {at}"))
        for at, (key, tree, place) in enumerate(listed)
    ]
    own_logs = any(tree.has_logs for _, tree in trees)
    for at, (key, tree) in enumerate(trees):
        what = f"{where}: transaction {at}"
        receipt = None if key is None else around.receipts.get(key)
        difference = around.differences.get(key)
        if not tree.has_gas:
            shows &= ~Shows.GAS
        if not own_logs and not (receipt and place(tree.calls, receipt.logs, what)):
            shows &= ~_LOGS
        if difference is not None:
            agree(tree.calls, difference, around.block.beneficiary, what)
            _mark_code(tree.calls, difference)
        transactions.append(_transaction(tree.calls, key, at, around, where))
    if not shows & Shows.LOGS:
        for _, tree in trees:
            for call in tree.calls:
                call.logs = []
    if around.differences and all(each.post is not None for each in around.differences.values()):
        shows |= Shows.NET_STORAGE
    return RecordedBlock(where, shows, _in_order(transactions), gaps=around.untraced([key for key, _, _ in listed]))


def parity_traces(values: Sequence[tuple[str, Any]], around: Around, where: str) -> RecordedBlock:
    """Parity's traces, in any of their shapes. Raises Malformed, Unsupported."""
    found = RecordedBlock(where, _CALLS | Shows.GAS, [])
    transactions: list[parity.ParityTransaction] = []
    for place_, value in values:
        block = _parity(value, around, found, place_)
        transactions += block.transactions
        if block.number is not None and found.number not in (None, block.number):
            raise Malformed(f"{place_}: traces of block {block.number}, and of {found.number} before it")
        if block.hash is not None and around.block.hash not in (None, block.hash):
            raise Malformed(f"{place_}: traces of block 0x{block.hash.hex()}, receipts or header of another")
        found.number = block.number if found.number is None else found.number
        found.hash = around.block.hash = block.hash or around.block.hash
    around.same([each.hash for each in transactions], where)
    listed = bool(around.receipts) and all(each.logs is not None for each in around.receipts.values())
    if listed:
        found.shows |= _LOGS
    made = []
    for at, each in enumerate(transactions):
        receipt = None if each.hash is None else around.receipts.get(each.hash)
        if listed and receipt is not None:
            place(each.calls, receipt.logs, f"{where}: transaction {at}")
        if any(call.kind is not None and call.gas is None for call in each.calls):
            found.shows &= ~Shows.GAS
        made.append(_transaction(each.calls, each.hash, at, around, where, each.position))
    found.transactions = _in_order(made)
    found.gaps += around.untraced([each.hash for each in transactions]) or _holes(transactions)
    return found


def _holes(transactions: Sequence[parity.ParityTransaction]) -> list[str]:
    places = [each.position for each in transactions if each.position is not None]
    holes = max(places) - min(places) + 1 - len(places) if places else 0
    return [f"{holes} transactions between those that are shown have no trace"] if holes > 0 else []


def _parity(value: Any, around: Around, found: RecordedBlock, where: str) -> parity.ParityBlock:
    record = value if isinstance(value, dict) and "traces" in value else {}
    if record.get("receipts") is not None:
        around.take_receipts(receipts.receipts(record["receipts"], f"{where}: receipts"), f"{where}: receipts")
    if isinstance(value, dict) and "trace" in value:
        value = [value]
    if isinstance(value, list) and value and isinstance(value[0], dict) and isinstance(value[0].get("trace"), list):
        block = parity.ParityBlock(None, None, [])
        for key, traces in parity.replayed(value, where):
            one = parity.read(traces, where)
            block.transactions += [parity.ParityTransaction(key, None, each.calls) for each in one.transactions]
        return block
    block = parity.read(record["traces"] if record else value, where)
    number = fields.optional(parity.key_of(record, "blockNumber", "block_number", where), f"{where}: number", 64)
    if number is not None and block.number not in (None, number):
        raise Malformed(f"{where}: traces of block {block.number} in block {number}")
    block.number = block.number if number is None else number
    timestamp = parity.key_of(record, "blockTimestamp", "block_timestamp", where)
    found.timestamp = fields.optional(timestamp, f"{where}: timestamp", 64)
    if record.get("miner") is not None:
        found.beneficiary = fields.address(record["miner"], f"{where}: miner")
    found.base_fee = fields.optional(record.get("base_fee_per_gas"), f"{where}: base fee")
    return block


def _transaction(
    calls: list[Call], key: bytes | None, at: int, around: Around, where: str, position: int | None = None
) -> RecordedTransaction:
    root = calls[0]
    what = f"{where}: transaction {at if key is None else f'0x{key.hex()}'}"
    receipt = None if key is None else around.receipts.get(key)
    sent = None if key is None else around.sent.get(key)
    creates = root.kind in CREATES
    if receipt is not None and receipt.success is not None and receipt.success != root.success:
        raise Malformed(f"{what}: its receipt and its calls disagree on whether it succeeded")
    if sent is not None and sent.sender is not None:
        if sent.sender != root.caller:
            raise Malformed(f"{what}: its block says that another account sent it")
        if sent.creates != creates or (sent.to is not None and sent.to != root.target):
            raise Malformed(f"{what}: its block says that it calls another account")
    return RecordedTransaction(
        partial(write, calls),
        hash=key,
        index=position if key is None else around.index.get(key, position),
        sender=root.caller,
        to=None if creates else root.target,
        success=root.success,
        gas_used=receipt.gas_used if receipt is not None and receipt.gas_used else root.gas_used,
    )


def _in_order(transactions: list[RecordedTransaction]) -> list[RecordedTransaction]:
    """By their places in the block, where all are known."""
    places = [each.index for each in transactions]
    if None in places:
        return transactions
    return sorted(transactions, key=lambda each: each.index or 0)


def _mark_code(calls: Sequence[Call], difference: Prestate) -> None:
    """The plain prestateTracer shows every account that was called, with its code."""
    if difference.post is not None:
        return
    for call in calls:
        account = difference.pre.get(call.code)
        if account is not None and call.kind not in CREATES:
            call.has_code = bool(account.code)
