"""Re-entrant pairs sorted into cases: whose call was entered again, in which of the known ways, and what it lost.

Rules: docs of ``rust/src/query/reentry.rs``. What is added here is who acts for whom, and the assets that moved.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rollproof import _core
from rollproof.detect.cluster import ZERO, by_account, cluster, gains
from rollproof.detect.execution import Execution, Reentry, Transfer
from rollproof.types import Amount, SlotChange

STALE, OPEN, CROSS, READ_ONLY, REFUSED = "stale-read", "open-write", "cross-contract", "read-only", "refused"

# What tokens call on those who send or receive them: ERC-777, 721, 1155, 1363, 677 and 223.
HOOKS: Final = frozenset(
    _core.keccak256(signature)[:4]
    for signature in (
        b"tokensToSend(address,address,address,uint256,bytes,bytes)",
        b"tokensReceived(address,address,address,uint256,bytes,bytes)",
        b"onERC721Received(address,address,uint256,bytes)",
        b"onERC1155Received(address,address,uint256,uint256,bytes)",
        b"onERC1155BatchReceived(address,address,uint256[],uint256[],bytes)",
        b"onTransferReceived(address,address,uint256,bytes)",
        b"onTokenTransfer(address,uint256,bytes)",
        b"tokenFallback(address,uint256,bytes)",
    )
)


@dataclass(frozen=True, slots=True)
class Case:
    """Pairs of one account in one way (``variant``: a detector's id), those that weigh most first."""

    variant: str
    context: bytes
    pairs: tuple[Reentry, ...]

    @property
    def first(self) -> Reentry:
        """The pair that weighs most."""
        return self.pairs[0]

    @property
    def slots(self) -> tuple[SlotChange, ...]:
        """The slots it rests on, at most eight."""
        return tuple(SlotChange(each.account, each.slot, each.before, each.after) for each in self.pairs[:8])

    @property
    def frames(self) -> tuple[int, ...]:
        """The open call, the one by which control left, the one that entered again, and the call it made."""
        return tuple(dict.fromkeys((self.first.outer, self.first.edge, self.first.caller, self.first.inner)))


def cases(execution: Execution) -> Sequence[Case]:
    """Every case of one execution, in order of its first call."""
    return execution.kept("reentrancy", _cases)


def contexts_between(execution: Execution, pair: Reentry) -> frozenset[bytes]:
    """The accounts that got control from the open call, and that entered again."""
    return frozenset(execution.frame(row).target for row in (pair.edge, pair.caller)) - {pair.context}


def takers(execution: Execution, pairs: Iterable[Reentry]) -> frozenset[bytes]:
    """Who may have gained: those who act together, and the accounts that entered again."""
    tokens = {each.token for each in execution.transfers}
    found = set(cluster(execution))
    for pair in pairs:
        found |= {account for account in contexts_between(execution, pair) if account not in tokens}
    return frozenset(found - {pair.context for pair in pairs} - {ZERO})


def loss(execution: Execution, victim: bytes, gainers: frozenset[bytes], *, strict: bool = False) -> tuple[Amount, ...]:
    """What an account lost to ``gainers`` and got nothing for, with what they gained; empty where that is not so.

    Tokens that the victim issues are left out. ``strict``: nor did the gainers give anything in return to anybody.
    """
    if victim in gainers:
        return ()
    net = {token: amount for token, amount in by_account(execution).get(victim, {}).items() if token != victim}
    gained = gains(execution, gainers)
    lost = {token: amount for token, amount in net.items() if gained.get(token, 0) > 0}
    if not lost or any(amount > 0 for amount in net.values()):
        return ()
    clean = all(amount >= 0 for amount in gained.values())
    if not clean and (strict or not any(each.token in lost for each in payments(execution, victim, gainers))):
        return ()
    accounts = [(victim, {token: lost[token] for token in lost})]
    accounts += [(each, by_account(execution).get(each, {})) for each in sorted(gainers)]
    return tuple(Amount(token, account, net[token]) for account, net in accounts for token in lost if net.get(token))


def payments(execution: Execution, payer: bytes, payees: frozenset[bytes]) -> list[Transfer]:
    """What an account sent to any of these, in order."""
    return [each for each in execution.transfers if each.sender == payer and each.recipient in payees and each.amount]


def lets_in(execution: Execution, pair: Reentry) -> bool:
    """Whether the account lets callers in while its call is open: this one, or one by the same call or one above it."""
    return any(
        each.admitted and each.context == pair.context and each.outer <= pair.outer for each in execution.reentries
    )


def initiators(execution: Execution) -> frozenset[bytes]:
    """Accounts that were entered again only because they began a call into one that was: attackers, not victims."""
    return execution.kept("reentrancy.initiators", _initiators)


def _initiators(execution: Execution) -> frozenset[bytes]:
    began: dict[bytes, int] = {}
    between: dict[bytes, frozenset[bytes]] = {}
    for pair in execution.reentries:
        if pair.rule in (STALE, OPEN):
            began[pair.context] = min(pair.outer, began.get(pair.context, pair.outer))
            between[pair.context] = between.get(pair.context, frozenset()) | contexts_between(execution, pair)
    return frozenset(
        context
        for context, others in between.items()
        if any(began[context] < began[each] and context in between[each] for each in others if each in between)
    )


def _cases(execution: Execution) -> tuple[Case, ...]:
    groups: dict[tuple[str, bytes], list[Reentry]] = {}
    stale = {each.context for each in execution.reentries if each.rule == STALE and not each.admitted}
    for pair in execution.reentries:
        if pair.rule == OPEN and pair.context in stale:
            continue  # the same story with less to it
        groups.setdefault((_variant(execution, pair), pair.context), []).append(pair)
    return tuple(
        Case(variant, context, tuple(sorted(pairs, key=_weight))) for (variant, context), pairs in groups.items()
    )


def _weight(pair: Reentry) -> tuple[bool, bool, bool, int]:
    return pair.rule == REFUSED, pair.admitted, pair.rule == OPEN or pair.written_after is None, pair.outer


def _variant(execution: Execution, pair: Reentry) -> str:
    if pair.rule == CROSS:
        return "reentrancy-cross-contract"
    if pair.rule == READ_ONLY:
        return "reentrancy-read-only"
    if pair.through_create:
        return "reentrancy-create"
    if _by_hook(execution, pair):
        return "reentrancy-token-callback"
    return "reentrancy" if pair.outer_selector == pair.inner_selector else "reentrancy-cross-function"


def _by_hook(execution: Execution, pair: Reentry) -> bool:
    """By a known hook, or by any call that a token makes while it moves."""
    if pair.caller_selector in HOOKS:
        return True
    parent = execution.frame(pair.caller).parent
    if parent is None or pair.edge == pair.caller:
        return False
    token = execution.frame(parent).target
    return any(each.token == token and pair.edge <= each.frame for each in execution.transfers)
