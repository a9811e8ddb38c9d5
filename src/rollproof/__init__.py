"""Rollproof re-executes Ethereum and OP Stack blocks and says exactly what is wrong.

>>> import rollproof as rp
>>> for verdict in rp.verify("block.json.gz"):
...     print(verdict.outcome, verdict.differences)

What ``__all__`` lists is the public surface; everything else may change.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from rollproof.errors import Lying, Malformed, Missing, Reset, Retry, RollproofError, Stop, Unsupported
from rollproof.report.notebook import html, short
from rollproof.types import Claim, Difference, Header, Outcome, PayloadAttributes, Verdict, Withdrawal

if TYPE_CHECKING:
    from rollproof.replay.counterfactual import replay
    from rollproof.replay.online import verify_payload, verify_range
    from rollproof.replay.verify import trace, verify

__all__ = [
    "Claim",
    "Difference",
    "Header",
    "Lying",
    "Malformed",
    "Missing",
    "Outcome",
    "PayloadAttributes",
    "Reset",
    "Retry",
    "RollproofError",
    "Stop",
    "Unsupported",
    "Verdict",
    "Withdrawal",
    "__version__",
    "replay",
    "trace",
    "verify",
    "verify_payload",
    "verify_range",
]

try:
    __version__ = version("rollproof")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"

# The vocabulary imports nothing of ours, so how a verdict is shown is attached here.
setattr(Verdict, "_repr_html_", html)  # noqa: B010
setattr(Verdict, "__repr__", short)  # noqa: B010


def __getattr__(name: str) -> Any:
    """What needs the extension, loaded on first use: the vocabulary can be imported where that is not built."""
    if name not in ("replay", "trace", "verify", "verify_payload", "verify_range"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from rollproof import _core  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "rollproof's compiled core is not built: run `make setup` in the checkout "
            "(or `pip install .`; both need Rust 1.94 or newer)"
        ) from error
    from rollproof import replay  # a room that can be called
    from rollproof.replay import online
    from rollproof.replay.verify import trace, verify

    globals().update(
        replay=replay,
        trace=trace,
        verify=verify,
        verify_payload=online.verify_payload,
        verify_range=online.verify_range,
    )
    return globals()[name]


def __dir__() -> list[str]:
    return sorted(__all__)
