"""``rollproof verify``: re-execute blocks and compare."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from time import monotonic
from typing import Annotated, Literal

import typer

import rollproof as rp
from rollproof.cli.talk import CANCELLED, complain, say
from rollproof.errors import RollproofError
from rollproof.report import jsonl, progress, text
from rollproof.types import Outcome, Verdict

EXAMPLE = (
    "Example:  [bold]rollproof verify blocks/ --json[/bold]   or   "
    "[bold]rollproof verify -r http://localhost:8545 --block -10:[/bold]"
)


def verify(
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE...", help="Witness or evidence files, directories, globs.", show_default=False),
    ] = None,
    rpc_url: Annotated[
        list[str] | None,
        typer.Option("--rpc-url", "-r", metavar="URL", help="A node; repeat to cross-check. Else ETH_RPC_URL."),
    ] = None,
    block: Annotated[
        str | None,
        typer.Option(metavar="RANGE", help="N, N:M (M excluded), N:+K, -K:, a hash, latest, safe, finalized."),
    ] = None,
    payload: Annotated[
        str | None,
        typer.Option(metavar="FILE|-", help="An execution payload or raw block that nodes need not have accepted."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, max=256, help="Blocks worked on at once.")] = 1,
    second_opinion: Annotated[
        bool, typer.Option("--second-opinion", help="Ask EELS about every block, not only about broken ones.")
    ] = False,
    audit_rate: Annotated[
        float, typer.Option(min=0, max=1, help="Share of blocks that hold which EELS re-executes too, if installed.")
    ] = 0.01,
    seed: Annotated[int, typer.Option(help="Seed of every random choice.")] = 0,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Chain configuration of your own: a TOML entry or a rollup.json."),
    ] = None,
    family: Annotated[
        str | None, typer.Option(help="Rule family of --config, where the file does not name it: ethereum or op.")
    ] = None,
    witness_out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep the evidence of blocks read from nodes.")
    ] = None,
    max_rounds: Annotated[int, typer.Option(min=1, max=10_000, help="Rounds of fetching for one block.")] = 64,
    rpc_timeout: Annotated[float, typer.Option(min=0.1, help="Seconds of a node's silence.")] = 45.0,
    verbose: Annotated[
        int, typer.Option("--verbose", "-v", count=True, help="Say what was checked (-v), and what it took (-vv).")
    ] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No talk on stderr but errors.")] = False,
) -> None:
    """Re-execute blocks and compare. Exit code: 0 all hold, 1 broken, 2 unknown or bad usage, 130 cancelled."""
    if (payload is not None) + (block is not None) + bool(files) != 1:
        raise typer.BadParameter("give FILE..., or --block with --rpc-url, or --payload with --rpc-url")
    urls = rpc_url or os.environ.get("ETH_RPC_URL", "").split()
    if not urls and not files:
        raise typer.BadParameter("no node: give --rpc-url or set ETH_RPC_URL")
    if files and (rpc_url or witness_out):
        raise typer.BadParameter("--rpc-url and --witness-out go with --block or --payload, not with files")
    if files and not all(files):
        raise typer.BadParameter("an empty file name")
    if family is not None and config is None:
        raise typer.BadParameter("--family says what --config is: give both")

    def verdicts() -> Iterator[Verdict]:
        verify_files = rp.verify  # says how to build the core where it is not
        from rollproof.chain import config as chains

        own = None if config is None else chains.from_file(config, family=family)
        mode: Literal["always", "auto"] = "always" if second_opinion else "auto"
        if files:
            return verify_files(files, jobs=jobs, config=own, second_opinion=mode, audit_rate=audit_rate, seed=seed)
        from rollproof.chain.rpc import Limits
        from rollproof.replay import online
        from rollproof.replay.payload import MAX_BYTES

        options = online.Options(
            jobs=jobs,
            limits=Limits(timeout=rpc_timeout),
            config=own,
            max_rounds=max_rounds,
            second_opinion=mode,
            audit_rate=audit_rate,
            seed=seed,
            witness_out=witness_out,
            say=say if verbose and not quiet else None,
        )
        if payload is None:
            return online.verify_range(urls, block or "", options)
        given = sys.stdin.buffer.read(MAX_BYTES + 1) if payload == "-" else Path(payload)
        return online.verify_payload(urls, given, options)

    raise typer.Exit(_print(verdicts, as_json=json, verbose=verbose, quiet=quiet))


def _print(verdicts: Callable[[], Iterable[Verdict]], *, as_json: bool, verbose: int, quiet: bool) -> int:
    """Prints verdicts as they come and returns the exit code; what stops the run keeps what was printed."""
    outcomes: Counter[Outcome] = Counter()
    began, cut_short = monotonic(), False
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    try:
        for verdict in progress.shown(verdicts(), show=not quiet and progress.wanted()):
            outcomes[verdict.outcome] += 1
            print(jsonl.line(verdict) if as_json else text.text(verdict, verbose=verbose, colour=colour), flush=True)
    except BrokenPipeError:  # whoever read our lines has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CANCELLED
    except KeyboardInterrupt:
        return CANCELLED
    except (RollproofError, ImportError) as error:
        complain(str(error))
        cut_short = True
    except OSError as error:
        complain(f"{Path(error.filename or 'input').name}: {error.strerror or type(error).__name__}")
        cut_short = True
    if not quiet and outcomes:
        print(text.summary(outcomes, monotonic() - began), file=sys.stderr)
    if outcomes[Outcome.BROKEN]:
        return 1
    return 2 if cut_short or outcomes[Outcome.UNKNOWN] or not outcomes else 0
