"""Re-entrant pairs sorted into cases: whose call was entered again, in which of the known ways, and what it lost.

The pairs come from ``rust/src/query/reentry.rs``; here it is added who acts for whom, and which assets moved.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rollproof import _core
from rollproof.detect.account_transfers import transfers_of
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
    """Every case of one execution, in the order of their first open calls."""
    return execution.kept("reentrancy", _cases)


def contexts_between(execution: Execution, pair: Reentry) -> frozenset[bytes]:
    """The accounts that got control from the open call, and that entered again."""
    return frozenset(execution.frame(row).target for row in (pair.edge, pair.caller)) - {pair.context}


def takers(execution: Execution, pairs: Iterable[Reentry]) -> frozenset[bytes]:
    """Who may have gained: those who act together, and the accounts that entered again."""
    tokens = execution.kept("reentrancy.tokens", _tokens)
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
    table = by_account(execution)
    found = [Amount(token, victim, amount) for token, amount in lost.items()]
    for account in sorted(gainers):
        changes = table.get(account, {})
        found += [Amount(token, account, changes[token]) for token in lost if changes.get(token)]
    return tuple(found)


def payments(execution: Execution, payer: bytes, payees: frozenset[bytes]) -> list[Transfer]:
    """What an account sent to any of these, in order."""
    sent = (each for each in transfers_of(execution, payer) if each.sender == payer and each.amount)
    return [each for each in sent if each.recipient in payees]


def _tokens(execution: Execution) -> frozenset[bytes | None]:
    return frozenset(each.token for each in execution.transfers)


def lets_in(execution: Execution, pair: Reentry) -> bool:
    """Whether the account lets callers in while its call is open: this one, or one by the same call or one above it."""
    admitted = [each for each in execution.reentries if each.admitted and each.context == pair.context]
    if any(each.outer == pair.outer or each.outer_selector == pair.outer_selector for each in admitted):
        return True
    rows = {each.outer for each in admitted}
    return bool(rows) and any(frame.row in rows for frame in execution.ancestors(pair.outer))


def used(pair: Reentry) -> bool:
    """Whether the open call read a slot, the inner one changed it, and the open one wrote it after all."""
    return pair.rule == STALE and pair.written_after is not None


def bystanders(execution: Execution) -> frozenset[bytes]:
    """Accounts that were only written while open because an attack on another account went through them.

    Either such a stale value was used, or two entered each other: then the one that began is no victim.
    """
    return execution.kept("reentrancy.bystanders", _bystanders)


def _bystanders(execution: Execution) -> frozenset[bytes]:
    began: dict[bytes, int] = {}
    between: dict[bytes, frozenset[bytes]] = {}
    stale: set[bytes] = set()
    for pair in execution.reentries:
        if pair.rule in (STALE, OPEN) and not pair.admitted:
            began[pair.context] = min(pair.outer, began.get(pair.context, pair.outer))
            between[pair.context] = between.get(pair.context, frozenset()) | contexts_between(execution, pair)
            if used(pair):
                stale.add(pair.context)
    found = {each for context in stale for each in between[context]}
    for context, others in between.items():
        mutual = (each for each in others if context in between.get(each, ()))
        if any(began[context] < began[each] for each in mutual):
            found.add(context)
    return frozenset(found - stale)


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
    return token in execution.kept("reentrancy.tokens", _tokens)
