"""A range of blocks as claims, each with the source of its witness: one block at a time, a few read ahead."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

from rollproof.chain import blocks, crosscheck
from rollproof.chain.header import Sealed
from rollproof.chain.node import Block, Node
from rollproof.chain.nodes import Nodes
from rollproof.chain.rpc import Limits, nodes_of
from rollproof.chain.witness import NodeSource
from rollproof.errors import Malformed, Missing, Reset, RollproofError, Unsupported
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


def opened(urls: Sequence[str | Any] | Sequence[Node], *, limits: Limits | None = None, seed: int = 0) -> list[Node]:
    """``urls`` as nodes; nodes stay what they are. Raises as ``connect``."""
    given = [each for each in urls if isinstance(each, Node)]
    return given or connect(urls, limits=limits, seed=seed)


def answering(nodes: Sequence[Node]) -> tuple[list[Node], int, tuple[str, ...]]:
    """The nodes that answer, their chain id, and one line for each of the others. Raises as ``connect``."""

    def ask(node: Node) -> int | RollproofError:
        try:
            return node.chain_id()
        except RollproofError as error:
            return error

    with ThreadPoolExecutor(len(nodes)) as pool:
        said = list(zip(nodes, pool.map(ask, nodes), strict=True))
    ids = {node.label: answer for node, answer in said if not isinstance(answer, RollproofError)}
    silent = [answer for _, answer in said if isinstance(answer, RollproofError)]
    if not ids:
        raise silent[0]
    if len(set(ids.values())) > 1:
        shown = ", ".join(f"{label}: {chain}" for label, chain in ids.items())
        raise Malformed(f"the nodes are of different chains ({shown})")
    alive = [node for node, answer in said if not isinstance(answer, RollproofError)]
    return alive, next(iter(ids.values())), tuple(map(str, silent))


def claims(
    urls: Sequence[str | Any] | Sequence[Node],
    block_range: str,
    *,
    limits: Limits | None = None,
    seed: int = 0,
    ahead: int = 2,
    witness: bool = True,
) -> Iterator[Served]:
    """The blocks of ``block_range`` in order, the next one's witness begun while this one is looked at.

    ``urls`` are RPC URLs or provider objects, or nodes. With several, the first one that has a block claims it and all
    others are asked whether they have the same one. At most ``ahead`` blocks and one witness are held before they are
    taken, and connections close when the last source is dropped. ``witness`` False: only ``begin`` itself reads it.

    Raises:
        Malformed: the range or a URL.
        Missing, Retry, Lying: no node serves a block; blocks yielded before stay valid.
        Reset: a block does not follow the one before it.
    """
    span = blocks.parse(block_range)
    nodes, chain_id, _ = answering(opened(urls, limits=limits, seed=seed))
    first, count = Nodes(nodes).ask(lambda node: blocks.pin(node, span))
    ahead = max(1, ahead)
    pool = ThreadPoolExecutor(ahead, thread_name_prefix="blocks")
    # The first block is pinned by hash; each later one has to follow its predecessor.
    later = range(first.header.number + 1, first.header.number + count)
    places: Iterator[int | bytes] = itertools.chain([first.hash], later)
    try:
        reads = deque(pool.submit(_read, nodes, at) for at in itertools.islice(places, ahead))
        served = _served(chain_id, reads.popleft().result(), None, seed)
        while True:
            reads.extend(pool.submit(_read, nodes, at) for at in itertools.islice(places, 1))
            # Waits for a read that was submitted before it, so the pool cannot lock up.
            following = pool.submit(_after, served, reads.popleft(), seed, pool if witness else None) if reads else None
            yield served
            if following is None:
                return
            served = following.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


class _Read(NamedTuple):
    views: list[Node]  # metered for this block
    block: Block
    disagreements: tuple[crosscheck.Disagreement, ...]


def _read(clients: Sequence[Node], at: int | bytes) -> _Read:
    nodes = [node.metered() for node in clients]
    refused: RollproofError | None = None
    for node in nodes:
        try:
            block = node.block(at)
        except RollproofError as error:
            refused = refused or error
            continue
        return _Read(nodes, block, crosscheck.headers(nodes, block.header.number) if len(nodes) > 1 else ())
    raise refused or Missing(f"no node has block {at!r}")


def _after(before: Served, waiting: Future[_Read], seed: int, pool: ThreadPoolExecutor | None) -> Served:
    """The block after ``before``; its witness is begun in ``pool``, unless the nodes' tries mean nothing anyway."""
    try:
        read = waiting.result()
    except Missing as error:
        if blocks.still(before.source.nodes[0], before.source.sealed):
            raise
        raise Reset(f"{error}, and the block before it was replaced: the chain reorganised") from None
    blocks.follow(before.source.sealed, Sealed(read.block.hash, read.block.header), read.views[0].label)
    served = _served(before.claim.chain_id, read, before.source.sealed, seed)
    if pool is not None and served.source.compliant:
        served.source.start(pool)
    return served


def _served(chain_id: int, read: _Read, parent: Sealed | None, seed: int) -> Served:
    block = read.block
    if block.header.number == 0:
        raise Unsupported("block 0 is given, not executed: start the range at 1")
    if parent is None:
        parent = Nodes(read.views).ask(lambda node: node.header(block.header.parent_hash))
    source = NodeSource(read.views, block, parent, seed=seed)
    return Served(_claim(chain_id, block, parent, source.label), source, read.disagreements)


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
