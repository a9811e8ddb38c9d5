"""Everything that gives findings, explained: the registered detectors, and what judges a verdict instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rollproof.detect import broken_block, registry, unattributed_change
from rollproof.detect.detector import Detector
from rollproof.detect.run import named
from rollproof.detect.shows import Shows
from rollproof.types import Severity


@dataclass(frozen=True, slots=True)
class Explanation:
    """The constants of what judges a whole block's verdict, and no execution."""

    id: str
    severity: Severity
    title: str
    what: str
    why: str
    example: str
    references: tuple[str, ...] = ()
    since: str = "0.1"
    scope: str = "block"
    needs: Shows = Shows.STATE


OF_VERDICTS: Final = (
    Explanation(
        id=broken_block.ID,
        severity=Severity.HIGH,
        title="A block does not hold",
        what="Executing the block's transactions by the chain's rules gives another header than the one claimed.",
        why=(
            "Whoever made or served the block lies about its result, or runs other rules. Everything else that is said "
            "about the block is about our own execution of it."
        ),
        example="A state root over a balance that no transaction made; a gas limit that the rules do not allow.",
        references=("docs/verdicts.md",),
    ),
    Explanation(
        id=unattributed_change.ID,
        severity=Severity.CRITICAL,
        title=unattributed_change.TITLE,
        what=(
            "An account or slot whose claimed value after the block is not what executing the block's transactions "
            "gives, and that none of them wrote."
        ),
        why=(
            "Somebody changed the state past the transactions: a sequencer that lies, or a node whose database was "
            "altered."
        ),
        example="A token balance that grows in a block without any transfer to it, under a header sealed over it.",
        references=("docs/verdicts.md",),
    ),
)


def explained() -> tuple[Detector | Explanation, ...]:
    """All of them in the order in which they are listed. Raises as `registry.detectors`."""
    return (*registry.detectors(), *OF_VERDICTS)


def needs(each: Detector | Explanation) -> str:
    """What its source has to show, in words."""
    return named(each.needs)
