"""Allowances in executions that somebody else recorded."""

from __future__ import annotations

from pathlib import Path

from rollproof.detect import foreign
from rollproof.detect.approval_drain import ApprovalDrain
from rollproof.detect.arbitrary_call import ArbitraryCall
from rollproof.detect.run import judge
from rollproof.types import Severity


def test_exploits_that_somebody_else_wrote(shared_data: Path) -> None:
    found: dict[str, list[tuple[str, Severity]]] = {}
    for block in foreign.read(shared_data / "detection/exploits-dvdefi.jsonl.gz"):
        [execution] = block.executions
        report = judge(block, [ApprovalDrain(), ArbitraryCall()])
        name = execution.names.get(execution.to or b"", "")
        found[name] = [(each.detector, each.severity) for each in report.findings]
    # New wallets are made to approve in their setup; a lender approves as it is told; a vault calls itself.
    assert found.pop("BackdoorChallenge") == [("approval-drain", Severity.HIGH)] * 4
    assert found.pop("TrusterChallenge") == [("approval-drain", Severity.HIGH)]
    assert found.pop("ABISmugglingChallenge") == [("arbitrary-call", Severity.MEDIUM)]
    assert not any(found.values())


def test_loans_that_are_paid_back_by_an_allowance(shared_data: Path) -> None:
    blocks = foreign.read(shared_data / "detection/reentrancy-labs.jsonl.gz")
    assert len(blocks) == 20
    for block in blocks:
        assert judge(block, [ApprovalDrain(), ArbitraryCall()]).findings == []
