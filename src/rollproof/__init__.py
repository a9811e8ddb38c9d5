"""Rollproof re-executes Ethereum and OP Stack blocks and says exactly what is wrong.

>>> import rollproof as rp
>>> for verdict in rp.verify("block.json.gz"):
...     print(verdict.outcome, verdict.differences)
>>> for inspection in rp.inspect("block.json.gz"):
...     print(inspection.findings)
>>> print(rp.risk("positions.csv", rules="gmx", scenario="base-2026-06").failures[0].bad_debt)

What ``__all__`` lists is the public surface; everything else may change.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from rollproof.errors import Lying, Malformed, Missing, Reset, Retry, RollproofError, Stop, Unsupported
from rollproof.report import call_tree, call_tree_html, finding_html, notebook, risk_notebook
from rollproof.types import (
    SHOWN,
    Amount,
    Claim,
    Confidence,
    Difference,
    Finding,
    Header,
    Outcome,
    PayloadAttributes,
    Severity,
    SlotChange,
    Suppressed,
    Unjudged,
    Verdict,
    Withdrawal,
)

if TYPE_CHECKING:
    from rollproof.detect.inspect import inspect, inspect_traces
    from rollproof.detect.online import inspect_range, inspect_transaction
    from rollproof.detect.pending import inspect_pending
    from rollproof.replay.online import verify_payload, verify_range
    from rollproof.replay.reorder import replay
    from rollproof.replay.verify import trace, verify
    from rollproof.risk.request import risk

__all__ = [
    "Amount",
    "Claim",
    "Confidence",
    "Difference",
    "Finding",
    "Header",
    "Lying",
    "Malformed",
    "Missing",
    "Outcome",
    "PayloadAttributes",
    "Reset",
    "Retry",
    "RollproofError",
    "Severity",
    "SlotChange",
    "Stop",
    "Suppressed",
    "Unjudged",
    "Unsupported",
    "Verdict",
    "Withdrawal",
    "__version__",
    "inspect",
    "inspect_pending",
    "inspect_range",
    "inspect_traces",
    "inspect_transaction",
    "replay",
    "risk",
    "trace",
    "verify",
    "verify_payload",
    "verify_range",
]

try:
    __version__ = version("rollproof")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"

# The vocabulary imports nothing of ours, so how its values are shown is attached here.
setattr(Verdict, "_repr_html_", notebook.html)  # noqa: B010
setattr(Verdict, "__repr__", notebook.short)  # noqa: B010
setattr(Finding, "_repr_html_", finding_html.html)  # noqa: B010
setattr(Finding, "__repr__", finding_html.short)  # noqa: B010

SHOWN["priced"] = (risk_notebook.short, risk_notebook.html)  # of a record: its class needs the extra to be imported

# What needs the extension, by the room and file it is in.
_LOADED = {
    "inspect": "detect.inspect",
    "inspect_pending": "detect.pending",
    "inspect_range": "detect.online",
    "inspect_traces": "detect.inspect",
    "inspect_transaction": "detect.online",
    "trace": "replay.verify",
    "verify": "replay.verify",
    "verify_payload": "replay.online",
    "verify_range": "replay.online",
}
# Rooms that can be called.
_ROOMS = ("replay", "risk")


def __getattr__(name: str) -> Any:
    """What needs the extension, loaded on first use: the vocabulary can be imported where that is not built."""
    if name not in _ROOMS and name not in _LOADED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from rollproof import _core  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "rollproof's compiled core is not built: run `make setup` in the checkout "
            "(or `pip install .`; both need Rust 1.94 or newer)"
        ) from error
    if name.startswith("inspect"):
        from rollproof.detect.call_tree import CallTree

        setattr(CallTree, "__str__", call_tree.text)  # noqa: B010
        setattr(CallTree, "_repr_html_", call_tree_html.html)  # noqa: B010
    if name in _ROOMS:
        globals()[name] = import_module(f"rollproof.{name}")
    else:
        globals()[name] = getattr(import_module(f"rollproof.{_LOADED[name]}"), name)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted(__all__)
