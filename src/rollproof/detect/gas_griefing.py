"""Calls that were given too little gas while what happened around them was kept, and payees that burn what they get.

A call gets at most 63/64 of what its caller has left (EIP-150). Whoever chooses a transaction's gas can choose it so
that an inner call fails and the rest still succeeds.
"""

from __future__ import annotations

from collections.abc import Iterator

from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import Execution
from rollproof.detect.failed_call import OUT_OF_GAS, FailedCall, failed_calls, failed_frames
from rollproof.detect.live_write import invocation, live_writes, subtree
from rollproof.detect.shows import Shows, Trigger
from rollproof.replay.trace import Frame
from rollproof.types import Confidence, Severity

_SLACK = 5_000  # gas: what is not passed on besides the 64th, such as the stipend
_BURNT = 200_000  # gas that a payee can have used for nothing before it is worth a word


class GasGriefing(Detector):
    """A call ran out of gas, and its caller's effects stayed or its caller could not go on."""

    id = "gas-griefing"
    severity = Severity.MEDIUM
    title = "An inner call was starved of gas"
    what = (
        "An inner call was given all the gas that was left and ran out of it, while the call around it succeeded and "
        "kept what it wrote; or a payee used up all it was given, so that its payer failed."
    )
    why = (
        "What was to be done once is marked as done and never was: a relayed message is used up, a payout skipped. "
        "And one payee can keep a contract from paying anybody."
    )
    example = "Relayed meta-transactions that do not check the gas they leave: a relayer uses up a nonce for nothing."
    references = ("https://swcregistry.io/docs/SWC-126", "https://eips.ethereum.org/EIPS/eip-150")
    needs = Shows.CALLS | Shows.GAS
    trigger = Trigger.OUT_OF_GAS | Trigger.FAILED

    def check(self, evidence: Execution) -> Iterator[Judgement]:
        """Starved calls of live frames, then payees that burnt their gas and took their payer with them."""
        said: set[tuple[bytes, bytes, bytes]] = set()
        for failed in failed_calls(evidence):
            key = (failed.parent.target, failed.frame.target, failed.frame.input[:4])
            if failed.out_of_gas and key not in said and _starved(failed.frame, failed.parent):
                said.add(key)
                yield from self._starvation(evidence, failed)
        for payer, payee in _burners(evidence):
            yield self.finding(
                evidence,
                f"A payee used up all of the {payee.gas_limit} gas that it was given for nothing; "
                "its payer ran out of gas",
                confidence=Confidence.POSSIBLE,
                addresses=(payer.target, payee.target),
                frames=(payer.row, payee.row),
                notes=("a payment that passes all gas on lets its receiver decide whether it succeeds",),
                subject=f"0x{payer.target.hex()} pays 0x{payee.target.hex()}",
            )

    def _starvation(self, execution: Execution, failed: FailedCall) -> Iterator[Judgement]:
        parent, frame = failed.parent, failed.frame
        rows = invocation(execution, parent.row)
        kept = [each for each in live_writes(execution) if each.frame in rows]
        if not kept and not any(log.frame in rows and not execution.reverted(log.frame) for log in execution.logs):
            return
        if parent.caller == frame.target or execution.sender == frame.target:
            return  # who called is who was starved: his own choice
        title = f"A call of {frame.gas_limit} gas, all that was left, ran out of it, and what its caller wrote stayed"
        checked = execution.steps is not None and any(
            each.frame == frame.row and each.success_checked for each in execution.steps.calls
        )
        yield self.finding(
            execution,
            title,
            severity=Severity.LOW if checked or not kept else Severity.MEDIUM,
            confidence=Confidence.POSSIBLE,
            addresses=(parent.target, frame.target),
            frames=(parent.row, frame.row),
            notes=("its caller noticed that it failed",) if checked else (),
            subject=f"0x{parent.target.hex()} calls 0x{frame.target.hex()} {frame.input[:4].hex()}".strip(),
        )


def _starved(frame: Frame, parent: Frame) -> bool:
    """Whether it got all but a 64th: its caller then has no more than a 63rd of it left in the end."""
    left = parent.gas_limit - parent.gas_used
    return left <= frame.gas_limit // 63 + _SLACK and frame.gas_limit + _SLACK < parent.gas_limit


def _burners(execution: Execution) -> Iterator[tuple[Frame, Frame]]:
    """(payer, payee): both ran out of gas, the payee after it had been sent ether, and without calling anybody."""
    status, paid = execution.trace.column("frame_status"), execution.trace.column("frame_value")
    for row, parent in failed_frames(execution):
        if status[row] not in OUT_OF_GAS or status[parent] not in OUT_OF_GAS or not any(paid[32 * row : 32 * row + 32]):
            continue
        payee, payer = execution.frame(row), execution.frame(parent)
        if payee.gas_limit < _BURNT or payee.input_length:
            continue
        if payer.caller != payee.target and payee.target != execution.sender and len(subtree(execution, row)) == 1:
            yield payer, payee
