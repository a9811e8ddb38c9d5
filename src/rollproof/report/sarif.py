"""Findings as SARIF 2.1.0 (OASIS), so that code-scanning views take them.

Such views refuse a whole file for one result without a location, or with a location that has a scheme, a space, or a
colon in its first segment. Locations are therefore relative paths that name the chain, block and transaction, and
nothing that is on disk.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol
from urllib.parse import quote

from rollproof.report.finding_json import record
from rollproof.report.text import visible
from rollproof.types import Confidence, Finding, Severity

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
MAX_RESULTS: Final = 25_000  # of one run, which is what GitHub takes
MAX_NOTIFICATIONS: Final = 1_000

_LINK: Final = re.compile(r"https://[!-~]+")
_LEVELS: Final = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
# CVSS-like numbers as code-scanning views group them: above 9 critical, from 7 high, from 4 medium.
_SCORES: Final = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "2.0",
    Severity.INFO: "0.0",
}


class Rule(Protocol):
    """What explains findings of one detector."""

    @property
    def id(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def what(self) -> str: ...
    @property
    def why(self) -> str: ...
    @property
    def severity(self) -> Severity: ...
    @property
    def references(self) -> Sequence[str]: ...


def log(
    findings: Iterable[Finding],
    rules: Iterable[Rule],
    *,
    unjudged: Mapping[str, Iterable[str]] | None = None,
    failures: Sequence[str] = (),
    version: str = "",
    names: Mapping[bytes, str] | None = None,
) -> dict[str, Any]:
    """The SARIF log of one run. ``unjudged``: reason -> detectors; ``failures``: what could not be looked at at all.

    Of more than ``MAX_RESULTS`` findings the most severe are kept, and a notification says how many were left out.
    """
    found = sorted(findings, key=lambda each: -each.severity.rank)
    kept = found[:MAX_RESULTS]
    described = {rule.id: rule for rule in rules}
    ids = [*described, *dict.fromkeys(each.detector for each in kept if each.detector not in described)]
    index = {name: at for at, name in enumerate(ids)}
    doubted = {each.detector for each in kept if each.confidence is Confidence.POSSIBLE}
    notes = [_notification("error", each) for each in failures]
    if len(found) > len(kept):
        notes.append(_notification("warning", f"{len(found) - len(kept)} findings of the least severity left out"))
    missing = [f"{', '.join(detectors)}: {reason}" for reason, detectors in (unjudged or {}).items()]
    notes += [_notification("warning", f"unknown: {each}") for each in missing[:MAX_NOTIFICATIONS]]
    if len(missing) > MAX_NOTIFICATIONS:
        notes.append(_notification("warning", f"{len(missing) - MAX_NOTIFICATIONS} more unknown"))
    driver = {
        "name": "Rollproof",
        **({"version": version} if version else {}),
        "rules": [_rule(name, described.get(name), certain=name not in doubted) for name in ids],
    }
    run = {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": not failures, "toolExecutionNotifications": notes}],
        "results": [_result(each, index[each.detector], names or {}) for each in kept],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def dumps(log: Mapping[str, Any]) -> str:
    """The log as a file's text, ASCII only."""
    return json.dumps(log, indent=1, allow_nan=False) + "\n"


def location(finding: Finding) -> str:
    """A relative path that names what the finding is about, in characters that every reader takes."""
    transaction = "" if finding.transaction is None else f"/0x{finding.transaction.hex()}"
    if finding.chain_id is None:
        if transaction:
            return f"transactions{transaction}"
        if finding.trace_hash is not None:
            return f"traces/0x{finding.trace_hash.hex()}"
        return f"subjects/{quote(finding.subject, safe='') or 'unnamed'}"
    block = "pending" if finding.block is None else str(finding.block)
    return f"chains/{finding.chain_id}/blocks/{block}{transaction}"


def _rule(name: str, rule: Rule | None, *, certain: bool) -> dict[str, Any]:
    tags = {"tags": ["security"], "precision": "high" if certain else "medium"}
    if rule is None:
        return {"id": name, "properties": tags}
    text = rule.what.strip()
    because = f"{text}\n\n{rule.why.strip()}"
    if rule.references:
        because += "\n\nReferences: " + "; ".join(rule.references)
    links = [found[0].rstrip(".,;)") for each in rule.references for found in [_LINK.search(each)] if found]
    return {
        "id": name,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": text},
        "help": {"text": because},
        **({"helpUri": links[0]} if links else {}),
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {**tags, "security-severity": _SCORES[rule.severity]},
    }


def _result(finding: Finding, index: int, names: Mapping[bytes, str]) -> dict[str, Any]:
    values = record(finding, names)
    uri = location(finding)
    shown = [visible(finding.title)]
    if finding.transaction is not None:
        shown.append(f"Transaction 0x{finding.transaction.hex()}")
    if finding.block is not None:
        shown.append(f"block {finding.block} of chain {'?' if finding.chain_id is None else finding.chain_id}")
    return {
        "ruleId": finding.detector,
        "ruleIndex": index,
        "level": _LEVELS[finding.severity],
        "message": {"text": ". ".join([shown[0].rstrip("."), ", ".join(shown[1:])]).rstrip(". ") + "."},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": 1}},
                "logicalLocations": [
                    {"fullyQualifiedName": each, "kind": "object"} for each in values["addresses"][:100]
                ],
            }
        ],
        "partialFingerprints": {"findingId/v1": finding.id, "primaryLocationLineHash": f"{finding.id}:1"},
        "properties": {key: value for key, value in values.items() if key not in ("record", "title")},
    }


def _notification(level: str, text: str) -> dict[str, Any]:
    return {"level": level, "message": {"text": visible(text)}}
