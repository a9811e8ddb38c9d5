"""``rollproof risk --evidence FILE``: what a wrong block costs the accounts of a venue."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from rollproof.cli.talk import CANCELLED, complain
from rollproof.errors import RollproofError
from rollproof.report import consequence_html, consequence_json, consequence_text, finding_html
from rollproof.types import Outcome

if TYPE_CHECKING:
    from rollproof.risk.consequence import Consequence
    from rollproof.venue.revaluation import Revaluation


@dataclass(frozen=True)
class Asked:
    """What the command was given. One of ``evidence`` and ``block`` is there; a block needs ``rpc_url``."""

    evidence: Path | None = None
    block: str | None = None
    rpc_url: Sequence[str] = ()
    venue: str | None = None
    adapter: str | None = None
    accounts: Sequence[str] = ()
    config: Path | None = None
    family: str | None = None
    evidence_out: Path | None = None
    html: Path | None = None
    json: bool = False
    verbose: int = 0
    seed: int = 0


def consequence(asked: Asked) -> int:
    """Prints what the block costs. Returns 1 where the block is broken, 0 where it holds, 2 where that, or anything
    that its venue has, could not be looked at, 130 where it was cancelled; 1 beats 2."""
    if (asked.evidence is None) == (asked.block is None):
        raise typer.BadParameter("give --evidence FILE, or --block with --rpc-url")
    if asked.block is not None and not asked.rpc_url:
        raise typer.BadParameter("--block needs a node: give --rpc-url or set ETH_RPC_URL")
    if asked.family is not None and asked.config is None:
        raise typer.BadParameter("--family says what --config is: give both")
    venue, accounts = _address(asked.venue, "--venue"), [_address(each, "--accounts") for each in asked.accounts]
    try:
        revalued, found = _worked_out(asked, venue, [each for each in accounts if each is not None])
        values = consequence_json.record(revalued, found)
        if asked.html is not None:
            title = f"Block {revalued.verdict.number} of chain {revalued.verdict.chain_id}"
            asked.html.write_text("".join(finding_html.page(title, [consequence_html.html(values)])), encoding="utf-8")
    except KeyboardInterrupt:
        return CANCELLED
    except (RollproofError, ImportError) as error:
        complain(str(error))
        return 2
    except OSError as error:
        complain(f"{Path(error.filename or 'output').name}: {error.strerror or type(error).__name__}")
        return 2
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    shown = consequence_text.text(values, colour=colour, verbose=asked.verbose)
    print(consequence_json.line(values) if asked.json else shown, flush=True)
    return code(values)


def code(values: dict[str, Any]) -> int:
    """The exit code of a record."""
    if values["verdict"] == Outcome.HOLDS:
        return 0
    if values["verdict"] == Outcome.UNKNOWN or values["venue"] is None:
        return 2
    return 1 if values["wrong"] or values["complete"] else 2


def _worked_out(asked: Asked, venue: bytes | None, accounts: list[bytes]) -> tuple[Revaluation, Consequence | None]:
    from rollproof import _core
    from rollproof.chain import config as chains
    from rollproof.replay import asked as nodes
    from rollproof.replay import evidence, sources
    from rollproof.replay.both_states import both_states
    from rollproof.replay.recorder import Recorder
    from rollproof.risk.consequence import consequence as compared
    from rollproof.venue import adapters
    from rollproof.venue.revaluation import revalue

    own = None if asked.config is None else chains.from_file(asked.config, family=asked.family)
    adapter = None if asked.adapter is None else adapters.named(asked.adapter, accounts=accounts or None)
    behind: nodes.Asked | None = None
    if asked.evidence is not None:
        claim, preimages = sources.read(asked.evidence)
        claim = replace(claim, source=str(asked.evidence))
        if asked.rpc_url:
            behind = nodes.beside(claim, asked.rpc_url, seed=asked.seed)
    else:
        preimages = _core.Preimages()
        behind = nodes.at_nodes(asked.rpc_url, asked.block or "", preimages, config=own, seed=asked.seed)
        claim = behind.claim
    source = None if behind is None else behind.source
    claimed_source = None if behind is None else behind.claimed_source
    states = both_states(claim, preimages, source=source, claimed_source=claimed_source, config=own)
    if states.verdict.outcome is not Outcome.BROKEN:
        revalued = _unneeded(states.verdict)
    else:
        revalued = revalue(states, venue=venue, adapter=adapter, source=source, claimed_source=claimed_source)
    if behind is not None:
        revalued = replace(revalued, notes=(*revalued.notes, *behind.notes))
    found = None
    if revalued.claimed is not None and revalued.computed is not None:
        found = compared(revalued.before, revalued.claimed, revalued.computed, revalued.holdings)
    if asked.evidence_out is not None:
        if isinstance(source, Recorder):
            seen = (claim.receipts or source.seen_receipts, claim.post_state or source.seen_post_state)
            claim = replace(claim, receipts=seen[0], post_state=seen[1])
        evidence.write(asked.evidence_out, claim, preimages)
    return revalued, found


def _unneeded(verdict: Any) -> Revaluation:
    from rollproof.venue.revaluation import Revaluation

    return Revaluation(verdict, reason=verdict.reason)


def _address(text: str | None, option: str) -> bytes | None:
    """20 bytes from hex. Raises BadParameter."""
    if text is None:
        return None
    try:
        found = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        found = b""
    if len(found) != 20:
        raise typer.BadParameter(f"{option}: an address is 0x and 40 hex digits")
    return found
