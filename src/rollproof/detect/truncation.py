"""Amounts that lost their upper bits on the way into storage or a payment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import ExecutedBlock, Execution, Transfer
from rollproof.detect.live_write import LiveWrite, live_writes
from rollproof.detect.shows import Shows, Trigger
from rollproof.types import Amount, Confidence, Severity, SlotChange

_WIDTHS = (64, 96, 112, 128)  # of amounts that contracts keep in part of a word
_LEAST = 1 << 16  # a smaller remainder could be anything


class Truncation(Detector):
    """An amount was stored or paid with fewer bits than it needs."""

    id = "truncation"
    severity = Severity.HIGH
    title = "An amount lost its upper bits"
    what = (
        "What was credited is what was there and what came, modulo a power of two: the number was cut to a narrower "
        "type without a test."
    )
    why = "Who pays a great deal is credited little, or who takes a great deal is charged little."
    example = "Wei kept as uint64: what goes past 18.45 ether starts again from zero (no large incident is known)."
    references = ("https://docs.soliditylang.org/en/latest/types.html#explicit-conversions",)
    needs = Shows.CALLS | Shows.STORAGE | Shows.VALUES | Shows.ETHER
    scope = "block"

    def check(self, evidence: ExecutedBlock) -> Iterator[Judgement]:
        """Credits that fit only modulo a power of two, then what the second pass saw cut."""
        if Shows.STEPS not in evidence.shows:
            yield self.unjudged(evidence, "an amount that was cut before it was stored: that takes the second pass")
        for execution in evidence.executions:
            if execution.flags & (Trigger.ETHER | Trigger.TOKENS | Trigger.WRAPS):
                yield from self._judged(execution)

    def _judged(self, execution: Execution) -> Iterator[Judgement]:
        told: set[bytes] = set()
        for write, token, amount, width in _cut_credits(execution):
            told.add(write.context)
            lost = write.before + amount - write.after
            frame = execution.frame(write.frame)
            yield self.finding(
                execution,
                f"{amount} came in, and {write.before + amount} was cut to {width} bits: {lost} is credited to nobody",
                addresses=(write.context, frame.caller),
                amounts=(Amount(token, frame.caller, -lost),),
                frames=(write.frame,),
                slots=(SlotChange(write.context, write.slot, write.before, write.after),),
                subject=f"0x{write.context.hex()} 0x{write.slot.hex()}",
            )
        for write, token, amount, width in _cut_debits(execution):
            if write.context in told:
                continue
            told.add(write.context)
            frame = execution.frame(write.frame)
            charged = write.before - write.after
            yield self.finding(
                execution,
                f"{amount} was paid out, and {charged} was charged for it: {amount} cut to {width} bits",
                addresses=(write.context, frame.caller),
                amounts=(Amount(token, write.context, charged - amount),),
                frames=(write.frame,),
                slots=(SlotChange(write.context, write.slot, write.before, write.after),),
                subject=f"0x{write.context.hex()} 0x{write.slot.hex()}",
            )
        for wrap in execution.steps.wraps if execution.steps is not None else ():
            context = execution.frame(wrap.frame).target
            if wrap.kind != "truncate" or wrap.tested or wrap.sink == "log" or context in told:
                continue
            if not _amount_like(wrap.left, wrap.result):
                continue
            told.add(context)
            yield self.finding(
                execution,
                f"{wrap.left} was cut to {wrap.result} without a test, and that reached {wrap.sink}",
                severity=Severity.LOW,
                confidence=Confidence.POSSIBLE,
                addresses=(context, execution.frame(wrap.frame).caller),
                frames=(wrap.frame,),
                notes=(f"at program counter {wrap.pc}",),
                subject=f"0x{context.hex()} pc {wrap.pc}",
            )


def _amount_like(whole: int, kept: int) -> bool:
    """Not a number below zero, and not a packed word or hash of which one field is taken."""
    return kept.bit_length() < whole.bit_length() <= 160 and kept != 0


def _cut_credits(execution: Execution) -> Iterator[tuple[LiveWrite, bytes | None, int, int]]:
    """Writes of what came into their contract, cut: (write, token or None for wei, amount that came, bits kept)."""
    came = _large((each.recipient, each) for each in execution.transfers)
    if not came:
        return
    for write in live_writes(execution):
        if not _LEAST <= write.after < 1 << 128:
            continue
        for token, amount in came.get(write.context, ()):
            whole = write.before + amount
            for width in _WIDTHS:
                fits = write.before >> width == 0 and whole >> width
                if fits and whole % (1 << width) == write.after and write.context != token:
                    yield write, token, amount, width


def _cut_debits(execution: Execution) -> Iterator[tuple[LiveWrite, bytes | None, int, int]]:
    """The same of what left: an entry fell by no more than what the lower bits of a payment say."""
    left = _large((each.sender, each) for each in execution.transfers)
    cut = {
        (account, amount % (1 << width)): (token, amount, width)
        for account, amounts in left.items()
        for token, amount in amounts
        for width in _WIDTHS
        if amount >> width and account != token
    }
    for write in live_writes(execution) if cut else ():
        charged = write.before - write.after
        found = cut.get((write.context, charged)) if charged >= _LEAST else None
        if found is not None:
            yield write, *found


def _large(sides: Iterable[tuple[bytes, Transfer]]) -> dict[bytes, set[tuple[bytes | None, int]]]:
    """Account -> (token, amount) of its transfers, of accounts where one of these is of 63 bits or more."""
    found: dict[bytes, set[tuple[bytes | None, int]]] = {}
    for account, each in sides:
        if each.amount >= _LEAST and each.item is None:
            found.setdefault(account, set()).add((each.token, each.amount))
    return {account: amounts for account, amounts in found.items() if max(each for _, each in amounts) >> 63}
