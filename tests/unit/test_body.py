"""What a header commits to of its body."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollproof import _core
from rollproof.errors import Malformed
from rollproof.replay import body
from rollproof.replay.header import EMPTY_ROOT, encode_header
from rollproof.types import Header, Withdrawal
from unit.headers import headers

legacy = st.lists(st.binary(max_size=80), max_size=3).map(_core.rlp_encode)
typed = st.builds(lambda kind, rest: bytes([kind]) + rest, st.integers(1, 4), st.binary(max_size=80))


@given(headers(), st.lists(legacy | typed, max_size=5), st.none() | st.lists(st.integers(0, 2**64 - 1), max_size=3))
def test_block_size_is_the_length_of_its_rlp(header: Header, raws: list[bytes], amounts: list[int] | None) -> None:
    withdrawals = None if amounts is None else [Withdrawal(0, 1, bytes(20), amount) for amount in amounts]
    listed: list[object] = [
        _core.rlp_decode(encode_header(header)),
        [_core.rlp_decode(raw) if raw[0] >= 0xC0 else raw for raw in raws],
        [],
    ]
    if withdrawals is not None:
        listed.append([_core.rlp_decode(body.encode_withdrawal(each)) for each in withdrawals])
    assert body.block_size(header, raws, withdrawals) == len(_core.rlp_encode(listed))


def test_empty_roots() -> None:
    assert body.transactions_root([]) == EMPTY_ROOT
    assert body.withdrawals_root([]) == EMPTY_ROOT


def test_blob_count_reads_only_blob_transactions() -> None:
    blobs = b"\x03" + _core.rlp_encode([b""] * 10 + [[bytes(32)] * 3] + [b""] * 3)
    assert body.blob_count([b"\x02\xc0", blobs, _core.rlp_encode([b"a"])]) == 3
    with pytest.raises(Malformed, match="transaction 1"):
        body.blob_count([blobs, b"\x03\xc0"])


VALUES = [bytes([65 + each]) * 40 for each in range(5)]
ROOT = _core.ordered_root(VALUES)


@pytest.mark.parametrize(
    ("order", "alike", "said"),
    [
        ([3, 1, 2, 0, 4], "aaaaa", "0 and 3 swapped"),
        ([3, 1, 2, 0, 4], "axyaz", "0 and 3 swapped"),
        ([3, 1, 2, 0, 4], "abcde", None),  # results that differ cannot have changed places
        ([1, 2, 3, 0, 4], "aaaab", "3 moved to 0"),
        ([1, 2, 3, 0, 4], "aabaa", None),
        ([0, 4, 1, 2, 3], "baaaa", "1 moved to 4"),
        ([4, 3, 2, 1, 0], "aaaaa", None),  # more than one swap or move
    ],
)
def test_reordered_finds_one_swap_or_one_move(order: list[int], alike: str, said: str | None) -> None:
    shuffled = [VALUES[each] for each in order]
    assert body.reordered(shuffled, alike, ROOT, _core.ordered_root) == said


def test_reordered_tries_a_bounded_number_of_orders() -> None:
    with pytest.raises(Malformed, match="orders of 300"):
        body.reordered([b"x"] * 300, "a" * 300, bytes(32), lambda items: b"")


def test_reordered_hashes_a_bounded_number_of_entries() -> None:
    """A list may have 100,000 entries, and hashing one of that length takes a good part of a second."""
    tried: list[int] = []

    def root_of(items: Sequence[bytes]) -> bytes:
        tried.append(len(items))
        return b""

    with pytest.raises(Malformed, match="orders of 100000"):
        body.reordered([b"x"] * 100_000, "a" * 100_000, bytes(32), root_of)
    assert sum(tried) <= body.MAX_ENTRIES
