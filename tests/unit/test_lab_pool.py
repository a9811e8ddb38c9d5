"""The pool: order of arrival, order by fee, a sender's nonces, replacement, bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollproof.errors import Malformed
from rollproof.lab import pool as pools
from rollproof.lab.pool import Pending, Pool, by_arrival, by_priority_fee
from rollproof.lab.transaction import GWEI, Account, deposit

ALICE, BOB = Account.named("alice", 1), Account.named("bob", 1)


def signed(account: Account, nonce: int, *, tip: int = GWEI, fee: int = 100 * GWEI) -> bytes:
    account.nonce = nonce
    return account.send(b"\x01" * 20, tip=tip, fee=fee)


def test_nonces_follow_what_waits() -> None:
    pool = Pool("ethereum")
    assert pool.next_nonce(ALICE.address, 3) == 3
    first = pool.add(signed(ALICE, 3), 10)
    assert (first.sender, first.nonce, first.arrived) == (ALICE.address, 3, 10)
    assert pool.next_nonce(ALICE.address, 3) == 4
    pool.add(signed(ALICE, 4), 11)
    assert pool.next_nonce(ALICE.address, 3) == 5
    pool.remove([first.hash])
    assert pool.next_nonce(ALICE.address, 4) == 5
    assert pool.next_nonce(ALICE.address, 3) == 3  # it was thrown away: its place is the next to fill
    pool.remove([each.hash for each in pool])
    assert pool.next_nonce(ALICE.address, 5) == 5
    assert len(pool) == 0


def test_one_transaction_a_nonce() -> None:
    pool = Pool("ethereum")
    old = pool.add(signed(ALICE, 0), 1)
    assert pool.add(signed(ALICE, 0), 2) is old  # the same bytes
    new = pool.add(signed(ALICE, 0, tip=2 * GWEI), 3)
    assert [each.hash for each in pool] == [new.hash]
    assert old.hash not in pool
    assert pool.get(new.hash) is new


@pytest.mark.parametrize("raw", [b"", b"\x05", b"\xc0", b"\x02\xc0", deposit(bytes(32), bytes(20), bytes(20), gas=1)])
def test_what_is_no_transaction_of_the_pool_is_refused(raw: bytes) -> None:
    for family in ("ethereum", "op"):
        with pytest.raises(Malformed):
            Pool(family).add(raw, 0)


def test_a_full_pool_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "MAX_PENDING", 2)
    pool = Pool("ethereum")
    pool.add(signed(ALICE, 0), 0)
    pool.add(signed(ALICE, 1), 0)
    with pytest.raises(Malformed, match="full"):
        pool.add(signed(ALICE, 2), 0)


def test_who_cannot_pay_the_base_fee_waits() -> None:
    pool = Pool("ethereum")
    poor, rich = pool.add(signed(ALICE, 0, fee=2 * GWEI), 0), pool.add(signed(BOB, 0), 0)
    assert by_arrival(list(pool), 3 * GWEI) == [rich]
    assert by_arrival(list(pool), 2 * GWEI) == [poor, rich]
    assert by_priority_fee(list(pool), 3 * GWEI) == [rich]


def pending(sender: int, nonce: int, tip: int) -> Pending:
    return Pending(b"", bytes([sender, nonce, tip]), bytes([sender]) * 20, None, nonce, 21_000, 10**9, tip, b"", 0)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9)), max_size=20))
def test_by_priority_fee_is_greedy_and_keeps_nonces_in_order(drawn: list[tuple[int, int]]) -> None:
    count: dict[int, int] = {}
    waiting = []
    for sender, tip in drawn:
        waiting.append(pending(sender, count.get(sender, 0), tip))
        count[sender] = count.get(sender, 0) + 1
    ordered = by_priority_fee(waiting, 0)
    assert sorted(each.hash for each in ordered) == sorted(each.hash for each in waiting)
    following = dict.fromkeys(count, 0)
    for place, each in enumerate(ordered):
        sender = each.sender[0]
        assert each.nonce == following[sender]
        # Nobody who could have stood here pays more.
        able = [other for other in ordered[place:] if other.nonce == following[other.sender[0]]]
        assert each.tip == max(other.tip for other in able)
        following[sender] += 1
