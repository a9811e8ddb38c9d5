"""Trades directly behind a price update that profit by it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final, Literal

from rollproof.detect import cluster
from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import ExecutedBlock, Execution
from rollproof.detect.ordering import known_action
from rollproof.detect.ordering.back_run import party_profit
from rollproof.detect.ordering.dependency import depends
from rollproof.detect.ordering.victim import hexadecimal, profit_without
from rollproof.detect.shows import Shows, Trigger
from rollproof.types import Amount, Confidence, Severity

PROOFS: Final = 2  # of one block


class OracleBackRun(Detector):
    """Looks behind each price update for who gains and loses nothing, having read what the update wrote."""

    id: ClassVar[str] = "oracle-back-run"
    severity: ClassVar[Severity] = Severity.LOW
    title: ClassVar[str] = "A trade profits by the price update right before it"
    what: ClassVar[str] = (
        "The transaction behind a price update, by another party, reads what the update wrote and ends with more of a "
        "token and less of none. With the state at hand it is executed without the update: where half of the profit or "
        "more is gone, it came from there. Liquidations are `back-run-liquidation`'s."
    )
    why: ClassVar[str] = (
        "A protocol that trades at an oracle's price pays for every update that somebody may act on before others."
    )
    example: ClassVar[str] = "The oracle moves by 1 %; the next transaction mints at the vault and sells in the market."
    references: ClassVar[tuple[str, ...]] = (
        "Eskandari et al., SoK: Oracles from the Ground Truth to Market Manipulation, https://arxiv.org/abs/2106.00667",
    )
    scope: ClassVar[Literal["transaction", "block"]] = "block"
    needs: ClassVar[Shows] = Shows.STORAGE | Shows.SENDER
    trigger: ClassVar[Trigger] = Trigger.WRITES

    def check(self, evidence: ExecutedBlock) -> Iterator[Judgement]:
        block, proofs = evidence, 0
        liquidating = {each.index for each in known_action.that(block, "liquidate")}
        behind = {each.index: each for each in block.executions}
        for update in known_action.that(block, "price-update"):
            trade = behind.get(update.index + 1)
            if trade is None or trade.index in liquidating or cluster.actors(trade) & cluster.actors(update):
                continue
            profit = party_profit(trade)
            if not profit or not depends(trade, update):
                continue
            if proofs == PROOFS:
                continue
            proofs += 1
            without = profit_without(block, update, trade, {each.token for each in profit})
            if isinstance(without, str) or any(2 * without.get(each.token, 0) <= each.amount for each in profit):
                yield self._finding(block, update, trade, profit, without)

    def _finding(
        self,
        block: ExecutedBlock,
        update: Execution,
        trade: Execution,
        profit: list[Amount],
        without: dict[bytes | None, int] | str,
    ) -> Judgement:
        unproven = isinstance(without, str)
        return self.finding(
            block,
            f"transaction {trade.index} profits by the price update of transaction {update.index}",
            severity=Severity.INFO if unproven else Severity.LOW,
            confidence=Confidence.POSSIBLE if unproven else Confidence.OBSERVED,
            addresses=sorted(cluster.actors(trade)),
            amounts=profit,
            notes=(f"not executed without the update: {without}",) if unproven else (),
            subject=f"behind {hexadecimal(update.transaction) or update.index}",
            counterfactual=None
            if isinstance(without, str)
            else {
                "removed": [hexadecimal(update.transaction)],
                "removed_places": [update.index],
                "profit_without": [
                    {"token": hexadecimal(token), "amount": str(amount)} for token, amount in without.items()
                ],
            },
            transaction=trade.transaction,
        )
