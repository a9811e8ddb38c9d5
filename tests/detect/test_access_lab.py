"""The lab's takeovers: told with what they took, and nothing of the corrected twins."""

from __future__ import annotations

import pytest

from detect.stage import seen
from rollproof.detect.approval_drain import ApprovalDrain
from rollproof.detect.arbitrary_call import ArbitraryCall
from rollproof.detect.proxy_hijack import ProxyHijack
from rollproof.detect.run import judge
from rollproof.detect.storage_layout import StorageCollision
from rollproof.detect.unauthorised_write import UnauthorisedWrite
from rollproof.lab.actors.exploits import begin
from rollproof.types import Finding, Severity
from unit.defi_lab import USD, Lab

DETECTORS = (UnauthorisedWrite(), ProxyHijack(), ArbitraryCall(), ApprovalDrain(), StorageCollision())
TAKEN = {
    "unprotected-initialiser": ("unauthorised-write", 500_000 * USD),
    "unprotected-upgrade": ("proxy-hijack", 500_000 * USD),
    "multisig-takeover": ("proxy-hijack", 2_000_000 * USD),
}


def findings(name: str, *, fixed: bool) -> tuple[list[Finding], set[bytes], bytes]:
    """Above low, of all blocks of an exploit; the transactions that do the damage; who is robbed."""
    lab = Lab(full=True)
    attempt = begin(lab.stack, name, fixed=fixed, parameters={})
    found: list[Finding] = []
    for _ in range(100):
        attempt.advance()
        if attempt.done:
            break
        lab.stack.step()
        report = judge(seen(lab.stack.l2, lab.stack.l2.head), DETECTORS)
        found.extend(each for each in report.findings if each.severity.rank > Severity.LOW.rank)
    assert attempt.done
    return found, set(attempt.core), attempt.robbed


@pytest.mark.parametrize("name", TAKEN)
def test_a_takeover(name: str) -> None:
    detector, amount = TAKEN[name]
    found, core, robbed = findings(name, fixed=False)
    assert {each.detector for each in found} == {detector}
    assert {each.transaction for each in found} == core
    assert all(each.severity is Severity.HIGH and robbed in each.addresses for each in found)
    assert all(-amount in {lost.amount for lost in each.amounts if lost.account == robbed} for each in found)


@pytest.mark.parametrize("name", [*TAKEN, "governance-upgrade"])
def test_of_the_corrected_twin_nothing(name: str) -> None:
    found, _, _ = findings(name, fixed=True)
    assert found == []


def test_a_vote_for_code_that_pays_out_at_once() -> None:
    found, core, robbed = findings("governance-upgrade", fixed=False)
    assert [each.detector for each in found] == ["proxy-hijack"]
    assert {each.transaction for each in found} == core
    assert robbed in found[0].addresses
