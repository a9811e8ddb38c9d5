"""Liquidations by event, by call and by both; those that failed without reverting, and repayments that look alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from detect.market import BOT, ONE, OTHER, OWNER, TWO, USER
from detect.stage import Stage
from detect.story import account, call, log, move, one, told, word
from rollproof.detect import foreign
from rollproof.detect.ordering.liquidation import Liquidate, liquidations
from rollproof.detect.protocols import Protocols
from rollproof.detect.run import judge
from rollproof.lab.contract import Contract
from rollproof.lab.transaction import Account, created
from rollproof.types import Amount, Severity

POOL, BORROWER, MARKET, COLLATERAL = (account(each) for each in ("lending", "borrower", "cdai", "ceth"))
AAVE = "liquidationCall(address,address,address,uint256,bool)"
COMPOUND = "liquidateBorrow(address,uint256,address)"


def aave(*, by: bytes = BOT, borrower: bytes = BORROWER, error: str = "", said: bool = True) -> dict[str, Any]:
    event = log(
        POOL,
        "LiquidationCall(address,address,address,uint256,uint256,address,bool)",
        [ONE, TWO, borrower],
        [500, 30, by, 0],
    )
    return call(
        by,
        POOL,
        move(TWO, POOL, by, account("atoken"), 500),
        move(ONE, POOL, POOL, by, 30),
        function=AAVE,
        arguments=[ONE, TWO, borrower, 500, False],
        error=error,
        logs=[event] if said else [],
    )


def compound(*, paid: bool = True, by: bytes = BOT) -> dict[str, Any]:
    event = log(
        MARKET, "LiquidateBorrow(address,address,uint256,address,uint256)", [], [by, BORROWER, 500, COLLATERAL, 77]
    )
    seized = call(
        MARKET, COLLATERAL, function="seize(address,address,uint256)", arguments=[by, BORROWER, 77], output=word(0)
    )
    below = [move(TWO, MARKET, by, MARKET, 500), seized] if paid else []
    return call(
        by,
        MARKET,
        *below,
        function=COMPOUND,
        arguments=[BORROWER, 500, COLLATERAL],
        output=word(0 if paid else 3),
        logs=[event] if paid else [],
    )


@pytest.mark.parametrize("logs", [True, False])
def test_a_call_and_its_event_are_one(logs: bool) -> None:
    [found] = liquidations(one(call(USER, BOT, aave()), logs=logs))
    assert (found.market, found.protocol, found.liquidator, found.borrower) == (POOL, "Aave", BOT, BORROWER)
    assert (found.debt_token, found.repaid, found.collateral_token, found.seized) == (TWO, 500, ONE, 30)
    assert found.seen == ("event and call" if logs else "call")


@pytest.mark.parametrize("logs", [True, False])
def test_a_market_that_answers_with_an_error_code(logs: bool) -> None:
    [found] = liquidations(one(call(USER, BOT, compound()), logs=logs))
    assert (found.market, found.borrower, found.debt_token, found.repaid) == (MARKET, BORROWER, TWO, 500)
    assert liquidations(one(call(USER, BOT, compound(paid=False)), logs=logs)) == ()


def test_the_finding_says_who_paid_and_who_was_paid_for() -> None:
    [finding] = judge(told(call(USER, BOT, aave())), [Liquidate()]).findings
    assert finding.severity is Severity.LOW
    assert set(finding.amounts) == {Amount(TWO, BOT, -500), Amount(ONE, BOT, 30)}
    assert {POOL, BOT, BORROWER} == set(finding.addresses)


@pytest.mark.parametrize("logs", [True, False])
def test_an_inner_call_that_was_undone_is_none(logs: bool) -> None:
    assert liquidations(one(call(USER, BOT, aave(error="execution reverted")), logs=logs)) == ()
    undone = call(BOT, OWNER, aave(by=OWNER), error="execution reverted")
    assert liquidations(one(call(USER, BOT, undone), logs=logs)) == ()


@pytest.mark.parametrize("logs", [True, False])
def test_a_contract_that_hands_the_call_on_is_not_counted(logs: bool) -> None:
    proxy = call(USER, BOT, aave(), function=AAVE, arguments=[ONE, TWO, BORROWER, 500, False])
    [found] = liquidations(one(proxy, logs=logs))
    assert found.market == POOL
    inner = aave()
    inner["calls"] = [{**inner, "type": "DELEGATECALL", "from": inner["to"], "to": f"0x{OTHER.hex()}", "logs": []}]
    [found] = liquidations(one(call(USER, BOT, inner), logs=logs))
    assert (found.market, found.repaid) == (POOL, 500)


def test_two_in_one_transaction_are_two() -> None:
    execution = one(call(USER, BOT, aave(), aave(borrower=OWNER), compound()))
    assert [each.borrower for each in liquidations(execution)] == [BORROWER, OWNER, BORROWER]
    found = judge(told(call(USER, BOT, aave(), aave(borrower=OWNER))), [Liquidate()]).findings
    assert len({each.id for each in found}) == 2


def repays_own() -> dict[str, Any]:
    said = log(POOL, "Repay(address,address,address,uint256)", [TWO, USER, USER], [500])
    return call(
        USER,
        POOL,
        move(TWO, POOL, USER, POOL, 500),
        function="repay(address,uint256,uint256,address)",
        arguments=[TWO, 500, 2, USER],
        logs=[said],
    )


def withdraws() -> dict[str, Any]:
    return call(
        USER,
        POOL,
        move(ONE, POOL, POOL, USER, 30),
        function="withdraw(address,uint256,address)",
        arguments=[ONE, 30, USER],
    )


def repays_for_another() -> dict[str, Any]:
    return call(
        USER,
        MARKET,
        move(TWO, MARKET, USER, MARKET, 500),
        function="repayBorrowBehalf(address,uint256)",
        arguments=[BORROWER, 500],
    )


@pytest.mark.parametrize("made", [repays_own, withdraws, repays_for_another])
def test_a_repayment_is_none(made: Any) -> None:
    tree = made()
    assert liquidations(one(tree)) == ()


def test_of_one_s_own_position_it_is_less() -> None:
    [finding] = judge(told(call(USER, BOT, aave(borrower=BOT))), [Liquidate()]).findings
    assert finding.severity is Severity.INFO
    assert "own position" in finding.title


# What a known inspector's own tests assert about these blocks.
ASSERTED = {
    13376024: ["Aave"],
    13207907: ["Compound"],
    13302365: ["Aave", "Aave"],
    13326607: ["Compound"],
    13404932: ["Compound"],  # Cream, which is Compound's code
    15049646: [],  # reverted
}


@pytest.mark.parametrize("number", ASSERTED)
def test_real_blocks(shared_data: Path, number: int) -> None:
    [block] = foreign.read(shared_data / "detection" / "mev-blocks" / f"{number}.json.gz")
    found = [each for execution in block.executions for each in liquidations(execution)]
    assert [each.protocol for each in found] == ASSERTED[number]
    assert all(each.repaid for each in found)
    assert len(judge(block, [Liquidate()]).findings) == len(found)


def test_the_reverted_one_is_there_to_be_seen(shared_data: Path) -> None:
    [block] = foreign.read(shared_data / "detection" / "mev-blocks" / "15049646.json.gz")
    undone = [
        frame
        for execution in block.executions
        for frame in execution.frames
        if frame.input[:4] in execution.protocols.liquidation_selectors and execution.reverted(frame.row)
    ]
    assert undone


class Lent:
    """The lab's lending pool with one borrower whose collateral has just become too little."""

    def __init__(self) -> None:
        self.stage = Stage()
        self.coin, self.cash = self.deploy("ERC20", "COIN", "COIN", 18), self.deploy("ERC20", "CASH", "CASH", 18)
        self.feed = self.stage.deploy("PriceBoard", 2 * 10**18)
        self.pool = self.deploy("LendingPool", self.coin.address, self.cash.address, self.feed.address, 7_500)
        owner, borrower, keeper = (self.stage.account(each) for each in (9, 1, 2))
        self.borrower, self.keeper = borrower, keeper
        users, tokens = (owner, borrower, keeper), (self.coin, self.cash)
        raw = [
            owner.send(token.address, data=token.encode("mint", user.address, 10**24), gas=200_000)
            for user in users
            for token in tokens
        ]
        raw += [
            user.send(token.address, data=token.encode("approve", self.pool.address, 2**255), gas=200_000)
            for user in users
            for token in tokens
        ]
        raw.append(self.send(owner, "deposit", 10**22))
        raw.append(self.send(borrower, "postCollateral", 1_000 * 10**18))
        raw.append(self.send(borrower, "borrow", 1_400 * 10**18))
        self.happened(raw)
        self.feed.do("post", 10**18, sender=owner)

    def deploy(self, name: str, *arguments: Any) -> Contract:
        deployer, contract = self.stage.account(9), Contract.load(name)
        at = created(deployer.address, deployer.nonce)
        self.happened([deployer.send(None, data=contract.deployment(*arguments), gas=12_000_000)])
        return contract.at(at)

    def happened(self, raw: list[bytes]) -> None:
        for outcome in self.stage.build(raw).outcomes:
            assert outcome["status"] == 1, outcome

    def send(self, account: Account, function: str, *arguments: Any) -> bytes:
        return account.send(self.pool.address, data=self.pool.encode(function, *arguments), gas=1_000_000)


