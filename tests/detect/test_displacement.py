"""Copied calls: found where the copy took what the original would have got, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from detect.exchange import Exchange
from detect.stage import ETHER, Stage
from rollproof import _core
from rollproof.detect import foreign
from rollproof.detect.execution import ExecutedBlock
from rollproof.detect.ordering.copied_call import differs, distinctive
from rollproof.detect.ordering.displacement import Displacement
from rollproof.detect.run import Report, judge
from rollproof.lab.faults.front_running import CLAIM, bounty_for
from rollproof.lab.transaction import created
from rollproof.types import Amount, Confidence, Severity

SECRET = _core.keccak256(b"displacement")


def judged(block: ExecutedBlock) -> Report:
    return judge(block, [Displacement()])


def bounty(stage: Stage, secret: bytes = SECRET) -> bytes:
    """A contract with one ether for the first who has the word."""
    deployer = stage.account(9)
    at = created(deployer.address, deployer.nonce)
    stage.build([deployer.send(None, data=bounty_for(secret), value=ETHER, gas=300_000)])
    assert stage.balance(at) == ETHER
    return at


def claim(stage: Stage, index: int, at: bytes, secret: bytes = SECRET, to: bytes | None = None) -> bytes:
    account = stage.account(index)
    return account.send(at, data=CLAIM + secret + bytes(12) + (to or account.address), gas=200_000)


def test_a_copy_takes_what_the_other_would_have_got() -> None:
    stage = Stage()
    at = bounty(stage)
    raw = [claim(stage, 0, at), claim(stage, 1, at)]
    [finding] = judged(stage.run(raw)).findings
    builder, victim = (stage.account(index).address for index in (0, 1))
    assert (finding.severity, finding.confidence) == (Severity.MEDIUM, Confidence.OBSERVED)
    assert set(finding.amounts) == {Amount(None, builder, ETHER), Amount(None, victim, -ETHER)}
    assert finding.counterfactual is not None
    assert finding.counterfactual["victims"][0]["status_without"] == 1
    assert all("0x" + _core.keccak256(each).hex() in finding.subject for each in raw)


def test_a_copy_by_a_contract_of_the_builder() -> None:
    exchange = Exchange()
    stage = exchange.stage
    bot, at = exchange.bot(0), bounty(stage)
    builder = stage.account(0).address
    raw = [exchange.by(bot, 0, at, CLAIM + SECRET + bytes(12) + builder), claim(stage, 1, at)]
    [finding] = judged(stage.run(raw)).findings
    assert finding.severity is Severity.MEDIUM
    assert any("by a contract" in note for note in finding.notes)


def test_without_state_it_is_possible_and_low() -> None:
    stage = Stage()
    at = bounty(stage)
    block = stage.run([claim(stage, 0, at), claim(stage, 1, at)])
    block.counterfactual = None
    [finding] = judged(block).findings
    assert (finding.severity, finding.confidence) == (Severity.LOW, Confidence.POSSIBLE)
    assert any("not proven" in note for note in finding.notes)


def test_the_first_who_came_is_no_copy() -> None:
    """The second fails with the first or without it: its word is another one."""
    stage = Stage()
    at = bounty(stage)
    report = judged(stage.run([claim(stage, 0, at), claim(stage, 1, at, _core.keccak256(b"wrong"))]))
    assert report.findings == []


def test_a_later_call_that_fails_anyway_displaces_nobody() -> None:
    stage = Stage()
    at = bounty(stage)
    stage.build([claim(stage, 2, at)])  # the bounty is gone before
    report = judged(stage.run([claim(stage, 0, at), claim(stage, 1, at)]))
    assert report.findings == []


def test_one_sender_twice() -> None:
    stage = Stage()
    at = bounty(stage)
    assert judged(stage.run([claim(stage, 0, at), claim(stage, 0, at)])).findings == []


def test_what_everybody_gets_alike() -> None:
    exchange = Exchange()
    stage = exchange.stage
    raw = [exchange.call(stage.account(n), exchange.one, "approve", exchange.pair.address, 5) for n in range(4)]
    raw += [exchange.call(stage.account(n), exchange.one, "transfer", b"\x55" * 20, ETHER) for n in range(4)]
    report = judged(stage.run(raw))
    assert (report.findings, report.suppressed) == ([], [])


def test_the_same_trade_by_two_is_a_market() -> None:
    exchange = Exchange()
    block = exchange.stage.run([exchange.swap(0, 5_000 * ETHER), exchange.swap(1, 5_000 * ETHER)])
    report = judged(block)
    assert report.findings == []
    assert [each.reason for each in report.suppressed] == ["the first paid for what it got: a market"]


def test_a_rush_of_many_is_nobodys_idea() -> None:
    stage = Stage()
    at = bounty(stage)
    assert judged(stage.run([claim(stage, n, at) for n in range(8)])).findings == []


def test_words_that_differ() -> None:
    one, two, third = (bytes([number]) * 20 for number in (1, 2, 3))
    word = bytes(12)
    assert differs(CLAIM + SECRET + word + one, CLAIM + SECRET + word + two, two) == one
    assert differs(CLAIM + SECRET + word + two, CLAIM + SECRET + word + two, two) == b""
    assert differs(CLAIM + SECRET + word + one, CLAIM + SECRET + word + third, two) is None
    assert differs(CLAIM + SECRET + word + one, CLAIM + bytes(32) + word + two, two) is None
    assert differs(CLAIM + SECRET, CLAIM + SECRET + word + two, two) is None


@pytest.mark.parametrize("number", range(50))
def test_no_address_is_distinctive(number: int) -> None:
    address = _core.keccak256(number.to_bytes(2, "big"))[:20]
    assert not distinctive(CLAIM + bytes(12) + address)
    assert distinctive(CLAIM + _core.keccak256(address))


@pytest.mark.parametrize("number", [11935012, 12412732, 12775690, 13207907, 13370850, 13376024, 15049646])
def test_recorded_blocks_have_none(shared_data: Path, number: int) -> None:
    [block] = foreign.read(shared_data / "detection" / "mev-blocks" / f"{number}.json.gz")
    assert judged(block).findings == []
