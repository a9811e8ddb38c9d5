"""Calls whose failure nobody looked at, while the books say that they were made.

A token that fails, answers false or is not there at all, and a deposit that is credited all the same (Qubit, January
2022); ether that could not be sent, and a balance that is struck off all the same (King of the Ether, February 2016).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import Execution
from rollproof.detect.failed_call import failed_calls
from rollproof.detect.live_write import WORD, LiveWrite, invocation, live_writes
from rollproof.detect.shows import Shows, Trigger
from rollproof.detect.token_call import TokenCall, moved_nothing, token_call
from rollproof.replay.trace import Frame, Kind
from rollproof.types import Amount, Confidence, Finding, Severity, SlotChange

_OWNABLE = 1 << 200  # what asks for more is not an amount
_DATA = Shows.INPUT | Shows.OUTPUT
_BOOKS = Shows.STORAGE | Shows.VALUES


class UncheckedCall(Detector):
    """A call failed, nothing was decided by that, and its caller went on as if it had been made."""

    id = "unchecked-call"
    severity = Severity.HIGH
    title = "A failed call that nobody noticed"
    what = (
        "A call, creation or token transfer failed (or the token answered false, or has no code), no jump was decided "
        "by that, and the contract that made it went on and wrote storage."
    )
    why = (
        "The contract's books then say what did not happen: a deposit is credited that never came, or a debt is struck "
        "off that was never paid."
    )
    example = "Qubit, January 2022: a deposit of a token that was address zero was credited, 80 million dollars."
    references = ("https://swcregistry.io/docs/SWC-104", "https://eips.ethereum.org/EIPS/eip-20")
    needs = Shows.CALLS

    def check(self, evidence: Execution) -> Iterator[Judgement]:
        """Failed calls of live frames, then token calls that succeeded and moved nothing."""
        yield from once(self._judged(evidence))

    def _judged(self, execution: Execution) -> Iterator[Judgement]:
        if not execution.flags & Trigger.FAILED_CALL and not _DATA & ~execution.shows:
            return  # a token that answered false would have set the flag too
        for failed in failed_calls(execution):
            yield from self._failed(execution, failed.frame, failed.parent)
        for frame, how in moved_nothing(execution):
            if frame.parent is not None:
                yield from self._token(execution, frame, execution.frame(frame.parent), how)

    def _failed(self, execution: Execution, frame: Frame, parent: Frame) -> Iterator[Judgement]:
        if token_call(frame) is not None:
            yield from self._token(execution, frame, parent, "failed")
            return
        if frame.kind is Kind.STATICCALL or _decided(execution, frame):
            return
        books = _books(execution, parent)
        if not books:
            return
        struck = _moved_by(books, -frame.value) if frame.value else []
        if struck and not _made_good(execution, frame, books):
            asked_for_it = frame.target == execution.frame(invocation(execution, parent.row).start).caller
            yield self.finding(
                execution,
                f"A payment of {frame.value} wei failed, and the balance was struck off all the same",
                severity=Severity.INFO if asked_for_it else Severity.MEDIUM,
                addresses=(parent.target, frame.target),
                amounts=(Amount(None, frame.target, -frame.value),),
                frames=(parent.row, frame.row),
                slots=_changes(struck),
                notes=("the payee asked for it himself" if asked_for_it else "the ether stayed with who owed it",),
                subject=_subject(parent, frame),
            )
        elif execution.steps is None:
            if frame.value:
                yield self.unjudged(execution, "whether the failure of a payment was tested takes the second pass")
        elif frame.value or any(each.order > frame.order for each in books):
            creation = frame.kind in (Kind.CREATE, Kind.CREATE2)
            yield self.finding(
                execution,
                f"A {'creation' if creation else 'payment' if frame.value else 'call'} failed, nobody looked, "
                "and its caller went on and wrote storage",
                severity=Severity.LOW if frame.value or creation else Severity.INFO,
                confidence=Confidence.POSSIBLE,
                addresses=(parent.target, frame.target),
                frames=(parent.row, frame.row),
                slots=_changes(books[:4]),
                subject=_subject(parent, frame),
            )

    def _token(self, execution: Execution, frame: Frame, parent: Frame, how: str) -> Iterator[Judgement]:
        asked = token_call(frame)
        if asked is None or asked.amount == 0:
            return
        books = _books(execution, parent)
        incoming = asked.pulls and asked.recipient in (None, parent.target)
        if asked.amount is None:
            credited = [each for each in books if each.order > frame.order and 0 < each.rise < WORD >> 1]
            if incoming and credited and not _came(execution, asked, parent, frame):
                yield self._credit(execution, frame, parent, asked, how, credited[:4])
            return
        if incoming:
            credited = _moved_by(books, asked.amount)
            if credited and not _came(execution, asked, parent, frame):
                yield self._credit(execution, frame, parent, asked, how, credited)
                return
        elif not asked.pulls:
            struck = _moved_by(books, -asked.amount)
            if struck and not any(
                each.token == asked.token and each.recipient == asked.recipient and each.amount >= (asked.amount or 0)
                for each in execution.transfers
            ):
                yield self.finding(
                    execution,
                    f"A token {_HOW[how]}, and the balance was struck off all the same",
                    severity=Severity.MEDIUM,
                    addresses=(parent.target, asked.token, *filter(None, (asked.recipient,))),
                    amounts=(Amount(asked.token, asked.recipient or frame.target, -asked.amount),),
                    frames=(parent.row, frame.row),
                    slots=_changes(struck),
                    subject=_subject(parent, frame),
                )
                return
        if _decided(execution, frame):
            return
        if execution.steps is not None and books:
            yield self.finding(
                execution,
                f"A token {_HOW[how]}, nobody looked, and its caller went on and wrote storage",
                severity=Severity.LOW,
                confidence=Confidence.POSSIBLE,
                addresses=(parent.target, asked.token),
                frames=(parent.row, frame.row),
                slots=_changes(books[:4]),
                subject=_subject(parent, frame),
            )
        elif books and how == "failed":
            yield self.unjudged(execution, "whether the failure of a token transfer was tested takes the second pass")

    def _credit(
        self, execution: Execution, frame: Frame, parent: Frame, asked: TokenCall, how: str, slots: list[LiveWrite]
    ) -> Judgement:
        known = asked.amount is not None
        return self.finding(
            execution,
            f"A token {_HOW[how]}, and a deposit of {'it' if not known else asked.amount} was credited all the same",
            severity=Severity.HIGH if known else Severity.MEDIUM,
            confidence=Confidence.OBSERVED if known else Confidence.POSSIBLE,
            addresses=(parent.target, asked.token, parent.caller),
            amounts=(Amount(asked.token, parent.target, -asked.amount),) if asked.amount is not None else (),
            frames=(parent.row, frame.row),
            slots=_changes(slots),
            notes=("the contract owes what it was never given",),
            subject=_subject(parent, frame),
        )


def once(judgements: Iterator[Judgement]) -> Iterator[Judgement]:
    """Each judgement once: the first finding of a subject, the first `unknown` of a reason."""
    said: set[str] = set()
    for each in judgements:
        key = each.subject if isinstance(each, Finding) else each.reason
        if key not in said:
            said.add(key)
            yield each


_HOW = {
    "failed": "transfer failed",
    "false": "transfer answered false",
    "no code": "that has no code was asked to pay",
    "silent": "transfer moved nothing",
}


def _decided(execution: Execution, frame: Frame) -> bool:
    """Whether the second pass saw a jump that the call's outcome decided.

    Of a failed call that is its success: solc compares the length of what any call returned, read or not.
    """
    success, result = execution.kept("checked calls", _checked)
    return frame.row in success or (frame.success and frame.row in result)


def _checked(execution: Execution) -> tuple[frozenset[int], frozenset[int]]:
    """Rows of calls whose success, and of those whose answer, was looked at."""
    calls = () if execution.steps is None else execution.steps.calls
    return (
        frozenset(each.frame for each in calls if each.success_checked),
        frozenset(each.frame for each in calls if each.result_checked),
    )


def _books(execution: Execution, parent: Frame) -> Sequence[LiveWrite]:
    """What the contract that made the call wrote in the same invocation; nothing where the source has no values."""
    if _BOOKS & ~execution.shows:
        return ()
    rows = invocation(execution, parent.row)
    return [each for each in live_writes(execution) if each.frame in rows and each.context == parent.target]


def _moved_by(books: Sequence[LiveWrite], amount: int) -> list[LiveWrite]:
    """Words that rose (or, for a negative amount, fell) by exactly an amount that one can own."""
    return [each for each in books if 0 < abs(amount) < _OWNABLE and each.rise == amount % WORD]


def _came(execution: Execution, asked: TokenCall, parent: Frame, frame: Frame) -> bool:
    """Whether the contract got the token all the same, in this invocation."""
    rows = invocation(execution, parent.row)
    return any(
        each.recipient == parent.target
        and each.frame in rows
        and each.order > frame.order
        and (asked.amount is None or each.amount >= asked.amount)
        for each in execution.transfers
    )


def _made_good(execution: Execution, frame: Frame, books: Sequence[LiveWrite]) -> bool:
    """Whether the payee got it another way: wrapped ether, a later payment, or a balance to claim."""
    later = any(
        each.order > frame.order and each.recipient == frame.target and each.amount >= frame.value
        for each in execution.transfers
    )
    return later or any(each.order > frame.order and each.rise == frame.value for each in books)


def _changes(writes: Sequence[LiveWrite]) -> tuple[SlotChange, ...]:
    return tuple(SlotChange(each.context, each.slot, each.before, each.after) for each in writes)


def _subject(parent: Frame, frame: Frame) -> str:
    return f"0x{parent.target.hex()} calls 0x{frame.target.hex()} {frame.input[:4].hex()}".strip()
