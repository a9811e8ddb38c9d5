"""``rollproof drill``: break the lab on purpose, and see what is detected."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rollproof.cli.talk import CANCELLED, complain, say
from rollproof.errors import RollproofError

EXAMPLE = (
    "Example:  [bold]rollproof drill state-slot gas-after-failure[/bold]   or   [bold]rollproof drill --json[/bold]"
)


def drill(
    scenarios: Annotated[
        list[str] | None, typer.Argument(metavar="SCENARIO...", help="Which; all of them if none is named.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    family: Annotated[
        str | None, typer.Option(help="Only one family: state-transition, ordering, link, liveness, contract, node.")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="Say which scenarios there are, and run none.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the matrix as Markdown, too.", dir_okay=False)
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No talk on stderr but errors.")] = False,
) -> None:
    """Run scenarios and a fault-free control of the same seed, and print what was detected by which check.

    Exit code: 0 all that a check covers was detected at the right place and the control is silent, 1 something was
    missed or a false alarm raised, 2 could not run, or no check covers any, 130 cancelled. What no check covers yet is
    shown as not covered.
    """
    try:
        from rollproof.lab import drill as run
        from rollproof.report import drill as shown

        chosen = run.chosen(scenarios or (), family)
        if listed:
            for scenario in chosen:
                print(shown.listed(scenario, as_json=json), flush=True)
            return
        results = []
        for result in run.drill(chosen, seed=seed, say=None if quiet else say):
            results.append(result)
            if json:
                print(shown.line(result), flush=True)
        if not json:
            print(shown.matrix(results), flush=True)
        if markdown is not None:
            markdown.write_text(shown.markdown(results, seed), encoding="utf-8")
        raise typer.Exit(run.exit_code(results))
    except KeyboardInterrupt:
        raise typer.Exit(CANCELLED) from None
    except (RollproofError, ImportError) as error:
        complain(str(error))
    except OSError as error:
        complain(f"{Path(error.filename or 'output').name}: {error.strerror or type(error).__name__}")
    raise typer.Exit(2)
