"""The drill: detected, missed, misplaced, not covered or falsely alarmed: each ends up as that and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import pytest
from typer.testing import CliRunner

from rollproof import _core
from rollproof.cli import app
from rollproof.errors import Malformed, Unsupported
from rollproof.lab import drill
from rollproof.lab.check import Check, Detection, Outside, Verify
from rollproof.lab.drill import Result, Status
from rollproof.lab.faults import fault
from rollproof.lab.faults.effect import Effect, Expected
from rollproof.lab.scenario import Scenario
from rollproof.report import drill as shown
from rollproof.types import Difference, Outcome
from unit.lab_bench import Bench

STATE = (
    "state-balance", "state-slot", "gas-after-failure", "reverted-write-kept", "wrong-receipts", "wrong-fee-vault",
    "wrong-vm", "deposit-mint:provoke=false", "nonce-kept",
)  # fmt: skip
NODE = (
    "node-slow", "node-refuses", "node-refuses:drop=true", "node-lies-block", "node-lies-block:name=gas_used",
    "node-lies-block:name=receipts_root", "node-lies-block:kind=field", "node-lies-block:kind=field,name=timestamp",
    "node-lies-block:kind=transaction", "node-lies-proof", "node-lies-proof:kind=nodes", "node-lies-receipt",
    "node-lies-receipt:kind=gas", "node-lies-receipt:kind=log", "nodes-disagree",
)  # fmt: skip


AFTER = 18  # steps: in twelve of them the L1 makes two blocks


def bench(seed: int) -> Any:
    return Bench(seed)


def run(names: Sequence[str], checks: Sequence[Callable[[], Check]] = (Verify,)) -> list[Result]:
    """On the small lab, whose traffic is there from the first block on; so few steps will do."""
    scenarios = [replace(each, warm_up=2, after=AFTER) for each in drill.chosen(names)]
    return list(drill.drill(scenarios, build=bench, checks=checks))


@pytest.mark.parametrize("names", [NODE[:6], NODE[6:]], ids=["answers", "proofs"])
def test_every_fault_is_found_at_its_place_and_nothing_else_is_said(names: Sequence[str]) -> None:
    results = run(names)
    assert [(each.scenario.id, each.status) for each in results] == [(name, Status.DETECTED) for name in names]
    for each in results:
        assert (each.right_place, each.stray, each.alarms, each.seconds, each.blocks) == (True, (), (), 0, 0)
    assert drill.exit_code(results) == 0


def test_a_wrong_block_is_found_in_the_block_and_in_the_payload_that_the_honest_node_refuses() -> None:
    results = run(STATE)
    assert [each.scenario.id for each in results] == list(STATE)
    for each in results:
        assert (each.status, each.right_place) == (Status.DETECTED, True), each.scenario.id
        assert (each.stray, each.alarms, each.seconds, each.blocks) == ((), (), 0, 0)
        assert each.looked_at == ("block", "payload"), each.scenario.id
        assert each.detection is not None
        assert each.detection.outcome is Outcome.BROKEN
    assert drill.exit_code(results) == 0


def test_what_was_looked_at_is_not_looked_at_again() -> None:
    lab, check = bench(0), Verify()
    outside = Outside.of(lab)
    lab.inject(fault.make("state-balance", {"at": 2}))
    lab.run(3)
    lab.follower.sync()
    found = list(check.look(outside))
    assert [(each.number, each.subject) for each in found] == [(2, "block"), (2, "payload")]
    assert list(check.look(outside)) == []
    lab.run(1)
    assert list(check.look(outside)) == []


def test_faults_of_the_l1_and_of_its_node_are_found_as_well() -> None:
    results = run(["state-slot:layer=l1", "wrong-fee-vault:layer=l1", "node-lies-block:node=l1", "node-slow:node=l1"])
    assert [(each.status, each.right_place) for each in results] == [(Status.DETECTED, True)] * 4
    assert {each.effect.layer for each in results if each.effect} == {"l1"}


def test_the_same_seed_gives_the_same_results() -> None:
    names = ["gas-after-failure", "node-lies-proof"]
    assert [each.record() for each in run(names)] == [each.record() for each in run(names)]


class Blind:
    """A check that is there and sees nothing."""

    id: ClassVar[str] = "verify"

    def look(self, outside: Outside) -> Iterator[Detection]:
        yield from ()


class Loud:
    """A check that speaks of every block, and always names a place that is fine."""

    id: ClassVar[str] = "verify"

    def look(self, outside: Outside) -> Iterator[Detection]:
        head, time = outside.stack.l2.head.number, outside.stack.time
        wrong = (Difference("account", "0x" + "77" * 20 + ".balance", "1", "2"),)
        yield Detection(self.id, "l2", head, head, time, Outcome.BROKEN, "everything is wrong", wrong)


class Careless(Verify):
    """Finds what `Verify` finds, and names one account more."""

    def look(self, outside: Outside) -> Iterator[Detection]:
        more = Difference("account", "0x" + "77" * 20 + ".balance", "1", "2")
        for each in super().look(outside):
            yield Detection(
                each.check, each.layer, each.number, each.head, each.time, each.outcome, each.sentence,
                (*each.differences, more), each.subject,
            )  # fmt: skip


class Late(Verify):
    """Finds what `Verify` finds, three steps later."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[list[Detection]] = [[], [], []]

    def look(self, outside: Outside) -> Iterator[Detection]:
        head, time = outside.stack.l2.head.number, outside.stack.time
        self._waiting.append(list(super().look(outside)))
        for each in self._waiting.pop(0):
            yield Detection(
                each.check, each.layer, each.number, head, time, each.outcome, each.sentence, each.differences
            )


