"""What is needed to recompute a finding offline, in one file for each: `rollproof inspect FILE` finds it again.

Of our own execution that is an evidence file (docs/evidence.md) with what the execution read, whose ``source`` names
the finding; of a foreign trace it is the recording itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rollproof import _core
from rollproof.detect.inspection import Inspection
from rollproof.errors import RollproofError
from rollproof.replay import evidence
from rollproof.types import Claim, Finding

if TYPE_CHECKING:
    from rollproof.detect.foreign import Recording

NAMES = "finding {id} of {detector}"
NOT_WRITTEN = "evidence not written"


def of_block(
    found: Inspection,
    claim: Claim,
    preimages: _core.Preimages,
    witness: Sequence[bytes] | _core.Preimages,
    directory: Path | None,
) -> Inspection:
    """The inspection with its findings' evidence written; what prevents it is said in its notes.

    ``witness`` is what of the ``preimages`` the block's execution needs.
    """
    if directory is None or not found.findings:
        return found
    # Other orders read more than the block itself did, so where one was executed all there is goes along.
    reordered = any(each.counterfactual for each in found.findings)
    needed = preimages if reordered else witness

    def write(finding: Finding) -> Path:
        target = directory / f"{finding.id}.evidence"
        named = NAMES.format(id=finding.id, detector=finding.detector)
        evidence.write(target, replace(claim, source=named), needed)
        return target

    return _written(found, directory, write)


def of_recording(found: Inspection, recording: Recording, directory: Path | None) -> Inspection:
    """The same for a foreign recording: its documents, unchanged, in one file."""
    if directory is None or not found.findings:
        return found

    def write(finding: Finding) -> Path:
        return recording.save(directory, finding.id)

    return _written(found, directory, write)


def _written(found: Inspection, directory: Path, write: Callable[[Finding], Path]) -> Inspection:
    kept: list[Finding] = []
    notes: list[str] = []
    for finding in found.findings:
        try:
            directory.mkdir(parents=True, exist_ok=True)
            kept.append(replace(finding, evidence=str(write(finding))))
            continue
        except OSError as error:
            notes.append(f"{NOT_WRITTEN}: {directory.name}: {error.strerror or type(error).__name__}")
        except RollproofError as error:
            notes.append(f"{NOT_WRITTEN}: {error}")
        kept.append(finding)
    return replace(found, findings=tuple(kept), notes=(*found.notes, *dict.fromkeys(notes)))
