"""Somebody's call, made before him by another who gains what he would have gained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from rollproof.detect import cluster
from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import ExecutedBlock, Execution
from rollproof.detect.ordering.copied_call import Copied, copied_calls
from rollproof.detect.ordering.victim import Proof, hexadecimal, prove
from rollproof.detect.shows import Shows, Trigger
from rollproof.types import Amount, Confidence, Severity


class Displacement(Detector):
    """Compares calls of one contract and, with the state at hand, executes the later one without the earlier."""

    id: ClassVar[str] = "displacement"
    severity: ClassVar[Severity] = Severity.MEDIUM
    title: ClassVar[str] = "A call was copied, and the copy put first"
    what: ClassVar[str] = (
        "Two transactions of one block make the same call with the same arguments, but for who is named as the one who "
        "gains. The first gains, the second fails or gets less. With the state at hand the second is executed without "
        "the first: only where it then succeeds, or gets more, is it a finding above low."
    )
    why: ClassVar[str] = "Whoever reads pending transactions can take rewards, bounties and trades that others found."
    example: ClassVar[str] = "claim(secret, alice) waits in the pool; the block has claim(secret, builder) before it."
    references: ClassVar[tuple[str, ...]] = (
        "Torres et al., Frontrunner Jones, USENIX Security 2021, https://arxiv.org/abs/2102.03347",
        "Eskandari et al., SoK: Transparent Dishonesty, 2019, https://arxiv.org/abs/1902.05164",
    )
    scope: ClassVar[Literal["transaction", "block"]] = "block"
    needs: ClassVar[Shows] = Shows.CALLS | Shows.INPUT
    trigger: ClassVar[Trigger] = Trigger(0)

    def check(self, evidence: ExecutedBlock) -> Iterator[Judgement]:
        for copied in copied_calls(evidence):
            # What both got alike, or nobody gains by, displaced nobody.
            gained = _gained(copied)
            if gained and (copied.later.success is False or _less(copied.later, gained)):
                yield from self._judge(evidence, copied, gained)

    def _judge(self, block: ExecutedBlock, copied: Copied, gained: list[Amount]) -> Iterator[Judgement]:
        earlier, later = copied.earlier, copied.later
        outcome = "fails" if later.success is False else "gets less"
        title = f"transaction {earlier.index} makes the call of transaction {later.index} before it, which {outcome}"
        if not copied.distinctive and not copied.renamed:
            why = "the same call, in words that anybody may choose: a race, not a copy"
            yield self.suppressed(block, title, why, Severity.MEDIUM)
            return
        # Two who make the same trade each pay for it, and the second pays more.
        paid = any(amount < 0 for amount in cluster.gains(earlier, cluster.actors(earlier)).values())
        if paid and later.success is not False:
            yield self.suppressed(block, title, "the first paid for what it got: a market", Severity.MEDIUM)
            return
        whose = (cluster.actors(later) | ({later.sender} if later.sender else set())) - {copied.target}
        proof = prove(block, [earlier], [(later, frozenset(whose))])
        if proof.unknown and later.success is not False:
            yield self.suppressed(block, title, f"what the second would have got is not known: {proof.unknown}")
            return
        if not proof.unknown:
            [loss] = proof.losses
            freed = later.success is False and loss.without == 1
            if not freed and not loss.hurt:
                why = f"without the first the second {'fails' if loss.without != 1 else 'gets no more'} as well"
                yield self.suppressed(block, title, why, Severity.MEDIUM)
                return
        yield self._finding(block, copied, title, gained, proof)

    def _finding(
        self, block: ExecutedBlock, copied: Copied, title: str, gained: list[Amount], proof: Proof
    ) -> Judgement:
        earlier, later = copied.earlier, copied.later
        notes = ["the copy names another one who gains" if copied.renamed else "the arguments are the same to the byte"]
        if copied.inner:
            notes.append("the copy is made by a contract of the first transaction")
        if not copied.distinctive:
            notes.append("anybody may choose these arguments: it can have been a race")
        if block.pending is not None and earlier.transaction not in block.pending:
            notes.append("the first was never seen in the pool")
        proven, direct = not proof.unknown, later.index == earlier.index + 1
        if not proven:
            notes.append(f"that the second would have succeeded is not proven: {proof.unknown}")
        amounts = [*gained, *(amount for loss in proof.losses for amount in loss.amounts())]
        parties = [*(each for each in (earlier.sender, later.sender) if each is not None)]
        return self.finding(
            block,
            title,
            severity=Severity.MEDIUM if proven and (copied.distinctive or direct) else Severity.LOW,
            confidence=Confidence.OBSERVED if proven else Confidence.POSSIBLE,
            addresses=[*parties, copied.target],
            amounts=amounts,
            notes=notes,
            subject=f"first {hexadecimal(earlier.transaction)}; second {hexadecimal(later.transaction)}",
            counterfactual=proof.record() if block.counterfactual is not None else None,
            transaction=earlier.transaction,
        )


def _gained(copied: Copied) -> list[Amount]:
    """What the party of the earlier transaction gained, or whom the copy names where the other names its sender."""
    named = set() if copied.beneficiary is None else {copied.beneficiary}
    party = cluster.cluster(copied.earlier) | named
    net = copied.earlier.net
    return [Amount(token, who, amount) for (who, token), amount in net.items() if amount > 0 and who in party]


def _less(later: Execution, gained: list[Amount]) -> bool:
    """Whether the later one's party gained less of what the earlier one's gained."""
    own = cluster.gains(later, cluster.cluster(later))
    return any(own.get(each.token, 0) < each.amount for each in gained)
