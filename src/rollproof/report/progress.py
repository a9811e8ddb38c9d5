"""How far a run is, on stderr: only where a person sees it, and never in the way of the data on stdout."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.live import Live
from rich.text import Text

from rollproof.report import text
from rollproof.types import Outcome, Verdict


def wanted() -> bool:
    """Whether stderr is a terminal and neither NO_COLOR nor ROLLPROOF_NO_PROGRESS is set."""
    return sys.stderr.isatty() and not (os.environ.get("NO_COLOR") or os.environ.get("ROLLPROOF_NO_PROGRESS"))


def shown(verdicts: Iterable[Verdict], *, show: bool) -> Iterator[Verdict]:
    """The same verdicts; between them, with ``show``, one line on stderr says how many there were."""
    if not show:
        yield from verdicts
        return
    outcomes: Counter[Outcome] = Counter()
    began = time.monotonic()
    # The line is taken away while the caller prints: on a terminal stdout and stderr are the same screen.
    live = Live(console=Console(stderr=True), auto_refresh=False, transient=True, redirect_stdout=False)
    try:
        iterator = iter(verdicts)
        while True:
            live.start()
            live.update(Text(text.summary(outcomes, time.monotonic() - began) + " ..."), refresh=True)
            verdict = next(iterator, None)
            live.stop()
            if verdict is None:
                return
            outcomes[verdict.outcome] += 1
            yield verdict
    finally:
        live.stop()
