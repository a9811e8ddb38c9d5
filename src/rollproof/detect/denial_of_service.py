"""Calls that fail for everybody because one payee, who stands in storage, does not take a payment."""

from __future__ import annotations

from collections.abc import Iterator

from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import Execution
from rollproof.detect.failed_call import failed_frames
from rollproof.detect.live_write import subtree
from rollproof.detect.shows import Shows, Trigger
from rollproof.replay.trace import Frame, Kind
from rollproof.types import Confidence, Severity

_ADDRESS = (1 << 160) - 1


class RejectedPayment(Detector):
    """A function failed since an address that it read from storage refused ether, and the caller is another one."""

    id = "denial-of-service"
    severity = Severity.MEDIUM
    title = "One payee's refusal stops a function for everybody"
    what = (
        "A contract read an address from its storage, sent it ether, the payment was refused, and the whole call "
        "failed for that, though it was made by somebody else."
    )
    why = (
        "A payee that never accepts keeps a throne, an auction's lead or a queue's head for ever, and others' funds in."
    )
    example = "King of the Ether Throne, February 2016, by its form: compensation that contract wallets could not take."
    references = ("https://swcregistry.io/docs/SWC-113",)
    needs = Shows.CALLS | Shows.ETHER | Shows.STORAGE | Shows.VALUES
    trigger = Trigger.FAILED_CALL | Trigger.FAILED

    def check(self, evidence: Execution) -> Iterator[Judgement]:
        """Refused payments whose payer failed too."""
        trace, said = evidence.trace, set()
        status, kinds, lengths = (trace.column(f"frame_{name}") for name in ("status", "kind", "input_length"))
        for row, parent in failed_frames(evidence):
            if 1 <= status[parent] <= 3 or kinds[row] != Kind.CALL or lengths[4 * row : 4 * row + 4] != bytes(4):
                continue
            payee, payer = evidence.frame(row), evidence.frame(parent)
            key = (payer.target, payee.target)
            refused = _refused(evidence, payee, payer)
            if key in said or not (refused or _burnt(evidence, payee, payer)):
                continue
            asked = {payer.caller, evidence.sender} | {each.target for each in evidence.ancestors(payer.row)}
            if payee.target in asked or not _stored(evidence, payer, payee):
                continue
            said.add(key)
            yield self.finding(
                evidence,
                f"A call failed because a payee that it did not choose refused {payee.value} wei"
                if refused
                else f"A call failed after a payee that it did not choose had failed to take {payee.value} wei",
                severity=Severity.MEDIUM if refused else Severity.LOW,
                confidence=Confidence.POSSIBLE,
                addresses=(payer.target, payee.target, payer.caller),
                frames=(payer.row, payee.row),
                notes=("whether others are stopped too depends on whether the payee can be replaced",),
                subject=f"0x{payer.target.hex()} pays 0x{payee.target.hex()}",
            )


def _refused(execution: Execution, payee: Frame, payer: Frame) -> bool:
    """Whether the payee itself refused, at once, and its payer did nothing more."""
    rows = subtree(execution, payee.row)
    return len(rows) == 1 and rows.stop == subtree(execution, payer.row).stop


def _burnt(execution: Execution, payee: Frame, payer: Frame) -> bool:
    """Whether the payer went on without the payee and failed by itself: all its gas may be gone (gas is not shown)."""
    rows = subtree(execution, payer.row)
    if Shows.GAS in execution.shows or len(subtree(execution, payee.row)) != 1 or rows.stop == payee.row + 1:
        return False
    return all(execution.frame(row).success for row in range(payee.row + 1, rows.stop))


def _stored(execution: Execution, payer: Frame, payee: Frame) -> bool:
    """Whether the payer's call read the payee's address from storage."""
    trace, wanted = execution.trace, int.from_bytes(payee.target, "big")
    for row in execution.access_rows:
        access = trace.accesses[row]
        if access.order > payee.order:
            return False
        read = access.frame == payer.row and not access.write
        if read and any(access.value >> shift & _ADDRESS == wanted for shift in (0, 8, 16, 96)):
            return True
    return False
