"""A progress bar for long computations, on stderr and gone when they end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


@contextmanager
def bar(*, show: bool) -> Iterator[Callable[[str, int, int], None] | None]:
    """Gives a function of (what, steps done, steps in all), or None where nothing is to be shown."""
    if not show:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as progress:
        task = progress.add_task("", total=None)
        last = ""

        def tell(what: str, done: int, total: int) -> None:
            nonlocal last
            if what != last:
                progress.reset(task, description=what)
                last = what
            progress.update(task, completed=done, total=total)

        yield tell
