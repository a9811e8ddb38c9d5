"""Donations to vaults: a deposit that got too few shares, and a vault that stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from detect.by_hand import BANK, BOB, call, changed, one, pays, raw, told
from detect.stage import Deployed, Stage
from rollproof.detect import foreign
from rollproof.detect.run import judge
from rollproof.detect.share_inflation import ShareInflation
from rollproof.detect.vault_flow import donations, given
from rollproof.types import Amount, Confidence, Severity


def vault(stage: Stage, name: str) -> tuple[Deployed, Deployed]:
    """A vault, with coins approved to it by two accounts."""
    coin = stage.deploy("value/Coin")
    made = stage.deploy(name, coin.address)
    for each in (stage.account(0), stage.account(1)):
        coin.do("make", each.address, 10**6)
        coin.do("approve", made.address, 10**6, sender=each)
    return coin, made


def attack(stage: Stage, coin: Deployed, made: Deployed, donated: int) -> list[bytes]:
    """One share for one coin, a donation, somebody's deposit, the share back."""
    thief, saver = stage.account(0), stage.account(1)
    return [
        made.send("deposit", 1, thief.address, tip=4 * 10**9),
        coin.send("transfer", made.address, donated, tip=3 * 10**9),
        made.send("deposit", 9_000, saver.address, sender=saver, tip=2 * 10**9),
        made.send("redeem", 1, thief.address, tip=10**9),
    ]


@pytest.mark.parametrize("name", ["PlainVault", "QuietVault"])
def test_a_deposit_that_got_no_shares(name: str) -> None:
    stage = Stage()
    coin, made = vault(stage, name)
    block = stage.run(attack(stage, coin, made, 10_000))
    assert all(each.success for each in block.executions)
    [found] = judge(block, [ShareInflation()]).findings
    assert (found.severity, found.confidence) == (Severity.HIGH, Confidence.OBSERVED)
    assert Amount(coin.address, stage.account(1).address, -9_000) in found.amounts
    assert Amount(coin.address, stage.account(0).address, 9_000) in found.amounts


def test_a_vault_that_counts_what_was_deposited() -> None:
    stage = Stage()
    coin, made = vault(stage, "CountingVault")
    block = stage.run(attack(stage, coin, made, 10_000))
    assert all(each.success for each in block.executions)
    assert judge(block, [ShareInflation()]).findings == []
    assert made.call("balanceOf", stage.account(1).address) == 9_000


@pytest.mark.parametrize("name", ["PlainVault", "CountingVault"])
def test_yield_that_is_paid_to_a_vault(name: str) -> None:
    """A direct transfer that raises the price a little is how many vaults pass on what they earn."""
    stage = Stage()
    coin, made = vault(stage, name)
    made.do("deposit", 100_000, stage.account(0).address)
    block = stage.run(attack(stage, coin, made, 10_000))
    assert judge(block, [ShareInflation()]).findings == []


def test_foreign_executions(shared_data: Path) -> None:
    """Of the recorded solutions one stops a vault by a token that nobody deposited."""
    found = {}
    for block in foreign.read(shared_data / "detection" / "exploits-dvdefi.jsonl.gz"):
        for each in judge(block, [ShareInflation()]).findings:
            found[block.executions[0].names[each.addresses[0]]] = each.severity
    assert found == {"UnstoppableVault": Severity.MEDIUM}


ENTRY = b"\xee" * 32  # of a mapping


@pytest.mark.parametrize(("kind", "count"), [("CREATE", 0), ("CALL", 1)])
def test_what_a_constructor_writes_is_no_deposit(kind: str, count: int, tmp_path: Path) -> None:
    """A flag for its maker, and a flag of its own: that would be one share for the 7 wei that came."""
    flags = [*changed(ENTRY, 0, 1), *changed(0, 0, 1)]
    opened = call(BANK, *flags, kind=kind, value=7)
    later = [*pays(BANK, 100), *call(BANK, by=BOB, value=9)]
    found = judge(told(tmp_path, *opened, *later), [ShareInflation()]).findings
    assert [each.addresses[0] for each in found] == [raw(BANK)] * count


@pytest.mark.parametrize(("credited", "count"), [(9, 0), (0, 1)])
def test_books_without_a_total_say_nothing_of_shares(credited: int, count: int, tmp_path: Path) -> None:
    """An entry that rises is no deposit for nothing, whatever it counts."""
    first = call(BANK, *changed(ENTRY, 0, 1), *changed(0, 0, 1), value=1)
    credit = changed(b"\xef" * 32, 0, credited) if credited else []
    later = [*pays(BANK, 100), *call(BANK, *credit, by=BOB, value=9)]
    found = judge(told(tmp_path, *first, *later), [ShareInflation()]).findings
    assert [each.severity for each in found] == [Severity.HIGH] * count


@pytest.mark.parametrize("kind", ["CREATE", "CALL"])
def test_what_a_constructor_is_given_is_no_donation(kind: str, tmp_path: Path) -> None:
    execution = one(tmp_path, *call(BANK, kind=kind, value=7, selector=None))
    assert given(execution) == ({(raw(BANK), None)} if kind == "CALL" else set())
    assert len(list(donations(execution, raw(BANK)))) == (kind == "CALL")
