"""Payouts by gas price, branches by gas left, and limits found by trying."""

from __future__ import annotations

from detect.stage import ETHER, Stage
from rollproof.detect.gas_limit import GasLimitManipulation
from rollproof.detect.run import Report, judge
from rollproof.types import Severity


def said(stage: Stage, *transactions: bytes) -> Report:
    return judge(stage.run(transactions), [GasLimitManipulation()])


def test_a_gate_that_is_opened_by_trying() -> None:
    stage = Stage()
    opener = stage.deploy("GateOpener")
    for name, count in (("Gate", 1), ("GateFixed", 0)):
        gate = stage.deploy(name)
        found = said(stage, opener.send("run", gate.address, gas=16_000_000)).findings
        tried = [each for each in found if each.severity is Severity.MEDIUM]
        assert len(tried) == count
        assert gate.call("opened") == 1
        assert all(gate.address in each.addresses for each in tried)
        if not count:
            assert not found


def test_a_refund_at_the_callers_gas_price() -> None:
    stage = Stage()
    for name, count in (("Refunder", 1), ("RefunderFixed", 0)):
        refunder = stage.deploy(name)
        stage.build([stage.account(3).send(refunder.address, value=ETHER, gas=100_000, data=b"")])
        found = said(stage, refunder.send("turn")).findings
        assert [each.severity for each in found] == [Severity.LOW] * count
        assert all(each.amounts[0].account == refunder.address for each in found)
