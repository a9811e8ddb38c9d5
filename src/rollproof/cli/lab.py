"""``rollproof lab``: an embedded L1 and L2 with a perpetuals venue, served over JSON-RPC."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rollproof.cli.talk import CANCELLED, complain, say
from rollproof.errors import RollproofError

EXAMPLE = (
    "Example:  [bold]rollproof lab --blocks 100[/bold]   or   "
    "[bold]rollproof lab --real-time --inject state-slot:at=50[/bold]"
)


def lab(
    blocks: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Run to this L2 block, print a summary, and exit.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random: the same seed makes the same chains.")] = 0,
    scenario: Annotated[
        list[str] | None,
        typer.Option(
            "--scenario", "--inject", metavar="FAULT[:NAME=VALUE,...]", help="A fault to inject; repeat for more."
        ),
    ] = None,
    at: Annotated[int, typer.Option(min=1, help="The L2 block before which the faults are injected.")] = 20,
    real_time: Annotated[bool, typer.Option("--real-time", help="One L2 block every two seconds of the wall.")] = False,
    speed: Annotated[int, typer.Option(min=1, max=1000, help="Times real time, where it is not --real-time.")] = 10,
    ordering: Annotated[str, typer.Option(help="The sequencer's: fifo or priority-fee.")] = "fifo",
    prices: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Prices to follow (time,price) in place of the seeded path.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    l1_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the L1 node; 0: any.")] = 8545,
    l2_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the L2 sequencer's node; 0: any.")] = 9545,
    follower_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of an honest L2 node; 0: any.")] = 9546,
    directory: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the chain configurations that verify takes there.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No talk on stderr but errors.")] = False,
) -> None:
    """Start both chains and serve them, or run them to a block and exit."""
    try:
        from rollproof.lab import session

        options = session.Options(
            seed=seed,
            ordering=ordering,
            prices=prices,
            faults=tuple(scenario or ()),
            at=at,
            blocks=blocks,
            speed=1 if real_time else speed,
            host=host,
            ports=(l1_port, l2_port, follower_port),
            directory=directory,
        )
        for line in session.run(options, None if quiet else say):
            print(line.as_json() if json else line.text(), flush=True)
        return
    except KeyboardInterrupt:
        raise typer.Exit(CANCELLED if blocks else 0) from None
    except (RollproofError, ImportError) as error:
        complain(str(error))
    except OSError as error:
        complain(f"{Path(error.filename or 'network').name}: {error.strerror or type(error).__name__}")
    raise typer.Exit(2)
