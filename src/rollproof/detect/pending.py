"""Inspect transactions that are in no block yet, as if they were the next ones on top of a block's state."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Final

from rollproof import _core
from rollproof.chain import blocks
from rollproof.chain.config import load
from rollproof.chain.header import Sealed
from rollproof.chain.node import Block, Node
from rollproof.chain.nodes import Nodes
from rollproof.chain.schedule import ChainConfig
from rollproof.chain.witness import NodeSource
from rollproof.detect.evidence import NOT_WRITTEN
from rollproof.detect.inspect import executed_block, judged, one_line, prepared
from rollproof.detect.inspection import Inspection, Options
from rollproof.detect.online import begin
from rollproof.errors import Malformed, RollproofError, Unsupported
from rollproof.replay import consensus, pending
from rollproof.replay.advice import advised
from rollproof.replay.execute import Inputs
from rollproof.replay.recorder import ByValue, Recorder
from rollproof.replay.run import Run
from rollproof.replay.verify import spent
from rollproof.types import Header

MAX_TRANSACTIONS: Final = 256
MAX_BYTES: Final = 1 << 22  # of them together
NOTE: Final = "pending: the next block's time, fees, order and state may be others"


def inspect_pending(
    urls: Sequence[str | Any],
    transactions: Sequence[bytes],
    on: str = "latest",
    options: Options | None = None,
    **named: Any,
) -> Inspection:
    """The inspection of raw transactions, in this order, on the state after block ``on`` (a number, tag or hash).

    The next block's environment is the rules' own where they say it (number, base fee, blob fee), the parent's where
    they do not. Raises Malformed for what is no block or no transaction, Unsupported for a chain whose rules are not
    known, and as `detect.online.inspect_range`. A transaction that may not come next is a reason, not an error.
    """
    options = prepared(options, named)
    if not transactions or len(transactions) > MAX_TRANSACTIONS or sum(map(len, transactions)) > MAX_BYTES:
        raise Malformed(f"pending: give 1 to {MAX_TRANSACTIONS} transactions of {MAX_BYTES} bytes together")
    span = blocks.parse(on)
    began = time.perf_counter()
    with ExitStack() as stack:
        run = begin(urls, options)
        for node in run.nodes:
            stack.callback(node.rpc.close)
        with advised():
            parent, count = Nodes(run.nodes).ask(lambda node: blocks.pin(node, span))
        if count != 1:
            raise Malformed(f"pending: {on[:40]!r} is not one block")
        chain = options.config or load(run.chain_id)
        header = next_header(chain, parent)
        source = _source(run, header, parent, transactions)
        place = Inspection(f"pending on block {parent.header.number}", run.chain_id, None)
        try:
            inputs = _inputs(chain, header, parent, transactions)
            with advised():
                inputs, done = pending.run(inputs, source, options.max_rounds, inspect=options.followed)
            if isinstance(done, _core.Invalid):
                which = "" if done.transaction is None else f" {done.transaction}"
                return replace(place, reason=one_line(f"transaction{which} may not come next: {done.reason}"))
            executed = executed_block(done, inputs, options, source, pending=True)
            executed.source = place.source
            found = judged(executed, options)
        except (RollproofError, _core.CoreError) as error:
            return replace(place, reason=one_line(error))
    took = time.perf_counter() - began
    notes = [NOTE] if options.evidence is None else [NOTE, f"{NOT_WRITTEN}: the transactions are in no block"]
    against = run.config.against(header.timestamp)
    if against:
        notes.append(against)
    return replace(found.noted(*notes), seconds=took, rpc=spent(source))


def next_header(chain: ChainConfig, parent: Sealed) -> Header:
    """The environment of the block after ``parent``: its results mean nothing. Raises Malformed where a rule fails."""
    before = parent.header
    step = chain.block_time or 12
    empty = replace(before, parent_hash=parent.hash, number=before.number + 1, timestamp=before.timestamp + step)
    asked = consensus.Block(chain, empty, (), before)
    return replace(
        empty,
        base_fee=consensus.expected_base_fee(asked),
        excess_blob_gas=consensus.expected_excess_blob_gas(asked),
        blob_gas_used=0 if before.blob_gas_used is not None else None,
    )


def _inputs(chain: ChainConfig, header: Header, parent: Sealed, transactions: Sequence[bytes]) -> Inputs:
    fork = chain.fork_at(header.number, header.timestamp)
    if fork.runs_as is None:
        raise Unsupported(chain.cannot_run(fork))
    for at, raw in enumerate(transactions):
        try:
            _core.decode_transaction(raw, chain.family)
        except _core.CoreError as error:
            raise Malformed(f"pending: transaction {at}: {error}") from None
    return Inputs(
        config=chain,
        fork=fork,
        env=header,
        parent=parent.header,
        pre_state_root=parent.header.state_root,
        transactions=tuple(transactions),
        withdrawals=None,
        block_hashes={},
        preimages=_core.Preimages(),
    )


def _source(run: Run, header: Header, parent: Sealed, transactions: Sequence[bytes]) -> Recorder:
    # Asked about the parent only: no node has the block that is imagined here.
    views = [
        Node(node.rpc.metered(), replace(node.traits, execution_witness=False, prestate_trace=False))
        for node in run.nodes
    ]
    hashes = tuple(_core.keccak256(raw) for raw in transactions)
    block = Block(bytes(32), header, tuple(transactions), hashes, None, 0)
    source = NodeSource(views, block, parent, seed=run.options.seed)
    kind = Recorder if source.compliant else ByValue
    return kind(source, rules_agreed=run.config.agreed)
