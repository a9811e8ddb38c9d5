"""Tokens that lie in their events: found; shares and fees: kept back, and said so."""

from __future__ import annotations

from pathlib import Path

import pytest

from detect.test_flow import TOKEN, A, B, C, Written
from rollproof.detect.detector import Judgement
from rollproof.detect.false_events import FalseEvents
from rollproof.detect.inspect import inspect
from rollproof.types import Finding, Suppressed


def judged(moves: dict[bytes, int], transfers: list[tuple[bytes, bytes, int]]) -> list[Judgement]:
    """What it says of a transaction in which balances changed by ``moves`` and these events were emitted."""
    written = Written()
    written.enter(A, TOKEN)
    for account, change in moves.items():
        written.write(account, 2, 10**30, 10**30 + change)
    for sender, recipient, amount in transfers:
        written.transfer(TOKEN, sender, recipient, amount)
    written.leave()
    return list(FalseEvents().check(written.done()))


def test_a_transfer_to_oneself_that_doubles() -> None:
    [found] = judged({A: 500}, [(A, A, 500)])
    assert isinstance(found, Finding)
    assert [(each.account, each.amount) for each in found.amounts] == [(A, 500)]
    assert not judged({}, [(A, A, 500)])


def test_a_balance_that_rises_by_more_than_is_said() -> None:
    [found] = judged({A: -500, B: 5000}, [(A, B, 500)])
    assert isinstance(found, Finding)
    assert not judged({A: -500, B: 500}, [(A, B, 500)])


@pytest.mark.parametrize(
    ("moves", "transfers"),
    [
        ({A: -490, B: 294, C: 196}, [(A, B, 300), (A, C, 200)]),  # shares of 0.98
        ({A: -500 * 10**20, B: 500 * 10**20}, [(A, B, 500)]),  # and of 10**20
        ({A: -500, B: 450}, [(A, B, 500)]),  # a fee of a tenth, burnt
    ],
)
def test_shares_and_fees_are_kept_back(moves: dict[bytes, int], transfers: list[tuple[bytes, bytes, int]]) -> None:
    [kept] = judged(moves, transfers)
    assert isinstance(kept, Suppressed)


def test_recorded_tokens_do_not_lie(shared_data: Path) -> None:
    """Nobody here wrote them: rebasing tokens of mainnet and Holesky are kept back, nothing is found."""
    kept = 0
    for name in ("eth-holesky-2971845", "eth-mainnet-18884864", "eth-mainnet-21230867"):
        [seen] = inspect(shared_data / "blocks" / f"{name}.json.gz", only=("false-events",))
        assert not seen.findings
        kept += len(seen.suppressed)
    assert kept >= 3
