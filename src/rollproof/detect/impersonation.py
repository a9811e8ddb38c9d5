"""In whose name a test harness calls: real executions have no such thing, recorded tests of attacks do."""

from __future__ import annotations

from rollproof import _core
from rollproof.detect.ancestry import called, target
from rollproof.detect.execution import Execution
from rollproof.replay.trace import Kind

# ERC-20 calls that act on the tokens of whoever makes them, and the events that name whose they were.
_OWN = {
    bytes.fromhex("a9059cbb"): _core.keccak256(b"Transfer(address,address,uint256)"),  # transfer
    bytes.fromhex("095ea7b3"): _core.keccak256(b"Approval(address,address,uint256)"),  # approve
}


def impersonated(execution: Execution, harness: bytes) -> set[bytes]:
    """In whose name a test harness calls: callers that are not the account that calls, owners of tokens that its
    own calls of `transfer` and `approve` act on, and whoever without code pays, for nobody else can make it pay.
    """
    contracts = called(execution)
    found = {each.sender for each in execution.transfers if each.token is not None and each.sender not in contracts}
    for frame in execution.frames:
        if frame.parent is None or frame.kind == Kind.DELEGATECALL:
            continue
        if frame.caller != target(execution, frame.parent):
            found.add(frame.caller)
    for log in execution.logs:
        frame = execution.frame(log.frame)
        event = _OWN.get(frame.input[:4])
        if event is not None and frame.caller == harness and len(log.topics) == 3 and log.topics[0] == event:
            found.add(log.topics[1][12:])
    return found - {harness, bytes(20)}
