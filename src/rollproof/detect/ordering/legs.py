"""The swaps of a block by pool, each with the accounts that stand behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rollproof.detect import cluster
from rollproof.detect.execution import ExecutedBlock, Execution
from rollproof.detect.ordering.swap import Swap, swaps
from rollproof.detect.shows import Trigger

ZERO = bytes(20)


@dataclass(frozen=True, slots=True)
class Leg:
    """One swap of one transaction. ``index`` is the transaction's place in the block.

    ``actors`` are who sent it and what works for them, ``holders`` who ended the transaction with more of what was
    bought, or less of what was sold. Pools are neither.
    """

    index: int
    execution: Execution
    swap: Swap
    actors: frozenset[bytes]
    buyers: frozenset[bytes]
    sellers: frozenset[bytes]

    @property
    def direction(self) -> tuple[bytes | None, bytes | None]:
        """What goes in, what comes out."""
        return self.swap.token_in, self.swap.token_out

    def opposes(self, other: Leg) -> bool:
        """Whether it goes the other way through the pool."""
        return self.direction == other.direction[::-1]


def pools(block: ExecutedBlock) -> Mapping[bytes, Sequence[Leg]]:
    """Every pool that was traded on and the swaps there, in order."""
    if "ordering.legs" not in block.kept:
        block.kept["ordering.legs"] = _pools(block)
    found: Mapping[bytes, Sequence[Leg]] = block.kept["ordering.legs"]
    return found


def owners(leg: Leg, pools: Iterable[bytes]) -> frozenset[bytes]:
    """Whose tokens a swap is about: who sent it, and who it pays where that is no pool."""
    paid = {leg.swap.recipient} - {ZERO, *pools}
    return leg.actors | paid | ({leg.execution.sender} if leg.execution.sender else set())


def _pools(block: ExecutedBlock) -> dict[bytes, list[Leg]]:
    traded = [(execution, found) for execution in _meeting(block) if (found := swaps(execution))]
    known = {swap.pool for _, found in traded for swap in found}
    legs: dict[bytes, list[Leg]] = {}
    for execution, found in traded:
        actors = cluster.actors(execution) - known
        nets = cluster.by_account(execution)
        for swap in found:
            apart = known | {ZERO, swap.token_in, swap.token_out}
            buyers = {who for who, net in nets.items() if net.get(swap.token_out, 0) > 0 and who not in apart}
            sellers = {who for who, net in nets.items() if net.get(swap.token_in, 0) < 0 and who not in apart}
            leg = Leg(execution.index, execution, swap, actors, frozenset(buyers), frozenset(sellers))
            legs.setdefault(swap.pool, []).append(leg)
    return legs


def _meeting(block: ExecutedBlock) -> Iterator[Execution]:
    """Transactions with an account that takes one asset and gives another, and has to do with two in another one, too.

    Whoever trades on a pool where nobody else does anything is nobody's victim, and looking for swaps is not cheap.
    """
    trading: list[tuple[Execution, set[bytes]]] = []
    times: dict[bytes, int] = {}
    for execution in block.executions:
        if execution.success is False or not execution.flags & Trigger.TWO_TOKENS:
            continue
        both = set()
        for account, net in cluster.by_account(execution).items():
            if len(net) > 1:  # what only takes or only gives can be a pool whose liquidity changes
                times[account] = times.get(account, 0) + 1
                if min(net.values()) < 0 < max(net.values()):
                    both.add(account)
        trading.append((execution, both))
    for execution, both in trading:
        if any(times[account] > 1 for account in both):
            yield execution
