"""What stays out of blocks, what comes late, and blocks that are not ordered as the chain claims."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from detect.stage import Stage
from rollproof import _core
from rollproof.detect.inspect import inspect
from rollproof.detect.inspection import Options
from rollproof.detect.ordering.censorship import PATIENCE, Censorship
from rollproof.detect.ordering.delayed_inclusion import LATE, DelayedInclusion
from rollproof.detect.ordering.priority_violated import PriorityViolated
from rollproof.detect.ordering.waiting import Waiting
from rollproof.lab.transaction import GWEI, Account
from rollproof.types import Finding, Unjudged

TO = b"\x77" * 20


def payment(sender: Account, tip: int = GWEI, *, fee: int = 100 * GWEI, gas: int = 21_000) -> bytes:
    return sender.send(TO, value=1, gas=gas, tip=tip, fee=fee)


def waiting(raw: bytes, block: int) -> Waiting:
    """As a pool shows it that has had it since ``block`` could have held it."""
    read = _core.decode_transaction(raw, "ethereum")
    return Waiting(
        read["hash"], read["sender"], read["to"], read["nonce"], read["gas_limit"], read["max_fee_per_gas"],
        read["max_priority_fee_per_gas"], block, 0,
    )  # fmt: skip


def named(found: Sequence[object]) -> list[Finding]:
    assert all(isinstance(each, Finding) for each in found)
    return [each for each in found if isinstance(each, Finding)]


class Scene:
    """A block that others fill, and one transaction that waits since some blocks ago."""

    def __init__(self, waited: int, *, others: int = GWEI, **own: int) -> None:
        self.stage = Stage()
        for _ in range(PATIENCE + 2):
            self.stage.build([])
        self.number = self.stage.chain.head.number + 1
        raw = payment(self.stage.account(1), **own)
        self.held = waiting(raw, self.number - waited)
        self.raw, self.others = raw, [payment(self.stage.account(2), others)]

    def check(self, detector: Censorship | DelayedInclusion, held: Waiting, included: Sequence[bytes]) -> list[Finding]:
        return named(list(detector.check(self.stage.run(included, pending={held.hash: held}))))

    def censored(self, held: Waiting | None = None) -> list[Finding]:
        return self.check(Censorship(), held or self.held, self.others)

    def delayed(self, held: Waiting | None = None) -> list[Finding]:
        return self.check(DelayedInclusion(), held or self.held, [self.raw, *self.others])


def test_what_is_left_out_of_block_after_block_is_censored() -> None:
    scene = Scene(PATIENCE)
    [found] = scene.censored()
    assert (found.transaction, found.block) == (scene.held.hash, scene.number - PATIENCE)
    assert found.addresses == (scene.stage.account(1).address, TO)
    [again] = scene.check(Censorship(), scene.held, [payment(scene.stage.account(3))])
    assert again.id == found.id  # one finding, however long it goes on


def test_who_waits_for_another_reason_is_not_censored() -> None:
    assert Scene(PATIENCE - 1).censored() == []
    assert Scene(PATIENCE, tip=GWEI - 1).censored() == []  # pays less than what is included
    assert Scene(PATIENCE, fee=GWEI // 100, tip=0).censored() == []  # less than the base fee
    scene = Scene(PATIENCE)
    assert scene.censored(replace(scene.held, next=False)) == []  # a nonce that has to wait for another
    scene = Scene(PATIENCE)
    assert scene.censored(replace(scene.held, gas_limit=60_000_000)) == []  # no room
    scene = Scene(PATIENCE)
    scene.others = []
    assert scene.censored() == []  # an empty block prefers nobody
    scene = Scene(PATIENCE)
    earlier = waiting(scene.others[0], scene.held.block - 1)
    both = {each.hash: each for each in (scene.held, earlier)}
    assert list(Censorship().check(scene.stage.run(scene.others, pending=both))) == []  # who is included came before


def test_one_block_that_passed_it_over_is_enough() -> None:
    scene = Scene(PATIENCE, tip=GWEI - 1)
    before = replace(scene.held, overtaken=1)
    assert len(scene.censored(before)) == 1
    scene = Scene(PATIENCE)
    scene.others = []
    assert len(scene.censored(replace(scene.held, overtaken=3))) == 1
    scene = Scene(PATIENCE, fee=GWEI // 100, tip=0)
    assert scene.censored(replace(scene.held, overtaken=3)) == []  # it cannot pay any more
    scene = Scene(LATE, tip=GWEI - 1)
    assert len(scene.delayed(replace(scene.held, overtaken=1))) == 1


def test_what_comes_blocks_late_was_held_back() -> None:
    scene = Scene(LATE)
    [found] = scene.delayed()
    assert (found.transaction, found.block) == (scene.held.hash, scene.number - LATE)
    assert Scene(LATE - 1).delayed() == []
    assert Scene(LATE, tip=GWEI - 1).delayed() == []  # beside it is nothing that pays as little
    scene = Scene(LATE)
    assert scene.delayed(replace(scene.held, next=False)) == []


def test_without_the_pool_nobody_knows() -> None:
    stage = Stage()
    seen = stage.run([payment(stage.account(1))])
    for detector in (Censorship(), DelayedInclusion(), PriorityViolated()):
        [said] = detector.check(seen)
        assert isinstance(said, Unjudged)


@pytest.mark.parametrize(
    ("tips", "wrong"),
    [
        ([(1, 3), (2, 2), (3, 1)], None),
        ([(1, 2), (2, 2), (3, 2)], None),
        ([(1, 1), (1, 3), (2, 1)], None),  # the second has to wait for the first of its sender
        ([(1, 1), (2, 3)], (0, 1)),
        ([(1, 3), (2, 1), (3, 2)], (1, 2)),
        ([(1, 2), (1, 1), (2, 3)], (0, 2)),
        ([(2, 3), (1, 1), (1, 3), (3, 2)], (1, 3)),
    ],
)
def test_the_claimed_order_is_held_against_the_block(
    tips: list[tuple[int, int]], wrong: tuple[int, int] | None
) -> None:
    stage = Stage()
    sent = [payment(stage.account(who), tip * GWEI) for who, tip in tips]
    found = named(list(PriorityViolated().check(stage.run(sent, ordering="priority-fee"))))
    hashes = [_core.keccak256(raw) for raw in sent]
    if wrong is None:
        assert found == []
    else:
        [finding] = found
        assert finding.transaction == hashes[wrong[0]]
        assert hashes[wrong[1]].hex() in finding.subject


def test_a_chain_that_claims_another_order_is_not_held_to_this_one() -> None:
    stage = Stage()
    sent = [payment(stage.account(1), GWEI), payment(stage.account(2), 2 * GWEI)]
    assert list(PriorityViolated().check(stage.run(sent, ordering="first-come"))) == []


def test_recorded_op_blocks_are_in_the_order_that_their_sequencer_claims(shared_data: Path) -> None:
    """op-geth orders by priority fee; the builders of these two mainnet blocks put bundles on top."""
    options = Options(only=("priority-violated",), ordering="priority-fee")
    blocks = shared_data / "blocks"
    honest = [*inspect([blocks / "op-mainnet-*.json.gz", blocks / "op-sepolia-*.json.gz"], options)]
    assert len(honest) > 20
    assert [each for each in honest if not each.looked or each.findings] == []
    built = [blocks / f"eth-mainnet-{number}.json.gz" for number in (15050000, 18884864)]
    assert [len(each.findings) for each in inspect(built, options)] == [1, 1]
