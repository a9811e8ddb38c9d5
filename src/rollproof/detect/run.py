"""Every detector over one block: what they found, what they kept back, and what they could not judge."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import ExecutedBlock
from rollproof.detect.registry import detectors as registered
from rollproof.detect.shows import Shows
from rollproof.types import Finding, Suppressed, Unjudged


@dataclass(slots=True)
class Report:
    """What came of one block. ``second_pass`` is how many of its ``transactions`` the expensive pass was run for."""

    findings: list[Finding] = field(default_factory=list)
    suppressed: list[Suppressed] = field(default_factory=list)
    unjudged: list[Unjudged] = field(default_factory=list)
    transactions: int = 0
    second_pass: int = 0

    def add(self, judgements: Iterable[Judgement]) -> None:
        """Sorts them by what they are."""
        for each in judgements:
            if isinstance(each, Finding):
                self.findings.append(each)
            elif isinstance(each, Suppressed):
                self.suppressed.append(each)
            else:
                self.unjudged.append(each)


def judge(block: ExecutedBlock, detectors: Sequence[Detector] | None = None) -> Report:
    """Runs detectors (all that are registered, by default) over a block. A finding that two give twice counts once."""
    chosen = registered() if detectors is None else detectors
    report = Report(transactions=len(block.executions))
    report.second_pass = sum(execution.facts.steps is not None for execution in block.executions)
    able: list[Detector] = []
    for detector in chosen:
        missing = detector.needs & ~block.shows
        if missing:
            report.unjudged.append(detector.unjudged(block, f"the source does not show {named(missing)}"))
        else:
            able.append(detector)
    report.unjudged += [detector.unjudged(block, gap) for gap in block.gaps for detector in able]
    single = [(detector, int(detector.trigger)) for detector in able if detector.scope == "transaction"]
    seen, unfollowed = 0, dict[Detector, int]()
    for execution in block.executions:
        flags = int(execution.flags)
        seen |= flags
        for detector, trigger in single:
            if trigger and not trigger & flags:
                continue
            if Shows.STEPS in detector.needs and execution.facts.steps is None:
                unfollowed[detector] = unfollowed.get(detector, 0) + 1
            else:
                report.add(detector.check(execution))
    for detector, count in unfollowed.items():
        reason = f"{count} transaction(s) were not followed step by step"
        report.unjudged.append(detector.unjudged(block, reason))
    for detector in able:
        if detector.scope == "block" and (not detector.trigger or detector.trigger & seen):
            report.add(detector.check(block))
    report.findings = list({each.id: each for each in reversed(report.findings)}.values())[::-1]
    report.findings.sort(key=lambda each: -each.severity.rank)
    return report


def named(parts: Shows) -> str:
    """Words for what is missing."""
    return ", ".join((each.name or "").lower().replace("_", " ") for each in Shows if each in parts)
