"""The ABI codec against another implementation (eth-abi), the specification's own examples, and hostile data."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from eth_abi.abi import decode as their_decode
from eth_abi.abi import encode as their_encode
from eth_abi.exceptions import DecodingError
from hypothesis import given, settings
from hypothesis import strategies as st

from rollproof.chain import abi, abi_type
from rollproof.errors import Malformed, Unsupported

SIMPLE = (
    *(f"uint{bits}" for bits in range(8, 257, 8)),
    *(f"int{bits}" for bits in range(8, 257, 8)),
    *(f"bytes{length}" for length in range(1, 33)),
    "address", "bool", "bytes", "string",
)  # fmt: skip


def word(value: int) -> bytes:
    return (value % 2**256).to_bytes(32, "big")


def values(kind: str) -> st.SearchStrategy[Any]:
    if kind.startswith("uint"):
        return st.integers(0, 2 ** int(kind[4:]) - 1)
    if kind.startswith("int"):
        bits = int(kind[3:])
        return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    simple: dict[str, st.SearchStrategy[Any]] = {
        "address": st.binary(min_size=20, max_size=20),
        "bool": st.booleans(),
        "bytes": st.binary(max_size=70),
        "string": st.text(max_size=40),
    }
    if kind in simple:
        return simple[kind]
    return st.binary(min_size=int(kind[5:]), max_size=int(kind[5:]))


Pair = tuple[str, st.SearchStrategy[Any]]


def wider(inner: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    def array(pair: Pair) -> Pair:
        return f"{pair[0]}[]", st.lists(pair[1], max_size=4).map(tuple)

    def fixed(pair: Pair, length: int) -> Pair:
        return f"{pair[0]}[{length}]", st.lists(pair[1], min_size=length, max_size=length).map(tuple)

    def group(pairs: list[Pair]) -> Pair:
        return f"({','.join(name for name, _ in pairs)})", st.tuples(*(value for _, value in pairs))

    return st.one_of(
        inner.map(array), st.builds(fixed, inner, st.integers(1, 3)), st.lists(inner, min_size=1, max_size=3).map(group)
    )


TYPES = st.recursive(st.sampled_from(SIMPLE).map(lambda name: (name, values(name))), wider, max_leaves=6)
CALLS = st.lists(TYPES, max_size=4).flatmap(
    lambda pairs: st.tuples(st.just([name for name, _ in pairs]), st.tuples(*(value for _, value in pairs)))
)


def foreign(kind: str, value: Any) -> Any:
    """Addresses as eth-abi gives them."""
    if kind.endswith("]"):
        inner = kind[:-1].rpartition("[")[0]
        return tuple(foreign(inner, each) for each in value)
    if kind.startswith("("):
        return tuple(foreign(inner, each) for inner, each in zip(abi_type.split(kind), value, strict=True))
    return "0x" + value.hex() if kind == "address" else value


@settings(max_examples=300, deadline=None)
@given(CALLS)
def test_same_as_another_implementation(call: tuple[list[str], tuple[Any, ...]]) -> None:
    types, arguments = call
    theirs = their_encode(types, [foreign(*each) for each in zip(types, arguments, strict=True)])
    assert abi.encode(types, arguments) == theirs
    assert abi.decode(types, theirs) == arguments


@pytest.mark.parametrize("kind", SIMPLE)
def test_every_simple_type_at_its_ends(kind: str) -> None:
    if "int" in kind:
        bits = int(kind.removeprefix("u").removeprefix("int"))
        low, high = (0, 2**bits) if kind[0] == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1))
        for value in (low, high - 1):
            assert abi.encode([kind], [value]) == word(value) == their_encode([kind], [value])
        for value in (low - 1, high, True, "1", 1.0, None):
            with pytest.raises(ValueError, match="not a value of ABI type"):
                abi.encode([kind], [value])
        if bits < 256:
            for dirty in (word(high), word(low - 1)):
                with pytest.raises(Malformed):
                    abi.decode([kind], dirty)
        return
    for value in (None, 1.5, [b""], b"\x01" * 33 if kind != "bytes" else "text"):
        with pytest.raises(ValueError, match="not a value of ABI type"):
            abi.encode([kind], [value])


def test_examples_of_the_specification() -> None:
    """Solidity documentation, Contract ABI Specification, "Examples" and "Use of Dynamic Types"."""
    assert abi.selector("baz(uint32,bool)").hex() == "cdcd77c0"
    assert abi.selector("bar(bytes3[2])").hex() == "fce353f6"
    assert abi.selector("sam(bytes,bool,uint256[])").hex() == "a5643bf2"
    assert abi.encode(["bytes", "bool", "uint256[]"], [b"dave", True, [1, 2, 3]]).hex() == (
        "0000000000000000000000000000000000000000000000000000000000000060"
        "0000000000000000000000000000000000000000000000000000000000000001"
        "00000000000000000000000000000000000000000000000000000000000000a0"
        "0000000000000000000000000000000000000000000000000000000000000004"
        "6461766500000000000000000000000000000000000000000000000000000000"
        "0000000000000000000000000000000000000000000000000000000000000003"
        "0000000000000000000000000000000000000000000000000000000000000001"
        "0000000000000000000000000000000000000000000000000000000000000002"
        "0000000000000000000000000000000000000000000000000000000000000003"
    )
    assert abi.encode(["uint256[][]", "string[]"], [[[1, 2], [3]], ["one", "two", "three"]])[:64] == word(64) + word(
        320
    )
    assert abi.topic("Transfer(address,address,uint256)").hex().startswith("ddf252ad1be2c89b69c2b068fc378daa")


@pytest.mark.parametrize(
    "name",
    ["uint", "int", "byte", "uint7", "uint264", "bytes0", "bytes33", "fixed128x18", "function", "tuple", "", "()",
     "uint256[0]", "uint256[01]", "uint256[-1]", "(uint256", "uint256)", "((uint256)", "(uint256)(bool)", "(uint256,)",
     " uint256", "uint256 []", "uint256[", "uint256[]]", "[]", "uint256[99999999][99999999]"],
)  # fmt: skip
def test_an_unknown_type_is_refused_by_name(name: str) -> None:
    with pytest.raises(Unsupported, match="ABI type"):
        abi.parse(name)


def test_a_type_has_a_depth() -> None:
    assert abi.decode(["uint256" + "[1]" * 16], word(5)) is not None
    for name in ("uint256" + "[]" * 17, "(" * 17 + "bool" + ")" * 17, "(" * 5000, "bool" + "[]" * 3000):
        with pytest.raises(Unsupported):
            abi.parse(name)


@pytest.mark.parametrize(
    "signature", ["f", "f(", "f)", "f(uint)", "f(uint256", "(uint256)", "f (bool)", "f(bool) ", "1()"]
)
def test_a_spelling_that_matches_nothing_is_refused(signature: str) -> None:
    with pytest.raises((ValueError, Unsupported)):
        abi.selector(signature)


HOSTILE: list[tuple[list[str], bytes]] = [
    (["uint256"], b""),
    (["uint256"], bytes(31)),
    (["bool"], word(2)),
    (["address"], b"\x01" + bytes(31)),
    (["bytes4"], bytes(31) + b"\x01"),
    (["string"], word(32) + word(2) + b"\xc3\x28".ljust(32, b"\0")),
    (["bytes"], word(64)),  # points behind the end
    (["bytes"], word(2**256 - 32)),
    (["bytes"], word(32) + word(2**255)),
    (["bytes"], word(32) + word(33) + bytes(32)),
    (["uint256[]"], word(32) + word(2**64)),
    (["uint256[]"], word(32) + word(2) + word(1)),
    (["uint256[][]"], word(32) + word(2**251)),
    (["(uint256[])[]"], word(32) + word(1) + word(2**200)),
    (["uint256[3]"], word(1) + word(2)),
]


@pytest.mark.parametrize(("types", "data"), HOSTILE)
def test_data_that_does_not_hold_its_values(types: list[str], data: bytes) -> None:
    with pytest.raises(Malformed):
        abi.decode(types, data)
    with pytest.raises((DecodingError, ValueError, OverflowError)):
        their_decode(types, data)


def test_little_data_does_not_become_much() -> None:
    """Arrays whose offsets all lead to the same place: 20^8 numbers out of five kilobytes."""
    level = word(20) + word(20 * 32) * 20  # twenty times what stands behind
    bombs = [
        ("uint256" + "[]" * 8, word(32) + level * 7 + word(20) + word(1) * 20),
        ("bytes[]", word(32) + word(500) + word(500 * 32) * 500 + word(16_000) + bytes(16_000)),
    ]
    for kind, data in bombs:
        with pytest.raises(Malformed):
            abi.decode([kind], data)
    shared = word(32) + word(2) + word(64) * 2 + word(3) + b"abc".ljust(32, b"\0")
    assert abi.decode(["bytes[]"], shared) == ((b"abc", b"abc"),)  # as a contract reads it


def test_what_a_contract_accepts_is_read() -> None:
    """Solidity's decoder takes offsets in any order, dirty or absent padding, and more data behind."""
    assert abi.decode(["bytes", "bytes"], word(128) + word(64) + word(1) + b"b".ljust(32, b"x") + word(1) + b"a") == (
        b"a",
        b"b",
    )
    assert abi.decode(["uint8"], word(7) + b"more") == (7,)
    with pytest.raises(Malformed, match="more than"):
        abi.decode(["uint8"], bytes(abi.MAX_DATA + 1))


