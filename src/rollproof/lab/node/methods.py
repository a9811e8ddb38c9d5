"""Which methods a node serves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rollproof.lab.node import lab, optimism, subscription
from rollproof.lab.node.debug import raw, trace, witness
from rollproof.lab.node.eth import blocks, chain, execution, fees, logs, state, submission
from rollproof.lab.node.method import Method

_EVERY: Final = (
    chain, blocks, state, logs, fees, execution, submission, raw, witness, trace, subscription,
)  # fmt: skip


def served(family: str, *, admin: bool) -> Mapping[str, Method]:
    """The methods by name: of every execution client, the rollup node's on the OP Stack, ``lab_`` where enabled."""
    found: dict[str, Method] = {}
    for module in _EVERY:
        found |= module.METHODS
    if family == "op":
        found |= optimism.METHODS
    if admin:
        found |= lab.METHODS
    return found
