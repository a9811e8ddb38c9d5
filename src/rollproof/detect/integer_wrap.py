"""Balances and amounts that went below zero or past 2**256 and came out on the other side.

Shown by what was stored and moved (a word that fell past zero while the same amount went elsewhere; token transfers
that made more than there was), and by the second pass, which sees the instruction that wrapped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import ExecutedBlock, Execution, Transfer
from rollproof.detect.live_write import WORD, LiveWrite, live_writes
from rollproof.detect.shows import Shows, Trigger
from rollproof.detect.steps import Wrap
from rollproof.replay.trace import Frame
from rollproof.types import Amount, Confidence, Severity, SlotChange

LARGE = 1 << 128  # no supply of a sane token reaches it
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
        for token, made, gifts in _conjured(execution):
            told.add(token)
            yield self.finding(
                execution,
                f"Token transfers gave out {made} more than was taken from anybody",
                addresses=(token, *(each.recipient for each in gifts)),
                amounts=[Amount(token, each.recipient, each.amount) for each in gifts[:16]],
                frames=tuple(dict.fromkeys(each.frame for each in gifts))[:8],
                subject=f"0x{token.hex()} supply",
            )
        for write in _fallen_past_zero(execution):
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
        paid = _moved(execution, write, amount)
        paired = [each for each in live_writes(execution) if each.context == write.context and each.rise == amount]
        frame = execution.frame(write.frame)
        subject = f"0x{write.context.hex()} 0x{write.slot.hex()}"
        if paid:
            yield self.finding(
                execution,
                f"{said}; {amount} was paid out",
                addresses=(write.context, paid[0].recipient),
                amounts=[Amount(each.token, each.recipient, each.amount) for each in paid[:8]],
                frames=(write.frame,),
                slots=slots,
                subject=subject,
            )
        elif paired:
            signed = _signed_ledger(execution, write)
            observed = execution.steps is not None and not signed
            yield self.finding(
                execution,
                f"{said}; another rose by as much",
                severity=Severity.HIGH if observed else Severity.LOW if signed else Severity.MEDIUM,
                confidence=Confidence.OBSERVED if observed else Confidence.POSSIBLE,
                addresses=(write.context, frame.caller),
                frames=(write.frame,),
                slots=(*slots, *(SlotChange(each.context, each.slot, each.before, each.after) for each in paired[:2])),
                subject=subject,
            )
        elif write.before == 0 and write.after == WORD - 1:
            if _counter(execution, write):
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


def _conjured(execution: Execution) -> Iterator[tuple[bytes, int, Sequence[Transfer]]]:
    """Tokens whose transfers of absurd amounts raised the sum of what they store: (token, by how much, transfers)."""
    large: dict[bytes, list[Transfer]] = {}
    for each in execution.transfers:
        if each.amount >= LARGE and each.token is not None and each.item is None and any(each.sender):
            large.setdefault(each.token, []).append(each)
    for token, gifts in large.items():
        amounts = {each.amount for each in gifts}
        rises, falls = 0, 0
        for write in live_writes(execution):
            if write.context == token:
                if write.rise in amounts and write.after > write.before:
                    rises += write.rise
                elif write.after < write.before:
                    falls += write.before - write.after
        if rises - falls >= LARGE:
            yield token, rises - falls, gifts


def _fallen_past_zero(execution: Execution) -> Iterator[LiveWrite]:
    """Writes of a word that was small and is just below 2**256 now; not unlimited allowances."""
    for write in live_writes(execution):
        if write.after >= WORD - LARGE and write.before < LARGE and write.context not in execution.created:
            if write.after == WORD - 1 and _approved(execution, write):
                continue
            yield write


def _approved(execution: Execution, write: LiveWrite) -> bool:
    """Whether it is an allowance without limit that the holder gives: an Approval event of the same contract."""
    return (
        any(log.address == write.context and log.topics and log.topics[0] in _APPROVALS for log in execution.logs)
        or execution.frame(write.frame).input[:4] in _APPROVES
    )


# Approval(address,address,uint256), Permit2's Approval and Permit
_APPROVALS = frozenset(
    bytes.fromhex(each)
    for each in (
        "8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925",
        "da9fa7c1b00402c17d0161b249b1ab8bbec047c5a52207b9c112deffd817036b",
        "c6a377bfc4eb120024a8ac08eef205be16b817020812c73223e81d1bdb9708ec",
    )
)
# approve, increaseAllowance, permit (EIP-2612), permit (DAI)
_APPROVES = frozenset(map(bytes.fromhex, ("095ea7b3", "39509351", "d505accf", "8fcbaf0c")))


def _moved(execution: Execution, write: LiveWrite, amount: int) -> list[Transfer]:
    """Transfers of exactly the amount: the contract's own token's from somebody, or what it paid out itself."""
    return [
        each
        for each in execution.transfers
        if each.amount == amount
        and each.item is None
        and each.sender != each.recipient
        and ((each.token == write.context and any(each.sender)) or each.sender == write.context)
    ]


def _signed_ledger(execution: Execution, write: LiveWrite) -> bool:
    """Whether the second pass followed the transaction and saw no wrap of the contract without a test."""
    steps = execution.steps
    if steps is None or not steps.complete:
        return False
    return not any(
        wrap.kind in _KINDS and not wrap.tested and execution.frame(wrap.frame).target == write.context
        for wrap in steps.wraps
    )


def _counter(execution: Execution, write: LiveWrite) -> bool:
    """Whether a plain slot was read as zero by the frame just before it was written."""
    if any(write.slot[:24]) or _sets_up(execution.frame(write.frame)):
        return False
    trace = execution.trace
    for row in range(write.row - 1, execution.access_rows.start - 1, -1):
        access = trace.accesses[row]
        if access.frame == write.frame and access.slot == write.slot:
            return not access.write and access.value == 0
        if write.row - row > 256:
            return False
    return False


def _sets_up(frame: Frame) -> bool:
    return frame.kind.name.startswith("CREATE")
