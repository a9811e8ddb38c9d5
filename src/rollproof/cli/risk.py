"""``rollproof risk``: what an execution failure costs leveraged positions."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from rollproof.cli.talk import CANCELLED, complain
from rollproof.errors import RollproofError
from rollproof.report import progress

EXAMPLE = (
    "Example:  [bold]rollproof risk positions.csv --rules gmx --scenario base-2026-06[/bold]   or   "
    "[bold]rollproof risk --evidence block.evidence[/bold]"
)

LEVELS = (0.975, 0.99, 0.999)  # those of every answer; `risk.estimate` is not loaded before it is needed


def risk(
    positions: Annotated[
        Path | None,
        typer.Argument(metavar="POSITIONS", help="Positions: .csv or .parquet, columns in docs/positions.md."),
    ] = None,
    evidence: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="From a verdict to money: a block's evidence file.", dir_okay=False),
    ] = None,
    venue: Annotated[
        str | None, typer.Option(metavar="ADDRESS|NAME", help="A venue's contract, or one of several in POSITIONS.")
    ] = None,
    rpc_url: Annotated[
        list[str] | None,
        typer.Option("--rpc-url", "-r", metavar="URL", help="A node, for --venue or --evidence. Else ETH_RPC_URL."),
    ] = None,
    block: Annotated[str, typer.Option(metavar="BLOCK", help="At which block --venue is read.")] = "latest",
    adapter: Annotated[
        str | None, typer.Option(metavar="NAME", help="How --venue is read; found out if not given.")
    ] = None,
    accounts: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="Of a venue that keeps no list of its accounts; repeat."),
    ] = None,
    rules: Annotated[
        str | None,
        typer.Option(metavar="FAMILY|FILE", help="Margin rules: a family's name, or a TOML file. --list names them."),
    ] = None,
    scenario: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME|FILE", help="What fails: a preset or a TOML file; repeat for more. --list."),
    ] = None,
    price: Annotated[
        list[str] | None, typer.Option(metavar="ASSET=PRICE", help="A mark, where the file has none; repeat.")
    ] = None,
    quote: Annotated[str, typer.Option(metavar="NAME", help="Currency of all money in POSITIONS.")] = "USD",
    prices: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Prices over time (CSV) that the market model is fitted to.", dir_okay=False),
    ] = None,
    volatility: Annotated[
        list[str] | None,
        typer.Option(metavar="[ASSET=]V", help="Annual, of the diffusion (0.8), where no --prices are given."),
    ] = None,
    liquidity: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Depth of the markets (TOML).", dir_okay=False)
    ] = None,
    network: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Who owes whom (TOML): contagion from this venue's loss.", dir_okay=False),
    ] = None,
    insurance_fund: Annotated[float, typer.Option(min=0, help="Of the venue, in the quote currency.")] = 0.0,
    pool: Annotated[
        float | None, typer.Option(min=0, help="Liquidity pool that faces the traders; none: they face each other.")
    ] = None,
    recommend: Annotated[
        list[str] | None,
        typer.Option(metavar="SETTING", help="A setting that keeps the loss within --budget; repeat. --list."),
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(min=0, help="Shortfall of one failure that is accepted, quote. Above it the exit code is 1."),
    ] = None,
    level: Annotated[float, typer.Option(help="Level of the shortfall for --budget: 0.975, 0.99 or 0.999.")] = 0.999,
    paths: Annotated[int, typer.Option(min=1024, max=1 << 26, help="Of the terminal Monte Carlo.")] = 131_072,
    cascade_paths: Annotated[
        int | None,
        typer.Option(
            min=0, max=1 << 22, help="Of the stepped cascade (4,096, fewer or none of a large book); 0: none."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of every random choice.")] = 0,
    engine: Annotated[str, typer.Option(help="Who computes: threads, processes or ray.")] = "threads",
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, max=1024, help="Workers; all cores if not given.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line and scenario.")] = False,
    report: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Write a report: .html, .md or .json; repeat.", dir_okay=False),
    ] = None,
    figures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the figures there, SVG and PNG.", file_okay=False)
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Chain configuration for --evidence, as verify takes it.", dir_okay=False),
    ] = None,
    family: Annotated[
        str | None, typer.Option(help="Rule family of --config, where the file does not name it.")
    ] = None,
    evidence_out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the evidence with all that was fetched for the venue.", dir_okay=False
        ),
    ] = None,
    listed: Annotated[
        bool, typer.Option("--list", help="Scenarios, rules, adapters and settings, and no run.")
    ] = False,
    verbose: Annotated[
        int,
        typer.Option("--verbose", "-v", count=True, help="With --evidence: accounts that nothing happened to, too."),
    ] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No talk on stderr but errors.")] = False,
) -> None:
    """Price an execution failure. Exit code: 0 priced, 1 money is wrong or over --budget, 2 could not price all."""
    if listed:
        from rollproof.cli.listed import names

        for line in names():
            print(line)
        raise typer.Exit
    urls = rpc_url or os.environ.get("ETH_RPC_URL", "").split()
    if (positions is not None) + (evidence is not None) + (positions is None and venue is not None) == 0:
        raise typer.BadParameter("give POSITIONS, or --venue with --rpc-url, or --evidence")
    if positions is not None and evidence is not None:
        raise typer.BadParameter("POSITIONS and --evidence are two different questions: give one")
    if recommend and budget is None:
        raise typer.BadParameter("--recommend needs --budget")
    if level not in LEVELS:
        raise typer.BadParameter(f"--level is {', '.join(map(str, LEVELS))}, not {level}")
    if volatility and prices is not None:
        raise typer.BadParameter("--volatility is for a market that is not fitted: give it or --prices")
    if evidence is not None:
        _alone("--evidence", {
            "--rules": rules, "--scenario": scenario, "--price": price, "--prices": prices, "--volatility": volatility,
            "--liquidity": liquidity, "--network": network, "--insurance-fund": insurance_fund, "--pool": pool,
            "--recommend": recommend, "--budget": budget, "--figures": figures,
        })  # fmt: skip
    else:
        _alone("what is no --evidence", {"--config": config, "--family": family, "--evidence-out": evidence_out})
    if positions is None:
        _alone("a contract, which says it itself", {
            "--price": price, "--insurance-fund": insurance_fund, "--pool": pool,
        })  # fmt: skip
    if evidence is not None:
        from rollproof.cli import consequence

        raise typer.Exit(
            consequence.run(
                evidence, venue=venue, adapter=adapter, accounts=accounts or (), rpc_url=urls, config=config,
                family=family, evidence_out=evidence_out, html=_page(report), as_json=json, verbose=verbose,
                quiet=quiet, seed=seed,
            )
        )  # fmt: skip
    if positions is None and not urls:
        raise typer.BadParameter("no node: give --rpc-url or set ETH_RPC_URL")
    show = not quiet and progress.wanted()
    try:
        from rollproof.cli import priced

        asked = priced.Asked(
            positions=positions, venue=venue, urls=tuple(urls), block=block, adapter=adapter,
            accounts=tuple(accounts or ()), rules=rules,
            scenarios=tuple(scenario or ("outage",)), prices=_pairs(price, "--price"), quote=quote, history=prices,
            volatility=_pairs(volatility, "--volatility", alone=True), liquidity=liquidity, network=network,
            insurance_fund=insurance_fund, pool=pool, recommend=tuple(recommend or ()), budget=budget, level=level,
            paths=paths, cascade_paths=cascade_paths, seed=seed, engine=engine, jobs=jobs,
        )  # fmt: skip
        code = priced.run(asked, as_json=json, reports=report or (), figures=figures, show=show, talk=not quiet)
    except ImportError as error:
        complain(_lacking(error))
        raise typer.Exit(2) from None
    except RollproofError as error:
        complain(str(error))
        raise typer.Exit(2) from None
    except BrokenPipeError:  # whoever read our lines has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(CANCELLED) from None
    except OSError as error:
        complain(f"{Path(error.filename or 'input').name}: {error.strerror or type(error).__name__}")
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        raise typer.Exit(CANCELLED) from None
    raise typer.Exit(code)


def _page(report: Sequence[Path] | None) -> Path | None:
    """The one page that --evidence writes. Raises BadParameter for another kind of report."""
    if not report:
        return None
    if len(report) > 1 or report[0].suffix != ".html":
        raise typer.BadParameter("with --evidence, --report writes one .html page")
    return report[0]


def _alone(what: str, others: Mapping[str, object]) -> None:
    """Raises BadParameter for an option that would be ignored."""
    for name, given in others.items():
        if given:
            raise typer.BadParameter(f"{name} is not for {what}")


def _lacking(error: ImportError) -> str:
    """Which extra to install. Raises the error again where a module of this package is missing: no extra has it."""
    if (error.name or "").partition(".")[0] == "rollproof":
        raise error
    return f"rollproof risk needs the extra 'risk': pip install 'rollproof[risk]' ({error.name or error} is not here)"


def _pairs(given: Sequence[str] | None, name: str, *, alone: bool = False) -> dict[str, float]:
    """``ASSET=NUMBER`` each; with ``alone`` a number by itself is for every asset, under the name ""."""
    out: dict[str, float] = {}
    for each in given or ():
        asset, sign, number = each.rpartition("=")
        if not sign and not alone:
            raise typer.BadParameter(f"{name} is ASSET=NUMBER, not {each[:40]!r}")
        asset = asset.strip()
        if asset in out:
            raise typer.BadParameter(f"{name}: {asset[:40]!r} is given twice" if asset else f"{name} is given twice")
        try:
            out[asset] = float(number)
        except ValueError:
            raise typer.BadParameter(f"{name}: {number[:40]!r} is not a number") from None
    return out
