"""A treasury that a vote pays out: to who executes the vote, to somebody else, or a little of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from detect.stage import seen
from rollproof import _core
from rollproof.detect.governance_drain import GovernanceDrain
from rollproof.detect.inspect import inspect
from rollproof.detect.inspection import Options
from rollproof.lab.actors.takeovers import IN_FAVOUR
from rollproof.lab.contract import Contract
from rollproof.types import Finding, Severity
from unit.defi_lab import USD, Lab

HELD = 5_000_000 * USD


@pytest.fixture
def lab() -> Lab:
    return Lab(full=True)


def judged(lab: Lab, sent: bytes) -> list[Finding]:
    """What is said about the block of a transaction that succeeded."""
    receipt, place = lab.stack.receipt("l2", sent), lab.stack.l2.locate(sent)
    assert receipt is not None
    assert place is not None
    assert receipt["status"] == 1
    found = list(GovernanceDrain().check(seen(lab.stack.l2, place[0])))
    return [each for each in found if isinstance(each, Finding)]


def decided(lab: Lab, to: bytes, amount: int, *, by: str = "attacker") -> bytes:
    """A proposal of the attacker's, who has the votes, that pays ``amount`` dollars; executed by an account."""
    treasury, usdc, governor = lab["Treasury"], lab["USDC"], lab["Governor"]
    described = f"{amount} to {to.hex()}"
    calls = ([treasury.address], [0], [treasury.encode("pay", usdc.address, to, amount)])
    lab.ok("attacker", governor, "propose", *calls, described)
    hashed = _core.keccak256(described.encode())
    proposal = lab.view(governor, "hashProposal", *calls, hashed)
    lab.stack.run(lab.view(governor, "votingDelay") + 1)
    lab.ok("attacker", governor, "castVote", proposal, IN_FAVOUR)
    lab.stack.run(lab.view(governor, "votingPeriod") + 1)
    lab.ok("attacker", governor, "queue", *calls, hashed)
    lab.stack.run(lab.view(lab["Timelock"], "getMinDelay") // 2 + 1)
    sent = lab.stack.send("l2", by, governor.address, data=_execution(governor, calls, hashed), gas=5_000_000)
    lab.stack.step()
    return sent


def _execution(governor: Contract, calls: tuple[list[bytes], list[int], list[bytes]], described: bytes) -> bytes:
    return governor.encode("execute", *calls, described)


def test_most_of_a_treasury_to_who_executes_the_vote(lab: Lab) -> None:
    attacker = lab.address("attacker")
    [found] = judged(lab, decided(lab, attacker, HELD * 6 // 10))
    assert found.severity is Severity.HIGH
    assert [(each.account, each.amount) for each in found.amounts] == [
        (lab["Treasury"].address, -HELD * 6 // 10),
        (attacker, HELD * 6 // 10),
    ]
    assert lab["Treasury"].address in found.addresses


def test_a_grant_is_little_of_it(lab: Lab) -> None:
    [found] = judged(lab, decided(lab, lab.address("attacker"), HELD // 20))
    assert found.severity is Severity.LOW


def test_a_payment_to_somebody_else_is_what_the_vote_says(lab: Lab) -> None:
    assert judged(lab, decided(lab, lab.address("bystander"), HELD)) == []


def test_an_upgrade_that_pays_at_once(lab: Lab) -> None:
    lab.exploit("governance-upgrade")
    found = [
        each
        for number in range(1, lab.stack.l2.head.number + 1)
        if (block := lab.stack.l2.block(number)) is not None
        for each in GovernanceDrain().check(seen(lab.stack.l2, block))
    ]
    assert [each.severity for each in found if isinstance(each, Finding)] == [Severity.HIGH]


@pytest.mark.parametrize("name", ["governance-drain", "governance-upgrade"])
def test_what_the_guardians_cancel_takes_nothing(lab: Lab, name: str) -> None:
    lab.exploit(name, fixed=True)
    for number in range(1, lab.stack.l2.head.number + 1):
        block = lab.stack.l2.block(number)
        assert block is not None
        assert list(GovernanceDrain().check(seen(lab.stack.l2, block))) == []


def test_silent_on_recorded_blocks(shared_data: Path) -> None:
    """No recorded block holds a drained treasury: what others recorded is here only the negative case."""
    options = Options(only=("governance-drain",))
    found = [*inspect([shared_data / "blocks" / "op-mainnet-*.json.gz"], options)]
    assert len(found) > 10
    assert [each for each in found if not each.looked or each.findings] == []