class Doubtful(Verify):
    """Only ever says that it could not look."""

    def look(self, outside: Outside) -> Iterator[Detection]:
        for each in super().look(outside):
            yield Detection(
                each.check, each.layer, each.number, each.head, each.time, Outcome.UNKNOWN, each.sentence,
                each.differences,
            )  # fmt: skip


def test_what_a_check_does_not_see_is_missed() -> None:
    [result] = run(["state-balance"], [Blind])
    assert (result.status, result.right_place, result.seconds) == (Status.MISSED, None, None)
    assert "nothing is found broken" in result.reason
    assert drill.exit_code([result]) == 1


def test_a_doubt_is_not_a_detection_of_a_wrong_block() -> None:
    [result] = run(["state-balance"], [Doubtful])
    assert result.status is Status.MISSED
    assert "verify says unknown" in result.reason


def test_false_alarms_and_a_wrong_place_count_against_it() -> None:
    [result] = run(["state-balance"], [Loud])
    assert (result.status, result.right_place) == (Status.DETECTED, False)
    assert [each.scope for each in result.unnamed] == ["header", "account"]
    assert [each.key for each in result.beside] == ["0x" + "77" * 20 + ".balance"]
    assert len(result.alarms) == result.steps  # one for each step of the same length
    assert len(result.stray) == result.steps - 1
    assert drill.exit_code([result]) == 1


def test_one_account_too_many_is_a_wrong_place() -> None:
    [result] = run(["state-slot"], [Careless])
    assert (result.status, result.right_place, result.alarms) == (Status.DETECTED, False, ())
    assert drill.exit_code([result]) == 1


def test_time_to_detection_is_counted_from_the_first_effect() -> None:
    [result] = run(["state-balance:at=9"], [Late])
    assert result.effect is not None
    assert (result.effect.number, result.blocks, result.seconds, result.right_place) == (9, 3, 6, True)


