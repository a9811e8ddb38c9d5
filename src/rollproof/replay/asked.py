"""A claim with nodes behind it: an evidence file's, whose gaps they fill, or that of a block they have."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, cast

from rollproof import _core
from rollproof.chain.claims import answering, claims, connect
from rollproof.chain.node import Block, Node
from rollproof.chain.nodes import Nodes
from rollproof.chain.schedule import ChainConfig
from rollproof.chain.witness import NodeSource
from rollproof.errors import Malformed, Missing, Unsupported
from rollproof.replay import node_config
from rollproof.replay.advice import advised
from rollproof.replay.claimed_proofs import ClaimedProofs
from rollproof.replay.recorder import Proofs, Recorder
from rollproof.types import Claim


@dataclass(frozen=True, slots=True)
class Asked:
    """``source`` proves the parent's state, ``claimed_source`` the claimed one where the nodes have the block."""

    claim: Claim
    source: Proofs
    claimed_source: ClaimedProofs | None
    notes: tuple[str, ...] = ()


def beside(claim: Claim, urls: Sequence[str | Any], *, seed: int = 0) -> Asked:
    """Nodes that fill the gaps of a claim's evidence; what they serve is proven like everything else.

    Raises Malformed (a claim without header, or nodes of another chain), Unsupported (nodes whose roots mean nothing),
    Missing (no node has the parent), Retry.
    """
    if claim.header is None:
        raise Malformed("the evidence has no header: nodes cannot be asked about its block")
    with advised():
        nodes, notes = _nodes(urls, seed, claim.chain_id)
        wanted = claim.header.parent_hash
        parent = Nodes(nodes).ask(lambda node: node.header(wanted))
        claimed_hash, there = claim.claimed_hash, False
        if claimed_hash is not None:
            try:
                Nodes(nodes).ask(lambda node: node.header(claimed_hash))
                there = True
            except Missing:
                notes += (f"the node does not have the claimed block {claim.number}: only its parent's state is asked",)
    # The node's own witness would be that of whatever block it has at this height.
    for node in nodes:
        node.traits.execution_witness = node.traits.prestate_trace = False
    block = Block(claimed_hash or bytes(32), claim.header, claim.transactions, (), claim.withdrawals, claim.ommers)
    source = NodeSource(nodes, block, parent, seed=seed)
    _compliant(source)
    return Asked(claim, Recorder(source) if there else Proofs(source), ClaimedProofs(source) if there else None, notes)


def at_nodes(
    urls: Sequence[str | Any],
    block: str,
    preimages: _core.Preimages,
    *,
    config: ChainConfig | None = None,
    seed: int = 0,
) -> Asked:
    """One block (`chain.blocks.parse`: a number, a hash, latest) as nodes have it; its witness goes to ``preimages``.

    Raises Unsupported (nodes whose roots mean nothing, or that run other rules), Missing, Malformed, Retry, Reset.
    """
    with advised():
        nodes, notes = _nodes(urls, seed, None)
        with closing(cast("Any", claims(nodes, block, seed=seed, ahead=1))) as several:
            served = next(several, None)
            if served is None:
                raise Missing(f"no node has block {block[:80]}")
            _compliant(served.source)
            preimages.add(served.source.begin())
    agreed = node_config.compare(nodes, served.claim.chain_id, config)
    header = served.claim.header
    if against := agreed.against(0 if header is None else header.timestamp):
        raise Unsupported(against)
    apart = tuple(f"cross-check: {each}" for each in served.disagreements)
    source = Recorder(served.source, rules_agreed=agreed.agreed)
    return Asked(served.claim, source, ClaimedProofs(served.source), (*notes, *agreed.notes, *apart))


def _nodes(urls: Sequence[str | Any], seed: int, chain_id: int | None) -> tuple[list[Node], tuple[str, ...]]:
    nodes, answered, silent = answering(connect(urls, seed=seed))
    if chain_id is not None and answered != chain_id:
        raise Malformed(f"the evidence is of chain {chain_id}, the node's chain is {answered}")
    return nodes, tuple(f"cross-check: {each}" for each in silent)


def _compliant(source: NodeSource) -> None:
    if not source.compliant:
        raise Unsupported(f"{source.label}'s tries break consensus rules: no state of it can be read by its root")
