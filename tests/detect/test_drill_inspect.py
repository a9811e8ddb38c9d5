"""The check `inspect` in the drill: it names what faults did, says it once, and is silent about honest traffic."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from rollproof.lab import drill
from rollproof.lab.check import Detection, Outside
from rollproof.lab.drill import Result, Status
from rollproof.lab.faults import fault
from rollproof.lab.faults.contract import ContractExploit
from rollproof.lab.inspection import Inspect, differences
from rollproof.lab.pool_watch import PoolWatch
from rollproof.lab.stack import Stack
from rollproof.types import Amount, Confidence, Finding, Outcome, Severity
from unit.lab_bench import Bench


def run(names: list[str], warm_up: int = 2) -> list[Result]:
    scenarios = [replace(each, warm_up=warm_up) for each in drill.chosen(names)]
    return list(drill.drill(scenarios, checks=[Inspect]))


@pytest.mark.slow
def test_withheld_and_misplaced_transactions_are_named() -> None:
    results = run(["censorship", "delayed-inclusion", "priority-violated"])
    assert [(each.status, each.right_place) for each in results] == [(Status.DETECTED, True)] * 3
    assert [each.blocks for each in results] == [8, 5, 0]


@pytest.mark.slow
def test_every_contract_and_ordering_fault_is_found_at_its_place() -> None:
    names = [each.id for family in ("contract", "ordering") for each in drill.chosen([], family)]
    for each in run(names, warm_up=12):
        assert (each.status, each.right_place, each.stray) == (Status.DETECTED, True, ()), each.scenario.id
        assert each.alarms == ()


@pytest.mark.slow
@pytest.mark.parametrize("name", [each.id for each in drill.chosen([], "contract")])
def test_the_corrected_twin_raises_no_alarm(name: str) -> None:
    """Nothing is said about the contract that is attacked in vain, nor about a transaction of the attempt."""
    stack = Stack(0)
    stack.populate()
    check, outside = Inspect(), Outside.of(stack)
    list(check.look(outside))
    made = stack.inject(fault.make(name, {"fixed": True}))
    assert isinstance(made, ContractExploit)
    found: list[Detection] = []
    for _ in range(40):
        stack.step()
        found += check.look(outside)
    assert made.attempt.sent
    own = {f"0x{each.hex()}" for each in (*made.attempt.sent, made.attempt.robbed)}
    assert [each for each in found if each.outcome is not Outcome.HOLDS] == []
    said = [each.sentence for each in found if own & {one.key for one in each.differences if one.scope == "subject"}]
    assert said == []


def test_a_known_block_is_not_looked_at_again_before_there_is_a_fault() -> None:
    lab: Any = Bench(0)
    lab.run(3)
    blocks = [block for number in (1, 2, 3) if (block := lab.l2.block(number)) is not None]
    outside = Outside.of(lab, {each.hash for each in blocks[:2]})
    assert outside.unknown(blocks) == blocks[2:]
    lab.inject(fault.make("state-balance", {"at": 99}))
    assert outside.unknown(blocks) == blocks


@dataclass
class Told:
    """A node that answers from a table."""

    answers: dict[str, Any]

    def make_request(self, method: str, params: Any, /) -> Any:
        return self.answers.get(method, {"error": {"code": -32601, "message": "no"}})


def test_a_pool_that_cannot_be_seen_is_unknown() -> None:
    with pytest.raises(Exception, match="eth_newPendingTransactionFilter"):
        PoolWatch(Told({})).look(1, 0, 0, 0)


def test_a_pool_is_watched_from_the_first_block_that_could_have_held_it() -> None:
    stack = Stack(0)
    outside = Outside.of(stack)
    watch = PoolWatch(outside.nodes["l2"])

    def look() -> dict[bytes, Any]:
        head = stack.l2.head
        return dict(watch.look(head.number, head.timestamp, head.header.base_fee or 0, stack.time))

    assert look() == {}
    low = stack.send("l2", "alice" if "alice" in stack.names else "victim", b"\x11" * 20, value=1, gas=21_000, fee=1)
    stack.step()
    stack.step()
    seen = look()
    assert (seen[low].next, seen[low].fee) == (False, 1)  # below the base fee: nobody wrongs it
    sent = stack.send("l2", "bystander", b"\x11" * 20, value=1, gas=21_000)
    seen = look()
    assert (seen[sent].next, seen[sent].block) == (True, stack.l2.head.number)
    stack.step()
    assert sent in look()  # included just now: the block that holds it is judged with it
    assert sent not in look()


def test_what_is_said_names_everything_that_the_finding_names() -> None:
    token, loser, gainer, other = (bytes([each]) * 20 for each in (1, 2, 3, 4))
    first, second = b"\xaa" * 32, b"\xbb" * 32
    finding = Finding(
        "sandwich", Severity.MEDIUM, Confidence.OBSERVED, 1, 2, first, f"around 0x{other.hex()}",
        addresses=(gainer,), amounts=(Amount(token, loser, -5),), subject=f"0x{second.hex()}",
    )  # fmt: skip
    said = differences("sandwich", [finding])
    assert (said[0].scope, said[0].key, said[0].computed) == ("finding", "sandwich", "medium")
    assert {each.key for each in said[1:]} == {f"0x{each.hex()}" for each in (first, second, loser, gainer, other)}
