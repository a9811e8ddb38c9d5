"""Atomic arbitrage: a round of swaps that leaves whoever acts with more of something and less of nothing.

Rule: two pools or more whose swaps close a circle of assets, and a cluster that gains in one asset and loses in none,
wei and its wrapped form counted as one. Loans net out by construction. Source: Qin et al., IEEE S&P 2022; Daian et al.,
IEEE S&P 2020.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rollproof.detect.cluster import cluster, gains
from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import Execution
from rollproof.detect.ordering.liquidation import liquidations
from rollproof.detect.ordering.swap import Swap, swaps, wrappers
from rollproof.detect.shows import Shows, Trigger
from rollproof.types import Amount, Severity

Gains = dict[bytes | None, int]


class Arbitrage(Detector):
    """One transaction that takes the difference between pools."""

    id = "arbitrage"
    severity = Severity.INFO
    title = "Atomic arbitrage"
    what = (
        "Swaps on two or more pools in one transaction that end where they began, and leave the sender's side with "
        "more of an asset and less of none."
    )
    why = (
        "It moves pools to one price and harms nobody by itself, but it says who is in a position to order "
        "transactions, and it is what a back-run lives on."
    )
    example = "WETH to a token on one pool, the token to USDC on a second, USDC to more WETH on a third."
    references = (
        "https://arxiv.org/abs/2101.05511",
        "https://arxiv.org/abs/1904.05234",
    )
    needs = Shows.CALLS | Shows.ETHER | Shows.SELECTOR
    trigger = Trigger.TWO_TOKENS

    def check(self, evidence: Execution) -> Iterator[Judgement]:
        """The finding, or why a round of swaps is none."""
        rounds = circle(evidence, swaps(evidence))
        pools = tuple(dict.fromkeys(each.pool for each in rounds))
        if len(pools) < 2:
            return
        members = cluster(evidence) - set(pools)
        net = unified(evidence, gains(evidence, members), _wrapped(evidence, members))
        title = f"Arbitrage over {len(pools)} pools"
        lost = {token: amount for token, amount in net.items() if amount < 0}
        if lost or not net:
            reason = "its sender's side ends with less of an asset" if lost else "its sender's side gains nothing"
            yield self.suppressed(evidence, title, reason)
            return
        if liquidations(evidence):
            yield self.suppressed(evidence, title, "the swaps serve a liquidation")
            return
        actor = evidence.to if evidence.to in members else evidence.sender
        yield self.finding(
            evidence,
            title,
            addresses=[*([actor] if actor else []), *pools],
            amounts=[Amount(token, actor or bytes(20), amount) for token, amount in net.items()],
            frames=[each.frame for each in rounds],
            notes=("gains are those of the sender's whole side, before gas",),
        )


def _wrapped(execution: Execution, members: frozenset[bytes]) -> int:
    """Wei that members sent to a wrapper without call data: where a source has no logs, nothing says that it minted."""
    if Shows.LOGS in execution.shows:
        return 0
    return sum(
        each.amount
        for each in execution.transfers
        if each.token is None
        and each.sender in members
        and each.recipient in execution.protocols.wrappers
        and not execution.frame(each.frame).input
    )


def unified(execution: Execution, net: Gains, wrapped: int = 0) -> Gains:
    """Sums per asset, with wrapped wei counted as wei; zeros left out."""
    found: Gains = {None: wrapped}
    for token, amount in net.items():
        asset = None if token in wrappers(execution) else token
        found[asset] = found.get(asset, 0) + amount
    return {asset: amount for asset, amount in found.items() if amount}


def circle(execution: Execution, found: Sequence[Swap]) -> list[Swap]:
    """The swaps that lie on a circle of assets: what each gives out can be traded back to what it took."""
    wrapped = wrappers(execution)

    def asset(token: bytes | None) -> bytes | None:
        return None if token in wrapped else token

    onward: dict[bytes | None, set[bytes | None]] = {}
    for each in found:
        onward.setdefault(asset(each.token_in), set()).add(asset(each.token_out))
    reached = {start: _reachable(start, onward) for start in onward}
    return [each for each in found if asset(each.token_in) in reached.get(asset(each.token_out), set())]


def _reachable(start: bytes | None, onward: dict[bytes | None, set[bytes | None]]) -> set[bytes | None]:
    seen: set[bytes | None] = set()
    waiting = [start]
    while waiting:
        for after in onward.get(waiting.pop(), ()):
            if after not in seen:
                seen.add(after)
                waiting.append(after)
    return seen
