"""``rollproof explain``: what a detector looks for, why it matters, and what it needs."""

from __future__ import annotations

from typing import Annotated

import typer

from rollproof.cli.talk import complain
from rollproof.errors import RollproofError
from rollproof.report import detector_text

EXAMPLE = "Example:  [bold]rollproof explain sandwich[/bold]   or   [bold]rollproof explain --all --json[/bold]"


def explain(
    detector: Annotated[
        list[str] | None, typer.Argument(metavar="DETECTOR...", help="Which; a list of all where none is named.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of them, in full.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="As the page docs/detectors.md.")] = False,
) -> None:
    """Explain detectors: what they find, why it matters, an example, references, and what a source has to show.

    Exit code: 0, or 2 for a detector that there is not.
    """
    if detector and everything:
        raise typer.BadParameter("name detectors, or give --all")
    if json and markdown:
        raise typer.BadParameter("--json or --markdown, not both")
    try:
        from rollproof.detect.explained import explained, needs
        from rollproof.detect.inspection import chosen

        there = chosen(explained(), detector or ())
        described = [detector_text.Described(each, needs(each)) for each in there]
    except (RollproofError, ImportError) as error:
        complain(str(error))
        raise typer.Exit(2) from None
    if markdown:
        print(detector_text.page(described), end="")
    elif json:
        for each in described:
            print(detector_text.line(each))
    elif detector or everything:
        print("\n\n".join(map(detector_text.text, described)))
    else:
        print("\n".join(detector_text.table(described)))
