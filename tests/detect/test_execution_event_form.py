"""What the detectors of arithmetic, calls, gas and balances still see where a source has no gas, answers or steps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from detect.event_form import event_form
from detect.stage import ETHER, Deployed, Stage
from rollproof.detect.denial_of_service import RejectedPayment
from rollproof.detect.detector import Detector
from rollproof.detect.forced_ether import ForcedEther
from rollproof.detect.gas_limit import GasLimitManipulation
from rollproof.detect.integer_wrap import IntegerWrap
from rollproof.detect.run import judge
from rollproof.detect.truncation import Truncation
from rollproof.detect.unchecked_call import UncheckedCall
from rollproof.types import Severity

HIGH, MEDIUM, LOW = Severity.HIGH, Severity.MEDIUM, Severity.LOW
DETECTORS: list[Detector] = [
    RejectedPayment(),
    ForcedEther(),
    GasLimitManipulation(),
    IntegerWrap(),
    Truncation(),
    UncheckedCall(),
]


def minted(stage: Stage, name: str, silent: bool) -> Deployed:
    token = stage.deploy(name, silent)
    token.do("mint", stage.account(1).address, 20)
    return token


def noisy(stage: Stage, fixed: str) -> bytes:
    token = minted(stage, "WrappingToken" + fixed, False)
    return token.send("transfer", stage.account(2).address, 20 if fixed else 21, sender=stage.account(1))


def silent(stage: Stage, fixed: str) -> bytes:
    token = minted(stage, "WrappingToken" + fixed, True)
    return token.send("transfer", stage.account(2).address, 20 if fixed else 21, sender=stage.account(1))


def shared(stage: Stage, fixed: str) -> bytes:
    token = minted(stage, "WrappingToken" + fixed, False)
    lucky = [stage.account(each).address for each in (2, 3)]
    return token.send("share", lucky, 10 if fixed else 1 << 255, sender=stage.account(1))


def popped(stage: Stage, fixed: str) -> bytes:
    return stage.deploy("Journal" + fixed).send("pop")


def narrow(stage: Stage, fixed: str) -> bytes:
    return stage.deploy("NarrowBank" + fixed).send("deposit", value=19 * ETHER)


def credited(stage: Stage, fixed: str) -> bytes:
    token = stage.deploy("FalseToken")
    till = stage.deploy("Till" + fixed, token.address)
    return till.send("deposit", 500)


def tried(stage: Stage, fixed: str) -> bytes:
    token = stage.deploy("FalseToken")
    return stage.deploy("TillTrying" if fixed else "Till", token.address).send("deposit", 500)


def settled(stage: Stage, fixed: str) -> bytes:
    refuser, debtor = stage.deploy("Refuser"), stage.deploy("Debtor" + fixed)
    debtor.do("owe", refuser.address, value=ETHER)
    return debtor.send("settle", refuser.address)


def patient(stage: Stage, fixed: str) -> bytes:
    return settled(stage, "Patient" if fixed else "")


def crowned(stage: Stage, fixed: str) -> bytes:
    throne, refuser, claimant = stage.deploy("Throne" + fixed), stage.deploy("Refuser"), stage.deploy("Claimant")
    refuser.do("open", throne.address, value=ETHER)
    return claimant.send("claim", throne.address, sender=stage.account(2), value=3 * ETHER)


def opened(stage: Stage, fixed: str) -> bytes:
    gate, opener = stage.deploy("Gate" + fixed), stage.deploy("GateOpener")
    return opener.send("run", gate.address, gas=16_000_000)


def played(stage: Stage, fixed: str) -> bytes:
    game, cheat = stage.deploy("Game"), stage.deploy("Cheat")
    if fixed:
        return game.send("deposit", value=ETHER)
    return cheat.send("run", game.address, value=8 * ETHER)


def donated(stage: Stage, fixed: str) -> bytes:
    token, donor = stage.deploy("FalseToken"), stage.deploy("Donor")
    token.do("mint", donor.address, 10)
    return donor.send("run", stage.deploy("ExactLender" + fixed, token.address).address)


@pytest.mark.parametrize(
    ("sent", "detector", "severity"),
    [
        (noisy, "integer-wrap", HIGH),
        (silent, "integer-wrap", MEDIUM),
        (shared, "integer-wrap", HIGH),
        (popped, "integer-wrap", MEDIUM),
        (narrow, "truncation", HIGH),
        (credited, "unchecked-call", MEDIUM),
        (tried, "unchecked-call", MEDIUM),
        (settled, "unchecked-call", MEDIUM),
        (patient, "unchecked-call", MEDIUM),
        (crowned, "denial-of-service", MEDIUM),
        (opened, "gas-limit-manipulation", LOW),
        (played, "forced-ether", MEDIUM),
        (donated, "forced-ether", MEDIUM),
    ],
)
def test_the_fault_is_seen_and_its_corrected_twin_is_silent(
    sent: Callable[[Stage, str], bytes], detector: str, severity: Severity, tmp_path: Path
) -> None:
    for fixed in ("", "Fixed"):
        stage = Stage()
        [execution] = stage.run([sent(stage, fixed)]).executions
        found = judge(event_form(execution, tmp_path), DETECTORS).findings
        assert [(each.detector, each.severity) for each in found] == ([] if fixed else [(detector, severity)])
