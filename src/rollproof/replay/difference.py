"""How a claim departs from what was computed: header fields, the first transaction, accounts and slots.

Values are wire strings: quantities decimal, bytes and storage words lower-case 0x hex, an absent value is None.
Keys: ``state_root`` (header), ``3.gas_used`` and ``3.logs[1].data`` (transaction), ``0xADDRESS.balance`` (account),
``0xADDRESS[0xSLOT]`` (storage).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rollproof import _core
from rollproof.replay.header import EMPTY_ROOT, wire
from rollproof.types import Difference

EMPTY_CODE_HASH = bytes.fromhex("c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470")
MAX_LISTED = 1_000  # differences of one kind; a wholly wrong state would list millions

Log = tuple[bytes, Sequence[bytes], bytes]


def header_differences(claimed: Mapping[str, Any], computed: Mapping[str, Any]) -> list[Difference]:
    """One difference per field in both mappings that is not equal, in the header's order."""
    return [
        Difference("header", name, wire(value), wire(computed[name]))
        for name, value in claimed.items()
        if name in computed and value != computed[name]
    ]


def _log(entry: Log) -> tuple[bytes, bytes, bytes]:
    address, topics, data = entry
    return address, b"".join(topics), data  # at most four topics of 32 bytes: joining loses nothing


def _log_differences(index: int, claimed: Sequence[Any], computed: Sequence[Any]) -> list[Difference]:
    for position, (left, right) in enumerate(zip(claimed, computed, strict=False)):
        for name, one, other in zip(("address", "topics", "data"), _log(left), _log(right), strict=True):
            if one != other:
                key = f"{index}.logs[{position}].{name}"
                return [Difference("transaction", key, wire(one), wire(other))]
    if len(claimed) != len(computed):
        return [Difference("transaction", f"{index}.logs", str(len(claimed)), str(len(computed)))]
    return []


def transaction_differences(
    receipts: Sequence[Mapping[str, Any]], outcomes: Sequence[Mapping[str, Any]]
) -> list[Difference]:
    """All that differs in the first transaction that differs: status, gas, logs; empty when all agree.

    ``receipts`` are claimed ones, in block order; keys they do not have are not compared.
    """
    for index, (receipt, outcome) in enumerate(zip(receipts, outcomes, strict=False)):
        found = []
        for name in ("status", "gas_used", "cumulative_gas_used"):
            one, other = receipt.get(name), outcome.get(name)
            if one is not None and other is not None and int(one) != int(other):
                found.append(Difference("transaction", f"{index}.{name}", str(int(one)), str(int(other))))
        if receipt.get("logs") is not None:
            found += _log_differences(index, receipt["logs"], outcome["logs"])
        if found:
            return found
    if len(receipts) != len(outcomes):
        return [Difference("transaction", "count", str(len(receipts)), str(len(outcomes)))]
    return []


def _account(fields: tuple[int, int, bytes, bytes] | None) -> dict[str, int | bytes]:
    nonce, balance, root, code = fields or (0, 0, EMPTY_ROOT, EMPTY_CODE_HASH)  # absent and empty read alike
    return {"nonce": nonce, "balance": balance, "storage_root": root, "code_hash": code}


def _word(value: int) -> str:
    return f"0x{value:064x}"


def state_differences(
    claimed: Mapping[bytes, Mapping[str, Any]], done: _core.Done, before: _core.State
) -> tuple[list[Difference], int]:
    """Accounts and slots of a claimed post-state that are not as computed, and how many could not be read.

    What the block did not change is read from ``before``, the parent's state.
    """
    changed = {address: (post, slots) for address, _, post, slots in done.changes}
    found: list[Difference] = []
    unread = 0
    for address in sorted(claimed):
        fields, shown = claimed[address], "0x" + address.hex()
        written: dict[bytes, int] = {}
        try:
            if address in changed:
                post, slots = changed[address]
                written = {slot: after for slot, _, after in slots}
            else:
                post = before.account(address)
        except _core.Missing:
            unread += 1
            continue
        computed = _account(post)
        for name in ("balance", "nonce", "code_hash", "storage_root"):
            value = fields.get(name)
            if value is not None and value != computed[name]:
                found.append(Difference("account", f"{shown}.{name}", wire(value), wire(computed[name])))
        for slot, value in sorted((fields.get("storage") or {}).items()):
            try:
                if slot in written:
                    after = written[slot]
                elif post is None or post[2] == EMPTY_ROOT:  # gone, or created anew in this block
                    after = 0
                else:
                    after = before.storage(address, slot)
            except _core.Missing:
                unread += 1
                continue
            if value != after:
                found.append(Difference("storage", f"{shown}[0x{slot.hex()}]", _word(value), _word(after)))
        if len(found) > MAX_LISTED:
            return found[:MAX_LISTED], unread
    return found, unread
