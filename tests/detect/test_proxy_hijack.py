"""Whose code runs on an account's storage, and who put it there."""

from __future__ import annotations

from pathlib import Path

import pytest

from detect.stage import ETHER, Deployed, Stage
from rollproof.detect import foreign
from rollproof.detect.execution import ExecutedBlock
from rollproof.detect.proxy_hijack import ProxyHijack
from rollproof.detect.run import judge
from rollproof.types import Finding, Severity


@pytest.fixture
def stage() -> Stage:
    return Stage()


def findings(block: ExecutedBlock) -> list[Finding]:
    return judge(block, [ProxyHijack()]).findings


def proxy(stage: Stage, admin: bytes = bytes(20)) -> Deployed:
    return stage.deploy("Proxy", stage.deploy("Plain").address, admin, value=5 * ETHER)


def test_anybody_may_change_the_code(stage: Stage) -> None:
    behind, thief = proxy(stage), stage.account(1)
    code = stage.deploy("Draining", sender=thief)
    [found] = findings(stage.run([behind.send("upgradeTo", code.address, sender=thief)]))
    assert found.severity is Severity.MEDIUM
    assert {behind.address, code.address, thief.address} <= set(found.addresses)


def test_and_the_new_code_pays_him(stage: Stage) -> None:
    behind, thief = proxy(stage), stage.account(1)
    code = stage.deploy("Draining", sender=thief)
    drain = stage.at("Draining", behind.address).send
    block = stage.run([behind.send("upgradeTo", code.address, sender=thief)])
    assert findings(block)
    block = stage.run([drain("drain", thief.address, sender=thief)])
    assert stage.balance(behind.address) == 0
    again = proxy(stage)
    drain = stage.at("Draining", again.address).send
    block = stage.run(
        [again.send("upgradeTo", code.address, sender=thief), drain("drain", thief.address, sender=thief)]
    )
    found = findings(block)
    assert [each.severity for each in found] == [Severity.HIGH, Severity.HIGH]
    assert all((again.address, -5 * ETHER) in {(a.account, a.amount) for a in each.amounts} for each in found)


def test_the_admin_may_and_so_may_the_admins_owner(stage: Stage) -> None:
    admin = stage.account(8)
    behind = proxy(stage, admin.address)
    code = stage.deploy("Clock")
    block = stage.run([behind.send("upgradeTo", code.address, sender=admin)])
    assert block.executions[0].success
    assert findings(block) == []
    owner = stage.deploy("ProxyOwner", sender=admin)
    behind = proxy(stage, owner.address)
    block = stage.run([owner.send("upgrade", behind.address, code.address, sender=admin)])
    assert block.executions[0].success
    assert findings(block) == []


def test_a_new_proxy_is_no_change(stage: Stage) -> None:
    code = stage.deploy("Plain")
    raw, _ = stage.creation("Proxy", code.address, bytes(20))
    assert findings(stage.run([raw])) == []


@pytest.mark.parametrize("name", ["OpenWallet", "ClosedWallet"])
def test_code_that_the_caller_brings(stage: Stage, name: str) -> None:
    wallet, thief = stage.deploy(name), stage.deploy("WalletThief", sender=stage.account(1))
    stage.build([stage.account(2).send(wallet.address, value=2 * ETHER, gas=50_000)])
    found = findings(stage.run([thief.send("rob", wallet.address, sender=stage.account(1))]))
    assert [each.severity for each in found] == ([Severity.HIGH] if name == "OpenWallet" else [])


def test_an_owner_runs_what_he_likes(stage: Stage) -> None:
    wallet, code = stage.deploy("ClosedWallet", sender=stage.account(1)), stage.deploy("Draining")
    stage.build([stage.account(2).send(wallet.address, value=2 * ETHER, gas=50_000)])
    data = code.contract.encode("drain", stage.account(1).address)
    block = stage.run([wallet.send("execute", code.address, data, sender=stage.account(1))])
    assert stage.balance(wallet.address) == 0
    assert findings(block) == []


def test_a_librarys_number_becomes_the_librarys_address(stage: Stage) -> None:
    timer = stage.deploy("CollidingTimer", stage.deploy("Clock").address)
    false = stage.deploy("FalseClock", sender=stage.account(1))
    number = int.from_bytes(false.address, "big")
    block = stage.run(
        [timer.send("set", number, sender=stage.account(1)), timer.send("set", 1, sender=stage.account(1))]
    )
    assert timer.call("owner") == stage.account(1).address
    assert findings(block)


def test_an_exploit_that_somebody_else_wrote(shared_data: Path) -> None:
    found = {
        name: findings(block)
        for block in foreign.read(shared_data / "detection/exploits-dvdefi.jsonl.gz")
        for name in [block.executions[0].names.get(block.executions[0].to or b"", "")]
    }
    assert [each.severity for each in found.pop("ClimberChallenge")] == [Severity.HIGH]
    assert not any(found.values())
