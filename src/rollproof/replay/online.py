"""Verify blocks on state that nodes serve and prove: each witness is built as needed, and can be kept as evidence."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from rollproof.chain import blocks
from rollproof.chain.claims import Served, claims
from rollproof.chain.node import Block, Node
from rollproof.chain.nodes import Nodes
from rollproof.chain.preflight import reach
from rollproof.chain.witness import NodeSource
from rollproof.errors import Malformed, RollproofError
from rollproof.replay.advice import advised
from rollproof.replay.payload import MAX_BYTES, read_payload
from rollproof.replay.recorder import Proofs
from rollproof.replay.run import Judged, Options, Run, source_of, verify_served
from rollproof.types import Verdict

__all__ = ["Options", "verify_payload", "verify_range"]


def verify_range(urls: Sequence[str | Any], block_range: str, options: Options | None = None) -> Iterator[Verdict]:
    """Verdicts on the blocks of a range (`chain.blocks.parse`), in order; ``jobs`` blocks are worked on at once.

    ``urls`` are RPC URLs or provider objects; with several, the first that has a block claims it and the others are
    asked whether they have the same one: where they do not, the verdict is `unknown`. Raises as `chain.claims.claims`,
    and Missing where no node has the state that the first block starts from; verdicts that were yielded before stay
    valid.
    """
    options = options or Options()
    blocks.parse(block_range)  # a mistyped range need not wait for a node
    run = Run.begin(urls, options)
    read = _read(run, block_range)
    with (
        closing(cast("Generator[Served]", read)) as served_blocks,
        ThreadPoolExecutor(options.jobs, thread_name_prefix="verify") as pool,
    ):
        running: deque[Future[Judged]] = deque()
        try:
            for served in served_blocks:
                if not run.reached:
                    reach(served.source.nodes, served.source.parent, served.source.sealed)
                    run.reached = True
                running.append(pool.submit(verify_served, served, run, source_of(served, run)))
                if len(running) >= options.jobs:
                    yield run.followed(running.popleft().result())
        except RollproofError:  # what was read before stays valid
            yield from (run.followed(each.result()) for each in running)
            raise
        yield from (run.followed(each.result()) for each in running)


def verify_payload(
    urls: Sequence[str | Any], payload: Path | bytes, options: Options | None = None
) -> Iterator[Verdict]:
    """The verdict on one block that no node need have accepted, executed on its parent's state, proven by the nodes.

    ``payload`` is a file or the bytes of one, as `replay.payload.read_payload` takes them. Raises what that raises,
    Missing where no node has the parent, Retry and Malformed as `chain.claims.connect`, OSError for the file.
    """
    options = options or Options()
    what = payload.name if isinstance(payload, Path) else "payload"
    if isinstance(payload, Path):
        with payload.open("rb") as file:
            payload = file.read(MAX_BYTES + 1)
    with ExitStack() as stack:
        run = Run.begin(urls, options)
        for node in run.nodes:
            stack.callback(node.rpc.close)
        claim = read_payload(payload, what, run.chain_id)
        if claim.header is None or claim.claimed_hash is None:
            raise Malformed(f"{what}: no header")
        # Asked for the parent only: whatever a node has at this height is another block.
        views = [
            Node(node.rpc.metered(), replace(node.traits, execution_witness=False, prestate_trace=False))
            for node in run.nodes
        ]
        wanted = claim.header.parent_hash
        with advised():
            parent = Nodes(views).ask(lambda node: node.header(wanted))
        block = Block(claim.claimed_hash, claim.header, claim.transactions, (), claim.withdrawals, claim.ommers)
        claim = replace(claim, parent=parent.header, pre_state_root=parent.header.state_root)
        served = Served(claim, NodeSource(views, block, parent, seed=options.seed), ())
        yield verify_served(served, run, Proofs(served.source, rules_agreed=run.config.agreed)).verdict


def _read(run: Run, block_range: str) -> Iterator[Served]:
    with advised():
        yield from claims(run.nodes, block_range, seed=run.options.seed, ahead=run.options.jobs + 1)
