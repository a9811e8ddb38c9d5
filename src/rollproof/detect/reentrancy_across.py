"""Re-entrancy between contracts: the lock of one does not cover the state that another keeps or believes."""

from __future__ import annotations

from collections.abc import Iterator

from rollproof.detect.cluster import actors
from rollproof.detect.detector import Judgement
from rollproof.detect.entries import entry_of
from rollproof.detect.execution import Execution, Reentry
from rollproof.detect.reentered import Case, contexts_between, loss, payments, takers
from rollproof.detect.reentrancy import PAPERS, Reentrancy, notes
from rollproof.types import Amount, Confidence, Severity


class CrossContract(Reentrancy):
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
        if context in actors(execution) or pair.account in actors(execution):
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
            notes=tuple(notes(case, bool(lost))),
            subject=who,
        )


class ReadOnly(Reentrancy):
    """A third contract believes an answer that is about to change."""

    id = "reentrancy-read-only"
    title = "A contract was asked for a value in the middle of its own call, and the answer was believed"
    what = (
        "While a call was open a third contract asked its contract for a value that the call changed afterwards, and "
        "then wrote state or paid."
    )
    why = "A view that takes no part in the lock answers with half-updated numbers: prices, shares, supplies."
    example = "dForce, February 2023: Curve's get_virtual_price during remove_liquidity; 3.65 million dollars."
    references = (*PAPERS, "https://chainsecurity.com/curve-lp-oracle-manipulation-post-mortem/")

    def judge(self, execution: Execution, case: Case) -> Iterator[Judgement]:
        """One finding for each contract that asked, if it is neither of the actors nor who was given control."""
        ours = actors(execution)
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
