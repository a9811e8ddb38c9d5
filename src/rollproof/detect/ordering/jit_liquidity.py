"""Liquidity that is added right before others' swaps and taken out right behind them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from rollproof.detect import cluster
from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import ExecutedBlock, Execution
from rollproof.detect.ordering.legs import Leg, pools
from rollproof.detect.ordering.victim import hexadecimal
from rollproof.detect.shows import Shows, Trigger
from rollproof.types import Amount, Confidence, Severity


@dataclass(frozen=True, slots=True)
class Provision:
    """One party's liquidity in a pool for the length of others' swaps."""

    pool: bytes
    added: Execution
    removed: Execution
    swaps: tuple[Leg, ...]
    party: frozenset[bytes]


class JitLiquidity(Detector):
    """Looks for transactions of one party that put both of a pool's tokens into it and take both out again."""

    id: ClassVar[str] = "jit-liquidity"
    severity: ClassVar[Severity] = Severity.INFO
    title: ClassVar[str] = "Liquidity was there only for others' swaps"
    what: ClassVar[str] = (
        "In one block a party pays both tokens of a pool into it, others swap there, and the party takes both out."
    )
    why: ClassVar[str] = (
        "Those who swap mostly get a better price by it; the fees go to a provider who carries no risk, and past those "
        "who provide all the time."
    )
    example: ClassVar[str] = "On a Uniswap v3 pool: mint around the price of a large swap, the swap, burn and collect."
    references: ClassVar[tuple[str, ...]] = (
        "Xiong et al., Demystifying Just-in-Time Liquidity Attacks on Uniswap V3, https://eprint.iacr.org/2023/973",
    )
    scope: ClassVar[Literal["transaction", "block"]] = "block"
    needs: ClassVar[Shows] = Shows.CALLS
    trigger: ClassVar[Trigger] = Trigger.TWO_TOKENS

    def check(self, evidence: ExecutedBlock) -> Iterator[Judgement]:
        for found in provisions(evidence):
            swaps = "a swap" if len(found.swaps) == 1 else f"{len(found.swaps)} swaps"
            transactions = [found.added, *(leg.execution for leg in found.swaps), found.removed]
            yield self.finding(
                evidence,
                f"liquidity of one party was in pool 0x{found.pool.hex()} for {swaps} of others and no longer",
                confidence=Confidence.OBSERVED,
                addresses=[*sorted(found.party), found.pool],
                amounts=list(_kept(found)),
                notes=("what those who swapped, and other providers, had by it is not computed",),
                subject=" ".join(hexadecimal(each.transaction) or str(each.index) for each in transactions),
                transaction=found.added.transaction,
            )


def provisions(block: ExecutedBlock) -> Iterator[Provision]:
    """Each party's first payment into a pool with the first withdrawal behind others' swaps there."""
    traded = pools(block)
    moves: dict[bytes, list[tuple[Execution, bool, frozenset[bytes]]]] = {}
    for execution in block.executions:
        if not execution.flags & Trigger.TWO_TOKENS or execution.success is False:
            continue
        nets = cluster.by_account(execution)
        for pool in traded.keys() & nets.keys():
            signs = {amount > 0 for token, amount in nets[pool].items() if token != pool}
            if len(nets[pool].keys() - {pool}) >= 2 and len(signs) == 1:
                party = _party(execution, set(traded))
                moves.setdefault(pool, []).append((execution, signs.pop(), party))
    for pool, found in moves.items():
        yield from _paired(pool, found, traded[pool])


def _paired(
    pool: bytes, moves: Sequence[tuple[Execution, bool, frozenset[bytes]]], legs: Sequence[Leg]
) -> Iterator[Provision]:
    open_: list[tuple[Execution, frozenset[bytes]]] = []
    for execution, into, party in moves:
        if into:
            open_.append((execution, party))
            continue
        for at, (added, own) in enumerate(open_):
            if not own & party:
                continue
            between = tuple(
                leg for leg in legs if added.index < leg.index < execution.index and not leg.actors & (own | party)
            )
            if between:
                yield Provision(pool, added, execution, between, own & party)
            del open_[at]
            break


def _party(execution: Execution, traded: set[bytes]) -> frozenset[bytes]:
    sender = {execution.sender} if execution.sender is not None else set()
    return frozenset((cluster.actors(execution) | sender) - traded)


def _kept(found: Provision) -> Iterator[Amount]:
    """What the party has of each token after taking out, over what it had put in."""
    sums: dict[bytes | None, int] = {}
    for execution in (found.added, found.removed):
        for token, amount in cluster.by_account(execution).get(found.pool, {}).items():
            if token != found.pool:
                sums[token] = sums.get(token, 0) - amount
    account = found.added.sender or min(found.party)
    yield from (Amount(token, account, amount) for token, amount in sums.items() if amount)
