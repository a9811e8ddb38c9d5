"""One run over blocks that nodes serve: what its blocks have in common, and the verdict on each of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from rollproof import _core
from rollproof.chain.claims import Served, answering, connect
from rollproof.chain.crosscheck import Disagreement
from rollproof.chain.node import Node
from rollproof.chain.preflight import preflight
from rollproof.chain.rpc import Limits
from rollproof.chain.schedule import ChainConfig
from rollproof.chain.witness import NodeSource
from rollproof.errors import RollproofError
from rollproof.replay import evidence, node_config
from rollproof.replay.advice import advised
from rollproof.replay.carried import Carried
from rollproof.replay.node_config import NodeConfig
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


@dataclass(slots=True)
class Run:
    """What all blocks of one run have in common. ``silent``: one line for each node that did not answer."""

    options: Options
    nodes: list[Node]
    chain_id: int
    silent: tuple[str, ...]
    config: NodeConfig
    carried: Carried = field(default_factory=Carried)
    reached: bool = False  # some node has the state that the range starts from

    @classmethod
    def begin(cls, urls: Sequence[str | Any], options: Options) -> Run:
        """Ask the nodes who they are. Raises as `chain.claims.connect` where none answers."""
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

    def followed(self, judged: Judged) -> Verdict:
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


class Judged(NamedTuple):
    """A verdict, and the source that knows what it rests on."""

    verdict: Verdict
    source: Proofs


def source_of(served: Served, run: Run) -> Recorder:
    """The block's source, read by value where no root of it means anything."""
    kind = Recorder if served.source.compliant else ByValue
    return kind(served.source, rules_agreed=run.config.agreed)


def verify_served(served: Served, run: Run, source: Proofs) -> Judged:
    """The verdict on one block. Never raises for what a node may say."""
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
        return Judged(replace(verdict, seconds=took), source)
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
    return Judged(replace(verdict, seconds=time.perf_counter() - began, rpc=_spent(source, claim)), source)


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
