"""What somebody lost by the order of a block: the difference in his own tokens to the same block without others' calls.

The definition of harm is that of the counterfactual: not a price, but what he would have had (see
`replay.counterfactual` for what such a block means, and for what it cannot know).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from rollproof import _core
from rollproof.detect import cluster
from rollproof.detect.execution import ExecutedBlock, Execution
from rollproof.errors import RollproofError
from rollproof.replay.replayed import Fate, Replay
from rollproof.types import Amount

PROOFS = 32  # other orders of one block that are executed, for all checks together
NO_STATE = "the source has no state to execute the block on again"


@dataclass(frozen=True, slots=True)
class Loss:
    """What the owners of one transaction have less than without others'; ``tokens`` in base units, negative: more.

    ``without`` is the transaction's status in the other order: 1, 0, or None where it is excluded there.
    """

    execution: Execution
    owners: frozenset[bytes]
    tokens: dict[tuple[bytes, bytes | None], int]
    actual: dict[tuple[bytes, bytes | None], int]
    without: int | None

    @property
    def hurt(self) -> bool:
        """Whether something was lost and nothing gained."""
        return bool(self.tokens) and all(lost > 0 for lost in self.tokens.values())

    @property
    def share(self) -> float:
        """The largest loss as a part of what there would have been; 0 where it is none."""
        found = 0.0
        for key, lost in self.tokens.items():
            would = self.actual.get(key, 0) + lost
            if lost > 0 and would:
                found = max(found, min(1.0, lost / abs(would)))
        return found

    def amounts(self) -> Iterator[Amount]:
        """As losses: negative where something is lost."""
        for (account, token), lost in sorted(self.tokens.items(), key=repr):
            yield Amount(token, account, -lost)

    def record(self) -> dict[str, Any]:
        """For `Finding.counterfactual`."""
        return {
            "transaction": hexadecimal(self.execution.transaction),
            "status_without": self.without,
            "lost": [
                {"account": hexadecimal(account), "token": hexadecimal(token), "amount": str(lost)}
                for (account, token), lost in sorted(self.tokens.items(), key=repr)
            ],
        }


@dataclass(frozen=True, slots=True)
class Proof:
    """The block without some transactions. ``unknown`` says why not all victims' losses are known; empty: they are."""

    removed: tuple[Execution, ...]
    losses: tuple[Loss, ...] = ()
    other: Replay | None = None
    unknown: str = ""

    def record(self) -> dict[str, Any]:
        """For `Finding.counterfactual`."""
        found: dict[str, Any] = {
            "removed": [hexadecimal(each.transaction) for each in self.removed],
            "removed_places": [each.index for each in self.removed],
            "nonces": "close",
        }
        if self.unknown:
            found["unknown"] = self.unknown
        if self.losses and self.other is not None:
            found["victims"] = [each.record() for each in self.losses]
            found["cannot_know"] = list(self.other.cannot_know)
        return found


def prove(
    block: ExecutedBlock,
    removed: Iterable[Execution],
    victims: Iterable[tuple[Execution, frozenset[bytes]]],
) -> Proof:
    """What these victims (a transaction, and whose tokens count) lost by the transactions that are ``removed``.

    At most `PROOFS` times for one block: each executes all of it up to the last victim again.
    """
    gone, hurt = tuple(removed), tuple(victims)
    other = without(block, gone, max(each.index for each, _ in hurt))
    if isinstance(other, str):
        return Proof(gone, unknown=other)
    known = [(each, owners) for each, owners in hurt if other[each.index].fate is not Fate.UNKNOWN]
    losses = tuple(loss(other, execution, owners) for execution, owners in known)
    return Proof(gone, losses, other, "" if len(known) == len(hurt) else other.unknown)


def without(block: ExecutedBlock, removed: Iterable[Execution], until: int) -> Replay | str:
    """The block up to place ``until`` without some transactions, or why it was not executed so."""
    if block.counterfactual is None:
        return NO_STATE
    spent = block.kept.get("ordering.proofs", 0)
    if spent >= PROOFS:
        return f"{PROOFS} other orders of this block were executed, and no more are"
    block.kept["ordering.proofs"] = spent + 1
    try:
        return block.counterfactual.without(*(each.index for each in removed), until=until)
    except (RollproofError, _core.CoreError) as error:
        return str(error)


def loss(other: Replay, execution: Execution, owners: Collection[bytes]) -> Loss:
    """The difference in one transaction: what its owners gain in the other order less what they gained."""
    there, here = other.flows.get(execution.index, {}), execution.net
    own = sorted((key for key in {*there, *here} if key[0] in owners), key=repr)
    tokens = {key: found for key in own if (found := there.get(key, 0) - here.get(key, 0))}
    outcome = other[execution.index].outcome
    status = None if outcome is None else int(outcome["status"])
    return Loss(execution, frozenset(owners), tokens, {key: here[key] for key in own if key in here}, status)


def hexadecimal(value: bytes | None) -> str | None:
    """As a finding's plain values have it."""
    return None if value is None else "0x" + value.hex()


def profit_without(
    block: ExecutedBlock, removed: Execution, execution: Execution, tokens: Collection[bytes | None]
) -> dict[bytes | None, int] | str:
    """What a transaction's party gains of ``tokens`` where another is removed; zeros where it fails, or why unknown."""
    other = without(block, (removed,), execution.index)
    if isinstance(other, str):
        return other
    if other[execution.index].fate is Fate.UNKNOWN:
        return other.unknown
    flows, party = other.flows.get(execution.index, {}), cluster.actors(execution)
    return {token: sum(flows.get((who, token), 0) for who in party) for token in tokens}
