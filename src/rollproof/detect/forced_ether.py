"""Ether and tokens that came to a contract without its doing, and logic that its own balance decides.

SELFDESTRUCT sends ether without calling anybody; a token can be sent to any address. A contract that compares its own
balance with its books, for equality, can be stopped or opened by that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import Execution, Transfer
from rollproof.detect.failed_call import FailedCall, failed_calls
from rollproof.detect.live_write import subtree
from rollproof.detect.shows import Shows, Trigger
from rollproof.detect.steps import Taint
from rollproof.replay.trace import Frame, Kind, Selfdestruct
from rollproof.types import Amount, Confidence, Severity

_BALANCE_OF = bytes.fromhex("70a08231")
_EXACT = Taint.OWN_BALANCE | Taint.STORAGE
_VIEWS = 256  # calls that a contract makes to look, before it gives up


class ForcedEther(Detector):
    """A contract was sent what it could not refuse, or a jump compared its own balance for equality."""

    id = "forced-ether"
    severity = Severity.MEDIUM
    title = "A balance that somebody else can change decides"
    what = (
        "A self-destruct left ether with a contract that did not ask for it, a jump compared a contract's own balance "
        "for equality, or a contract failed right after it looked at its balance of a token that was sent to it."
    )
    why = "Anybody can raise a balance. A contract that wants it to be exact stops for ever, or lets its rules be bent."
    example = (
        "Edgeware's Lockdrop, July 2019: a lock contract's balance had to be exact, one wei sent ahead stopped all."
    )
    references = ("https://swcregistry.io/docs/SWC-132", "https://eips.ethereum.org/EIPS/eip-6780")
    needs = Shows.CALLS
    trigger = Trigger.SELFDESTRUCTS | Trigger.FAILED_CALL | Trigger.STEPS

    def check(self, evidence: Execution) -> Iterator[Judgement]:
        """Forced ether, donations after which a call fails, and comparisons for equality."""
        tests = _equality_tests(evidence)
        for row in evidence.selfdestructs:
            yield from self._forced(evidence, row)
        gifts = [each for each in evidence.transfers if each.token is not None and each.item is None and each.amount]
        for failed in failed_calls(evidence) if gifts else ():
            gift = _donation_before(evidence, failed, gifts)
            if gift is not None:
                yield self._stopped(evidence, failed, gift)
        for code, (frame, pc) in tests.items():
            yield self.finding(
                evidence,
                "A jump was decided by whether the contract's own balance is exactly what is stored",
                severity=Severity.LOW,
                confidence=Confidence.POSSIBLE,
                addresses=(frame.target,),
                frames=(frame.row,),
                notes=(f"at program counter {pc}", "anybody can raise that balance: it needs no call"),
                subject=f"0x{code.hex()} balance",
            )

    def _forced(self, execution: Execution, row: Selfdestruct) -> Iterator[Judgement]:
        if execution.reverted(row.frame):
            return
        destroyed = execution.frame(row.frame)
        above = {each.target for each in execution.ancestors(row.frame)} | {destroyed.caller, destroyed.target}
        if row.beneficiary in above or row.beneficiary == execution.sender:
            return
        amount = row.value or _received(execution, destroyed.target, row.order)
        if not amount or not _has_code(execution, row.beneficiary):
            return
        tested = _tests_balance(execution, row.beneficiary, row.order)
        later = [
            each
            for each in execution.frames
            if each.target == row.beneficiary and each.order > row.order and each.parent is not None
        ]
        stopped = [each for each in later if not each.success]
        severity = Severity.MEDIUM if tested or stopped else Severity.LOW
        yield self.finding(
            execution,
            f"A self-destruct left {amount} wei with a contract that was not asked"
            + (
                "; later a jump was decided by its balance"
                if tested
                else "; a later call of it failed"
                if stopped
                else ""
            ),
            severity=severity,
            confidence=Confidence.OBSERVED if tested else Confidence.POSSIBLE,
            addresses=(row.beneficiary, destroyed.target),
            amounts=(Amount(None, row.beneficiary, amount), Amount(None, destroyed.target, -amount)),
            frames=(row.frame, *(each.row for each in stopped[:1])),
            subject=f"0x{row.beneficiary.hex()}",
        )

    def _stopped(self, execution: Execution, failed: FailedCall, gift: Transfer) -> Judgement:
        return self.finding(
            execution,
            "A contract failed right after it looked at its balance of a token that was sent to it without its doing",
            confidence=Confidence.POSSIBLE,
            addresses=(failed.frame.target, gift.token or b"", gift.sender),
            amounts=(Amount(gift.token, gift.recipient, gift.amount),),
            frames=(gift.frame, failed.frame.row),
            notes=("if its balance has to equal its books, it does not work any more",),
            subject=f"0x{failed.frame.target.hex()} {failed.frame.input[:4].hex()}",
        )


def _equality_tests(execution: Execution) -> dict[bytes, tuple[Frame, int]]:
    """Code -> (frame, program counter) of the first jump that its own balance, compared with what is stored, decided.

    Who compares it with zero sweeps what is left over; who compares it with call data asks for what he has chosen.
    """
    found: dict[bytes, tuple[Frame, int]] = {}
    for test in execution.steps.tests if execution.steps is not None else ():
        if test.equality and test.taint == _EXACT:
            frame = execution.frame(test.frame)
            found.setdefault(frame.code, (frame, test.pc))
    return found


def _tests_balance(execution: Execution, account: bytes, after: int) -> bool:
    """Whether an account's own balance decided a jump of its code after some order."""
    return execution.steps is not None and any(
        test.taint & Taint.OWN_BALANCE and test.order > after and execution.frame(test.frame).target == account
        for test in execution.steps.tests
    )


def _received(execution: Execution, account: bytes, before: int) -> int:
    """Wei that an account was sent in this transaction: for sources that do not say what a self-destruct moved."""
    return sum(
        each.amount
        for each in execution.transfers
        if each.token is None and each.recipient == account and each.order <= before
    )


def _has_code(execution: Execution, account: bytes) -> bool:
    """Whether its code ran in this block, the transaction created it, or the source names a contract there."""
    if account in execution.created or account in execution.names:
        return True
    targets, ran = execution.trace.column("frame_target"), execution.trace.column("frame_ran")
    at = targets.find(account)
    while at >= 0:
        if at % 20 == 0 and ran[at // 20]:
            return True
        at = targets.find(account, at + 1)
    return False


def _donation_before(execution: Execution, failed: FailedCall, gifts: Sequence[Transfer]) -> Transfer | None:
    """A token that came to the failed contract from outside, and whose balance it looked at before it failed."""
    frame = failed.frame
    below = subtree(execution, frame.row)[1:]
    if frame.kind is not Kind.CALL or len(below) > _VIEWS:
        return None
    asked = set()
    for row in below:
        view = execution.frame(row)
        if view.kind not in (Kind.STATICCALL, Kind.DELEGATECALL):
            return None  # it got as far as acting
        if view.input[:4] == _BALANCE_OF and view.caller == frame.target:
            asked.add(view.target)
    if not asked:
        return None
    for gift in gifts:
        if gift.order >= frame.order:
            break
        if gift.recipient == frame.target and gift.token in asked:
            above = {each.target for each in execution.ancestors(gift.frame)}
            if frame.target not in above and not _called_since(execution, frame, gift.order):
                return gift
    return None


def _called_since(execution: Execution, frame: Frame, order: int) -> bool:
    """Whether the contract was called, other than to look, in between: a deposit that was announced."""
    return any(
        each.target == frame.target and order < each.order < frame.order and each.kind is Kind.CALL and each.success
        for each in execution.frames
    )
