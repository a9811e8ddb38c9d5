"""Where two tries part, against tries that the core builds and keys whose hashes say what the path must be."""

from __future__ import annotations

from collections.abc import Mapping

from rollproof import _core
from rollproof.replay.trie_path import parting

Account = tuple[bytes, int, int, bytes, list[tuple[int, int]]]

ACCOUNTS: list[Account] = [(bytes([number]) * 20, 1, 100 + number, b"", []) for number in range(1, 60)]


def _nodes(accounts: list[Account]) -> tuple[bytes, Mapping[bytes, bytes]]:
    root, values = _core.genesis(accounts)
    return root, {_core.keccak256(value): value for value in values}


ROOT, NODES = _nodes(ACCOUNTS)


def test_one_changed_account_is_found_by_its_path() -> None:
    for at in (0, 17, 58):
        address, nonce, balance, code, storage = ACCOUNTS[at]
        other, theirs = _nodes([*ACCOUNTS[:at], (address, nonce, balance + 1, code, storage), *ACCOUNTS[at + 1 :]])
        (found,) = parting(ROOT, other, NODES.get, theirs.get)
        assert found.scope == "trie"
        path = _core.keccak256(address).hex()
        assert path == found.key.removeprefix("0x")  # both tries are whole, so down to the leaf
        assert found.claimed != found.computed


def test_an_absent_account_is_found_where_its_siblings_are_known() -> None:
    address = ACCOUNTS[5][0]
    other, theirs = _nodes(ACCOUNTS[:5] + ACCOUNTS[6:])
    found = parting(ROOT, other, NODES.get, theirs.get)
    assert found
    path = _core.keccak256(address).hex()
    assert all(path.startswith(each.key.removeprefix("0x")) for each in found)


def test_two_changes_are_two_paths() -> None:
    changed = [(a, n, b + (a[0] in (3, 40)), c, s) for a, n, b, c, s in ACCOUNTS]
    other, theirs = _nodes(changed)
    found = parting(ROOT, other, NODES.get, theirs.get)
    assert {each.key for each in found} == {"0x" + _core.keccak256(bytes([n]) * 20).hex() for n in (3, 40)}


def test_an_unknown_node_ends_the_path() -> None:
    other, theirs = _nodes([(ACCOUNTS[0][0], 1, 5, b"", []), *ACCOUNTS[1:]])
    only_root = {ROOT: NODES[ROOT]}
    (found,) = parting(ROOT, other, only_root.get, theirs.get)
    assert _core.keccak256(ACCOUNTS[0][0]).hex().startswith(found.key.removeprefix("0x"))
    assert len(found.key) == 3  # one nibble below the root
    assert parting(ROOT, other, lambda _: None, theirs.get) == []
    assert parting(ROOT, ROOT, NODES.get, NODES.get) == []


def test_what_is_no_node_ends_the_path() -> None:
    for junk in (b"", b"\xc0", b"\xc2\x80\x80", b"\x01" * 40):
        root = _core.keccak256(junk)
        (found,) = parting(root, ROOT, {root: junk}.get, NODES.get)
        assert found.key == "0x"
