"""Re-entrancy: the lab's weak contracts and their corrected twins, near misses by hand, and recorded attacks."""

from __future__ import annotations

import gzip
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from detect.stage import ETHER, Deployed, Stage
from rollproof.detect import foreign
from rollproof.detect.execution import ExecutedBlock
from rollproof.detect.inspect import inspect_file
from rollproof.detect.inspection import Options
from rollproof.detect.reentrancy import Creating, CrossFunction, SameFunction, TokenCallback
from rollproof.detect.reentrancy_across import CrossContract, ReadOnly
from rollproof.detect.run import Report, judge
from rollproof.lab.contract import Contract
from rollproof.lab.transaction import created
from rollproof.types import Amount, Confidence, Finding, Severity

DETECTORS = (SameFunction(), CrossFunction(), Creating(), TokenCallback(), CrossContract(), ReadOnly())
LABS = "reentrancy-labs.jsonl.gz"

Event = list[Any]


@dataclass(frozen=True)
class Scene:
    """A weak contract with savings in it, on a stage, and what attacks it."""

    stage: Stage
    victim: Deployed
    attack: Deployed
    token: Deployed | None = None

    def run(self, *arguments: int, value: int = 0) -> tuple[ExecutedBlock, Report]:
        block = self.stage.run(
            [self.attack.send("run", *arguments, sender=self.stage.account(0), value=value, gas=15_000_000)]
        )
        return block, judge(block, DETECTORS)


def lab(stage: Stage, name: str, *arguments: Any, by: int = 9) -> Deployed:
    """One of the lab's own contracts on a stage."""
    account, contract = stage.account(by), Contract.load(name)
    at = created(account.address, account.nonce)
    raw = account.send(None, data=contract.deployment(*arguments), gas=12_000_000)
    assert stage.build([raw]).outcomes[0]["status"] == 1
    return Deployed(stage, contract.at(at))


def ether_scene(bank: str, attack: str) -> Scene:
    stage = Stage()
    victim = lab(stage, bank)
    victim.do("deposit", sender=stage.account(1), value=100 * ETHER)
    return Scene(stage, victim, lab(stage, attack, victim.address, by=0))


def callback_scene(bank: str) -> Scene:
    stage = Stage()
    token = lab(stage, "CallbackToken", "Callback Token", "CALL", 18)
    victim = lab(stage, bank, token.address)
    for index in (0, 1):
        token.do("mint", stage.account(index).address, 100 * ETHER, sender=stage.account(9))
    token.do("approve", victim.address, 2**256 - 1, sender=stage.account(1))
    victim.do("supply", 100 * ETHER, sender=stage.account(1))
    attack = lab(stage, "CallbackAttack", victim.address, by=0)
    token.do("transfer", attack.address, 10 * ETHER, sender=stage.account(0))
    return Scene(stage, victim, attack, token)


def pool_scene(pool: str) -> Scene:
    stage = Stage()
    token = lab(stage, "ERC20", "Staked Ether", "sETH", 18)
    weak = lab(stage, pool, token.address)
    lender = lab(stage, "ShareLender", weak.address)
    for index in (0, 1):
        token.do("mint", stage.account(index).address, 10_000 * ETHER, sender=stage.account(9))
    token.do("mint", lender.address, 2_000 * ETHER, sender=stage.account(9))
    token.do("approve", weak.address, 2**256 - 1, sender=stage.account(1))
    weak.do("addLiquidity", 1_000 * ETHER, sender=stage.account(1), value=1_000 * ETHER)
    attack = lab(stage, "ReadOnlyAttack", lender.address, by=0)
    token.do("transfer", attack.address, 9_000 * ETHER, sender=stage.account(0))
    return Scene(stage, lender, attack, token)


