"""Re-entrancy: a contract's call gives control away, and its storage is used before that call is done.

Rules: D (stale read) and W (open write) after Rodler et al., Sereum (NDSS 2019), without taint; X (cross-contract) and
read-only are Rollproof's own. Severity follows what the victim lost to those who entered again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from rollproof.detect.cluster import cluster
from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.entries import entry_of
from rollproof.detect.execution import Execution, Reentry
from rollproof.detect.reentered import (
    OPEN,
    REFUSED,
    STALE,
    Case,
    cases,
    contexts_between,
    initiators,
    lets_in,
    loss,
    payments,
    takers,
)
from rollproof.detect.shows import Shows, Trigger
from rollproof.types import Amount, Confidence, Severity

_PAPERS = ("https://arxiv.org/abs/1812.05934", "https://swcregistry.io/docs/SWC-107")


class _Reentrancy(Detector):
    """What the detectors of this family share."""

    severity = Severity.HIGH
    references = _PAPERS
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


class _SameStorage(_Reentrancy):
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
        if context in cluster(execution) or _own_doing(execution, case):
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
            notes=tuple(_notes(case, bool(lost))),
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
        "A contract moved a token that tells its sender or receiver (ERC-777, 721, 1155, 1363, 677), and from there its "
        "own storage was changed while it was open."
    )
    why = "A token transfer looks harmless and is a call to whoever holds the token."
    example = "Lend.Me, April 2020: an ERC-777 hook withdrew while supply was open; 25 million dollars."
    references = (*_PAPERS, "https://eips.ethereum.org/EIPS/eip-777")
    how = "from a token's hook"


class CrossContract(_Reentrancy):
    """Another contract's slot that the open call depends on is changed."""

    id = "reentrancy-cross-contract"
    title = "Another contract's state was changed under an open call that had read it"
    what = (
        "A call asked another contract for a value, gave control away, somebody else changed that value, and then the "
        "call had it written."
    )
    why = "A lock on one contract does not lock the contract that keeps its shares or balances."
    example = "Rari Fuse, April 2022: Compound markets paid before the shared comptroller knew of the debt."

    def judge(self, execution: Execution, case: Case) -> Iterator[Judgement]:
        """Losses of the open call's account; without one, only where it had paid on the strength of what it read."""
        pair, context = case.first, case.context
        if context in cluster(execution) or pair.account in cluster(execution):
            return
        gainers = takers(execution, case.pairs)
        lost = loss(execution, context, gainers)
        who, kept = f"0x{context.hex()}", f"0x{pair.account.hex()}"
        title = f"What {who} had read of {kept} was changed while its call was open"
        if not lost:
            if not execution.frame(pair.edge).value:
                return
            if entry_of(execution, pair.slot, context):
                yield self.suppressed(execution, title, "it is its own entry there: it was paid", Severity.MEDIUM)
                return
        yield self.finding(
            execution,
            f"{title}, and it lost what those who did it gained" if lost else title,
            severity=Severity.HIGH if lost else Severity.LOW if pair.reread else Severity.MEDIUM,
            confidence=Confidence.OBSERVED if lost else Confidence.POSSIBLE,
            addresses=(context, pair.account, *sorted(contexts_between(execution, pair))),
            amounts=lost,
            frames=case.frames,
            slots=case.slots,
            notes=tuple(_notes(case, bool(lost))),
            subject=who,
        )


class ReadOnly(_Reentrancy):
    """A third contract believes an answer that is about to change."""

    id = "reentrancy-read-only"
    title = "A contract was asked for a value in the middle of its own call, and the answer was believed"
    what = (
        "While a call was open a third contract asked its contract for a value that the call changed afterwards, and "
        "then wrote state or paid."
    )
    why = "A view that takes no part in the lock answers with half-updated numbers: prices, shares, supplies."
    example = "dForce, February 2023: Curve's get_virtual_price during remove_liquidity; 3.65 million dollars."
    references = (*_PAPERS, "https://chainsecurity.com/curve-lp-oracle-manipulation-post-mortem/")

    def judge(self, execution: Execution, case: Case) -> Iterator[Judgement]:
        """One finding for each contract that asked, if it is neither of the actors nor who was given control."""
        ours = cluster(execution)
        seen: set[bytes] = set()
        for pair in case.pairs:
            reader = pair.reader
            if reader is None or reader in seen or reader in ours or case.context in ours or not pair.reader_acted:
                continue
            if reader == execution.frame(pair.edge).target:
                continue
            seen.add(reader)
            yield self._believed(execution, case, pair, reader)

    def _believed(self, execution: Execution, case: Case, pair: Reentry, reader: bytes) -> Judgement:
        who = f"0x{reader.hex()}"
        title = f"{who} acted on a value of 0x{case.context.hex()} that was about to change"
        if pair.admitted:
            return self.suppressed(execution, title, "the view had read the lock of the open call")
        gainers = takers(execution, (pair,)) - {reader}
        lost = loss(execution, reader, gainers)
        after = execution.frame(pair.inner).order
        paid = [each for each in payments(execution, reader, gainers) if each.order > after]
        amounts = lost or tuple(Amount(each.token, reader, -each.amount) for each in paid[:8] if each.item is None)
        harmed = bool(lost or (paid and _far(pair)))
        return self.finding(
            execution,
            f"{title}, and paid" if paid else title,
            severity=Severity.HIGH if harmed else Severity.MEDIUM if paid else Severity.LOW,
            confidence=Confidence.OBSERVED if harmed else Confidence.POSSIBLE,
            addresses=(reader, case.context, *sorted(contexts_between(execution, pair))),
            amounts=amounts,
            frames=tuple(dict.fromkeys((pair.outer, pair.edge, pair.reader_frame or pair.caller, pair.inner))),
            slots=case.slots,
            notes=(f"the slot held {pair.before} when asked and {pair.after} when the call was done",),
            subject=f"{who} 0x{case.context.hex()}",
        )


def _far(pair: Reentry) -> bool:
    """Whether the answer was off by one percent or more."""
    return abs(pair.before - pair.after) * 100 >= max(pair.before, pair.after)


def _spared(execution: Execution, case: Case, lost: bool) -> str:
    """Why a case that looks like one is none."""
    pair = case.first
    if pair.rule == REFUSED:
        return f"the inner call failed at the lock in slot 0x{pair.slot.hex()}, which was put back afterwards"
    if lets_in(execution, pair) and not (lost and pair.rule == STALE):
        return "the inner call read the lock of the open one and was let in: the contract means it"
    if pair.rule == STALE and pair.written_after is not None and case.context in cluster(execution):
        return "the contract acts for the sender"
    return ""


def _own_doing(execution: Execution, case: Case) -> bool:
    """Whether nothing speaks for a victim: it began the calls itself."""
    pair, root = case.first, execution.root
    used = pair.rule == STALE and pair.written_after is not None
    if root is not None and case.context == root.target:
        return not used
    return case.context in initiators(execution)


def _severity(execution: Execution, pair: Reentry, lost: bool, gainers: frozenset[bytes]) -> Severity:
    stale = pair.rule == STALE
    if lost:
        again = pair.outer_selector == pair.inner_selector or Trigger.LENDS in execution.flags
        return Severity.HIGH if stale or again else Severity.MEDIUM
    root = execution.root
    paid = any(pair.outer <= each.frame <= pair.inner for each in payments(execution, pair.context, gainers))
    if stale and paid and pair.written_after is not None and root is not None and pair.context != root.target:
        return Severity.MEDIUM
    return Severity.LOW


def _notes(case: Case, lost: bool) -> Iterator[str]:
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
