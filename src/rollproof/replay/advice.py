"""What a person can do about an error that a node caused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rollproof.errors import Lying, Malformed, Missing, Reset, Retry, RollproofError, Unsupported

_ADVICE: tuple[tuple[type[RollproofError], str], ...] = (
    (Reset, "run again"),
    (Retry, "try again later, or add a node with --rpc-url"),
    (Lying, "do not rely on this node, ask another one with --rpc-url"),
    (Missing, "ask a node that serves it with --rpc-url"),
    (Unsupported, "ask a node that serves it with --rpc-url"),
    (Malformed, "ask another node with --rpc-url"),
)


@contextmanager
def advised() -> Iterator[None]:
    """Errors that leave the block say what to do."""
    try:
        yield
    except RollproofError as error:
        advice = next((text for kind, text in _ADVICE if isinstance(error, kind)), "")
        if not advice or str(error).endswith(advice):
            raise
        raise type(error)(f"{error}; {advice}") from None