@pytest.mark.parametrize(
    ("bank", "attack", "detector"),
    [
        ("EtherBank", "ReentrancyAttack", "reentrancy"),
        ("TransferableBank", "CrossFunctionAttack", "reentrancy-cross-function"),
        ("ShareVault", "CrossContractAttack", "reentrancy-cross-contract"),
    ],
)
def test_ether_banks(bank: str, attack: str, detector: str) -> None:
    scene = ether_scene(bank, attack)
    before = scene.stage.balance(scene.victim.address)
    block, report = scene.run(3, value=10 * ETHER)
    lost = before - scene.stage.balance(scene.victim.address)
    assert lost > 0, "the attack did not work"
    assert block.executions[0].success
    worst = report.findings[0]
    assert (worst.detector, worst.severity, worst.confidence) == (detector, Severity.HIGH, Confidence.OBSERVED)
    assert worst.addresses[0] == scene.victim.address
    assert Amount(None, scene.victim.address, -lost) in worst.amounts
    assert {each.addresses[0] for each in report.findings} == {scene.victim.address}


@pytest.mark.parametrize(
    ("bank", "attack"),
    [
        ("EtherBankFixed", "ReentrancyAttack"),
        ("TransferableBankFixed", "CrossFunctionAttack"),
        ("ShareVaultFixed", "CrossContractAttack"),
    ],
)
def test_corrected_banks(bank: str, attack: str) -> None:
    scene = ether_scene(bank, attack)
    _, report = scene.run(0, value=10 * ETHER)
    assert not [each for each in report.findings if each.severity.rank > Severity.INFO.rank]
    _, report = scene.run(3, value=10 * ETHER)
    assert not report.findings


def test_token_hook() -> None:
    scene = callback_scene("CallbackBank")
    assert scene.token is not None
    _, report = scene.run(3)
    [found] = report.findings
    assert (found.detector, found.severity) == ("reentrancy-token-callback", Severity.HIGH)
    assert found.addresses[0] == scene.victim.address
    lost = 100 * ETHER - scene.token.call("balanceOf", scene.victim.address)
    assert lost > 0
    assert Amount(scene.token.address, scene.victim.address, -lost) in found.amounts


def test_token_hook_corrected() -> None:
    _, report = callback_scene("CallbackBankFixed").run(3)
    assert not report.findings


def test_read_only() -> None:
    scene = pool_scene("StablePool")
    assert scene.token is not None
    held = scene.token.call("balanceOf", scene.victim.address)
    _, report = scene.run(200, value=9_000 * ETHER)
    [found] = [each for each in report.findings if each.detector == "reentrancy-read-only"]
    assert (found.severity, found.confidence) == (Severity.HIGH, Confidence.OBSERVED)
    assert found.addresses[0] == scene.victim.address
    lost = held - scene.token.call("balanceOf", scene.victim.address)
    assert lost > 0
    assert found.amounts[0] == Amount(scene.token.address, scene.victim.address, -lost)


def test_read_only_corrected() -> None:
    _, report = pool_scene("StablePoolFixed").run(200, value=9_000 * ETHER)
    assert not report.findings


# Event traces: V is the victim, M what enters it again, S the sender.
S, M, V, T, Z = (f"0x{digit * 40}" for digit in "12345")


def call(
    target: str, *inside: Event, selector: str | None = "0x00000001", value: int = 0, kind: str = "CALL"
) -> list[Event]:
    """The events of a call that succeeds."""
    return [["enter", kind, target, target, hex(value), selector, None], *inside, ["exit", 1]]


def flat(*parts: Event | list[Event]) -> list[Event]:
    out: list[Event] = []
    for part in parts:
        out += part if not part or isinstance(part[0], list) else [part]
    return out


def look(tmp_path: Path, *events: Event | list[Event]) -> Report:
    """What is said of a transaction of S to M in which these happen."""
    record = {"id": "by hand", "from": S, "to": M, "events": call(M, *flat(*events))}
    path = tmp_path / "trace.jsonl"
    path.write_text(json.dumps(record) + "\n")
    [block] = foreign.read(path)
    return judge(block, DETECTORS)


def withdraw(*inside: Event | list[Event], after: int = 0, selector: str = "0x0000000a") -> list[Event]:
    """Reads a balance of 5, pays it, lowers it."""
    paid = call(M, *flat(*inside), selector=None, value=5)
    return call(V, *flat(["sload", "0x7", "0x5"], paid, ["sstore", "0x7", hex(after)]), selector=selector)


