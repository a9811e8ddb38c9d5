"""How far a run is, on stderr: only where a person sees it, and never in the way of the data on stdout."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.live import Live
from rich.text import Text

from rollproof.report import text
from rollproof.types import Outcome, Verdict

T = TypeVar("T")


def wanted() -> bool:
    """Whether stderr is a terminal and neither NO_COLOR nor ROLLPROOF_NO_PROGRESS is set."""
    return sys.stderr.isatty() and not (os.environ.get("NO_COLOR") or os.environ.get("ROLLPROOF_NO_PROGRESS"))


def shown(verdicts: Iterable[Verdict], *, show: bool) -> Iterator[Verdict]:
    """The same verdicts; between them, with ``show``, one line on stderr says how many there were."""
    outcomes: Counter[Outcome] = Counter()
    began = time.monotonic()

    def said(verdict: Verdict | None) -> str:
        if verdict is not None:
            outcomes[verdict.outcome] += 1
        return text.summary(outcomes, time.monotonic() - began)

    return followed(verdicts, said, show=show)


def followed(items: Iterable[T], said: Callable[[T | None], str], *, show: bool) -> Iterator[T]:
    """The same items; between them, with ``show``, one line on stderr: what ``said`` gives for the last of them."""
    if not show:
        yield from items
        return
    # The line is taken away while the caller prints: on a terminal stdout and stderr are the same screen.
    live = Live(console=Console(stderr=True), auto_refresh=False, transient=True, redirect_stdout=False)
    line = said(None)
    try:
        iterator = iter(items)
        while True:
            live.start()
            live.update(Text(line + " ..."), refresh=True)
            item = next(iterator, None)
            live.stop()
            if item is None:
                return
            line = said(item)
            yield item
    finally:
        live.stop()
