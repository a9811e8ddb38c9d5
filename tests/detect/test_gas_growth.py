"""Loops over stored arrays, arrays that are stuffed, and lists that the caller gives."""

from __future__ import annotations

import pytest

from detect.stage import Deployed, Stage, seen
from rollproof.detect.gas_growth import GasGrowth
from rollproof.detect.run import Report, judge
from rollproof.types import Confidence, Severity
from unit.defi_lab import Lab


def said(stage: Stage, *transactions: bytes) -> Report:
    return judge(stage.run(transactions), [GasGrowth()])


def rolled(stage: Stage, name: str, members: int) -> Deployed:
    roll, crowd = stage.deploy(name), stage.deploy("Crowd")
    while members > 0:
        crowd.stage.build([crowd.send("join", roll.address, min(members, 200), gas=16_000_000)])
        members -= 200
    return roll


def test_a_loop_over_all_members() -> None:
    stage = Stage()
    roll = rolled(stage, "Roll", 400)
    [found] = said(stage, roll.send("pay", gas=16_000_000)).findings
    assert found.confidence is Confidence.POSSIBLE
    assert found.severity.rank <= Severity.LOW.rank
    assert (found.slots[0].slot, found.slots[0].after) == (bytes(32), 400)


def test_a_page_at_a_time_is_no_finding() -> None:
    stage = Stage()
    roll = rolled(stage, "RollFixed", 200)
    assert not said(stage, roll.send("pay", gas=16_000_000)).findings


def test_a_list_that_the_caller_gives_is_no_finding() -> None:
    stage = Stage()
    drop = stage.deploy("Airdrop")
    to = [each.to_bytes(20, "big") for each in range(1_000, 1_200)]
    assert not said(stage, drop.send("give", to, 5, gas=16_000_000)).findings


def test_an_array_that_is_stuffed() -> None:
    stage = Stage()
    roll, crowd = stage.deploy("Roll"), stage.deploy("Crowd")
    few, many = (crowd.send("join", roll.address, count, gas=16_000_000) for count in (20, 150))
    [found] = said(stage, few, many).findings
    assert found.severity is Severity.MEDIUM
    assert {roll.address, crowd.address} <= set(found.addresses)
    assert (found.slots[0].before, found.slots[0].after) == (20, 170)


@pytest.mark.parametrize("fixed", [False, True])
def test_the_lab_s_liquidation_of_all_loans(fixed: bool) -> None:
    """Six hundred tiny loans in three transactions, then a liquidation that no block has room for."""
    lab = Lab(full=True)
    chain = lab.stack.l2
    first = chain.head.number + 1
    lab.exploit("unbounded-liquidation", fixed=fixed)
    blocks = [seen(chain, block) for number in range(first, chain.head.number + 1) if (block := chain.block(number))]
    found = [each for block in blocks for each in judge(block, [GasGrowth()]).findings]
    if fixed:
        assert not found
        return
    book = lab["LoanBook"].address
    assert all(book in each.addresses for each in found)
    stuffed = [each for each in found if each.confidence is Confidence.POSSIBLE]
    assert [each.slots[0].after - each.slots[0].before for each in stuffed] == [200] * 3
    [stopped] = [each for each in found if each.confidence is Confidence.OBSERVED]
    assert stopped.severity is Severity.MEDIUM
    assert stopped.slots[0].after == 601
