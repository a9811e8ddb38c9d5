"""Arbitrage that takes back, directly behind somebody's trade, what that trade moved."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import ClassVar, Final, Literal

from rollproof.detect import cluster
from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import ExecutedBlock, Execution
from rollproof.detect.ordering.legs import Leg, pools
from rollproof.detect.ordering.sandwich import bundles
from rollproof.detect.ordering.victim import hexadecimal, profit_without
from rollproof.detect.shows import Shows, Trigger
from rollproof.types import Amount, Confidence, Severity

PROOFS: Final = 2  # of one block: each executes a part of it again, for what harms nobody


class BackRun(Detector):
    """Looks for round trips through several pools whose first trade there turns back the one before it."""

    id: ClassVar[str] = "back-run"
    severity: ClassVar[Severity] = Severity.INFO
    title: ClassVar[str] = "An arbitrage lives on the trade before it"
    what: ClassVar[str] = (
        "A transaction trades through pools and ends with more of a token and less of none. On one of the pools the "
        "trade before it went the other way, by another party. With the state at hand the block is executed without "
        f"that trade ({PROOFS} times at most): where half of the profit or more is gone, it came from there."
    )
    why: ClassVar[str] = (
        "It harms nobody by itself, but shows who is given the place behind others' trades, and what that is worth."
    )
    example: ClassVar[str] = "A large swap moves a pool's price; the next transaction buys there and sells elsewhere."
    references: ClassVar[tuple[str, ...]] = (
        "Qin, Zhou, Gervais, Quantifying Blockchain Extractable Value, IEEE S&P 2022, https://arxiv.org/abs/2101.05511",
    )
    scope: ClassVar[Literal["transaction", "block"]] = "block"
    needs: ClassVar[Shows] = Shows.CALLS
    trigger: ClassVar[Trigger] = Trigger.TWO_TOKENS

    def check(self, evidence: ExecutedBlock) -> Iterator[Judgement]:
        block, proofs = evidence, 0
        for leg, before in _behind(block):
            profit = party_profit(leg.execution)
            if not profit:
                continue
            if block.counterfactual is None or proofs == PROOFS:
                if leg.index == before.index + 1:
                    why = "there is no state to do so" if block.counterfactual is None else f"{PROOFS} others were"
                    yield self._finding(block, leg, before, profit, (f"not executed without it: {why}",), None)
                continue
            proofs += 1
            without = profit_without(block, before.execution, leg.execution, {each.token for each in profit})
            if isinstance(without, str):
                if leg.index == before.index + 1:
                    yield self._finding(block, leg, before, profit, (f"not executed without it: {without}",), None)
                continue
            if any(2 * without.get(each.token, 0) <= each.amount for each in profit):
                yield self._finding(block, leg, before, profit, (), without)

    def _finding(
        self,
        block: ExecutedBlock,
        leg: Leg,
        before: Leg,
        profit: list[Amount],
        notes: tuple[str, ...],
        without: dict[bytes | None, int] | None,
    ) -> Judgement:
        first, second = before.execution, leg.execution
        proven = without is not None
        return self.finding(
            block,
            f"transaction {second.index} takes back what {first.index} moved on pool 0x{leg.swap.pool.hex()}",
            confidence=Confidence.OBSERVED if proven else Confidence.POSSIBLE,
            addresses=[*(each for each in (second.sender,) if each), *sorted(leg.actors), leg.swap.pool],
            amounts=profit,
            notes=notes,
            subject=f"behind {hexadecimal(first.transaction) or first.index}",
            counterfactual={
                "removed": [hexadecimal(first.transaction)],
                "removed_places": [first.index],
                "profit_without": [
                    {"token": hexadecimal(token), "amount": str(amount)} for token, amount in without.items()
                ],
            }
            if without is not None
            else None,
            transaction=second.transaction,
        )


def _behind(block: ExecutedBlock) -> Iterator[tuple[Leg, Leg]]:
    """Each transaction's first swap that turns back the one before it on a pool, with that one. None of sandwiches."""
    taken = {each.index for bundle in bundles(block) for each in (*bundle.fronts, *bundle.backs)}
    found: dict[int, tuple[Leg, Leg]] = {}
    for legs in pools(block).values():
        for before, leg in pairwise(legs):
            apart = before.index < leg.index and not before.actors & leg.actors
            if apart and leg.opposes(before) and leg.index not in taken and before.index not in taken:
                nearest = found.get(leg.index)
                if nearest is None or before.index > nearest[1].index:
                    found[leg.index] = leg, before
    yield from (found[index] for index in sorted(found))


def party_profit(execution: Execution) -> list[Amount]:
    """What its party gained, where it lost nothing and traded at two pools or more."""
    gained = cluster.gains(execution, cluster.actors(execution))
    if not gained or any(amount < 0 for token, amount in gained.items() if token is not None):
        return []
    tokens = {token: amount for token, amount in gained.items() if amount > 0}
    # A tip to the block's producer is paid in wei out of what was gained in a token.
    if gained.get(None, 0) < 0 and not tokens:
        return []
    account = execution.sender or next(iter(cluster.actors(execution)))
    return [Amount(token, account, amount) for token, amount in tokens.items()]
