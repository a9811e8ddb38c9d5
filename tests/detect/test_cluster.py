"""Who acts together: on a chain of our own, and in executions that others recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from detect.by_hand import BANK, EVE, SENDER, TEST, call, one, pays, raw
from detect.stage import ETHER, Stage
from rollproof.detect import foreign
from rollproof.detect.cluster import actors, by_account, cluster, gains, only_gains, only_loses
from rollproof.detect.execution import Execution


def test_an_attacking_contract_works_for_its_sender() -> None:
    stage = Stage()
    lender, thief = stage.deploy("EtherLender"), stage.deploy("SideEntrance")
    lender.do("deposit", value=ETHER, sender=stage.account(1))
    [execution] = stage.run([thief.send("run", lender.address)]).executions
    assert actors(execution) == cluster(execution) == {stage.account(0).address, thief.address}
    assert gains(execution, cluster(execution)) == {None: ETHER}


def test_a_contract_that_only_loses_is_no_actor() -> None:
    stage = Stage()
    lender = stage.deploy("EtherLender")
    lender.do("deposit", value=5 * ETHER)
    [execution] = stage.run([lender.send("withdraw")]).executions
    assert cluster(execution) == {stage.account(0).address}


def test_a_service_that_takes_what_its_caller_gives_is_no_actor() -> None:
    stage = Stage()
    lender = stage.deploy("EtherLender")
    [execution] = stage.run([lender.send("deposit", value=ETHER)]).executions
    assert cluster(execution) == {stage.account(0).address}


def test_a_pool_that_trades_with_its_caller_is_no_actor() -> None:
    stage = Stage()
    coin, money = stage.deploy("value/Coin"), stage.deploy("value/Coin")
    pool = stage.deploy("SpotPool", coin.address, money.address)
    for token in (coin, money):
        token.do("make", pool.address, 1000)
    pool.do("fund")
    coin.do("make", stage.account(0).address, 10)
    coin.do("approve", pool.address, 10)
    [execution] = stage.run([pool.send("sell", 10)]).executions
    assert cluster(execution) == {stage.account(0).address}


def test_a_plain_payment_makes_the_payee_no_beneficiary() -> None:
    stage = Stage()
    [execution] = stage.run([stage.account(0).send(stage.account(1).address, value=ETHER)]).executions
    assert cluster(execution) == {stage.account(0).address}


def test_sums_and_signs() -> None:
    stage = Stage()
    lender = stage.deploy("EtherLender")
    [execution] = stage.run([lender.send("deposit", value=3)]).executions
    table = by_account(execution)
    assert only_loses(table[stage.account(0).address])
    assert only_gains(table[lender.address])
    assert gains(execution, table) == {}
    assert not only_loses({})
    assert not only_gains({})


def recorded(shared_data: Path) -> dict[str, Execution]:
    found = {}
    for block in foreign.read(shared_data / "detection" / "exploits-dvdefi.jsonl.gz"):
        [execution] = block.executions
        for address, name in execution.names.items():
            found[name] = execution
            found[f"{name} {address.hex()}"] = execution
    return found


def test_foreign_executions(shared_data: Path) -> None:
    """The recorded victims lose and are no members; the account that the course has the loot sent to is one."""
    executions = recorded(shared_data)
    recovery = bytes.fromhex("73030b99950fb19c6a813465e58a0bca5487fbea")
    for victim in (
        "TrusterLenderPool",
        "SelfiePool",
        "SideEntranceLenderPool",
        "PuppetPool",
        "PuppetV2Pool",
        "Exchange",
    ):
        execution = executions[victim]
        address = next(each for each, name in execution.names.items() if name == victim)
        assert address not in cluster(execution), victim
        assert recovery in cluster(execution), victim
        assert recovery not in actors(execution), victim


@pytest.mark.parametrize("maker", [TEST, EVE], ids=["test", "attacker"])
def test_what_a_test_made_for_the_attacker_to_call_is_the_scene(maker: str, tmp_path: Path) -> None:
    """A bank that gets in the test what it then loses has lost nothing by the sums; what EVE makes is her own."""
    made = call(BANK, kind="CREATE")
    attack = call(EVE, *(made if maker == EVE else []), *call(BANK, *pays(EVE, 5)))
    scene = [*call(EVE, kind="CREATE"), *(made if maker == TEST else [])]
    found = actors(one(tmp_path, *scene, *attack, *call(BANK, value=5)))
    assert {raw(SENDER), raw(TEST), raw(EVE)} <= found
    assert (raw(BANK) in found) is (maker == EVE)
