"""The stage itself: what is deployed and run on it is what checks see."""

from __future__ import annotations

import pytest

from detect.stage import ETHER, Stage, artifact
from rollproof.errors import Missing


def test_what_is_run_is_on_the_chain() -> None:
    stage = Stage()
    counter = stage.deploy("Counter", ETHER, value=5 * ETHER)
    assert stage.balance(counter.address) == 5 * ETHER
    assert counter.do("count", value=ETHER)["status"] == 1
    block = stage.build([counter.send("count", value=2 * ETHER), counter.send("count", value=1)])
    assert [each["status"] for each in block.outcomes] == [1, 0]
    assert counter.call("counts", stage.account(0).address) == 2
    assert stage.balance(counter.address) == 7 * ETHER
    with pytest.raises(AssertionError, match="too little"):
        counter.call("count")


def test_a_run_is_seen_as_it_was() -> None:
    stage = Stage()
    counter = stage.deploy("Counter", ETHER)
    payer = stage.account(1)
    seen = stage.run([counter.send("count", value=2 * ETHER, sender=payer), counter.send("count", value=1)])
    paid, failed = seen.executions
    assert (paid.sender, paid.to, paid.success, failed.success) == (payer.address, counter.address, True, False)
    assert len(paid.frame_rows) == 2
    assert paid.net == {(payer.address, None): -ETHER, (counter.address, None): ETHER}
    assert failed.net == {}
    assert (seen.number, seen.chain_id) == (2, stage.chain.config.chain_id)


def test_an_unknown_fixture_is_named() -> None:
    with pytest.raises(Missing, match="NoSuchContract"):
        artifact("NoSuchContract")
