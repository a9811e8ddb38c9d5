"""Liquidations directly behind the transaction that made them possible, by who was let there first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

from rollproof.detect import cluster
from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import ExecutedBlock, Execution
from rollproof.detect.ordering import known_action
from rollproof.detect.ordering.dependency import depends
from rollproof.detect.ordering.victim import hexadecimal, without
from rollproof.detect.shows import Shows, Trigger
from rollproof.replay.replayed import Fate, Replay
from rollproof.types import Amount, Confidence, Severity

TRIED: Final = 3  # earlier transactions that are left out one by one, for each liquidation


@dataclass(frozen=True, slots=True)
class Made:
    """Liquidations of one party that an earlier transaction made possible; ``unknown`` says why that is not proven."""

    cause: Execution
    liquidations: tuple[Execution, ...]
    price: bool  # the cause changes a price
    unknown: str = ""


class BackRunLiquidation(Detector):
    """Executes the block without what a liquidation depends on: where it fails then, that made it possible."""

    id: ClassVar[str] = "back-run-liquidation"
    severity: ClassVar[Severity] = Severity.MEDIUM
    title: ClassVar[str] = "A liquidation stands directly behind what made it possible"
    what: ClassVar[str] = (
        "A transaction liquidates, and reads storage that an earlier one of another party changed in the same block. "
        "Without the earlier one it fails. Directly behind it, and never seen in a pool where one was watched, it was "
        "placed there: medium; else low."
    )
    why: ClassVar[str] = (
        "Who is liquidated in the very block of a price update had no chance to add collateral, and nobody else one to "
        "liquidate: whoever orders the block, or pays for it, takes every liquidation."
    )
    example: ClassVar[str] = "Transaction 4 pushes a price; transaction 5, by the sequencer, liquidates at it."
    references: ClassVar[tuple[str, ...]] = (
        "Qin et al., An Empirical Study of DeFi Liquidations, IMC 2021, https://arxiv.org/abs/2106.06389",
    )
    scope: ClassVar[Literal["transaction", "block"]] = "block"
    needs: ClassVar[Shows] = Shows.STORAGE | Shows.SENDER
    trigger: ClassVar[Trigger] = Trigger.WRITES

    def check(self, evidence: ExecutedBlock) -> Iterator[Judgement]:
        liquidations = known_action.that(evidence, "liquidate")
        if liquidations:
            for made in causes(evidence, liquidations):
                yield self._finding(evidence, made)

    def _finding(self, block: ExecutedBlock, made: Made) -> Judgement:
        cause, first = made.cause, made.liquidations[0]
        party = frozenset().union(*(cluster.actors(each) for each in made.liquidations))
        direct = directly_behind(block, cause, first, party)
        public = block.pending is not None and all(each.transaction in block.pending for each in made.liquidations)
        proven = not made.unknown
        notes = ["the earlier one changes a price" if made.price else "the earlier one changes storage that it reads"]
        if block.pending is not None:
            notes.append("it was seen in the pool before" if public else "it was never seen in the pool")
        if not proven:
            notes.append(f"that it fails without the earlier one is not proven: {made.unknown}")
        count = "a liquidation" if len(made.liquidations) == 1 else f"{len(made.liquidations)} liquidations"
        where = "directly behind" if direct else "in the block of"
        return self.finding(
            block,
            f"{count} by one party {where} transaction {cause.index}, which made {'it' if count[0] == 'a' else 'them'}"
            " possible",
            severity=Severity.MEDIUM if proven and direct and not public else Severity.LOW,
            confidence=Confidence.OBSERVED if proven else Confidence.POSSIBLE,
            addresses=[*sorted(party), *(each.to for each in made.liquidations if each.to is not None)],
            amounts=_gained(made, party),
            notes=notes,
            subject=f"behind {hexadecimal(cause.transaction)}: "
            + " ".join(hexadecimal(each.transaction) or str(each.index) for each in made.liquidations),
            counterfactual=_record(made),
            transaction=first.transaction,
        )


def causes(block: ExecutedBlock, liquidations: Sequence[Execution]) -> Iterator[Made]:
    """Each party's liquidations by what made them possible, the nearest such transaction."""
    priced = {each.index for each in known_action.that(block, "price-update")}
    found: dict[tuple[int, bytes | None, str], list[Execution]] = {}
    for each in liquidations:
        cause, unknown = _cause(block, each, priced)
        if cause is not None:
            found.setdefault((cause, each.sender, unknown), []).append(each)
    by_index = {each.index: each for each in block.executions}
    for (cause, _, unknown), each_of in found.items():
        yield Made(by_index[cause], tuple(each_of), cause in priced, unknown)


def directly_behind(block: ExecutedBlock, cause: Execution, first: Execution, party: frozenset[bytes]) -> bool:
    """Whether nothing but the party's own stands between two transactions."""
    between = [each for each in block.executions if cause.index < each.index < first.index]
    return all(cluster.actors(each) & party for each in between)


def _cause(block: ExecutedBlock, liquidation: Execution, priced: set[int]) -> tuple[int | None, str]:
    """The place of the transaction without which it fails; or, not proven, of the price update that it depends on."""
    own = cluster.actors(liquidation)
    earlier = [
        each
        for each in reversed(block.executions)
        if each.index < liquidation.index and not cluster.actors(each) & own and depends(liquidation, each)
    ]
    earlier.sort(key=lambda each: each.index not in priced)  # stable: the nearest first
    unknown = ""
    for each in earlier[:TRIED]:
        needed, why = _needs(block, liquidation, each)
        if needed:
            return each.index, ""
        unknown = unknown or why
    if unknown and earlier[0].index in priced:
        return earlier[0].index, unknown
    return None, ""


def _needs(block: ExecutedBlock, liquidation: Execution, cause: Execution) -> tuple[bool, str]:
    other = without(block, (cause,), liquidation.index)
    if isinstance(other, str):
        return False, other
    found = other[liquidation.index]
    if found.fate is Fate.UNKNOWN:
        return False, other.unknown
    return not _still(other, liquidation), ""


def _still(other: Replay, liquidation: Execution) -> bool:
    """Whether it still liquidates in the other order: it succeeds and says so as it did."""
    outcome = other[liquidation.index].outcome
    if outcome is None or not outcome["status"]:
        return False
    topics = liquidation.protocols.topics("liquidate")
    said = sum(bool(log.topics) and log.topics[0] in topics for log in liquidation.logs)
    return not said or sum(bool(topics_) and topics_[0] in topics for _, topics_, _ in outcome["logs"]) >= said


def _gained(made: Made, party: frozenset[bytes]) -> list[Amount]:
    sums: dict[tuple[bytes, bytes | None], int] = {}
    for execution in made.liquidations:
        for (account, token), amount in execution.net.items():
            if account in party:
                sums[account, token] = sums.get((account, token), 0) + amount
    return [Amount(token, account, amount) for (account, token), amount in sums.items() if amount]


def _record(made: Made) -> dict[str, Any]:
    found: dict[str, Any] = {
        "removed": [hexadecimal(made.cause.transaction)],
        "removed_places": [made.cause.index],
    }
    if made.unknown:
        return found | {"unknown": made.unknown}
    return found | {"fail_without": [hexadecimal(each.transaction) for each in made.liquidations]}
