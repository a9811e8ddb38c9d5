"""``rollproof inspect``: what detectors say about blocks, transactions and traces."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rollproof.cli import given
from rollproof.cli.findings import print_inspections
from rollproof.cli.shown import Output
from rollproof.cli.talk import say
from rollproof.errors import Missing

if TYPE_CHECKING:
    from rollproof.detect.inspection import Inspection, Options

EXAMPLE = (
    "Example:  [bold]rollproof inspect blocks/ --json[/bold]   or   "
    "[bold]rollproof inspect -r http://localhost:8545 --tx 0x... --tree[/bold]"
)


def inspect(
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE...", help="Witness or evidence files, directories, globs.", show_default=False),
    ] = None,
    rpc_url: Annotated[
        list[str] | None,
        typer.Option("--rpc-url", "-r", metavar="URL", help="A node; repeat to cross-check. Else ETH_RPC_URL."),
    ] = None,
    tx: Annotated[
        str | None, typer.Option(metavar="HASH", help="One transaction: on the nodes, or in the given files.")
    ] = None,
    block: Annotated[
        str | None,
        typer.Option(metavar="RANGE", help="N, N:M (M excluded), N:+K, -K:, a hash, latest, safe, finalized."),
    ] = None,
    pending: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RAWTX|FILE", help="A raw transaction, or a file with one a line, run on top of --block (latest)."
        ),
    ] = None,
    trace: Annotated[
        bool, typer.Option("--trace", help="The files are other clients' traces, in any format of docs/traces.md.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    sarif: Annotated[
        str | None, typer.Option(metavar="FILE|-", help="Write SARIF 2.1.0 there at the end; - is stdout.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page with findings and call trees.", dir_okay=False)
    ] = None,
    evidence: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep a file for each finding that finds it again offline.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="ID,...", help="Only these detectors; reentrancy* takes a family.")
    ] = None,
    exclude: Annotated[list[str] | None, typer.Option(metavar="ID,...", help="All detectors but these.")] = None,
    fail_on: Annotated[
        str,
        typer.Option(metavar="SEVERITY", help="Exit with 1 from here on: critical, high, medium, low, info, never."),
    ] = "low",
    labels: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Names of addresses: .csv, .json or .toml.", dir_okay=False)
    ] = None,
    protocols: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Tables of events, selectors and addresses of your own.", dir_okay=False),
    ] = None,
    counterfactual: Annotated[
        bool,
        typer.Option(
            "--counterfactual/--no-counterfactual",
            help="Execute blocks in other orders to prove who lost what to whom.",
        ),
    ] = True,
    ordering: Annotated[
        str | None, typer.Option(help="How the chain says it orders: priority-fee or first-come.")
    ] = None,
    order: Annotated[
        str | None,
        typer.Option(
            metavar="N,N,...", help="Execute the file's block in this order of its transactions, and no more."
        ),
    ] = None,
    tree: Annotated[
        bool, typer.Option("--tree", help="Show the calls of each transaction that is found, or is asked for.")
    ] = False,
    depth: Annotated[int, typer.Option(min=0, max=1024, help="Levels of calls that a tree shows.")] = 64,
    max_rows: Annotated[int, typer.Option(min=1, max=1_000_000, help="Rows of one tree.")] = 2_000,
    follow: Annotated[
        str, typer.Option("--second-pass", help="Follow values through which transactions: first (none), picked, all.")
    ] = "picked",
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, max=256, help="Blocks worked on at once.")] = 1,
    seed: Annotated[int, typer.Option(help="Seed of every random choice.")] = 0,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Chain configuration of your own: a TOML entry or a rollup.json."),
    ] = None,
    family: Annotated[
        str | None, typer.Option(help="Rule family of --config, where the file does not name it: ethereum or op.")
    ] = None,
    max_rounds: Annotated[int, typer.Option(min=1, max=10_000, help="Rounds of fetching for one block.")] = 64,
    rpc_timeout: Annotated[float, typer.Option(min=0.1, help="Seconds of a node's silence.")] = 45.0,
    verbose: Annotated[
        int, typer.Option("--verbose", "-v", count=True, help="Say what was suppressed (-v), and what it took (-vv).")
    ] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No talk on stderr but errors.")] = False,
) -> None:
    """Say what was attacked, taken or reordered in blocks, transactions and traces.

    Exit code: 0 no finding from --fail-on up, 1 such a finding, 2 something could not be looked at or bad usage, 130
    cancelled. What a detector cannot judge from its source is printed as unknown and does not change the code.
    """
    urls = rpc_url or os.environ.get("ETH_RPC_URL", "").split()
    given.usage(files, rpc_url, urls, tx, block, pending, trace=trace)
    severity = given.severity(fail_on)
    if ordering not in (None, "priority-fee", "first-come"):
        raise typer.BadParameter("--ordering is priority-fee or first-come")
    if follow not in ("first", "picked", "all"):
        raise typer.BadParameter("--second-pass is first, picked or all")
    if family is not None and config is None:
        raise typer.BadParameter("--family says what --config is: give both")
    if sarif == "-" and (json or tree):
        raise typer.BadParameter("--sarif - takes all of stdout: leave --json and --tree out")
    if tree and json:
        raise typer.BadParameter("--tree is for people: leave --json out, or use --html")
    if order is not None and (not files or len(files) != 1 or trace or tx):
        raise typer.BadParameter("--order goes with one file of a block")
    wanted = given.transaction_hash(tx) if tx is not None else None

    def inspections() -> Iterable[Inspection]:
        found: Iterable[Inspection]
        import rollproof as rp  # says how to build the core where it is not

        options = _options(
            jobs=jobs,
            config=config,
            family=family,
            only=tuple(given.listed(only)),
            exclude=tuple(given.listed(exclude)),
            protocols=protocols,
            ordering=ordering,
            counterfactual=counterfactual,
            followed=follow,
            evidence=evidence,
            max_rounds=max_rounds,
            rpc_timeout=rpc_timeout,
            seed=seed,
            say=say if verbose and not quiet else None,
        )
        if files:
            found = rp.inspect_traces(files, options) if trace else rp.inspect(files, options)
            return found if wanted is None else _about(found, wanted)
        if pending:
            found = [rp.inspect_pending(urls, list(given.raw(pending)), block or "latest", options)]
        elif wanted is not None:
            found = [rp.inspect_transaction(urls, wanted, options)]
        else:
            found = rp.inspect_range(urls, block or "", options)
        return found

    output = Output(
        json=json,
        sarif=sarif,
        html=html,
        labels=labels,
        fail_on=severity,
        tree=tree,
        transaction=wanted,
        depth=depth,
        max_rows=max_rows,
        verbose=verbose,
        quiet=quiet,
    )
    if order is not None and files:
        from rollproof.cli.reorder import print_order

        raise typer.Exit(print_order(files[0], order, config=config, family=family, as_json=json))
    raise typer.Exit(print_inspections(inspections, output))


def _about(inspections: Iterable[Inspection], transaction: bytes) -> Iterator[Inspection]:
    """What of them is about one transaction. Raises Missing where none has executed it."""
    there = False
    for each in inspections:
        if each.looked and transaction not in each:
            continue
        there |= each.looked
        yield each.about(transaction)
    if not there:
        raise Missing(f"transaction 0x{transaction.hex()} is in none of the files")


def _options(*, config: Path | None, family: str | None, rpc_timeout: float, **rest: Any) -> Options:
    from rollproof.chain import config as chains
    from rollproof.chain.rpc import Limits
    from rollproof.detect.inspection import Options

    own = None if config is None else chains.from_file(config, family=family)
    return Options(config=own, limits=Limits(timeout=rpc_timeout), **rest)
