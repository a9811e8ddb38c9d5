"""Who becomes owner or gets a role without being checked, and who rightly does."""

from __future__ import annotations

from pathlib import Path

import pytest

from detect.stage import ETHER, Stage
from rollproof.detect import foreign
from rollproof.detect.execution import ExecutedBlock
from rollproof.detect.run import judge
from rollproof.detect.unauthorised_write import UnauthorisedWrite
from rollproof.types import Confidence, Finding, Severity


@pytest.fixture
def stage() -> Stage:
    return Stage()


def findings(block: ExecutedBlock) -> list[Finding]:
    return judge(block, [UnauthorisedWrite()]).findings


def test_a_stranger_becomes_owner(stage: Stage) -> None:
    purse, thief = stage.deploy("OpenPurse"), stage.account(1)
    [found] = findings(stage.run([purse.send("transferOwnership", thief.address, sender=thief)]))
    assert found.severity is Severity.MEDIUM
    assert found.confidence is Confidence.OBSERVED
    assert {purse.address, thief.address} <= set(found.addresses)
    [slot] = found.slots
    assert slot.before == int.from_bytes(stage.account(9).address, "big")
    assert slot.after == int.from_bytes(thief.address, "big")


def test_what_the_stranger_then_takes_makes_it_high(stage: Stage) -> None:
    purse, thief = stage.deploy("OpenPurse"), stage.deploy("PurseThief", sender=stage.account(1))
    stage.build([stage.account(2).send(purse.address, value=3 * ETHER, gas=50_000)])
    [found] = findings(stage.run([thief.send("steal", purse.address, sender=stage.account(1))]))
    assert found.severity is Severity.HIGH
    assert (purse.address, -3 * ETHER) in {(each.account, each.amount) for each in found.amounts}


def test_and_so_it_does_in_a_later_transaction_of_the_block(stage: Stage) -> None:
    purse, thief = stage.deploy("OpenPurse"), stage.account(1)
    stage.build([stage.account(2).send(purse.address, value=3 * ETHER, gas=50_000)])
    taken = purse.send("transferOwnership", thief.address, sender=thief)
    paid = purse.send("withdraw", sender=thief)
    block = stage.run([taken, paid])
    found = findings(block)
    assert [each.severity for each in found] == [Severity.HIGH, Severity.HIGH]
    assert {each.transaction for each in found} == {each.transaction for each in block.executions}


def test_the_owner_may(stage: Stage) -> None:
    for name in ("OpenPurse", "ClosedPurse"):
        purse = stage.deploy(name)
        heir = stage.account(3).address
        found = findings(stage.run([purse.send("transferOwnership", heir, sender=stage.account(9))]))
        # An open door shows whoever goes through it.
        assert bool(found) is (name == "OpenPurse")


def test_who_is_refused_leaves_no_finding(stage: Stage) -> None:
    purse, thief = stage.deploy("ClosedPurse"), stage.account(1)
    block = stage.run([purse.send("transferOwnership", thief.address, sender=thief)])
    assert block.executions[0].success is False
    assert findings(block) == []


def test_being_called_by_another_is_no_check(stage: Stage) -> None:
    purse, relay, thief = stage.deploy("OriginPurse"), stage.deploy("CallRelay"), stage.account(1)
    stage.build([stage.account(2).send(purse.address, value=ETHER, gas=50_000)])
    data = purse.contract.encode("transferOwnership", thief.address)
    block = stage.run([relay.send("relay", purse.address, data, sender=thief), purse.send("withdraw", sender=thief)])
    assert Severity.HIGH in {each.severity for each in findings(block)}


def test_what_the_caller_stored_for_himself_is_no_check(stage: Stage) -> None:
    purse, thief = stage.deploy("DonorPurse"), stage.deploy("PurseThief", sender=stage.account(1))
    stage.build([stage.account(2).send(purse.address, value=3 * ETHER, gas=50_000)])
    found = findings(stage.run([thief.send("claim", purse.address, value=1, sender=stage.account(1))]))
    assert [each.severity for each in found] == [Severity.HIGH]


@pytest.mark.parametrize("is_open", [True, False])
def test_a_role(stage: Stage, is_open: bool) -> None:
    roles = stage.deploy("Roles", is_open)
    by = stage.account(1 if is_open else 9)
    found = findings(stage.run([roles.send("grantRole", bytes(31) + b"\x07", stage.account(1).address, sender=by)]))
    assert [each.severity for each in found] == ([Severity.MEDIUM] if is_open else [])


def test_what_everybody_may_say_about_himself(stage: Stage) -> None:
    roles, throne = stage.deploy("Roles", False), stage.deploy("BidThrone")
    block = stage.run(
        [
            roles.send("approve", True, sender=stage.account(1)),
            throne.send("claim", value=ETHER, sender=stage.account(1)),
            throne.send("claim", value=2 * ETHER, sender=stage.account(2)),
        ]
    )
    assert all(each.success for each in block.executions)
    assert findings(block) == []


def test_a_constructor_is_no_stranger(stage: Stage) -> None:
    raw, _ = stage.creation("OpenPurse", sender=stage.account(4))
    assert findings(stage.run([raw])) == []


def test_an_exploit_that_somebody_else_wrote(shared_data: Path) -> None:
    """Climber: a timelock that executes before it looks gives its caller a role."""
    found = {
        name: findings(block)
        for block in foreign.read(shared_data / "detection/exploits-dvdefi.jsonl.gz")
        for name in [block.executions[0].names.get(block.executions[0].to or b"", "")]
    }
    assert len(found) == 15
    assert [each.severity for each in found.pop("ClimberChallenge")] == [Severity.MEDIUM]
    assert not any(found.values())
