"""What the commands say on stderr, and the exit code of a run that was cut off."""

from __future__ import annotations

import sys

from rollproof.report import text

CANCELLED = 130


def say(message: str) -> None:
    """One line of talk; control characters of whoever made the text are made visible."""
    print(text.visible(message), file=sys.stderr)


def complain(message: str) -> None:
    """One line that says why a command ends."""
    say(f"rollproof: {message}")
