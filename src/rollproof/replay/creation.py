"""Contracts that transactions create: by the rule of their address, and as a trace shows them."""

from __future__ import annotations

from rollproof import _core
from rollproof.replay.header import minimal
from rollproof.replay.trace import Kind, Trace


def created_by(sender: bytes, nonce: int) -> bytes:
    """The address of what a sender creates with a nonce (yellow paper, section 7)."""
    return _core.keccak256(_core.rlp_encode([sender, minimal(nonce)]))[12:]


def created_in(trace: Trace) -> dict[bytes, int]:
    """Contract -> the transaction, in the trace's own count, in which it was created and stayed."""
    kinds = trace.column("frame_kind")
    rows = (row for row in range(len(kinds)) if kinds[row] >= Kind.CREATE and not trace.reverted(row))
    made = {trace.frames[row].target: trace.transaction_of(row) for row in rows}
    return {address: index for address, index in made.items() if index is not None}
