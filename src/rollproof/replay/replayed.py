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


@dataclass(frozen=True, eq=False)
class Replay:
    """What a block comes to in one order.

    ``state_root`` and ``done`` are None and ``unknown`` says why where not all of it could be executed; what comes
    before that place is known all the same. ``raised``: account and by how much its nonce was raised before the block.
    """

    order: tuple[int, ...]
    nonces: Nonces
    transactions: tuple[Replayed, ...]
    state_root: bytes | None
    gas_used: int | None
    trace: Trace | None
    unknown: str = ""
    raised: Mapping[bytes, int] = field(default_factory=dict)
    done: _core.Done | None = field(default=None, repr=False)
    cannot_know: tuple[str, ...] = CANNOT_KNOW
    _included: tuple[int, ...] = field(default=(), repr=False)
    _mints: Mapping[int, tuple[bytes, int]] = field(default_factory=dict, repr=False)

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
        if self.trace is None:
            return {}
        found = {self._included[at]: dict(each) for at, each in flow.flows(self.trace).items()}
        for index, (account, amount) in self._mints.items():
            if index in self._included:
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
        if self.done is None:
            raise Missing(f"balances in another order: {self.unknown}")
        found = {}
        for address, before, after, _ in self.done.changes:
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
