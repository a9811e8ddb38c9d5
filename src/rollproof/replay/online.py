"""Verify blocks on state that nodes serve and prove: each witness is built as needed, and can be kept as evidence."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from rollproof import _core
from rollproof.chain.claims import Served, claims, connect, same_chain
from rollproof.chain.node import Block, Node
from rollproof.chain.rpc import Limits, Usage
from rollproof.chain.schedule import ChainConfig
from rollproof.chain.witness import NodeSource
from rollproof.errors import Malformed, RollproofError
from rollproof.replay import evidence
from rollproof.replay.payload import MAX_BYTES, read_payload
from rollproof.replay.verify import AUDIT_RATE, MAX_ROUNDS, SecondOpinion, verify_claim
from rollproof.types import Claim, Difference, Outcome, Verdict


@dataclass(frozen=True, slots=True)
class Options:
    """How to verify; see `replay.verify.verify_claim`. ``witness_out`` is a directory for evidence files."""

    jobs: int = 1
    limits: Limits = field(default_factory=Limits)
    config: ChainConfig | None = None
    max_rounds: int = MAX_ROUNDS
    second_opinion: SecondOpinion = "auto"
    audit_rate: float = AUDIT_RATE
    seed: int = 0
    witness_out: Path | None = None


class _Proofs:
    """A node's source of proofs about the parent's state, and nothing else."""

    def __init__(self, source: NodeSource) -> None:
        self._source = source

    @property
    def usage(self) -> Usage:
        return self._source.usage

    def fetch(self, needs: _core.Needs) -> Sequence[bytes]:
        return self._source.fetch(needs)


class _Recorder(_Proofs):
    """A node's source that also keeps what the node disclosed of its results, for the evidence file."""

    seen_receipts: tuple[Mapping[str, Any], ...] | None = None
    seen_post_state: Mapping[bytes, Mapping[str, Any]] | None = None

    @property
    def compliant(self) -> bool:
        return self._source.compliant

    def receipts(self) -> Sequence[Mapping[str, Any]] | None:
        self.seen_receipts = self._source.receipts()
        return self.seen_receipts

    def post_state(
        self, accounts: Iterable[bytes], slots: Mapping[bytes, Iterable[bytes]]
    ) -> Mapping[bytes, Mapping[str, Any]]:
        self.seen_post_state = self._source.post_state(accounts, slots)
        return self.seen_post_state

    def read_values(
        self, accounts: Iterable[bytes], slots: Mapping[bytes, Iterable[bytes]], *, after: bool
    ) -> Mapping[bytes, Any]:
        return self._source.read_values(accounts, slots, after=after)


def verify_range(urls: Sequence[str | Any], block_range: str, options: Options | None = None) -> Iterator[Verdict]:
    """Verdicts on the blocks of a range (`chain.blocks.parse`), in order; ``jobs`` blocks are worked on at once.

    ``urls`` are RPC URLs or provider objects; with several, the first that has a block claims it and the others are
    asked whether they have the same one: where they do not, the verdict is `unknown`. Raises as `chain.claims.claims`;
    verdicts that were yielded before stay valid.
    """
    options = options or Options()
    read = claims(urls, block_range, limits=options.limits, seed=options.seed, ahead=options.jobs + 1)
    with (
        closing(cast("Generator[Served]", read)) as blocks,
        ThreadPoolExecutor(options.jobs, thread_name_prefix="verify") as pool,
    ):
        running: deque[Future[Verdict]] = deque()
        try:
            for served in blocks:
                running.append(pool.submit(_one, served, options, _Recorder(served.source)))
                if len(running) >= options.jobs:
                    yield running.popleft().result()
        except RollproofError:  # what was read before stays valid
            yield from (each.result() for each in running)
            raise
        yield from (each.result() for each in running)


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
        nodes = connect(urls, limits=options.limits, seed=options.seed)
        for node in nodes:
            stack.callback(node.rpc.close)
        claim = read_payload(payload, what, same_chain(nodes))
        if claim.header is None or claim.claimed_hash is None:
            raise Malformed(f"{what}: no header")
        # Asked for the parent only: whatever a node has at this height is another block.
        views = [
            Node(node.rpc.metered(), replace(node.traits, execution_witness=False, prestate_trace=False))
            for node in nodes
        ]
        parent = views[0].header(claim.header.parent_hash)
        block = Block(claim.claimed_hash, claim.header, claim.transactions, (), claim.withdrawals, claim.ommers)
        claim = replace(claim, parent=parent.header, pre_state_root=parent.header.state_root)
        served = Served(claim, NodeSource(views, block, parent, seed=options.seed), ())
        yield _one(served, options, _Proofs(served.source))


def _one(served: Served, options: Options, source: _Proofs) -> Verdict:
    began = time.perf_counter()
    claim, preimages = served.claim, _core.Preimages()
    try:
        preimages.add(served.source.begin())
    except RollproofError as error:
        took = time.perf_counter() - began
        return Verdict(claim.chain_id, claim.number, Outcome.UNKNOWN, str(error), source=claim.source, seconds=took)
    verdict = verify_claim(
        claim,
        preimages,
        source=source,
        config=options.config,
        max_rounds=options.max_rounds,
        second_opinion=options.second_opinion,
        audit_rate=options.audit_rate,
        seed=options.seed,
    )
    if options.witness_out is not None:
        if isinstance(source, _Recorder):
            claim = replace(claim, receipts=source.seen_receipts, post_state=source.seen_post_state)
        verdict = _keep(verdict, claim, served.source, preimages, options.witness_out)
    return _with_disagreements(replace(verdict, seconds=time.perf_counter() - began), served)


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


def _with_disagreements(verdict: Verdict, served: Served) -> Verdict:
    for found in served.disagreements:
        if not found.contradiction:
            verdict = _note(verdict, f"cross-check: {found}")
            continue
        said = "; ".join(f"{label} says {answer}" for label, answer in found.answers)
        verdict = replace(verdict, differences=(*verdict.differences, Difference("header", "hash", said, None)))
        if verdict.outcome is Outcome.HOLDS:  # which of the two is the chain's block, nobody proved
            verdict = replace(verdict, outcome=Outcome.UNKNOWN, reason=f"the nodes contradict each other: {found}")
    return verdict
