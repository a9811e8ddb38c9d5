"""What a check finds in one of our own executions when it is given only the event trace of it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from detect.event_form import event_form
from rollproof.detect.detector import Detector
from rollproof.detect.execution import Execution
from rollproof.types import Finding


def as_events(execution: Execution) -> Execution:
    """The execution again, from its event trace."""
    with TemporaryDirectory() as directory:
        return event_form(execution, Path(directory)).executions[0]


def found_again(detector: Detector, execution: Execution) -> list[Finding]:
    """What a check of transactions finds in it."""
    return [each for each in detector.check(as_events(execution)) if isinstance(each, Finding)]
