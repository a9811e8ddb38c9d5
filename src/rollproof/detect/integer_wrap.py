"""Balances and amounts that went below zero or past 2**256 and came out on the other side.

Shown by what was stored and moved (a word that fell past zero while the same amount went elsewhere; token transfers
that made more than there was), and by the second pass, which sees the instruction that wrapped.
"""

from __future__ import annotations

from collections.abc import Iterator

from rollproof.detect.below_zero import LARGE, conjured, counter, fallen_past_zero, moved
from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import ExecutedBlock, Execution
from rollproof.detect.live_write import WORD, LiveWrite, live_writes
from rollproof.detect.shows import Shows, Trigger
from rollproof.detect.steps import Wrap
from rollproof.types import Amount, Confidence, Severity, SlotChange

_KINDS = {"add": "addition", "sub": "subtraction", "mul": "multiplication"}


class IntegerWrap(Detector):
    """Unsigned arithmetic wrapped around, and the result was stored or moved value."""

    id = "integer-wrap"
    severity = Severity.HIGH
    title = "Arithmetic wrapped around"
    what = (
        "An addition, subtraction or multiplication went past 2**256 or below zero without a test, and the result "
        "was stored as a balance or decided how much was moved."
    )
    why = "Who owns nothing then owns nearly everything, or a limit that was to hold for long is over at once."
    example = (
        "BeautyChain (BEC), April 2018: count times amount wrapped to zero, and 2**255 tokens went to each of two."
    )
    references = ("https://swcregistry.io/docs/SWC-101", "https://nvd.nist.gov/vuln/detail/CVE-2018-10299")
    needs = Shows.CALLS | Shows.STORAGE | Shows.VALUES
    scope = "block"

    def check(self, evidence: ExecutedBlock) -> Iterator[Judgement]:
        """What the words show, then what the instructions show and the words did not."""
        if Shows.STEPS not in evidence.shows:
            yield self.unjudged(evidence, "a sum that wrapped and left no other mark: that takes the second pass")
        for execution in evidence.executions:
            if execution.flags & (Trigger.LARGE_VALUE | Trigger.WRAPS):
                yield from self._judged(execution)

    def _judged(self, execution: Execution) -> Iterator[Judgement]:
        told: set[bytes] = set()
        for token, made, gifts in conjured(execution):
            told.add(token)
            yield self.finding(
                execution,
                f"Token transfers gave out {made} more than was taken from anybody",
                addresses=(token, *(each.recipient for each in gifts)),
                amounts=[Amount(token, each.recipient, each.amount) for each in gifts[:16]],
                frames=tuple(dict.fromkeys(each.frame for each in gifts))[:8],
                subject=f"0x{token.hex()} supply",
            )
        for write in fallen_past_zero(execution):
            if write.context not in told:
                for each in self._fallen(execution, write):
                    told.add(write.context)
                    yield each
        if execution.steps is not None:
            for wrap in execution.steps.wraps:
                context = execution.frame(wrap.frame).target
                if wrap.kind in _KINDS and not wrap.tested and context not in told:
                    for each in self._wrapped(execution, wrap, context):
                        told.add(context)
                        yield each

    def _fallen(self, execution: Execution, write: LiveWrite) -> Iterator[Judgement]:
        amount = WORD - write.rise
        slots = (SlotChange(write.context, write.slot, write.before, write.after),)
        said = f"A word that held {write.before} was lowered by {amount} and holds 2**256 - {WORD - write.after} now"
        paid = moved(execution, write, amount)
        paired = [each for each in live_writes(execution) if each.context == write.context and each.rise == amount]
        frame = execution.frame(write.frame)
        subject = f"0x{write.context.hex()} 0x{write.slot.hex()}"
        if paid or paired:
            nature = _nature(execution, write.context)
            # A token's event says that somebody had what he sent; other words can be meant to go below zero.
            owned = any(each.token == write.context and each.source in ("log", "call") for each in paid)
            high = nature == "wrapped" or (owned and nature != "signed")
            others = paired[:2] if not paid else []
            yield self.finding(
                execution,
                f"{said}; {f'{amount} was paid out' if paid else 'another rose by as much'}",
                severity=Severity.HIGH if high else Severity.LOW if nature == "signed" else Severity.MEDIUM,
                confidence=Confidence.OBSERVED if high else Confidence.POSSIBLE,
                addresses=(write.context, paid[0].recipient if paid else frame.caller),
                amounts=[Amount(each.token, each.recipient, each.amount) for each in paid[:8]],
                frames=(write.frame,),
                slots=(*slots, *(SlotChange(each.context, each.slot, each.before, each.after) for each in others)),
                notes=() if high else ("it may be a number that is meant to go below zero",),
                subject=subject,
            )
        elif write.before == 0 and write.after == WORD - 1:
            if counter(execution, write):
                yield self.finding(
                    execution,
                    "A length or counter that was zero was lowered by one and holds 2**256 - 1 now",
                    severity=Severity.MEDIUM,
                    confidence=Confidence.POSSIBLE,
                    addresses=(write.context, frame.caller),
                    frames=(write.frame,),
                    slots=slots,
                    notes=("of an array this makes every slot of the contract one of its elements",),
                    subject=subject,
                )
        elif execution.steps is None:
            yield self.suppressed(
                execution, said, "nothing that was paid or credited is of that amount: it may be a signed number or "
                "an accumulator that wraps by design", Severity.MEDIUM,
            )  # fmt: skip

    def _wrapped(self, execution: Execution, wrap: Wrap, context: bytes) -> Iterator[Judgement]:
        severity = _weight(wrap)
        if severity is None:
            return
        slots = [
            SlotChange(each.context, each.slot, each.before, each.after)
            for each in live_writes(execution)
            if wrap.sink == "storage" and each.order == wrap.sink_order
        ]
        yield self.finding(
            execution,
            f"An {_KINDS[wrap.kind]} wrapped without a test, and the result reached {_SINKS.get(wrap.sink, wrap.sink)}"
            if wrap.kind == "add"
            else f"A {_KINDS[wrap.kind]} wrapped without a test, "
            f"and the result reached {_SINKS.get(wrap.sink, wrap.sink)}",
            severity=severity,
            confidence=Confidence.POSSIBLE,
            addresses=(context, execution.frame(wrap.frame).caller),
            frames=(wrap.frame,),
            slots=slots,
            notes=(f"{wrap.left} and {wrap.right} gave {wrap.result}, at program counter {wrap.pc}",),
            subject=f"0x{context.hex()} pc {wrap.pc}",
        )


