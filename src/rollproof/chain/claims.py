"""A range of blocks as claims, each with the source of its witness: one block at a time, a few read ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, NamedTuple

from rollproof.chain import blocks, crosscheck
from rollproof.chain.blocks import Chain
from rollproof.chain.header import Sealed
from rollproof.chain.node import Block, Node
from rollproof.chain.rpc import Limits, nodes_of
from rollproof.chain.witness import NodeSource
from rollproof.errors import Malformed, Missing, Unsupported
from rollproof.types import Claim


class Served(NamedTuple):
    """A block as it was claimed, what can prove it, and what the nodes disagree about (see ``crosscheck``)."""

    claim: Claim
    source: NodeSource
    disagreements: tuple[crosscheck.Disagreement, ...]


def connect(urls: Sequence[str | Any], *, limits: Limits | None = None, seed: int = 0) -> list[Node]:
    """Nodes of one chain; labels of nodes behind one host are numbered.

    Raises:
        Malformed: no URL, or nodes of different chains.
        Retry, Missing: a node that does not answer, by its label.
    """
    if not urls:
        raise Malformed("no RPC URL")
    return [Node(rpc) for rpc in nodes_of(urls, limits=limits, seed=seed)]


def same_chain(nodes: Sequence[Node]) -> int:
    """The chain id all nodes agree on. Raises as ``connect``."""
    ids = [node.chain_id() for node in nodes]
    if len(set(ids)) > 1:
        said = ", ".join(f"{node.label}: {chain}" for node, chain in zip(nodes, ids, strict=True))
        raise Malformed(f"the nodes are of different chains ({said})")
    return ids[0]


def claims(
    urls: Sequence[str | Any],
    block_range: str,
    *,
    limits: Limits | None = None,
    seed: int = 0,
    ahead: int = 2,
) -> Iterator[Served]:
    """The blocks of ``block_range`` in order. At most ``ahead`` blocks are read before they are taken.

    ``urls`` are RPC URLs or provider objects. With several, the first one that has a block claims it and all others are
    asked whether they have the same one. The witness is not read here: call the source's ``begin`` and ``fetch``.

    Raises:
        Malformed: the range or a URL.
        Missing, Retry, Lying: no node serves a block; blocks yielded before stay valid.
        Reset: a block does not follow the one before it.
    """
    span = blocks.parse(block_range)
    with ExitStack() as stack:
        nodes = connect(urls, limits=limits, seed=seed)
        for node in nodes:
            stack.callback(node.rpc.close)
        chain_id = same_chain(nodes)
        first, count = blocks.pin(nodes[0], span)
        pool = ThreadPoolExecutor(max(1, ahead), thread_name_prefix="blocks")
        stack.callback(pool.shutdown, wait=False, cancel_futures=True)
        chain = Chain(nodes[0])
        previous: Sealed | None = None
        waiting: deque[Future[_Read]] = deque()
        position = 0
        while position < count or waiting:
            while position < count and len(waiting) < max(1, ahead):
                # The first block is pinned by hash; each later one has to follow its predecessor.
                at = first.hash if position == 0 else first.header.number + position
                waiting.append(pool.submit(_read, nodes, at))
                position += 1
            views, block, disagreements = waiting.popleft().result()
            sealed = Sealed(block.hash, block.header)
            chain.follow(sealed)
            if block.header.number == 0:
                raise Unsupported("block 0 is given, not executed: start the range at 1")
            parent = previous if previous is not None else views[0].header(block.header.parent_hash)
            source = NodeSource(views, block, parent, seed=seed)
            yield Served(_claim(chain_id, block, parent, source.label), source, disagreements)
            previous = sealed


class _Read(NamedTuple):
    views: list[Node]  # metered for this block
    block: Block
    disagreements: tuple[crosscheck.Disagreement, ...]


def _read(clients: Sequence[Node], at: int | bytes) -> _Read:
    nodes = [node.metered() for node in clients]
    refused: Missing | None = None
    for node in nodes:
        try:
            block = node.block(at)
        except Missing as error:
            refused = refused or error
            continue
        return _Read(nodes, block, crosscheck.headers(nodes, block.header.number) if len(nodes) > 1 else ())
    raise refused or Missing(f"no node has block {at!r}")


def _claim(chain_id: int, block: Block, parent: Sealed, label: str) -> Claim:
    return Claim(
        chain_id=chain_id,
        number=block.header.number,
        transactions=block.transactions,
        claimed_hash=block.hash,
        header=block.header,
        withdrawals=block.withdrawals,
        ommers=block.ommers,
        parent=parent.header,
        parent_hash=parent.hash,
        pre_state_root=parent.header.state_root,
        source=f"{label}, block {block.header.number}",
    )