def test_a_market_that_no_table_names() -> None:
    lent = Lent()
    block = lent.stage.run([lent.send(lent.keeper, "liquidate", lent.borrower.address, 100 * 10**18)])
    [known] = liquidations(block.executions[0])
    assert (known.seen, known.borrower) == ("event and call", lent.borrower.address)
    block.executions[0]._protocols = Protocols(())
    block.executions[0]._kept.clear()
    [found] = liquidations(block.executions[0])
    assert (found.seen, found.market, found.liquidator) == ("pattern", lent.pool.address, lent.keeper.address)
    assert (found.borrower, found.debt_token, found.collateral_token) == (
        lent.borrower.address,
        lent.cash.address,
        lent.coin.address,
    )
    assert (found.repaid, found.seized) == (known.repaid, known.seized)
    assert found.seized == 105 * 10**18  # a bonus of 5 %, at a price of one


def test_the_borrower_s_own_repayment_and_withdrawal_shrink_no_one_else_s_books() -> None:
    lent = Lent()
    raw = [lent.send(lent.borrower, "repay", lent.borrower.address, 1_400 * 10**18)]
    raw += [lent.send(lent.keeper, "repay", lent.borrower.address, 1)]
    raw += [lent.send(lent.borrower, "takeCollateral", 10**18)]
    block = lent.stage.run(raw)
    assert [execution.success for execution in block.executions] == [True, True, True]
    for execution in block.executions:
        assert liquidations(execution) == ()
        execution._protocols = Protocols(())
        execution._kept.clear()
        assert liquidations(execution) == ()