@settings(max_examples=300, deadline=None)
@given(TYPES, st.binary(max_size=400))
def test_any_data_ends_in_values_or_a_named_error(pair: Pair, noise: bytes) -> None:
    try:
        decoded = abi.decode([pair[0]], noise)
    except Malformed:
        return
    assert abi.decode([pair[0]], abi.encode([pair[0]], decoded)) == decoded


@settings(max_examples=300, deadline=None)
@given(CALLS, st.data())
def test_a_damaged_word_ends_in_values_or_a_named_error(call: tuple[list[str], tuple[Any, ...]], data: Any) -> None:
    types, arguments = call
    encoded = bytearray(abi.encode(types, arguments))
    if encoded:
        at = data.draw(st.integers(0, len(encoded) // 32 - 1)) * 32
        changed = data.draw(st.sampled_from([word(2**256 - 1), word(2**64), word(0), word(32), word(len(encoded))]))
        encoded[at : at + 32] = changed
    with contextlib.suppress(Malformed):
        abi.decode(types, bytes(encoded))


def test_signatures_from_a_contracts_json() -> None:
    withdrawal = {
        "type": "tuple",
        "name": "_tx",
        "components": [
            {"type": kind, "name": kind} for kind in ("uint256", "address", "address", "uint256", "uint256", "bytes")
        ],
    }
    root = {"type": "tuple", "name": "_proof", "components": [{"type": "bytes32", "name": "a"}] * 4}
    item = {"type": "function", "name": "proveWithdrawalTransaction", "inputs": [
        withdrawal, {"type": "uint256", "name": "i"}, root, {"type": "bytes[]", "name": "p"}]}  # fmt: skip
    assert abi.selector(abi.function(item)).hex() == "4870496f"  # OptimismPortal2
    deep: dict[str, Any] = {"type": "tuple", "components": []}
    deep["components"] = [deep]
    for bad in (
        {},
        {"name": "f()"},
        {"name": "f", "inputs": [{}]},
        {"name": "f", "inputs": [deep]},
        {"name": "f", "inputs": 5},
    ):
        with pytest.raises(Malformed):
            abi.function(bad)
