"""What came of a run so far: how much of what, what failed, and the exit code that follows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any

from rollproof.report import finding_text
from rollproof.types import Finding, Severity

if TYPE_CHECKING:
    from rollproof.detect.inspection import Inspection


@dataclass
class Tally:
    """What came so far; findings and pages are kept only where something is written at the end."""

    severities: Counter[Severity] = field(default_factory=Counter)
    sources: int = 0
    transactions: int = 0
    second_pass: int = 0
    unknown: int = 0
    suppressed: int = 0
    failures: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    unjudged: dict[str, Counter[str]] = field(default_factory=dict)  # reason -> detectors
    sections: list[str] = field(default_factory=list)
    left_out: int = 0
    began: float = field(default_factory=monotonic)

    def add(self, found: Inspection) -> None:
        """Counts one inspection."""
        self.sources += 1
        self.severities.update(each.severity for each in found.findings)
        self.transactions += found.transactions
        self.second_pass += found.second_pass
        self.unknown += len(found.unjudged)
        for reason, detectors in finding_text.reasons(found.unjudged).items():
            self.unjudged.setdefault(reason, Counter()).update(detectors)
        self.suppressed += len(found.suppressed)
        if not found.looked:
            self.failures.append(f"{found.source}: {found.reason}")
        self.failures += [f"{found.source}: {gap}" for gap in found.gaps]

    def code(self, fail_on: Severity | None, *, cut_short: bool) -> int:
        """1 for a finding that counts, 2 where something was not looked at, else 0."""
        if fail_on is not None and any(count and each.rank >= fail_on.rank for each, count in self.severities.items()):
            return 1
        return 2 if cut_short or self.failures or not self.sources else 0

    def sentence(self) -> str:
        """How far it is, for people."""
        return finding_text.summary(
            self.severities,
            sources=self.sources,
            transactions=self.transactions,
            unknown=self.unknown,
            failed=len(self.failures),
            seconds=monotonic() - self.began,
        )

    def record(self) -> dict[str, Any]:
        """The same as a JSON record."""
        return {
            "record": "summary",
            "sources": self.sources,
            "failed": len(self.failures),
            "transactions": self.transactions,
            "second_pass": self.second_pass,
            "trigger_rate": round(self.second_pass / self.transactions, 6) if self.transactions else None,
            "findings": {each.value: self.severities[each] for each in Severity},
            "unknown": self.unknown,
            "suppressed": self.suppressed,
            "seconds": round(monotonic() - self.began, 3),
        }
