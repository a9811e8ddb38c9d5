"""Struct logs of a transaction or of a block's, with what is known of who sent them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rollproof.detect.foreign import receipts, struct_log
from rollproof.detect.foreign.around import Around
from rollproof.detect.foreign.part import entries
from rollproof.detect.foreign.receipts import Receipt, Sent
from rollproof.detect.foreign.recorded import RecordedBlock, RecordedTransaction
from rollproof.detect.shows import Shows
from rollproof.errors import Malformed

_Log = tuple[bytes | None, Any, Sent | None]  # transaction's hash, tracer's result, transaction's own fields


def recorded(values: Sequence[tuple[str, Any]], around: Around, where: str) -> RecordedBlock:
    """``values``: where each document stands, and what it says. Raises Malformed, Unsupported."""
    listed = [each for place, value in values for each in _listed(value, around, place)]
    if len(listed) == 1 and listed[0][0] is None and len(around.sent) == 1:
        only = next(iter(around.sent.values()))
        listed = [(only.hash, listed[0][1], only)]
    around.same([key for key, _, _ in listed], where)
    shows, transactions, gaps = ~Shows(0), [], around.untraced([key for key, _, _ in listed])
    for at, (key, body, sent) in enumerate(listed):
        receipt = None if key is None else around.receipts.get(key)
        log = struct_log.StructLog(body, _sent(sent, receipt), where if len(listed) == 1 else f"{where}: entry {at}")
        if receipt is not None and receipt.success is not None and receipt.success != log.success:
            raise Malformed(f"{where}: the receipt says otherwise on whether the transaction succeeded")
        known = sent is not None and sent.sender is not None
        shows &= log.shows | (Shows.SENDER if known else Shows(0))
        gaps += log.gaps
        transactions.append(
            RecordedTransaction(
                log.write,
                hash=key,
                index=None if key is None else around.index.get(key),
                sender=sent.sender if sent else None,
                to=sent.to if sent else log.root.target,
                success=log.success,
                gas_used=receipt.gas_used if receipt else None,
            )
        )
    return RecordedBlock(where, shows, transactions, gaps=gaps)


def _listed(value: Any, around: Around, where: str) -> list[_Log]:
    if isinstance(value, dict) and ("transaction" in value or "tx" in value):
        sent = receipts.sent(value.get("transaction") or value.get("tx"), f"{where}: transaction")
        if isinstance(value.get("receipt"), dict):
            around.take_receipts([receipts.receipt(value["receipt"], f"{where}: receipt")], where)
        return [(sent.hash or None, value.get("result") or value.get("trace") or value, sent)]
    found: list[_Log] = []
    for key, body in entries(value, where):
        inner = body["trace"] if isinstance(body, dict) and "trace" in body else body
        found.append((key, inner, None if key is None else around.sent.get(key)))
    return found


def _sent(sent: Sent | None, receipt: Receipt | None) -> struct_log.Sent:
    created = receipt.created if receipt else None
    if sent is None:
        return struct_log.Sent(creates=created is not None, created=created)
    return struct_log.Sent(sent.sender, sent.to, sent.creates, created, sent.value, sent.data)
