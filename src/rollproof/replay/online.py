"""Verify blocks on state that nodes serve and prove: each witness is built as needed, and can be kept as evidence."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

from rollproof import _core
from rollproof.chain import blocks
from rollproof.chain.claims import Served, answering, claims, connect
from rollproof.chain.crosscheck import Disagreement
from rollproof.chain.node import Block, Node
from rollproof.chain.nodes import Nodes
from rollproof.chain.preflight import preflight, reach
from rollproof.chain.rpc import Limits
from rollproof.chain.schedule import ChainConfig
from rollproof.chain.witness import NodeSource
from rollproof.errors import Malformed, RollproofError
from rollproof.replay import evidence, node_config
from rollproof.replay.advice import advised
from rollproof.replay.carried import Carried
from rollproof.replay.node_config import NodeConfig
from rollproof.replay.payload import MAX_BYTES, read_payload
from rollproof.replay.recorder import ByValue, Proofs, Recorder
from rollproof.replay.verify import AUDIT_RATE, MAX_ROUNDS, SecondOpinion, spent, verify_claim
from rollproof.types import Claim, Difference, Outcome, Verdict


@dataclass(frozen=True, slots=True)
class Options:
    """How to verify; see `replay.verify.verify_claim`. ``witness_out`` is a directory for evidence files.

    ``say`` is told, once, in one line each, what the nodes serve.
    """

    jobs: int = 1
    limits: Limits = field(default_factory=Limits)
    config: ChainConfig | None = None
    max_rounds: int = MAX_ROUNDS
    second_opinion: SecondOpinion = "auto"
    audit_rate: float = AUDIT_RATE
    seed: int = 0
    witness_out: Path | None = None
    say: Callable[[str], None] | None = None


def verify_range(urls: Sequence[str | Any], block_range: str, options: Options | None = None) -> Iterator[Verdict]:
    """Verdicts on the blocks of a range (`chain.blocks.parse`), in order; ``jobs`` blocks are worked on at once.

    ``urls`` are RPC URLs or provider objects; with several, the first that has a block claims it and the others are
    asked whether they have the same one: where they do not, the verdict is `unknown`. Raises as `chain.claims.claims`,
    and Missing where no node has the state that the first block starts from; verdicts that were yielded before stay
    valid.
    """
    options = options or Options()
    blocks.parse(block_range)  # a mistyped range need not wait for a node
    run = _Run.begin(urls, options)
    read = _read(run, block_range)
    with (
        closing(cast("Generator[Served]", read)) as served_blocks,
        ThreadPoolExecutor(options.jobs, thread_name_prefix="verify") as pool,
    ):
        running: deque[Future[_Judged]] = deque()
        try:
            for served in served_blocks:
                if not running and run.first:
                    reach(served.source.nodes, served.source.parent, served.source.sealed)
                    run.first = False
                running.append(pool.submit(_one, served, run, _source(served, run)))
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
        run = _Run.begin(urls, options)
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
        yield _one(served, run, Proofs(served.source, rules_agreed=run.config.agreed)).verdict


def _read(run: _Run, block_range: str) -> Iterator[Served]:
    with advised():
        yield from claims(run.nodes, block_range, seed=run.options.seed, ahead=run.options.jobs + 1)


@dataclass(slots=True)
class _Run:
    """What all blocks of one run have in common. ``silent``: one line for each node that did not answer."""

    options: Options
    nodes: list[Node]
    chain_id: int
    silent: tuple[str, ...]
    config: NodeConfig
    carried: Carried = field(default_factory=Carried)
    first: bool = True

    @classmethod
    def begin(cls, urls: Sequence[str | Any], options: Options) -> _Run:
        opened = connect(urls, limits=options.limits, seed=options.seed)
        with advised():
            nodes, chain_id, silent = answering(opened)
        if options.say is not None:
            for line in silent:
                options.say(line)
            for node in nodes:
                try:
                    options.say(str(preflight(node)))
                except RollproofError as error:
                    options.say(str(error))
        return cls(options, nodes, chain_id, silent, node_config.compare(nodes, chain_id, options.config))

    def followed(self, judged: _Judged) -> Verdict:
        """The verdict of the next block in order, with what changed between the blocks before it and this one."""
        source, verdict = judged.source, judged.verdict
        if not isinstance(source, ByValue):
            return verdict
        before, done = source.before, source.result
        if verdict.outcome is Outcome.UNKNOWN or before is None or not isinstance(done, _core.Done):
            self.carried.restart(source.source.sealed)
            return verdict
        destroys = source.source.block.header.excess_blob_gas is None  # EIP-6780 came with EIP-4844
        found, notes = self.carried.follow(source.source, before.values, done, destroys=destroys)
        for line in notes:
            verdict = _note(verdict, line)
        if found:
            verdict = replace(
                verdict,
                outcome=Outcome.BROKEN,
                reason="state changed outside any transaction, after the blocks before this one",
                differences=(*found, *verdict.differences),
                confirmed=False,
                second_opinion={"note": "the values are the node's own, which nobody proves"},
            )
        return verdict


class _Judged(NamedTuple):
    verdict: Verdict
    source: Proofs


def _source(served: Served, run: _Run) -> Recorder:
    kind = Recorder if served.source.compliant else ByValue
    return kind(served.source, rules_agreed=run.config.agreed)


def _one(served: Served, run: _Run, source: Proofs) -> _Judged:
    began = time.perf_counter()
    options, claim, preimages = run.options, served.claim, _core.Preimages()
    try:
        if not isinstance(source, ByValue):
            with advised():
                preimages.add(served.source.begin())
    except RollproofError as error:
        took = time.perf_counter() - began
        rpc = _spent(source, claim)
        verdict = Verdict(claim.chain_id, claim.number, Outcome.UNKNOWN, str(error), source=claim.source, rpc=rpc)
        return _Judged(replace(verdict, seconds=took), source)
    against = run.config.against(claim.header.timestamp if claim.header is not None else 0)
    verdict = verify_claim(
        claim,
        preimages,
        source=source,
        config=options.config,
        max_rounds=options.max_rounds,
        second_opinion="never" if against else options.second_opinion,
        audit_rate=options.audit_rate,
        seed=options.seed,
    )
    if against and isinstance(source, ByValue) and verdict.outcome is Outcome.HOLDS:
        verdict = _note(verdict, against)  # a development node is no authority on its rules: they gave its results
    elif against and not (verdict.outcome is Outcome.UNKNOWN and not verdict.differences):
        verdict = replace(verdict, outcome=Outcome.UNKNOWN, reason=against, confirmed=None)
    if options.witness_out is not None:
        if isinstance(source, Recorder):
            claim = replace(claim, receipts=source.seen_receipts, post_state=source.seen_post_state)
        verdict = _keep(verdict, claim, served.source, preimages, options.witness_out)
    found = (*served.disagreements, *(source.disagreements if isinstance(source, Recorder) else ()))
    verdict = _with_disagreements(verdict, found)
    for line in (*(f"cross-check: {line}" for line in run.silent), *run.config.notes):
        verdict = _note(verdict, line)
    return _Judged(replace(verdict, seconds=time.perf_counter() - began, rpc=_spent(source, claim)), source)


def _spent(source: Proofs, claim: Claim) -> dict[str, Any]:
    """What the block cost, beside the seconds in which the chain makes one."""
    rpc = dict(spent(source) or {})
    if claim.header is not None and claim.parent is not None:
        rpc["block_time"] = claim.header.timestamp - claim.parent.timestamp
    return rpc


def _keep(verdict: Verdict, claim: Claim, source: NodeSource, preimages: _core.Preimages, directory: Path) -> Verdict:
    """Writes the evidence; what prevents it is said in the verdict, which stands without it."""
    try:
        if not source.compliant:  # offline, its state root would read as a wrong claim
            return _note(verdict, f"evidence not written: {source.label}'s tries break consensus rules")
        directory.mkdir(parents=True, exist_ok=True)
        evidence.write(directory / f"{claim.chain_id}-{claim.number}.evidence", claim, preimages)
    except OSError as error:
        return _note(verdict, f"evidence not written: {directory.name}: {error.strerror or type(error).__name__}")
    except RollproofError as error:
        return _note(verdict, f"evidence not written: {error}")
    return verdict


def _note(verdict: Verdict, line: str) -> Verdict:
    return replace(verdict, not_checked=(*verdict.not_checked, line))


def _with_disagreements(verdict: Verdict, found: Sequence[Disagreement]) -> Verdict:
    for each in found:
        if not each.contradiction:
            verdict = _note(verdict, f"cross-check: {each}")
            continue
        said = "; ".join(f"{label} says {answer}" for label, answer in each.answers)
        verdict = replace(verdict, differences=(*verdict.differences, Difference(each.scope, each.key, said, None)))
        if verdict.outcome is Outcome.HOLDS:  # which of the two is the chain's block, nobody proved
            verdict = replace(verdict, outcome=Outcome.UNKNOWN, reason=f"the nodes contradict each other: {each}")
    return verdict