def kinds(report: Report) -> list[tuple[str, Severity]]:
    return [(each.detector, each.severity) for each in report.findings]


def test_twice_the_same(tmp_path: Path) -> None:
    report = look(tmp_path, withdraw(withdraw()))
    assert kinds(report) == [("reentrancy", Severity.HIGH)]
    [found] = report.findings
    assert found.addresses[0].hex() == V[2:]
    assert {(each.account.hex(), each.amount) for each in found.amounts} == {(V[2:], -10), (M[2:], 10)}
    assert [(each.before, each.after) for each in found.slots] == [(5, 0)]


def test_two_after_each_other(tmp_path: Path) -> None:
    assert not look(tmp_path, withdraw(), withdraw()).findings


def test_another_function(tmp_path: Path) -> None:
    moved = call(V, ["sload", "0x7", "0x5"], ["sstore", "0x7", "0x0"], ["sstore", "0x8", "0x5"], selector="0x0000000b")
    # What is paid was brought along; what is still owed has gone to another entry: nothing is lost yet.
    report = look(tmp_path, call(V, value=5), withdraw(moved))
    assert kinds(report) == [("reentrancy-cross-function", Severity.MEDIUM)]
    assert report.findings[0].confidence is Confidence.POSSIBLE


def test_lowered_before_paying(tmp_path: Path) -> None:
    safe = [["sload", "0x7", "0x5"], ["sstore", "0x7", "0x0"]]
    again = call(V, ["sload", "0x7", "0x0"], selector="0x0000000a")
    assert not look(tmp_path, call(V, *safe, *call(M, *again, selector=None, value=5), selector="0x0000000a")).findings


def test_a_lock_that_holds_is_said(tmp_path: Path) -> None:
    refused: list[Event] = [["enter", "CALL", V, V, "0x0", "0x0000000a", None], ["sload", "0x9", "0x1"], ["exit", 0]]
    held = [["sload", "0x9", "0x0"], ["sstore", "0x9", "0x1"], ["sload", "0x7", "0x5"]]
    freed = [["sstore", "0x7", "0x0"], ["sstore", "0x9", "0x0"]]
    report = look(tmp_path, call(V, *held, *call(M, *refused, selector=None, value=5), *freed, selector="0x0000000a"))
    assert not report.findings
    [spared] = report.suppressed
    assert "failed at the lock" in spared.reason


@pytest.mark.parametrize("load", ["sload", "tload"])
def test_whoever_is_let_in_is_no_finding(tmp_path: Path, load: str) -> None:
    store = load.replace("load", "store")
    inner = call(V, [load, "0x9", "0x1"], ["sload", "0x7", "0x5"], ["sstore", "0x7", "0x6"], selector="0x0000000b")
    opened: list[Event] = [[load, "0x9", "0x0"], [store, "0x9", "0x1"]]
    report = look(tmp_path, call(V, *opened, *call(M, *inner), [store, "0x9", "0x0"], selector="0x0000000a"))
    assert not report.findings
    assert ["let in" in each.reason for each in report.suppressed] == [True]


@pytest.mark.parametrize("again", [False, True])
def test_a_flag_beside_the_lock_does_not_let_anybody_in(tmp_path: Path, again: bool) -> None:
    """The inner call reads the lock's slot for a flag. Its update is lost, unless the open call reads it first."""
    inner = call(V, ["sload", "0x9", "0x101"], ["sload", "0x7", "0x5"], ["sstore", "0x7", "0x4"], selector="0x0000000b")
    opened: list[Event] = [["sload", "0x9", "0x100"], ["sstore", "0x9", "0x101"], ["sload", "0x7", "0x5"]]
    reread: list[Event] = [["sload", "0x7", "0x4"]] if again else []
    ended: list[Event] = [["sstore", "0x7", "0x3"], ["sstore", "0x9", "0x100"]]
    report = look(tmp_path, call(V, *opened, *call(M, *inner), *reread, *ended, selector="0x0000000a"))
    assert kinds(report) == ([] if again else [("reentrancy-cross-function", Severity.LOW)])
    assert ["let in" in each.reason for each in report.suppressed] == [True] * again


