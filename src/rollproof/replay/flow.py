"""What each account gained and lost in the transactions of a trace: wei that was sent, ERC-20 tokens by their events.

Fees are not in it. A token that lies in its events, or moves balances without any, is taken at its word (EIP-20).
"""

from __future__ import annotations

from collections.abc import Mapping

from rollproof import _core
from rollproof.replay.trace import Kind, Log, Trace

# (account, token or None for wei) -> base units gained
Flow = dict[tuple[bytes, bytes | None], int]

TRANSFER = _core.keccak256(b"Transfer(address,address,uint256)")  # EIP-20
DEPOSIT = _core.keccak256(b"Deposit(address,uint256)")  # wrapped ether emits no Transfer where it mints and burns
WITHDRAWAL = _core.keccak256(b"Withdrawal(address,uint256)")
_ZERO = bytes(32)
_SENDS = frozenset({Kind.CALL, Kind.CREATE, Kind.CREATE2})


def flows(trace: Trace) -> dict[int, Flow]:
    """By transaction, in the trace's own count. Zeros are left out; so is what a revert took back."""
    found: dict[int, Flow] = {}
    values = trace.column("frame_value")
    for row in range(len(trace.frames)):
        if values[32 * row : 32 * row + 32] == _ZERO or trace.reverted(row):
            continue
        frame = trace.frames[row]
        if frame.transaction is not None and frame.kind in _SENDS:
            _move(found.setdefault(frame.transaction, {}), None, frame.caller, frame.target, frame.value)
    for gone in trace.selfdestructs:
        frame = trace.frames[gone.frame]
        if frame.transaction is not None and gone.value and not trace.reverted(gone.frame):
            _move(found.setdefault(frame.transaction, {}), None, frame.target, gone.beneficiary, gone.value)
    wrapped: dict[int, list[Log]] = {}
    for log in trace.logs:
        transaction = trace.transaction_of(log.frame)
        if transaction is None or not log.topics or trace.reverted(log.frame):
            continue
        if log.topics[0] == TRANSFER and len(log.topics) == 3 and log.data_length == 32:
            sender, recipient = log.topics[1][12:], log.topics[2][12:]
            amount = int.from_bytes(log.data, "big")
            _move(found.setdefault(transaction, {}), log.address, sender, recipient, amount)
        elif log.topics[0] in (DEPOSIT, WITHDRAWAL) and len(log.topics) == 2 and log.data_length == 32:
            wrapped.setdefault(transaction, []).append(log)
    for transaction, logs in wrapped.items():
        for log in logs:
            _wrap(trace, found.setdefault(transaction, {}), log)
    return {transaction: {key: n for key, n in flow.items() if n} for transaction, flow in found.items()}


def added(parts: Mapping[int, Flow]) -> Flow:
    """The sum over transactions, zeros left out."""
    total: Flow = {}
    for flow in parts.values():
        for key, amount in flow.items():
            total[key] = total.get(key, 0) + amount
    return {key: amount for key, amount in total.items() if amount}


def _move(flow: Flow, token: bytes | None, sender: bytes, recipient: bytes, amount: int) -> None:
    flow[sender, token] = flow.get((sender, token), 0) - amount
    flow[recipient, token] = flow.get((recipient, token), 0) + amount


def _wrap(trace: Trace, flow: Flow, log: Log) -> None:
    """A Deposit or Withdrawal event counts only where its frame took or sent that much wei: the names are not rare."""
    account, amount = log.topics[1][12:], int.from_bytes(log.data, "big")
    frame = trace.frames[log.frame]
    if log.topics[0] == DEPOSIT:
        if amount and frame.value == amount:
            _move(flow, log.address, bytes(20), account, amount)
        return
    row = log.frame + 1  # a frame's children follow it
    while amount and row < len(trace.frames) and trace.frames[row].depth > frame.depth:
        child = trace.frames[row]
        if child.parent == log.frame and child.value == amount and not trace.reverted(row):
            _move(flow, log.address, account, bytes(20), amount)
            return
        row += 1
