"""Trust in who signed, in a block's hash, in its second."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from detect.stage import ETHER, TIME, Stage
from rollproof.detect import source
from rollproof.detect.execution import ExecutedBlock
from rollproof.detect.inspect import inspect
from rollproof.detect.randomness import TimestampDependence, WeakRandomness
from rollproof.detect.run import judge
from rollproof.detect.transaction_origin import TransactionOrigin
from rollproof.lab.block import Holder
from rollproof.lab.bytecode import assemble
from rollproof.types import Severity


@pytest.fixture
def stage() -> Stage:
    return Stage()


def followed(stage: Stage, transactions: Sequence[bytes]) -> ExecutedBlock:
    """A block of which every transaction is followed by the second pass, whatever the first thinks of it."""
    block = stage.build(transactions)
    return source.executed_block(
        stage.chain.run(block, inspect="all"),
        chain_id=stage.chain.config.chain_id,
        number=block.number,
        timestamp=block.timestamp,
        family=stage.chain.config.family,
        transactions=block.transactions,
    )


@pytest.mark.parametrize("name", ["OriginWallet", "CallerWallet"])
def test_an_owner_is_lured(stage: Stage, name: str) -> None:
    owner = stage.account(2)
    wallet = stage.deploy(name, value=3 * ETHER, sender=owner)
    lure = stage.deploy("Lure", sender=stage.account(1))
    block = followed(stage, [lure.send("free", wallet.address, sender=owner)])
    found = judge(block, [TransactionOrigin()]).findings
    assert [each.severity for each in found] == ([Severity.MEDIUM] if name == "OriginWallet" else [])


def test_an_owner_pays(stage: Stage) -> None:
    owner = stage.account(2)
    wallet = stage.deploy("OriginWallet", value=3 * ETHER, sender=owner)
    block = followed(stage, [wallet.send("pay", stage.account(3).address, ETHER, sender=owner)])
    assert judge(block, [TransactionOrigin()]).findings == []


def test_heads_or_tails(stage: Stage) -> None:
    toss = stage.deploy("Toss", value=9 * ETHER)
    block = followed(stage, [toss.send("play", side, value=ETHER, sender=stage.account(1)) for side in (True, False)])
    found = judge(block, [WeakRandomness()]).findings
    assert [each.severity for each in found] == [Severity.MEDIUM]  # one of the two wins
    assert judge(block, [TimestampDependence()]).findings == []


def test_a_second_that_pays(stage: Stage) -> None:
    roulette, deadline = stage.deploy("Roulette", value=9 * ETHER), stage.deploy("Deadline", value=9 * ETHER)
    block = followed(
        stage,
        [
            roulette.send("play", 1, 0, value=ETHER, sender=stage.account(1)),
            roulette.send("play", 2 * TIME, 0, value=ETHER, sender=stage.account(2)),
            deadline.send("play", 1, 0, value=ETHER, sender=stage.account(3)),
        ],
    )
    found = judge(block, [TimestampDependence()]).findings
    assert [(each.severity, each.transaction) for each in found] == [(Severity.LOW, block.executions[0].transaction)]


@pytest.mark.parametrize(("compared", "count"), [("0 SLOAD", 1), ("0 CALLDATALOAD", 0)])
def test_the_origin_against_what_the_caller_says(compared: str, count: int) -> None:
    """Anybody can say who signed: that it is so gives nobody access."""
    wallet, relay, payee = (bytes([digit]) * 20 for digit in (0xA0, 0xA1, 0xA2))
    lured = Stage().account(1)
    pays = f"0 0 0 0 1 0x{payee.hex()} GAS CALL STOP"
    lets = assemble(f"{compared} ORIGIN EQ @ok JUMPI PUSH0 PUSH0 REVERT ok: {pays}")
    passes = assemble(f"0 CALLDATALOAD PUSH0 MSTORE 0 0 32 0 0 0x{wallet.hex()} GAS CALL STOP")
    signer = int.from_bytes(lured.address, "big")
    stage = Stage({wallet: Holder(code=lets, storage={0: signer}, balance=ETHER), relay: Holder(code=passes)})
    block = followed(stage, [lured.send(relay, data=signer.to_bytes(32, "big"), gas=200_000)])
    assert stage.balance(payee) == 1
    assert len(judge(block, [TransactionOrigin()]).findings) == count


def test_without_the_second_pass_it_is_unknown(shared_data: Path) -> None:
    path = shared_data / "blocks" / "op-mainnet-132796000.json.gz"
    for followed, unknown in (("first", 1), ("picked", 0)):
        [seen] = inspect(path, only=("weak-randomness",), followed=followed)
        assert len(seen.unjudged) == unknown
