"""Inspect blocks and transactions of a live chain: re-executed on proven state, else from the nodes' own traces."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import Any, cast

from rollproof import _core
from rollproof.chain import blocks, wire
from rollproof.chain.claims import Served, claims
from rollproof.chain.crosscheck import Disagreement
from rollproof.chain.node import Node
from rollproof.chain.nodes import Nodes
from rollproof.detect import evidence, node_traces
from rollproof.detect.inspect import inspect_claim, one_line, prepared
from rollproof.detect.inspection import Inspection, Options
from rollproof.errors import Missing, RollproofError
from rollproof.replay import run as verification
from rollproof.replay.advice import advised
from rollproof.replay.recorder import ByValue, Proofs, Recorder
from rollproof.replay.run import Run, source_of
from rollproof.replay.verify import spent


def inspect_range(
    urls: Sequence[str | Any], block_range: str, options: Options | None = None, **named: Any
) -> Iterator[Inspection]:
    """Inspections of the blocks of a range (`chain.blocks.parse`), in order; ``options.jobs`` are worked on at once.

    A block that cannot be re-executed (its chain or fork is not known, or its state is not served) is judged from the
    nodes' own traces, with what those show, and a note says so. Raises as `chain.claims.claims`, and Unsupported for a
    detector that there is not; what was yielded before stays valid.
    """
    options = prepared(options, named)
    blocks.parse(block_range)
    run = begin(urls, options)
    with (
        closing(cast("Generator[Served]", _read(run, block_range))) as served_blocks,
        ThreadPoolExecutor(options.jobs, thread_name_prefix="inspect") as pool,
    ):
        running: deque[Future[Inspection]] = deque()
        try:
            for served in served_blocks:
                running.append(pool.submit(inspect_served, served, run, options))
                if len(running) >= options.jobs:
                    yield running.popleft().result()
        except RollproofError:  # what was read before stays valid
            yield from (each.result() for each in running)
            raise
        yield from (each.result() for each in running)


def inspect_transaction(
    urls: Sequence[str | Any], transaction: bytes | str, options: Options | None = None, **named: Any
) -> Inspection:
    """The inspection of one transaction's block, with the findings that are about this transaction.

    Raises Malformed for what is no hash, Missing where no node has it in a block, and as `inspect_range`.
    """
    options = prepared(options, named)
    wanted = wire.hash32(transaction, "transaction hash") if isinstance(transaction, str) else transaction
    run = begin(urls, options)
    with advised():
        block = Nodes(run.nodes).ask(lambda node: _block_of(node, wanted))
        with closing(cast("Generator[Served]", _read(run, wire.to_data(block)))) as served:
            found = inspect_served(next(served), run, options)
    return found.about(wanted)


def begin(urls: Sequence[str | Any], options: Options) -> Run:
    """Ask the nodes who they are. Raises as `chain.claims.connect` where none answers."""
    return Run.begin(
        urls,
        verification.Options(
            jobs=options.jobs,
            limits=options.limits,
            config=options.config,
            max_rounds=options.max_rounds,
            second_opinion="never",
            seed=options.seed,
            say=options.say,
        ),
    )


def inspect_served(served: Served, run: Run, options: Options) -> Inspection:
    """The inspection of one served block. Never raises for what a node may say."""
    began = time.perf_counter()
    source = source_of(served, run)
    found = _reexecuted(served, run, source, options)
    if not found.looked:
        again = node_traces.inspect(served, options)
        if again.looked:
            found = again.noted(f"not re-executed: {found.reason}")
        else:
            found = replace(found, notes=(*found.notes, f"the node's own traces: {again.reason}"))
    doubts = [f"cross-check: {each}" for each in (*served.disagreements, *run.silent, *_disagreements(source))]
    if doubts:
        found = found.noted(*doubts)
    return replace(found, seconds=time.perf_counter() - began, rpc=spent(source))


def _disagreements(source: Proofs) -> tuple[Disagreement, ...]:
    return source.disagreements if isinstance(source, Recorder) else ()


def _reexecuted(served: Served, run: Run, source: Proofs, options: Options) -> Inspection:
    claim, preimages = served.claim, _core.Preimages()
    place = Inspection(claim.source, claim.chain_id, claim.number)
    against = run.config.against(claim.header.timestamp if claim.header is not None else 0)
    by_value = isinstance(source, ByValue)
    if against and not by_value:
        return replace(place, reason=one_line(against))
    try:
        if not by_value:
            with advised():
                preimages.add(served.source.begin())
    except RollproofError as error:
        return replace(place, reason=one_line(error))
    own = replace(options, evidence=None) if by_value else options
    found = inspect_claim(claim, preimages, own, source)
    if by_value and options.evidence is not None and found.findings:
        note = f"{evidence.NOT_WRITTEN}: {served.source.label}'s tries break consensus rules"
        found = replace(found, notes=(*found.notes, note))
    return found


def _read(run: Run, block_range: str) -> Iterator[Served]:
    with advised():
        yield from claims(run.nodes, block_range, seed=run.options.seed, ahead=run.options.jobs + 1)


def _block_of(node: Node, transaction: bytes) -> bytes:
    """The hash of the block that a node says a transaction is in."""
    name = f"0x{transaction.hex()}"
    record = node.rpc.call("eth_getTransactionByHash", name)
    if record is None:
        raise Missing(f"{node.label}: no transaction {name}")
    what = f"{node.label}: transaction {name}"
    block = wire.mapping(record, what).get("blockHash")
    if block is None:
        raise Missing(f"{what}: is in no block yet: inspect it as pending")
    return wire.hash32(block, f"{what}: blockHash")
