"""What each account gained and lost in the transactions of a block: wei that was sent, and fungible tokens.

Fees are not in it. Tokens are taken at their word (EIP-20): what the core read of events, see `_core.Facts.transfers`.
"""

from __future__ import annotations

from collections.abc import Mapping

from rollproof import _core

# (account, token or None for wei) -> base units gained
Flow = dict[tuple[bytes, bytes | None], int]


def flows(trace: _core.Trace) -> dict[int, Flow]:
    """By transaction, in the trace's own count. Zeros are left out; so is what a revert took back."""
    found: dict[int, Flow] = {}
    for each in trace.facts():
        flow: Flow = {}
        for _, _, token, sender, recipient, amount, item, _ in each.transfers:
            if item is None:
                flow[sender, token] = flow.get((sender, token), 0) - amount
                flow[recipient, token] = flow.get((recipient, token), 0) + amount
        found[each.index] = {key: amount for key, amount in flow.items() if amount}
    return found


def added(parts: Mapping[int, Flow]) -> Flow:
    """The sum over transactions, zeros left out."""
    total: Flow = {}
    for flow in parts.values():
        for key, amount in flow.items():
            total[key] = total.get(key, 0) + amount
    return {key: amount for key, amount in total.items() if amount}
