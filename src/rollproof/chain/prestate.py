"""``prestateTracer``: which accounts and slots a block reads, so that they can be proven in one go.

Nothing of its values is used: an account it leaves out is asked for later, one it adds is proven for nothing.
"""

from __future__ import annotations

from typing import Any

from rollproof.chain import wire
from rollproof.chain.node import Node
from rollproof.errors import Malformed

MAX_TRANSACTIONS = 100_000
MAX_ACCOUNTS = 1_000_000
TRACER = {"tracer": "prestateTracer", "tracerConfig": {"diffMode": False}, "timeout": "120s"}


def touched(node: Node, block_hash: bytes) -> dict[bytes, set[bytes]]:
    """Account -> slots that the block's transactions touch, from ``debug_traceBlockByHash``.

    Raises:
        Unsupported: the node does not trace.
        Missing: not this block.
        Malformed: not the tracer's shape.
    """
    what = f"{node.label}: prestateTracer"
    answer = node.rpc.call("debug_traceBlockByHash", wire.to_data(block_hash), TRACER)
    out: dict[bytes, set[bytes]] = {}
    for item in wire.sequence(answer, what, MAX_TRANSACTIONS):
        entry = wire.mapping(item, what)
        for address, account in wire.mapping(entry.get("result"), what).items():
            slots = out.setdefault(wire.address(address, what), set())
            slots.update(_slots(wire.mapping(account, what).get("storage"), what))
            if len(out) > MAX_ACCOUNTS or len(slots) > MAX_ACCOUNTS:
                raise Malformed(f"{what}: more than {MAX_ACCOUNTS} accounts or slots")
    return out


def _slots(storage: Any, what: str) -> list[bytes]:
    if storage is None:
        return []
    return [wire.hash32(slot, what) for slot in wire.mapping(storage, what)]
