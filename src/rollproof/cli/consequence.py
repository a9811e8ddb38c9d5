"""``rollproof risk --evidence FILE``: what a wrong block costs the accounts of a venue."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from rollproof.cli.talk import CANCELLED, complain, say
from rollproof.errors import RollproofError
from rollproof.report import consequence_html, consequence_json, consequence_text, finding_html
from rollproof.types import Outcome


def run(
    evidence: Path | None = None,
    *,
    block: str | None = None,
    venue: str | None = None,
    adapter: str | None = None,
    accounts: Sequence[str] = (),
    rpc_url: Sequence[str] = (),
    config: Path | None = None,
    family: str | None = None,
    evidence_out: Path | None = None,
    html: Path | None = None,
    as_json: bool = False,
    verbose: int = 0,
    quiet: bool = False,
    seed: int = 0,
) -> int:
    """Prints what a block costs, of an evidence file or of ``block`` at a node.

    Returns 1 where the block is broken, 0 where it holds, 2 where that or the venue could not be looked at, 130 where
    it was cancelled; 1 beats 2. ``html`` is a page to write.
    """
    if (evidence is None) == (block is None):
        raise typer.BadParameter("give --evidence FILE, or --block with --rpc-url")
    if block is not None and not rpc_url:
        raise typer.BadParameter("--block needs a node: give --rpc-url or set ETH_RPC_URL")
    if family is not None and config is None:
        raise typer.BadParameter("--family says what --config is: give both")
    contract = None if venue is None else _address(venue, "--venue")
    listed = [_address(each, "--accounts") for each in accounts]
    try:
        from rollproof.chain import config as chains
        from rollproof.risk import consequence
        from rollproof.venue import adapters, revalued

        options: dict[str, Any] = {
            "venue": contract,
            "adapter": None if adapter is None else adapters.named(adapter, accounts=listed or None),
            "config": None if config is None else chains.from_file(config, family=family),
            "evidence_out": evidence_out,
            "seed": seed,
        }
        if evidence is not None:
            found = revalued.revalue_file(evidence, urls=rpc_url, **options)
        else:
            found = revalued.revalue_block(rpc_url, block or "", **options)
        values = consequence_json.record(found, consequence.of(found))
        if html is not None:
            title = f"Block {found.verdict.number} of chain {found.verdict.chain_id}"
            html.write_text("".join(finding_html.page(title, [consequence_html.html(values)])), encoding="utf-8")
    except KeyboardInterrupt:
        return CANCELLED
    except (RollproofError, ImportError) as error:
        complain(str(error))
        return 2
    except OSError as error:
        complain(f"{Path(error.filename or 'output').name}: {error.strerror or type(error).__name__}")
        return 2
    if as_json:
        print(consequence_json.line(values), flush=True)
    else:
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        print(consequence_text.text(values, colour=colour, verbose=verbose), flush=True)
    if evidence_out is not None and not quiet:
        say(f"evidence: {evidence_out.name}")
    return code(values)


def code(values: Mapping[str, Any]) -> int:
    """The exit code of a record."""
    if values["verdict"] == Outcome.HOLDS:
        return 0
    if values["verdict"] == Outcome.UNKNOWN or values["venue"] is None:
        return 2
    return 1 if values["wrong"] or values["complete"] else 2


def _address(text: str, option: str) -> bytes:
    """20 bytes from hex. Raises BadParameter."""
    try:
        found = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        found = b""
    if len(found) != 20:
        raise typer.BadParameter(f"{option}: an address is 0x and 40 hex digits")
    return found
