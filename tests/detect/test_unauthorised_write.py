"""Who becomes owner or gets a role without being checked, and who rightly does."""

from __future__ import annotations

from pathlib import Path

import pytest

from detect.by_hand import BANK, BOB, CODE, EVE, Event, call, changed, pays, told
from detect.stage import ETHER, Stage
from rollproof.detect import foreign
from rollproof.detect.execution import ExecutedBlock
from rollproof.detect.run import judge
from rollproof.detect.unauthorised_write import UnauthorisedWrite
from rollproof.lab.block import Holder
from rollproof.lab.bytecode import assemble
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


PLACE, CLAIM, SWEEP = b"\xc0" * 20, b"", b"\x01"


def place(*, before: str = "", storage: dict[int, int] | None = None) -> Stage:
    """A contract that puts whoever calls it into a slot without a name, and pays all it has to whom that names."""
    paid = "0 0 0 0 SELFBALANCE CALLER GAS CALL STOP"
    code = assemble(
        f"CALLDATASIZE @sweep JUMPI {before} CALLER 0 SSTORE STOP "
        f"sweep: 0 SLOAD CALLER EQ @pay JUMPI PUSH0 PUSH0 REVERT pay: {paid}"
    )
    return Stage({PLACE: Holder(code=code, balance=ETHER, storage=storage or {})})


def taken_and_swept(stage: Stage, *calls: bytes) -> ExecutedBlock:
    return stage.run([stage.account(1).send(PLACE, data=each, gas=200_000) for each in calls])


def test_a_place_without_a_name_is_taken_and_used_in_two_transactions() -> None:
    """In the first the contract does what its caller wants and loses nothing; it is robbed in the second."""
    for calls, severities in (((CLAIM, SWEEP), [Severity.HIGH] * 2), ((CLAIM,), [])):
        stage = place(storage={0: int.from_bytes(b"\x77" * 20, "big")})
        block = taken_and_swept(stage, *calls)
        assert (stage.balance(PLACE) == 0) is (SWEEP in calls)
        assert [each.severity for each in findings(block)] == severities


@pytest.mark.parametrize("conditional", [True, False])
def test_a_free_place_that_is_taken_under_a_condition(conditional: bool) -> None:
    """A game's winner is whoever comes when something else that is stored says so."""
    won = "1 SLOAD @won JUMPI PUSH0 PUSH0 REVERT won:" if conditional else ""
    stage = place(before=won, storage={1: 7})
    report = judge(taken_and_swept(stage, CLAIM, SWEEP), [UnauthorisedWrite()])
    assert stage.balance(PLACE) == 0
    assert {each.severity for each in report.findings} == (set() if conditional else {Severity.MEDIUM})
    assert len(report.suppressed) == conditional


@pytest.mark.parametrize("code", [CODE, BANK], ids=["other", "own"])
def test_a_name_that_other_code_than_its_writers_goes_by(code: str, tmp_path: Path) -> None:
    """As in a proxy whose pending admin lies where its implementation has the owner; its own code may keep a name."""
    taken = call(BANK, *changed(0, int(BOB, 16), int(EVE, 16)))
    asks: list[Event] = [["sload", "0x0", EVE], ["sstore", "0x5", "0x1"]]
    used = call(BANK, *(call(BANK, *asks, kind="DELEGATECALL", code=code) if code == CODE else asks))
    block = told(tmp_path, *taken, *used, *call(BANK, *pays(EVE, 5)), to=EVE)
    assert [each.severity for each in findings(block)] == ([Severity.HIGH] if code == CODE else [])


@pytest.mark.parametrize("delegates", [True, False])
def test_the_same_over_three_transactions(delegates: bool) -> None:
    """Named, let through by that name, paid."""
    logic = b"\xc1" * 20
    asks = "0 SLOAD CALLER EQ @goes JUMPI PUSH0 PUSH0 REVERT goes: 1 5 SSTORE STOP"
    used = f"0 0 0 0 0x{logic.hex()} GAS DELEGATECALL STOP" if delegates else asks
    code = assemble(
        "CALLDATASIZE @more JUMPI CALLER 0 SSTORE STOP more: 1 CALLDATASIZE GT @pay JUMPI "
        f"{used} pay: 0 0 0 0 SELFBALANCE CALLER GAS CALL STOP"
    )
    owned = {0: int.from_bytes(b"\x77" * 20, "big")}
    stage = Stage({PLACE: Holder(code=code, balance=ETHER, storage=owned), logic: Holder(code=assemble(asks))})
    block = taken_and_swept(stage, CLAIM, b"\x01", b"\x01\x02")
    assert stage.chain.account(PLACE)[1] == 0
    assert {each.severity for each in findings(block)} == ({Severity.HIGH} if delegates else set())
