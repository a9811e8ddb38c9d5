"""SARIF: the official schema, and what code-scanning views refuse although the schema takes it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT
from detect.shown import FOUND, HOSTILE
from rollproof.detect import registry
from rollproof.report import sarif
from rollproof.types import Confidence, Severity

# The schema is Microsoft's package's (MIT); it is fetched by `make node-tools` and never kept here.
PACKAGE = ROOT / "build" / "sarif" / "node_modules"
SCHEMA = PACKAGE / "@microsoft" / "jest-sarif" / "lib" / "schemas" / "sarif-2.1.0-rtm.5.json"
VALIDATE = """
const [ajv, schema, file] = process.argv.slice(1);
const checker = new (require(ajv))({schemaId: 'auto', allErrors: true, logger: false});
checker.addMetaSchema(require(ajv + '/lib/refs/json-schema-draft-04.json'));
const validate = checker.compile(require(schema));
const log = JSON.parse(require('fs').readFileSync(file, 'utf8'));
if (!validate(log)) console.log(JSON.stringify(validate.errors.slice(0, 5)));
"""


@dataclass(frozen=True)
class Rule:
    id: str = "sandwich"
    title: str = "Sandwich"
    what: str = "A trade between two of another's."
    why: str = "The victim pays."
    severity: Severity = Severity.HIGH
    references: tuple[str, ...] = ("a paper", "Qin et al., https://arxiv.org/abs/2101.05511.")


FINDINGS = [
    FOUND,
    replace(FOUND, severity=Severity.INFO, transaction=None, subject="block"),
    replace(FOUND, detector="unlisted", block=None, confidence=Confidence.POSSIBLE),
    replace(FOUND, chain_id=None, block=None, transaction=None, trace_hash=b"\x22" * 32, severity=Severity.CRITICAL),
    replace(FOUND, chain_id=None, block=None, transaction=None, subject="a: b/../c d", title=HOSTILE),
    replace(FOUND, chain_id=None, block=None, severity=Severity.LOW),
    replace(FOUND, severity=Severity.MEDIUM, amounts=(), addresses=(), slots=(), counterfactual=None),
]


def written(log: dict[str, Any], tmp_path: Path) -> Path:
    path = tmp_path / "log.sarif"
    path.write_text(sarif.dumps(log), encoding="ascii")
    return path


def problems(path: Path) -> str:
    """What the official schema says is wrong; skips the test where node or the schema is not there."""
    if shutil.which("node") is None or not SCHEMA.exists():
        pytest.skip("no SARIF schema: `make node-tools` fetches it by npm")
    done = subprocess.run(
        ["node", "-e", VALIDATE, str(PACKAGE / "ajv"), str(SCHEMA), str(path)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert not done.stderr, done.stderr
    return done.stdout


def test_the_official_schema_takes_it(tmp_path: Path) -> None:
    log = sarif.log(
        FINDINGS,
        [Rule(), *registry.detectors()],
        unjudged={"nobody watched": ("censorship",)},
        failures=["x.json: empty"],
        version="1.2.3",
        names={b"\xa1" * 20: "Alice"},
    )
    assert problems(written(log, tmp_path)) == ""
    assert problems(written(sarif.log([], []), tmp_path)) == ""


def test_the_official_schema_can_refuse(tmp_path: Path) -> None:
    log = sarif.log(FINDINGS, [Rule()])
    log["runs"][0]["results"][0]["level"] = "terrible"
    assert "level" in problems(written(log, tmp_path))


def test_every_result_has_a_location_that_code_scanning_takes() -> None:
    results = sarif.log(FINDINGS, [Rule()])["runs"][0]["results"]
    uris = []
    for result in results:
        [location] = result["locations"]
        uri = location["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"[A-Za-z0-9._~%/-]+", uri), uri
        assert ":" not in uri
        assert not uri.startswith("/")
        assert ".." not in uri.split("/")
        assert location["physicalLocation"]["region"]["startLine"] == 1
        uris.append(uri)
    assert f"chains/10/blocks/120/0x{'11' * 32}" in uris
    assert "chains/10/blocks/120" in uris
    assert f"traces/0x{'22' * 32}" in uris


def test_rules_and_results_refer_to_each_other() -> None:
    [run] = sarif.log(FINDINGS, [Rule()])["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["sandwich", "unlisted"]
    assert rules[0]["properties"]["security-severity"] == "8.0"
    assert rules[0]["properties"]["precision"] == "high"
    assert rules[1]["properties"]["precision"] == "medium"
    assert rules[0]["helpUri"] == "https://arxiv.org/abs/2101.05511"
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    assert {result["partialFingerprints"]["findingId/v1"] for result in run["results"]} == {f.id for f in FINDINGS}
    assert [result["level"] for result in run["results"]][:2] == ["error", "error"]


def test_what_could_not_be_looked_at_is_no_success() -> None:
    [run] = sarif.log([], [], failures=["x.json: empty\x1b"], unjudged={"why": ("a", "b")})["runs"]
    [invocation] = run["invocations"]
    assert invocation["executionSuccessful"] is False
    said = [each["message"]["text"] for each in invocation["toolExecutionNotifications"]]
    assert said == ["x.json: empty\\x1b", "unknown: a, b: why"]
    assert sarif.log([], [])["runs"][0]["invocations"][0]["executionSuccessful"] is True


def test_the_most_severe_are_kept_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "MAX_RESULTS", 2)
    [run] = sarif.log(FINDINGS, [Rule()])["runs"]
    assert [each["level"] for each in run["results"]] == ["error", "error"]
    assert "5 findings" in json.dumps(run["invocations"])


def test_the_file_is_ascii_and_the_same_every_time() -> None:
    assert sarif.dumps(sarif.log(FINDINGS, [Rule()])) == sarif.dumps(sarif.log(FINDINGS, [Rule()]))
    sarif.dumps(sarif.log(FINDINGS, [Rule()])).encode("ascii")