def test_its_own_contract_is_no_victim(tmp_path: Path) -> None:
    back = call(M, ["sload", "0x1", "0x0"], ["sstore", "0x1", "0x1"], selector="0x0000000c")
    report = look(tmp_path, ["sload", "0x1", "0x0"], call(V, *back), ["sstore", "0x1", "0x2"])
    assert not report.findings


def test_a_callback_that_was_asked_for(tmp_path: Path) -> None:
    """Z calls V, which calls Z back: V did not make Z's first call, and nothing that Z knew is out of date."""
    back = call(Z, ["sload", "0x1", "0x0"], ["sstore", "0x1", "0x1"], selector="0x0000000c")
    assert not look(tmp_path, call(Z, *call(V, *back), selector="0x0000000a")).findings


def test_a_buyer_that_is_told_of_what_it_bought(tmp_path: Path) -> None:
    """The contract that is called pays a shop, which calls it back: it lost ether, and nobody attacked it."""
    told = call(T, ["sload", "0x1", "0x0"], ["sstore", "0x1", "0x1"], selector="0x150b7a02")
    sold = call(V, ["sload", "0x2", "0x0"], ["sstore", "0x2", "0x1"], *told, value=5)
    record = {"id": "by hand", "from": S, "to": T, "events": call(T, ["sload", "0x1", "0x0"], *sold)}
    path = tmp_path / "trace.jsonl"
    path.write_text(json.dumps(record) + "\n")
    [block] = foreign.read(path)
    assert (bytes.fromhex(T[2:]), None) in block.executions[0].net
    assert block.executions[0].reentries
    assert not judge(block, DETECTORS).findings


def test_from_a_constructor(tmp_path: Path) -> None:
    entered = call(V, ["sload", "0x7", "0x5"], ["sstore", "0x7", "0x0"], selector="0x0000000b")
    made = call(T, *call(M, *entered), selector=None, kind="CREATE")
    report = look(tmp_path, call(V, ["sload", "0x7", "0x5"], *made, ["sstore", "0x7", "0x0"], selector="0x0000000a"))
    assert [each.detector for each in report.findings] == ["reentrancy-create"]


def test_another_contracts_books(tmp_path: Path) -> None:
    def vault(changed: str) -> list[Event]:
        asked = call(T, ["sload", "0x7", "0x5"], kind="STATICCALL")
        moved = call(T, ["sload", "0x7", "0x5"], ["sstore", "0x7", changed], selector="0xa9059cbb")
        burned = call(T, ["sload", "0x7", changed], ["sstore", "0x7", "0x0"])
        return call(V, *flat(asked, call(M, *moved, selector=None, value=5), burned))

    assert kinds(look(tmp_path, vault("0x0"))) == [("reentrancy-cross-contract", Severity.HIGH)]
    assert not look(tmp_path, vault("0x5")).findings


def test_a_value_that_was_about_to_change(tmp_path: Path) -> None:
    def pool(final: str, *, acts: bool = True, payee: str = M) -> list[Event]:
        asked = call(V, ["sload", "0x7", "0x9"], kind="STATICCALL", selector="0x0000000d")
        paid = call(payee, selector=None, value=4)
        used = call(Z, *flat(asked, ["sstore", "0x1", "0x1"] if acts else [], paid if acts else []))
        return call(V, *flat(["sload", "0x7", "0x9"], call(M, *used, selector=None), ["sstore", "0x7", final]))

    [found] = look(tmp_path, pool("0x3")).findings
    assert (found.detector, found.severity) == ("reentrancy-read-only", Severity.HIGH)
    assert found.addresses[0].hex() == Z[2:]
    assert not look(tmp_path, pool("0x9")).findings
    assert not look(tmp_path, pool("0x3", acts=False)).findings


