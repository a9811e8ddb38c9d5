"""Transfers by who is in them."""

from __future__ import annotations

from collections.abc import Sequence

from rollproof.detect.execution import Execution, Transfer


def transfers_of(execution: Execution, account: bytes) -> Sequence[Transfer]:
    """In order: what an account paid, was paid, or issued as a token."""
    return execution.kept("account_transfers", _by_account).get(account, ())


def _by_account(execution: Execution) -> dict[bytes, list[Transfer]]:
    found: dict[bytes, list[Transfer]] = {}
    for each in execution.transfers:
        for account in {each.sender, each.recipient, each.token}:
            if account is not None:
                found.setdefault(account, []).append(each)
    return found
