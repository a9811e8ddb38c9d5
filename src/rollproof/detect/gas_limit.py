"""Decisions and payouts that rest on the gas, or its price, that the sender of a transaction chooses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import ExecutedBlock, Execution
from rollproof.detect.failed_call import FailedCall, failed_calls
from rollproof.detect.shows import Shows, Trigger
from rollproof.detect.steps import Taint
from rollproof.replay.trace import Frame
from rollproof.types import Amount, Confidence, Severity

TRIES = 16  # failed calls that are alike but for their gas, before one that succeeds


class GasLimitManipulation(Detector):
    """A payout or a branch depends on GAS or GASPRICE, or a gas limit was found by trying."""

    id = "gas-limit-manipulation"
    severity = Severity.MEDIUM
    title = "Gas that the sender chooses decides"
    what = (
        "The amount that a contract pays was computed from the gas left or the gas price, a jump compared the gas left "
        "for equality, or the same call was tried many times with other gas limits until one succeeded."
    )
    why = "Who sends a transaction chooses its gas and its price: a refund without a cap can be raised at will."
    example = "GasToken, November 2018: exchanges paid for all the gas that receivers of withdrawals chose to use."
    references = ("https://swcregistry.io/docs/SWC-126", "https://eips.ethereum.org/EIPS/eip-150")
    scope = "block"
    needs = Shows.CALLS
    trigger = Trigger.FAILED_CALL | Trigger.GAS_PRICE

    def check(self, evidence: ExecutedBlock) -> Iterator[Judgement]:
        """Tries that differ in gas only; with the second pass, payouts and comparisons too."""
        for execution in evidence.executions:
            if execution.flags & self.trigger:
                yield from self._tries(execution)
                yield from self._followed(execution, evidence.base_fee)

    def _followed(self, execution: Execution, base_fee: int | None) -> Iterator[Judgement]:
        steps = execution.steps
        if steps is None:
            return
        paid = [each.frame for each in steps.calls if each.value & Taint.GAS]
        yield from self._payouts(execution, paid, base_fee)
        if execution.flags & Trigger.GAS_PRICE:
            return  # a price that is multiplied is compared for equality too: that is how overflow is tested
        said: set[tuple[bytes, int]] = set()
        for test in steps.tests:
            if not test.equality or test.taint != Taint.GAS:
                continue
            frame = execution.frame(test.frame)
            if (frame.code, test.pc) not in said:
                said.add((frame.code, test.pc))
                yield self.finding(
                    execution,
                    "A jump was decided by whether the gas left is exactly some number",
                    severity=Severity.INFO,
                    confidence=Confidence.POSSIBLE,
                    addresses=(frame.target,),
                    frames=(frame.row,),
                    notes=(f"at program counter {test.pc}",),
                    subject=f"0x{frame.code.hex()} pc {test.pc}",
                )

    def _payouts(self, execution: Execution, rows: Sequence[int], base_fee: int | None) -> Iterator[Judgement]:
        """What the sender got back of an amount that its gas price decided, against what it paid for its gas."""
        paid = [execution.frame(row) for row in rows if not execution.reverted(row)]
        back = [each for each in paid if each.value and each.target == execution.sender]
        if not back:
            return
        total, price = sum(each.value for each in back), _price(execution, base_fee)
        title = f"{total} wei went back to the sender, an amount computed from gas or its price"
        if price is not None and execution.gas_used is not None and total <= price * execution.gas_used:
            reason = "it is no more than the transaction's gas cost"
            yield self.suppressed(execution, title, reason, Severity.LOW)
            return
        payer = back[0].caller
        yield self.finding(
            execution,
            title + (", and more than the transaction's gas cost" if price is not None else ""),
            severity=Severity.LOW,
            confidence=Confidence.POSSIBLE,
            addresses=(payer, back[0].target),
            amounts=(Amount(None, payer, -total), Amount(None, back[0].target, total)),
            frames=[each.row for each in back],
            notes=("what a rollup charges for data is not counted",) if execution.family == "op" else (),
            subject=f"0x{payer.hex()} pays its caller",
        )

    def _tries(self, execution: Execution) -> Iterator[Judgement]:
        failed = failed_calls(execution)
        if len(failed) < TRIES:
            return
        groups: dict[tuple[int, bytes, bytes], list[FailedCall]] = {}
        for each in failed:
            groups.setdefault((each.parent.row, each.frame.code, each.frame.input), []).append(each)
        for (parent, code, data), tries in groups.items():
            if len(tries) < TRIES:
                continue
            hit = _succeeded(execution, parent, code, data, tries[-1].frame.row)
            limits = {each.frame.gas_limit for each in tries}
            shown = Shows.GAS in execution.shows
            if hit is None or (shown and len(limits) < TRIES):
                continue
            yield self.finding(
                execution,
                f"{len(tries)} calls failed that were alike{' but for their gas' if shown else ''}, "
                "and then one succeeded",
                severity=Severity.MEDIUM if shown else Severity.LOW,
                confidence=Confidence.OBSERVED if shown else Confidence.POSSIBLE,
                addresses=(hit.target, hit.caller),
                frames=(parent, hit.row),
                notes=(f"with {hit.gas_limit} gas",) if shown else ("the source does not show their gas",),
                subject=f"0x{hit.target.hex()} {data[:4].hex()}",
            )


def _price(execution: Execution, base_fee: int | None) -> int | None:
    """Wei that a unit of gas cost the sender (EIP-1559); the most that it bid where the base fee is not known."""
    most: int | None = execution.decoded.get("max_fee_per_gas")
    tip: int | None = execution.decoded.get("max_priority_fee_per_gas")
    if most is None or tip is None or base_fee is None:
        return most
    return min(most, base_fee + tip)


def _succeeded(execution: Execution, parent: int, code: bytes, data: bytes, after: int) -> Frame | None:
    """The first call after some row, by the same frame, of the same code and data, that succeeded."""
    for row in _children(execution, parent, after):
        frame = execution.frame(row)
        if frame.success and frame.code == code and frame.input == data:
            return frame
    return None


def _children(execution: Execution, parent: int, after: int) -> Sequence[int]:
    parents, wanted = execution.trace.column("frame_parent"), parent.to_bytes(4, "little")
    return [row for row in range(after + 1, execution.frame_rows.stop) if parents[4 * row : 4 * row + 4] == wanted]
