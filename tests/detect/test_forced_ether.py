"""Ether and tokens that a contract did not ask for, and balances that decide."""

from __future__ import annotations

from pathlib import Path

from detect.stage import ETHER, Stage
from rollproof.detect import foreign, source
from rollproof.detect.forced_ether import ForcedEther
from rollproof.detect.run import Report, judge
from rollproof.types import Amount, Severity


def said(stage: Stage, *transactions: bytes) -> Report:
    return judge(stage.run(transactions), [ForcedEther()])


def test_ether_is_left_with_a_game_that_counts_by_its_balance() -> None:
    stage = Stage()
    game, cheat = stage.deploy("Game"), stage.deploy("Cheat")
    report = said(stage, cheat.send("run", game.address, value=7 * ETHER))
    forced = [each for each in report.findings if each.amounts]
    assert [each.severity for each in forced] == [Severity.MEDIUM]
    assert Amount(None, game.address, 6 * ETHER) in forced[0].amounts
    assert game.call("winner") == cheat.address


def test_a_game_that_is_stopped_by_it() -> None:
    stage = Stage()
    game, cheat = stage.deploy("Game"), stage.deploy("Cheat")
    report = said(stage, cheat.send("run", game.address, value=8 * ETHER))
    assert cheat.call("failures") == 1
    assert [each.severity for each in report.findings if each.amounts] == [Severity.MEDIUM]


def test_a_game_that_counts_for_itself() -> None:
    """The ether is there all the same: that is said, at the lowest weight that is still a finding."""
    stage = Stage()
    game, cheat = stage.deploy("GameFixed"), stage.deploy("Cheat")
    report = said(stage, cheat.send("run", game.address, value=7 * ETHER))
    assert [each.severity for each in report.findings] == [Severity.LOW]


def test_a_token_that_stops_a_lender() -> None:
    stage = Stage()
    token, donor = stage.deploy("FalseToken"), stage.deploy("Donor")
    token.do("mint", donor.address, 10)
    for name, count in (("ExactLender", 1), ("ExactLenderFixed", 0)):
        lender = stage.deploy(name, token.address)
        found = said(stage, donor.send("run", lender.address)).findings
        assert [each.severity for each in found] == [Severity.MEDIUM] * count
        assert all(lender.address in each.addresses for each in found)


def test_a_balance_that_has_to_be_what_is_stored() -> None:
    """Followed by the second pass for every transaction: nothing else picks these."""
    stage = Stage()
    for name, count in (("ExactSafe", 1), ("ExactSafeFixed", 0)):
        safe = stage.deploy(name)
        safe.do("deposit", value=ETHER)
        block = stage.build([safe.send("turn"), safe.send("sweep")])
        followed = stage.chain.run(block, inspect="all")
        seen = source.executed_block(
            followed, transactions=block.transactions, chain_id=1, number=block.number, family="ethereum"
        )
        found = judge(seen, [ForcedEther()]).findings
        assert [each.severity for each in found] == [Severity.LOW] * count
        assert all(each.transaction == block.hashes[0] for each in found)


def test_foreign_executions(shared_data: Path) -> None:
    """Of fifteen recorded solutions of a course one stops a vault by sending it a token: that one, and no other."""
    blocks = foreign.read(shared_data / "detection" / "exploits-dvdefi.jsonl.gz")
    named = [each for block in blocks if judge(block, [ForcedEther()]).findings for each in block.executions]
    assert len(named) == 1
    assert "UnstoppableVault" in named[0].names.values()
