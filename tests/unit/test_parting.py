"""Where two tries part, on states whose difference is known because the test made it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from rollproof import _core
from rollproof.replay.parting import Parting, part

Account = tuple[bytes, int, int, bytes, list[tuple[int, int]]]


def state(accounts: dict[int, int]) -> tuple[bytes, dict[bytes, bytes]]:
    """Root and preimages of accounts with these balances."""
    made: list[Account] = [(n.to_bytes(20, "big"), 1, balance, b"", []) for n, balance in accounts.items()]
    root, values = _core.genesis(made)
    return root, {_core.keccak256(value): value for value in values}


def nibbles(number: int) -> bytes:
    key = _core.keccak256(number.to_bytes(20, "big"))
    return bytes(digit for byte in key for digit in (byte >> 4, byte & 15))


accounts = st.dictionaries(st.integers(1, 10_000), st.integers(1, 5), max_size=40)


@settings(max_examples=60, deadline=None)
@given(accounts, accounts)
def test_finds_exactly_the_accounts_that_differ(one: dict[int, int], other: dict[int, int]) -> None:
    (left, left_nodes), (right, right_nodes) = state(one), state(other)
    found = list(part(left, right, left_nodes.get, right_nodes.get))
    differing = {n for n in one.keys() | other.keys() if one.get(n) != other.get(n)}
    assert {parting.path for parting in found} == {nibbles(n) for n in differing}
    assert all(not parting.opaque for parting in found)
    assert [parting.path for parting in found] == sorted(parting.path for parting in found)
    for n in differing:
        parting = next(parting for parting in found if parting.path == nibbles(n))
        assert (parting.claimed is None, parting.computed is None) == (n not in one, n not in other)


def test_equal_tries_do_not_part() -> None:
    root, nodes = state({1: 1, 2: 2})
    assert list(part(root, root, nodes.get, nodes.get)) == []


def test_names_the_prefix_below_which_nothing_was_served() -> None:
    before = dict.fromkeys(range(1, 60), 1)
    (left, left_nodes), (right, right_nodes) = state(before | {7: 99}), state(before)
    top = {left: left_nodes[left]}
    found = list(part(left, right, top.get, right_nodes.get))
    assert len(found) == 1
    parting = found[0]
    assert parting.opaque
    assert parting.path == nibbles(7)[:1]
    assert parting.claimed in left_nodes
    assert parting.claimed not in right_nodes


def test_says_only_that_the_roots_differ_where_nothing_was_served() -> None:
    (left, _), (right, nodes) = state({1: 1}), state({1: 2})
    nothing: dict[bytes, bytes] = {}
    assert list(part(left, right, nothing.get, nodes.get)) == [Parting(b"", left, b"", True)]