def test_without_storage_nothing_is_judged(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    path.write_text(json.dumps({"type": "CALL", "from": S, "to": V, "value": "0x0", "gas": "0x0", "gasUsed": "0x0",
                                "input": "0x", "output": "0x"}))  # fmt: skip
    [block] = foreign.read(path)
    report = judge(block, DETECTORS)
    assert not report.findings
    assert {each.detector for each in report.unjudged} == {each.id for each in DETECTORS}


def test_random_traces_never_fail(tmp_path: Path) -> None:
    """Whatever calls and accesses there are: no exception, and what was undone is never a finding."""
    dice = random.Random(4)
    for number in range(300):
        live, undone = _random(dice)
        path = tmp_path / f"{number}.jsonl"
        path.write_text(
            "".join(json.dumps({"id": "x", "from": S, "to": M, "events": each}) + "\n" for each in (live, undone))
        )
        first, second = (judge(block, DETECTORS) for block in foreign.read(path))
        assert not second.findings
        for found in first.findings:
            assert found.severity is not Severity.HIGH or found.amounts
            assert found.confidence is Confidence.OBSERVED or found.severity.rank <= Severity.MEDIUM.rank


def _random(dice: random.Random) -> tuple[list[Event], list[Event]]:
    events: list[Event] = [["enter", "CALL", M, M, "0x0", "0x00000001", None]]
    stored: dict[tuple[str, int], int] = {}
    open_calls = [M]
    for _ in range(60):
        chance, account = dice.random(), open_calls[-1]
        if chance < 0.3 and len(open_calls) < 7:
            kind, target = dice.choice(["CALL", "CALL", "STATICCALL"]), dice.choice([M, V, V, T, Z])
            sent = hex(dice.choice([0, 5]) if kind == "CALL" else 0)
            events.append(["enter", kind, target, target, sent, f"0x{dice.randrange(4):08x}", None])
            open_calls.append(target)
        elif chance < 0.5 and len(open_calls) > 1:
            events.append(["exit", 1])
            open_calls.pop()
        else:
            slot, value = dice.randrange(2), dice.randrange(3)
            if dice.random() < 0.5:
                events.append(["sload", hex(slot), hex(stored.setdefault((account, slot), 0))])
            else:
                stored[account, slot] = value
                events.append(["sstore", hex(slot), hex(value)])
    events += [["exit", 1]] * (len(open_calls) - 1)
    return [*events, ["exit", 1]], [*events, ["exit", 0]]


def test_recorded_labs(shared_data: Path) -> None:
    """Public examples of re-entrancy that others wrote: every attack is found with its victim, nothing else is."""
    path = shared_data / "detection" / LABS
    with gzip.open(path, "rt") as file:
        labels = [json.loads(line) for line in file]
    blocks = foreign.read(path)
    assert len(blocks) == len(labels) == 20
    missed, wrong = [], []
    for block, label in zip(blocks, labels, strict=True):
        found = [each for each in judge(block, DETECTORS).findings if each.severity.rank > Severity.INFO.rank]
        if not label["label"]:
            wrong += [label["id"]] if found else []
        elif not any(_names(each, label["victims"]) for each in found):
            missed.append(label["id"])
        elif not all(_names(each, label["victims"]) for each in found):
            wrong.append(label["id"])
    assert (missed, wrong) == ([], [])


def _names(found: Finding, victims: list[str]) -> bool:
    return f"0x{found.addresses[0].hex()}" in victims


def test_recorded_blocks_raise_no_alarm(shared_data: Path) -> None:
    """Mainnet and rollup blocks, hooks, flash swaps and routers among them."""
    seen = 0
    for path in sorted((shared_data / "blocks").glob("*.json.gz")):
        found = inspect_file(path, Options(only=("reentrancy*",), counterfactual=False))
        assert found.looked, f"{path.name}: {found.reason}"
        seen += found.transactions
        assert not [each for each in found.findings if each.severity.rank > Severity.LOW.rank], path.name
    assert seen > 500
