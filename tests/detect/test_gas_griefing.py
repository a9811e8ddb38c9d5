"""Calls that were starved of gas, payees that burn it, and calls that were given little on purpose."""

from __future__ import annotations

import pytest

from detect.stage import ETHER, Deployed, Stage
from rollproof.detect.gas_griefing import GasGriefing
from rollproof.detect.run import Report, judge
from rollproof.lab.block import Holder
from rollproof.lab.bytecode import assemble
from rollproof.types import Severity


def said(stage: Stage, *transactions: bytes) -> Report:
    return judge(stage.run(transactions), [GasGriefing()])


def relayed(stage: Stage, relay: Deployed, worker: Deployed, gas: int) -> bytes:
    run = worker.contract.encode("run", 20)
    return relay.send("relay", worker.address, run, 1, 600_000, gas=gas)


def test_a_message_that_had_too_little_gas_is_used_up() -> None:
    stage = Stage()
    worker, relay = stage.deploy("Worker"), stage.deploy("Relay")
    [found] = said(stage, relayed(stage, relay, worker, 260_000)).findings
    assert found.severity is Severity.MEDIUM
    assert {relay.address, worker.address} <= set(found.addresses)
    assert relay.call("used", 1) is True
    assert worker.call("work", 0) == 0


def test_enough_gas_is_no_finding() -> None:
    stage = Stage()
    worker, relay = stage.deploy("Worker"), stage.deploy("Relay")
    assert not said(stage, relayed(stage, relay, worker, 2_000_000)).findings
    assert worker.call("work", 19) != 0


def test_a_relay_that_asks_for_its_gas_is_not_starved() -> None:
    stage = Stage()
    worker, relay = stage.deploy("Worker"), stage.deploy("RelayFixed")
    assert not said(stage, relayed(stage, relay, worker, 260_000)).findings
    assert relay.call("used", 1) is False


def test_a_call_that_was_given_little_on_purpose() -> None:
    stage = Stage()
    worker, trial = stage.deploy("Worker"), stage.deploy("Trial")
    data = worker.contract.encode("run", 20)
    assert not said(stage, trial.send("attempt", worker.address, data, 50_000, gas=2_000_000)).findings
    assert trial.call("failures") == 1


def test_a_payee_that_burns_all_its_gas() -> None:
    stage = Stage()
    burner = stage.deploy("Burner")
    for name, count in (("Partnership", 1), ("PartnershipFixed", 0)):
        firm = stage.deploy(name, burner.address, stage.account(5).address, value=ETHER)
        found = said(stage, firm.send("withdraw", gas=1_000_000)).findings
        assert len(found) == count
        assert all({firm.address, burner.address} <= set(each.addresses) for each in found)
        assert (firm.call("paid") == 0) == bool(count)


@pytest.mark.parametrize(("before", "count"), [("0 SLOAD POP", 1), ("0 0 0 0 0 4 GAS CALL POP", 0)])
def test_how_a_payee_burns_its_gas(before: str, count: int) -> None:
    """Looking into its storage is as good a way as any; who calls others may have meant to do something."""
    burner = b"\xb0" * 20
    stage = Stage({burner: Holder(code=assemble(f"{before} again: {before} @again JUMP"))})
    firm = stage.deploy("Partnership", burner, stage.account(5).address, value=ETHER)
    block = stage.run([firm.send("withdraw", gas=1_000_000)])
    assert block.executions[0].success is False
    assert [set(each.addresses) for each in judge(block, [GasGriefing()]).findings] == [{firm.address, burner}] * count
