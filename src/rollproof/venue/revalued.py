"""A venue revalued from an evidence file, or from a block that nodes have: judged, both states found, read, kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rollproof import _core
from rollproof.chain.schedule import ChainConfig
from rollproof.errors import RollproofError
from rollproof.replay import asked, evidence, sources
from rollproof.replay.asked import Asked
from rollproof.replay.both_states import both_states
from rollproof.replay.recorder import Recorder
from rollproof.types import Claim, Outcome, Verdict
from rollproof.venue.revaluation import Revaluation, revalue
from rollproof.venue.snapshot import Adapter


def revalue_file(
    path: Path,
    *,
    venue: bytes | None = None,
    adapter: Adapter | None = None,
    urls: Sequence[str | Any] = (),
    config: ChainConfig | None = None,
    evidence_out: Path | None = None,
    seed: int = 0,
) -> Revaluation:
    """A venue under both states of the block in an evidence or witness file.

    Nodes at ``urls`` are asked only where the file alone does not tell all. ``evidence_out`` is a file for the evidence
    with all that they served. Raises Malformed, Unsupported and Missing for the file, and OSError.
    """
    claim, preimages = sources.read(path)
    claim = replace(claim, source=str(path))
    found, behind = _revalued(claim, preimages, None, venue, adapter, config), None
    if urls and (found.lacking or found.verdict.outcome is Outcome.UNKNOWN):
        try:
            behind = asked.beside(claim, urls, seed=seed)
            found = _again(found, _revalued(claim, preimages, behind, venue, adapter, config, said=found.verdict))
        except RollproofError as error:
            found = replace(found, notes=(*found.notes, f"no node helped: {error}"))
    _keep(claim, preimages, behind, evidence_out)
    return found


def revalue_block(
    urls: Sequence[str | Any],
    block: str,
    *,
    venue: bytes | None = None,
    adapter: Adapter | None = None,
    config: ChainConfig | None = None,
    evidence_out: Path | None = None,
    seed: int = 0,
) -> Revaluation:
    """The same of a block (a number, a hash, latest) as nodes have it, which are believed nothing that they do not
    prove. Raises as `replay.asked.at_nodes`, and OSError."""
    preimages = _core.Preimages()
    behind = asked.at_nodes(urls, block, preimages, config=config, seed=seed)
    found = _revalued(behind.claim, preimages, behind, venue, adapter, config)
    _keep(behind.claim, preimages, behind, evidence_out)
    return found


def _revalued(
    claim: Claim,
    preimages: _core.Preimages,
    behind: Asked | None,
    venue: bytes | None,
    adapter: Adapter | None,
    config: ChainConfig | None,
    said: Verdict | None = None,
) -> Revaluation:
    """``said`` is what the second machine need not be asked about again."""
    source, claimed_source = (None, None) if behind is None else (behind.source, behind.claimed_source)
    states = both_states(
        claim, preimages, source=source, claimed_source=claimed_source, config=config,
        second_opinion="never" if said is not None and said.outcome is Outcome.BROKEN else "auto",
    )  # fmt: skip
    if states.verdict.outcome is Outcome.BROKEN:
        found = revalue(states, venue=venue, adapter=adapter, source=source, claimed_source=claimed_source)
    else:
        found = Revaluation(states.verdict, reason=states.verdict.reason)
    return found if behind is None else replace(found, notes=(*found.notes, *behind.notes))


def _again(first: Revaluation, second: Revaluation) -> Revaluation:
    """The second look, with what the second machine said at the first."""
    one, other = first.verdict, second.verdict
    if one.outcome is not Outcome.BROKEN or other.outcome is not Outcome.BROKEN:
        return second
    return replace(second, verdict=replace(other, confirmed=one.confirmed, second_opinion=one.second_opinion))


def _keep(claim: Claim, preimages: _core.Preimages, behind: Asked | None, path: Path | None) -> None:
    """Raises OSError, and Malformed where the evidence is larger than its format allows."""
    if path is None:
        return
    if behind is not None and isinstance(behind.source, Recorder):
        receipts, post_state = behind.source.seen_receipts, behind.source.seen_post_state
        claim = replace(claim, receipts=claim.receipts or receipts, post_state=claim.post_state or post_state)
    evidence.write(path, claim, preimages)
