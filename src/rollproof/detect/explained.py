"""Everything that gives findings, explained: the registered detectors, and what is no detector but says as much."""

from __future__ import annotations

from dataclasses import dataclass

from rollproof.detect import registry, unattributed_change
from rollproof.detect.detector import Detector
from rollproof.detect.run import named
from rollproof.detect.shows import Shows
from rollproof.types import Severity


@dataclass(frozen=True, slots=True)
class Unattributed:
    """The constants of `unattributed_change`, which judges a verdict and not an execution."""

    id: str = unattributed_change.ID
    severity: Severity = Severity.CRITICAL
    title: str = unattributed_change.TITLE
    what: str = (
        "An account or slot whose claimed value after the block is not what executing the block's transactions gives, "
        "and that none of them wrote."
    )
    why: str = (
        "Somebody changed the state past the transactions: a sequencer that lies, or a node whose database was altered."
    )
    example: str = "A token balance that grows in a block that holds no transfer to it, under a header sealed over it."
    references: tuple[str, ...] = ()
    since: str = "0.1"
    scope: str = "block"
    needs: Shows = Shows.STATE


def explained() -> tuple[Detector | Unattributed, ...]:
    """All of them in the order in which they are listed. Raises as `registry.detectors`."""
    return (*registry.detectors(), Unattributed())


def needs(each: Detector | Unattributed) -> str:
    """What its source has to show, in words."""
    return named(each.needs)
