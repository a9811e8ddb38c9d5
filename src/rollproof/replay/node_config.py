"""Whether the nodes run the rules that we do: their ``eth_config`` (EIP-7910) against the chain's configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rollproof.chain.config import compare_eth_config, load
from rollproof.chain.entry import uint
from rollproof.chain.node import Node
from rollproof.chain.schedule import ChainConfig
from rollproof.errors import RollproofError, Unsupported
from rollproof.types import Difference

MAX_SHOWN = 3


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """What the nodes say of their rules. ``agreed``: at least one says what we have, and none says otherwise.

    ``until`` is the time in seconds from which on the nodes' next or last period counts; None where there is none.
    """

    agreed: bool = False
    now: tuple[str, ...] = ()  # one line for each field of the current period
    later: tuple[str, ...] = ()
    until: int | None = None
    notes: tuple[str, ...] = ()

    def against(self, timestamp: int) -> str:
        """Why a block of this time cannot be judged; empty where the nodes' configuration does not stand against it."""
        found = self.now
        if self.until is None or timestamp >= self.until:
            found += self.later
        more = f" and {len(found) - MAX_SHOWN} more" if len(found) > MAX_SHOWN else ""
        return f"the node's configuration differs from ours: {'; '.join(found[:MAX_SHOWN])}{more}" if found else ""


def compare(nodes: Sequence[Node], chain_id: int, given: ChainConfig | None) -> NodeConfig:
    """Ask every node once. A node that does not serve ``eth_config``, or not well, agrees with nothing and is noted."""
    try:
        chain = given if given is not None else load(chain_id)
    except Unsupported:  # the verdicts will say so
        return NodeConfig()
    agreed = False
    now: list[str] = []
    later: list[str] = []
    notes: list[str] = []
    until: list[int] = []
    for node in nodes:
        try:
            answer = node.config()
            found = None if answer is None else compare_eth_config(chain, answer)
        except RollproofError as error:
            notes.append(f"eth_config: {error}")
            continue
        if found is None or answer is None:
            continue
        agreed = agreed or not found
        for difference in found:
            (now if difference.key.startswith("current.") else later).append(_line(node, difference))
        until += _starts(answer, found)
    notes += [f"eth_config: {line}" for line in later]
    agreed = agreed and not now
    return NodeConfig(agreed, tuple(now), tuple(later), min(until, default=None), tuple(notes))


def _line(node: Node, found: Difference) -> str:
    return f"{node.label} says {found.key} is {found.claimed or 'absent'}, we have {found.computed or 'none'}"


def _starts(answer: Mapping[str, Any], found: Sequence[Difference]) -> list[int]:
    """Times from which on the answer's next period, or ours, holds."""
    for difference in found:
        if difference.key == "next.activationTime":
            return [int(value, 0) for value in (difference.claimed, difference.computed) if value is not None]
    following = answer.get("next")
    return [uint(following["activationTime"], "eth_config: next.activationTime")] if following is not None else []
