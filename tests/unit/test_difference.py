"""Differences: the first transaction, accounts and slots; and the audit's sample."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from rollproof import _core
from rollproof.replay.difference import state_differences, transaction_differences
from rollproof.replay.sample import sampled
from rollproof.types import Difference

A, B = b"\xaa" * 20, b"\xbb" * 20
LOG = (A, (b"\1" * 32,), b"data")
OUTCOMES = [
    {"status": 1, "gas_used": 21_000, "cumulative_gas_used": 21_000, "logs": []},
    {"status": 0, "gas_used": 30_000, "cumulative_gas_used": 51_000, "logs": [LOG]},
]


def _receipts(**changes: Any) -> list[dict[str, Any]]:
    return [dict(OUTCOMES[0]), {**OUTCOMES[1], **changes}]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"status": 1}, [("1.status", "1", "0")]),
        ({"gas_used": 29_999}, [("1.gas_used", "29999", "30000")]),
        ({"logs": []}, [("1.logs", "0", "1")]),
        ({"logs": [(B, LOG[1], LOG[2])]}, [("1.logs[0].address", "0x" + "bb" * 20, "0x" + "aa" * 20)]),
        ({"logs": [(A, (b"\2" * 32,), b"data")]}, [("1.logs[0].topics", "0x" + "02" * 32, "0x" + "01" * 32)]),
        ({"logs": [(A, LOG[1], b"")]}, [("1.logs[0].data", "0x", "0x64617461")]),
    ],
)
def test_the_first_transaction_that_differs(changes: dict[str, Any], expected: list[tuple[str, str, str]]) -> None:
    found = transaction_differences(_receipts(**changes), OUTCOMES)
    assert found == [Difference("transaction", *each) for each in expected]


def test_only_the_first_one_is_told() -> None:
    receipts = [{"gas_used": 1}, {"gas_used": 2}]
    assert [each.key for each in transaction_differences(receipts, OUTCOMES)] == ["0.gas_used"]
    assert [each.key for each in transaction_differences(OUTCOMES[:1], OUTCOMES)] == ["count"]


def test_accounts_and_slots_changed_and_untouched() -> None:
    slot, other = b"\0" * 31 + b"\1", b"\0" * 31 + b"\2"
    root, nodes = _core.genesis([(A, 1, 100, b"code", [(1, 5), (2, 6)]), (B, 0, 7, b"", [])])
    preimages = _core.Preimages()
    preimages.add(nodes)
    before = _core.State(preimages, root)
    account = before.account(A)
    assert account is not None
    nonce, balance, storage_root, code_hash = account
    done: Any = SimpleNamespace(changes=[(A, account, (nonce + 1, balance, storage_root, code_hash), [(slot, 5, 9)])])
    claimed: dict[bytes, dict[str, Any]] = {
        A: {"nonce": 1, "balance": 100, "code_hash": code_hash, "storage": {slot: 5, other: 6}},
        B: {"balance": 8, "storage": {slot: 0}},
        b"\xcc" * 20: {"balance": 0, "nonce": 0},
    }
    found, unread = state_differences(claimed, done, before)
    assert unread == 0
    assert found == [
        Difference("account", "0x" + "aa" * 20 + ".nonce", "1", "2"),
        Difference("storage", f"0x{'aa' * 20}[0x{slot.hex()}]", f"0x{5:064x}", f"0x{9:064x}"),
        Difference("account", "0x" + "bb" * 20 + ".balance", "8", "7"),
    ]


def test_what_cannot_be_read_is_counted() -> None:
    root, _ = _core.genesis([(A, 1, 100, b"", [])])
    done: Any = SimpleNamespace(changes=[])
    assert state_differences({A: {"nonce": 5}}, done, _core.State(_core.Preimages(), root)) == ([], 1)


def test_a_slot_of_an_account_that_is_gone_is_zero() -> None:
    slot = b"\0" * 31 + b"\1"
    root, nodes = _core.genesis([(A, 1, 100, b"code", [(1, 5)])])
    preimages = _core.Preimages()
    preimages.add(nodes)
    done: Any = SimpleNamespace(changes=[(A, None, None, [])])
    found, _ = state_differences({A: {"storage": {slot: 5}}}, done, _core.State(preimages, root))
    assert [(each.claimed, each.computed) for each in found] == [(f"0x{5:064x}", f"0x{0:064x}")]


def test_the_sample_has_its_share_and_depends_on_the_seed() -> None:
    hashes = [number.to_bytes(32, "big") for number in range(20_000)]
    chosen = {each for each in hashes if sampled(each, 0.1, 1)}
    assert 1_800 < len(chosen) < 2_200  # five standard deviations are 212
    assert chosen == {each for each in hashes if sampled(each, 0.1, 1)}
    assert chosen != {each for each in hashes if sampled(each, 0.1, 2)}
    assert not any(sampled(each, 0.0) for each in hashes)
    assert all(sampled(each, 1.0) for each in hashes)
    with pytest.raises(ValueError, match="between"):
        sampled(b"", 1.5)
