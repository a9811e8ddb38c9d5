"""Assets that a contract handed out for nothing and was given back by choice: nothing was lost, but could be."""

from __future__ import annotations

from collections.abc import Iterator

from rollproof.detect.account_transfers import transfers_of
from rollproof.detect.ancestry import outermost
from rollproof.detect.cluster import actors
from rollproof.detect.execution import Execution, Transfer
from rollproof.detect.holdings import held


def handed_out(execution: Execution, share: float) -> Iterator[tuple[Transfer, Transfer]]:
    """(payout, return) of at least a share of what a contract held, one pair for each contract.

    The return is a plain transfer by those who act, outside any call of the contract: no loan that it saw to, no
    deposit; and by then nothing else had come to it.
    """
    acting = actors(execution)
    paid: set[tuple[bytes, bytes | None]] = set()
    seen: set[bytes] = set()
    for each in execution.transfers:
        who = each.recipient
        returned = each.sender in acting and each.item is None and (who, each.token) in paid and who not in seen
        if returned and who not in acting and outermost(execution, each.frame, who) is None:
            seen.add(who)
            had = held(execution, who, each.token)
            out = _largest(execution, who, each) if had else None
            if out is not None and had and out.amount >= share * had and each.amount >= share * out.amount:
                yield out, each
        if each.amount and each.token is not None and each.recipient in acting:
            paid.add((each.sender, each.token))


def _largest(execution: Execution, account: bytes, back: Transfer) -> Transfer | None:
    """The largest payout of what came back, if nothing came to the account before."""
    out: Transfer | None = None
    for each in transfers_of(execution, account):
        if each.order >= back.order:
            break
        if each.recipient == account:
            return None
        if each.sender == account and each.token == back.token and (out is None or each.amount > out.amount):
            out = each
    return out
