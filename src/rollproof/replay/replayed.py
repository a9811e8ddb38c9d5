"""What a block comes to in one order of its transactions, and what an account has more or less than in another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, Literal

from rollproof import _core
from rollproof.errors import Missing
from rollproof.replay import flow
from rollproof.replay.header import wire
from rollproof.replay.trace import Trace

Nonces = Literal["keep", "close"]

CANNOT_KNOW = (
    "what never reached this block: private order flow, and pending transactions that were left out",
    "what anybody would have sent, changed or cancelled had they seen this order, now or in later blocks",
    "prices outside the block: base fee, gas prices and L1 fees are as they were",
    "what was paid to whoever builds blocks outside of them, and which block would have been built instead",
)


class Fate(StrEnum):
    """What became of a transaction in the other order."""

    INCLUDED = "included"
    EXCLUDED = "excluded"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Replayed:
    """One transaction in the other order.

    ``index`` is its place in the original block. ``outcome`` is as in ``_core.Done.outcomes``, None unless it was
    included. ``kind`` and ``reason`` say why it was excluded, or what is missing. ``notes`` say what else differs.
    """

    index: int
    fate: Fate
    outcome: Mapping[str, Any] | None = None
    kind: str = ""
    reason: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class Replay:
    """What a block comes to in one order.

    ``unknown`` says why not all of it could be executed; what comes before that place is known all the same, and
    ``ran`` is that part's result. ``raised``: account and by how much its nonce was raised before the block. ``mints``:
    place of a deposit, who it mints for, and wei.
    """

    order: tuple[int, ...]
    nonces: Nonces
    transactions: tuple[Replayed, ...]
    ran: _core.Done | None
    unknown: str = ""
    raised: Mapping[bytes, int] = field(default_factory=dict)
    mints: Mapping[int, tuple[bytes, int]] = field(default_factory=dict)
    cannot_know: tuple[str, ...] = CANNOT_KNOW

    def __repr__(self) -> str:
        counts = ((fate, sum(each.fate is fate for each in self.transactions)) for fate in Fate)
        said = ", ".join(f"{count} {fate.value}" for fate, count in counts if count)
        end = self.unknown or f"state root {wire(self.state_root)}"
        return f"<Replay of {said or 'no transaction'}; {end}>"

    @property
    def state_root(self) -> bytes | None:
        """The root of the state after the block; None where it could not be executed to its end."""
        return None if self.ran is None or self.unknown else self.ran.state_root

    @property
    def gas_used(self) -> int | None:
        """Gas of the whole block; None where it could not be executed to its end."""
        return None if self.ran is None or self.unknown else self.ran.gas_used

    @cached_property
    def trace(self) -> Trace | None:
        """What was done in this order, as far as it is known; transactions are counted as they are included."""
        return None if self.ran is None or self.ran.trace is None else Trace(self.ran.trace)

    def __getitem__(self, index: int) -> Replayed:
        """The transaction of an original place. Raises KeyError where this order has removed it."""
        return self._by_index[index]

    def __contains__(self, index: object) -> bool:
        return index in self._by_index

    @cached_property
    def _by_index(self) -> dict[int, Replayed]:
        return {each.index: each for each in self.transactions}

    @cached_property
    def flows(self) -> Mapping[int, flow.Flow]:
        """By original place: (account, token or None for wei) -> base units gained, without fees."""
        if self.ran is None or self.ran.trace is None:
            return {}
        included = [self.order[at] for at in self.ran.included]
        found = {included[at]: each for at, each in flow.flows(self.ran.trace).items()}
        for index, (account, amount) in self.mints.items():
            if index in included:
                own = found.setdefault(index, {})
                own[account, None] = own.get((account, None), 0) + amount
        return found

    @cached_property
    def net(self) -> flow.Flow:
        """(account, token or None for wei) -> base units gained over the whole block, without fees."""
        return flow.added(self.flows)

    @cached_property
    def balances(self) -> Mapping[bytes, int]:
        """Wei by which each account's balance changed over the block, fees and rewards included.

        Raises Missing where the block could not be executed to its end.
        """
        if self.ran is None or self.unknown:
            raise Missing(f"balances in another order: {self.unknown}")
        found = {}
        for address, before, after, _ in self.ran.changes:
            change = (after[1] if after is not None else 0) - (before[1] if before is not None else 0)
            if change:
                found[address] = change
        return found


@dataclass(frozen=True, slots=True)
class Own:
    """What an account has more in one order than in another; negative where it has less.

    ``tokens`` in base units, ``native`` in wei without fees, ``fees`` in wei: what fees, and what a producer takes of
    them, add to that (negative: more was paid).
    """

    account: bytes
    tokens: Mapping[bytes, int]
    native: int
    fees: int


def difference(actual: Replay, other: Replay, account: bytes) -> Own:
    """What ``account`` has after ``actual`` less what it has after ``other``, exact in base units.

    Raises Missing where one of them could not be executed to its end.
    """
    native, fees = 0, 0
    tokens: dict[bytes, int] = {}
    for sign, each in ((1, actual), (-1, other)):
        sent = each.net.get((account, None), 0)
        native += sign * sent
        fees += sign * (each.balances.get(account, 0) - sent)
        for (who, token), amount in each.net.items():
            if who == account and token is not None:
                tokens[token] = tokens.get(token, 0) + sign * amount
    return Own(account, {token: amount for token, amount in tokens.items() if amount}, native, fees)
