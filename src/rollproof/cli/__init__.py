"""The command line: arguments become one call, answers become lines. Data on stdout, talk on stderr."""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from typing import Annotated

import typer

import rollproof as rp
from rollproof.cli import drill, explain, inspect, lab, risk, verify
from rollproof.cli.talk import CANCELLED, complain

app = typer.Typer(
    add_completion=True,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"rollproof {rp.__version__}")
        raise typer.Exit


@app.callback()
def rollproof(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Re-executes Ethereum and OP Stack blocks and says exactly what is wrong."""


app.command(epilog=verify.EXAMPLE)(verify.verify)
app.command(epilog=inspect.EXAMPLE)(inspect.inspect)
app.command(epilog=explain.EXAMPLE)(explain.explain)
app.command(epilog=lab.EXAMPLE)(lab.lab)
app.command(epilog=drill.EXAMPLE)(drill.drill)
app.command(epilog=risk.EXAMPLE)(risk.risk)


def main() -> None:
    """Entry point. Nothing leaves it as a traceback unless ROLLPROOF_TRACEBACK is set."""
    try:
        app(prog_name="rollproof")
    except KeyboardInterrupt:
        raise SystemExit(CANCELLED) from None
    except Exception as error:
        if os.environ.get("ROLLPROOF_TRACEBACK"):
            traceback.print_exc()
        # Only where and what: the message could hold anything, a URL's key among it.
        where = traceback.extract_tb(error.__traceback__)[-1]
        complain(
            f"internal error: {type(error).__name__} in {Path(where.filename).name}:{where.lineno}; "
            "please report it with ROLLPROOF_TRACEBACK=1"
        )
        raise SystemExit(2) from None
