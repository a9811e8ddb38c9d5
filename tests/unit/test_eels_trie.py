"""The partial trie against EELS's full one, which shares no code with it."""

from __future__ import annotations

import pytest

pytest.importorskip("ethereum", reason="EELS is not installed: pip install 'rollproof[eels]'")

from hypothesis import given, settings
from hypothesis import strategies as st

from eels_preimages import Preimages as Builder
from rollproof.replay.eels.preimages import (
    AbsentCode,
    AbsentPreimageError,
    FalsePreimageError,
    Preimages,
    keccak256,
)
from rollproof.replay.eels.trie import EMPTY_ROOT, Trie

pytestmark = pytest.mark.eels
Builder()  # loads EELS before hypothesis looks at the recursion limit, which that raises

# Few slots, small values: leaves short enough to be embedded in their parents are common.
Slots = st.dictionaries(st.integers(0, 40), st.integers(1, 300) | st.integers(0, 2**256 - 1).filter(bool))


def rlp_of(value: int) -> bytes:
    from ethereum_rlp import rlp
    from ethereum_types.numeric import U256

    return bytes(rlp.encode(U256(value)))


def key(slot: int) -> bytes:
    return keccak256(slot.to_bytes(32, "big"))


@settings(deadline=None, max_examples=60)
@given(Slots, st.lists(st.tuples(st.integers(0, 40), st.integers(0, 300)), max_size=30))
def test_same_root_as_the_full_trie_after_any_writes(slots: dict[int, int], writes: list[tuple[int, int]]) -> None:
    builder = Builder()
    trie = Trie(Preimages(builder.values), builder.storage(slots), "a test")
    after = dict(slots)
    for slot, value in writes:
        assert trie.get(key(slot)) == (rlp_of(after[slot]) if after.get(slot) else None)
        if value:
            trie.put(key(slot), rlp_of(value))
        else:
            trie.delete(key(slot))
        after[slot] = value
    assert trie.root() == Builder().storage({slot: value for slot, value in after.items() if value})


def test_empty_root() -> None:
    assert EMPTY_ROOT.hex() == "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
    assert Trie(Preimages({}), EMPTY_ROOT, "a test").get(key(0)) is None


def test_a_missing_node_is_named() -> None:
    builder = Builder()
    root = builder.storage(dict.fromkeys(range(100), 1 << 255))
    only_top = Preimages({root: builder.values[root]})
    with pytest.raises(AbsentPreimageError, match=r"trie node 0x[0-9a-f]{64} of a test"):
        Trie(only_top, root, "a test").get(key(1))
    with pytest.raises(AbsentPreimageError, match=root.hex()):
        Trie(Preimages({}), root, "a test").get(key(1))


def test_a_deletion_needs_the_sibling_it_leaves_alone() -> None:
    builder = Builder()
    first, second = 0, next(slot for slot in range(1, 99) if key(slot)[0] >> 4 != key(0)[0] >> 4)
    root = builder.storage({first: 1 << 255, second: 1 << 255})
    from ethereum_rlp import rlp

    branch = rlp.decode(builder.values[root])
    sibling = bytes(branch[key(second)[0] >> 4])  # type: ignore[arg-type]
    trie = Trie(Preimages({h: v for h, v in builder.values.items() if h != sibling}), root, "a test")
    with pytest.raises(AbsentPreimageError, match=sibling.hex()):
        trie.delete(key(first))


@pytest.mark.parametrize(
    "node",
    [
        b"",
        b"\x00",
        b"\xc0",
        b"\xc2\x20\x80",  # a leaf with no value
        b"\xc2\x00\x80",  # an extension of nothing
        b"\xc3\x40\x80\x80",
        b"\xc2\x45\x01",  # hex-prefix flag 4
        b"\xc4\x82\x20\x01\x01",  # a leaf one byte deep
        b"\xd1" + b"\x80" * 16 + b"\x01",  # a branch with a value
        b"\xd2\x81" + b"\x80" * 17,
        b"\xf8" * 60,
        b"\xc1" * 4000 + b"\xc0",
    ],
)
def test_what_is_no_node_is_refused(node: bytes) -> None:
    digest = keccak256(node)
    with pytest.raises(FalsePreimageError):
        Trie(Preimages({digest: node}), digest, "a test").get(key(1))


def test_a_value_under_a_false_hash_is_refused() -> None:
    builder = Builder()
    root = builder.storage({1: 2})
    with pytest.raises(FalsePreimageError, match="has another hash"):
        Trie(Preimages({root: builder.values[root] + b"\0"}), root, "a test").get(key(1))


def test_absent_code_has_a_hash_and_nothing_else() -> None:
    code = AbsentCode(b"\1" * 32)
    assert code
    assert code != b""
    for use in (len, iter, hash, bytes, lambda value: value[0], lambda value: value == b"\1"):
        with pytest.raises(AbsentPreimageError, match="code 0x0101"):
            use(code)