@dataclass
class Odd(fault.Fault):
    """Calls for a check that nobody has written. Idle, it does nothing at all."""

    idle: bool = False

    id: ClassVar[str] = "odd"
    family: ClassVar[str] = "link"
    title: ClassVar[str] = "Something | odd \x1b[31m happens."
    check: ClassVar[str] = "oracle-of-delphi"

    def before_step(self, stack: Any) -> None:
        if not self.idle and not self.effects:
            self.effects.append(Effect("l2", 5, bytes(32), 10, ()))


@dataclass
class Failing(fault.Fault):
    """Breaks the lab itself."""

    id: ClassVar[str] = "failing"
    family: ClassVar[str] = "liveness"
    title: ClassVar[str] = "The fault has a bug."
    check: ClassVar[str] = "verify"

    def after_step(self, stack: Any) -> None:
        raise KeyError("nothing")


@pytest.fixture
def more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two faults more, for one test."""
    drill.chosen([])  # every module has been read
    monkeypatch.setattr(fault, "_REGISTERED", dict(fault.registered()))
    fault.register(Odd)
    fault.register(Failing)


@pytest.mark.usefixtures("more")
def test_a_new_fault_is_drilled_without_being_listed_and_never_shown_as_passed() -> None:
    assert {"odd", "failing"} <= {each.id for each in drill.chosen([])}
    assert [each.id for each in drill.chosen([], "link") if each.id == "odd"] == ["odd"]
    [result] = run(["odd"])
    assert (result.status, result.right_place, result.scenario.covered) == (Status.NOT_COVERED, None, False)
    assert drill.exit_code([result]) == 2  # nobody has looked
    for text in (shown.matrix([result]), shown.markdown([result], 0), shown.line(result)):
        assert "not covered" in text
        assert "detected" not in text.partition("scenarios:")[0].partition("| scenario")[2].replace("0 detected", "")
        assert "\x1b" not in text
    assert json.loads(shown.line(result))["status"] == "not covered"
    assert "odd \\x1b[31m" in shown.markdown([result], 0)
    # Nobody looks, but that it did nothing at all is known.
    [idle] = run(["odd:idle=true"])
    assert (idle.status, idle.reason) == (Status.FAILED, f"the fault had no effect in {AFTER} steps")


@pytest.mark.usefixtures("more")
def test_a_scenario_that_cannot_run_is_named_and_the_others_go_on() -> None:
    results = run(["failing", "state-balance", "state-balance:at=999"])
    assert [each.status for each in results] == [Status.FAILED, Status.DETECTED, Status.FAILED]
    assert results[0].reason == "KeyError in after_step: 'nothing'"
    assert results[2].reason == f"the fault had no effect in {AFTER} steps"
    assert drill.exit_code(results) == 2
    assert drill.exit_code([*results, *run(["state-balance"], [Blind])]) == 1  # a miss counts for more
    assert drill.exit_code([]) == 2


def test_a_lab_that_cannot_be_built_fails_everything() -> None:
    def broken(seed: int) -> Any:
        raise Malformed("no lab today")

    results = list(drill.drill(drill.chosen(["state-balance", "nonce-kept"]), build=broken))
    assert [each.status for each in results] == [Status.FAILED] * 2
    assert results[0].reason == "the run without a fault: no lab today"


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("no-such", Unsupported, "no scenario 'no-such'; there are"),
        ("state-slot:at", Malformed, "NAME=VALUE"),
        ("state-slot:at=1,at=2", Malformed, "each name once"),
        ("state-slot:at=x", Malformed, "state-slot: at takes int"),
        ("state-slot:depth=1", Unsupported, "no parameter 'depth'"),
    ],
)
def test_what_is_not_known_is_refused_by_name(name: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        drill.chosen([name])
    with pytest.raises(Unsupported, match="no family 'weather'"):
        drill.chosen([], "weather")


def test_places_have_to_be_named_exactly() -> None:
    account, slot = b"\x01" * 20, 7
    effect = Effect("l2", 1, bytes(32), 0, (Expected.header("state_root"), Expected.slot(account, slot)))
    root = Difference("header", "state_root", "0x1", "0x2")
    place = Difference("storage", f"0x{account.hex()}[0x{slot:064x}]", "0x1", "0x2")
    _, hashed = Expected.slot(account, slot).also[-1]
    assert effect.unnamed("", [root, place]) == []
    assert effect.unnamed("", [root, Difference("storage", hashed, "0x1", "0x2")]) == []
    assert [str(each) for each in effect.unnamed("", [place])] == ["header state_root"]
    alone = Difference("account", f"keccak 0x{_core.keccak256(account).hex()}.storage_root", "0x1", "0x2")
    assert effect.unnamed("", [root, alone]) == [Expected.slot(account, slot)]
    far = Effect("l2", 1, bytes(32), 0, (Expected.header("state_root"), Expected.slot(account, slot, touched=False)))
    assert (far.unnamed("", [root, alone]), far.beside([root, alone])) == ([], [])
    other = Difference("storage", f"0x{account.hex()}[0x{8:064x}]", "0x1", "0x2")
    assert effect.unnamed("", [root, other]) == [Expected.slot(account, slot)]
    assert effect.beside([root, place, other]) == [other]
    assert effect.beside([Difference("account", f"0x{account.hex()}.storage_root", "0x1", "0x2")]) == []
    said = Effect("l2", 1, bytes(32), 0, (Expected.reason("hangs up"),), Outcome.UNKNOWN, exact=False)
    assert said.unnamed("the node hangs up on us", []) == []
    assert said.unnamed("the node is fine", []) == [Expected.reason("hangs up")]


def test_the_matrix_says_all_that_is_held_against_a_check() -> None:
    found, quiet = run(["state-balance"], [Loud])[0], run(["nonce-kept"])[0]
    text = shown.matrix([found, quiet])
    lines = text.splitlines()
    assert lines[0].split() == [
        "scenario", "family", "check", "result", "acted", "found", "by", "blocks", "seconds", "place", "alarms",
    ]  # fmt: skip
    assert f"    named without cause: account 0x{'77' * 20}.balance" in lines
    assert any(line.startswith("    not named: header state_root") for line in lines)
    assert any(line.startswith("    false alarm: l2 block 1: everything is wrong") for line in lines)
    assert lines[-1] == (
        "2 scenarios: 2 detected (1 of them at a wrong place), 0 missed, 0 not covered, 0 failed to run; "
        f"{found.steps} false alarms in the run without a fault, {found.steps - 1} elsewhere"
    )
    document = shown.markdown([found, quiet], 3)
    assert "| `nonce-kept` | A transaction does not raise its sender's nonce. | detected |" in document
    assert document.endswith(lines[-1] + ".\n")


def test_the_command_lists_and_runs() -> None:
    runner = CliRunner()
    told = runner.invoke(app, ["drill", "--list", "--json", "--family", "state-transition"])
    assert told.exit_code == 0
    listed = [json.loads(line) for line in told.stdout.splitlines()]
    assert {each["scenario"] for each in listed} == {name.partition(":")[0] for name in STATE}
    assert all(each["covered"] and each["check"] == "verify" for each in listed)
    ran = runner.invoke(app, ["drill", "state-balance", "--json", "--quiet"])
    assert ran.exit_code == 0, ran.output
    [record] = [json.loads(line) for line in ran.stdout.splitlines()]
    assert (record["status"], record["right_place"], record["false_alarms"]) == ("detected", True, [])
    refused = runner.invoke(app, ["drill", "no-such"])
    assert refused.exit_code == 2


def test_scenarios_are_values() -> None:
    [scenario] = drill.chosen(["state-slot:at=30"])
    assert isinstance(scenario, Scenario)
    made = cast(Any, scenario.make())
    assert (made.at, made.id, scenario.steps) == (30, "state-slot", 72)
    assert scenario.make() is not made