_SINKS = {"storage": "storage", "value": "an amount of ether", "argument": "a call's data", "log": "a log"}


def _weight(wrap: Wrap) -> Severity | None:
    """How much a wrap matters that nothing else bears out; None where wrapping is what such code is meant to do.

    Accumulators, hashes and fixed-point products have two operands of any size. An amount that wraps has one small one.
    """
    small, large = sorted((wrap.left, wrap.right))
    if wrap.kind == "add":
        negative = large >= WORD - LARGE and small < LARGE  # a small number, and one that is small and below zero
        return Severity.MEDIUM if negative and wrap.sink != "log" and wrap.result < LARGE else None
    if wrap.kind == "mul":
        counted = 1 < small < 1 << 64 and large >= 1 << 192 and wrap.result < LARGE
        return Severity.MEDIUM if counted and wrap.sink != "log" else None
    below_zero = wrap.left < LARGE and wrap.right < LARGE
    if not below_zero:
        return None
    return Severity.MEDIUM if wrap.sink in ("value", "argument") else Severity.LOW if wrap.sink == "storage" else None


def _nature(execution: Execution, context: bytes) -> str:
    """What the second pass makes of a contract's words below zero: wrapped, signed numbers, or unknown."""
    steps = execution.steps
    if steps is None:
        return "unknown"
    wraps = (each for each in steps.wraps if each.kind in _KINDS and not each.tested)
    if any(execution.frame(each.frame).target == context for each in wraps):
        return "wrapped"
    return "signed" if steps.complete else "unknown"
