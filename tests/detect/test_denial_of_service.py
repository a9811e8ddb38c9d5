"""Payees that refuse, and stop others by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from detect.by_hand import BANK, BOB, EVE, call, pays, raw, told
from detect.stage import ETHER, Stage
from rollproof.detect import foreign
from rollproof.detect.denial_of_service import RejectedPayment
from rollproof.detect.run import judge
from rollproof.types import Severity


def test_a_king_who_does_not_take_his_payment() -> None:
    for name, count in (("Throne", 1), ("ThroneFixed", 0)):
        stage = Stage()
        throne, refuser, claimant = stage.deploy(name), stage.deploy("Refuser"), stage.deploy("Claimant")
        refuser.do("open", throne.address, value=ETHER)
        direct = throne.send("claim", sender=stage.account(1), value=2 * ETHER)
        through = claimant.send("claim", throne.address, sender=stage.account(2), value=3 * ETHER)
        found = judge(stage.run([direct, through]), [RejectedPayment()]).findings
        assert [each.severity for each in found] == [Severity.MEDIUM] * (2 * count)
        assert all({throne.address, refuser.address} <= set(each.addresses) for each in found)


def test_who_refuses_his_own_payment_stops_nobody_else() -> None:
    stage = Stage()
    refuser, debtor = stage.deploy("Refuser"), stage.deploy("DebtorFixed")
    debtor.do("owe", refuser.address, value=ETHER)
    assert not judge(stage.run([debtor.send("settle", refuser.address)]), [RejectedPayment()]).findings


def test_foreign_executions_stop_nobody(shared_data: Path) -> None:
    for name in ("exploits-dvdefi", "reentrancy-labs"):
        for block in foreign.read(shared_data / "detection" / f"{name}.jsonl.gz"):
            assert not judge(block, [RejectedPayment()]).findings


@pytest.mark.parametrize("goes_on", [True, False])
def test_who_goes_on_without_a_payee_and_fails_then(goes_on: bool, tmp_path: Path) -> None:
    """The payee may have burnt all the gas, which an event trace does not show; but not where another failed too."""
    others = pays(BOB, 1, success=goes_on)
    paid = call(BANK, ["sload", "0x0", EVE], *pays(EVE, 1, success=False), *others, success=False)
    found = judge(told(tmp_path, *paid), [RejectedPayment()]).findings
    assert [each.severity for each in found] == ([Severity.LOW] if goes_on else [])
    assert all({raw(BANK), raw(EVE)} <= set(each.addresses) for each in found)
