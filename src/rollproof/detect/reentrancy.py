"""Re-entrancy: a contract's call gives control away, and its storage is used before that call is done.

The rules (stale read, open write) follow Rodler et al., Sereum (NDSS 2019), without its taint. Severity follows what
the victim lost to those who entered again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from rollproof.detect.cluster import actors
from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import Execution, Reentry
from rollproof.detect.reentered import (
    OPEN,
    REFUSED,
    STALE,
    Case,
    bystanders,
    cases,
    contexts_between,
    lets_in,
    loss,
    payments,
    takers,
    used,
)
from rollproof.detect.shows import Shows, Trigger
from rollproof.types import Confidence, Severity

PAPERS = ("https://arxiv.org/abs/1812.05934", "https://swcregistry.io/docs/SWC-107")


class Reentrancy(Detector):
    """What the detectors of this family share."""

    severity = Severity.HIGH
    references: ClassVar[tuple[str, ...]] = PAPERS
    needs = Shows.CALLS | Shows.SELECTOR | Shows.STORAGE | Shows.VALUES
    trigger = Trigger.REENTERED

    def check(self, evidence: Execution) -> Iterator[Judgement]:
        """One finding for each account that was entered again in this way."""
        for case in cases(evidence):
            if case.variant == self.id:
                yield from self.judge(evidence, case)

    def judge(self, execution: Execution, case: Case) -> Iterator[Judgement]:
        """What is said of one case."""
        raise NotImplementedError


class _SameStorage(Reentrancy):
    """Ways in which the account's own storage is read or written by the inner call."""

    how: ClassVar[str]

    def judge(self, execution: Execution, case: Case) -> Iterator[Judgement]:
        """Stale reads, and writes while a call is open."""
        pair, context = case.first, case.context
        who = f"0x{context.hex()}"
        title = f"{who} was entered again {self.how} while its call was open"
        gainers = takers(execution, case.pairs)
        lost = loss(execution, context, gainers, strict=pair.rule == OPEN)
        spared = _spared(execution, case, bool(lost))
        if spared:
            yield self.suppressed(execution, title, spared)
            return
        if context in actors(execution) or _own_doing(execution, case):
            return
        severity = _severity(execution, pair, bool(lost), gainers)
        yield self.finding(
            execution,
            f"{title}, and lost what those who did it gained" if lost else title,
            severity=severity,
            confidence=Confidence.OBSERVED if lost else Confidence.POSSIBLE,
            addresses=(context, *sorted(contexts_between(execution, pair))),
            amounts=lost,
            frames=case.frames,
            slots=case.slots,
            notes=tuple(notes(case, bool(lost))),
            subject=who,
        )


class SameFunction(_SameStorage):
    """The inner call is of the function that is open."""

    id = "reentrancy"
    title = "A function was entered again before it was done"
    what = (
        "A function gave control away, was called again from there, and the inner call changed storage that the outer "
        "one had read before (or any storage, while it was open)."
    )
    why = "What the outer call decided by is no longer true when it goes on: a balance is paid out more than once."
    example = "The DAO, June 2016: splitDAO paid before it lowered the balance; 3.6 million ether left."
    how = "by the same function"


class CrossFunction(_SameStorage):
    """The inner call is of another function of the same account."""

    id = "reentrancy-cross-function"
    title = "Another function of a contract was called while one was open"
    what = (
        "A function gave control away, and from there another function of the same contract changed storage that the "
        "first had read before (or any storage, while it was open) without meeting its lock."
    )
    why = "A lock on one function does not help where another one moves the same balance."
    example = "uni-due's CrossFunction pattern (Sereum, NDSS 2019): transfer is called while withdraw pays."
    how = "by another function"


class Creating(_SameStorage):
    """A contract that the open call creates enters again from its constructor."""

    id = "reentrancy-create"
    title = "A contract was entered again by what it created"
    what = "A call created a contract, and from its constructor the creator's storage was changed while it was open."
    why = "A constructor is foreign code like any other call, but few think of it as one."
    example = "uni-due's create-based pattern (Sereum, NDSS 2019)."
    how = "from a constructor"


class TokenCallback(_SameStorage):
    """A token's hook gives control away."""

    id = "reentrancy-token-callback"
    title = "A contract was entered again from a token's hook"
    what = (
        "A contract moved a token that tells its sender or receiver (ERC-777, 721, 1155, 1363, 677), and from there "
        "its own storage was changed while it was open."
    )
    why = "A token transfer looks harmless and is a call to whoever holds the token."
    example = "Lendf.Me, April 2020: an ERC-777 hook withdrew while supply was open; 25 million dollars."
    references = (*PAPERS, "https://eips.ethereum.org/EIPS/eip-777")
    how = "from a token's hook"


def _spared(execution: Execution, case: Case, lost: bool) -> str:
    """Why a case that looks like one is none."""
    pair = case.first
    if pair.rule == REFUSED:
        return f"the inner call failed at the lock in slot 0x{pair.slot.hex()}, which was put back afterwards"
    # A flag beside the lock in one slot is read without asking for the lock: an update that is then lost tells.
    undone = used(pair) and not pair.reread
    if lets_in(execution, pair) and not undone and not (lost and pair.rule == STALE):
        return "the inner call read the lock of the open one and was let in: the contract means it"
    if used(pair) and case.context in actors(execution):
        return "the contract acts for the sender"
    return ""


def _own_doing(execution: Execution, case: Case) -> bool:
    """Whether nothing speaks for a victim: it began the calls, was only passed through, or is called back as it asked.

    Who attacks makes both calls, the open one and the one inside it.
    """
    if used(case.first):
        return False
    root = execution.root
    began = root is not None and case.context == root.target
    return began or case.context in bystanders(execution) or not _same_caller(execution, case.first)


def _same_caller(execution: Execution, pair: Reentry) -> bool:
    again = execution.frame(pair.caller).target
    above = execution.frame(pair.outer).parent
    return again in actors(execution) or (above is not None and execution.frame(above).target == again)


def _severity(execution: Execution, pair: Reentry, lost: bool, gainers: frozenset[bytes]) -> Severity:
    if lost:
        again = pair.outer_selector == pair.inner_selector or Trigger.LENDS in execution.flags
        return Severity.HIGH if pair.rule == STALE or again else Severity.MEDIUM
    root = execution.root
    paid = any(pair.outer <= each.frame <= pair.inner for each in payments(execution, pair.context, gainers))
    if used(pair) and paid and root is not None and pair.context != root.target:
        return Severity.MEDIUM
    return Severity.LOW


def notes(case: Case, lost: bool) -> Iterator[str]:
    """What a case rests on, in words."""
    pair = case.first
    if pair.rule == OPEN:
        yield f"the inner call changed slot 0x{pair.slot.hex()} from {pair.before} to {pair.after}"
    else:
        yield f"slot 0x{pair.slot.hex()} held {pair.before} before the call and {pair.after} when control came back"
    if pair.written_after is not None:
        again = "after reading it again" if pair.reread else "without reading it again"
        yield f"the open call then wrote {pair.written_after} there, {again}"
    count = sum(each.count for each in case.pairs)
    if count > 1:
        yield f"{count} times in this transaction"
    if not lost:
        yield "no loss to those who entered again can be seen"
