"""Deposits and L1 attributes: real blocks' first transactions, the specification's own values, and hostile input."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollproof import _core
from rollproof.chain import abi
from rollproof.errors import Malformed, Stop, Unsupported
from rollproof.rollup.op_stack import deposit, l1_attributes
from rollproof.rollup.op_stack.deposit import Deposit
from rollproof.rollup.op_stack.l1_attributes import L1Attributes

BLOCK = bytes.fromhex("d25df7858efc1778118fb133ac561b138845361626dfb976699c5287ed0f4959")
ALICE, BOB = b"\xa1" * 20, b"\xb0" * 20
WORDS = st.integers(0, 2**256 - 1)


def word(value: int | bytes) -> bytes:
    return value.rjust(32, b"\0") if isinstance(value, bytes) else value.to_bytes(32, "big")


def deposited(shared_data: Path) -> list[tuple[str, list[bytes]]]:
    """The deposits of every recorded OP Stack block."""
    found = []
    for path in sorted((shared_data / "blocks").glob("*.json.gz")):
        with gzip.open(path) as file:
            record: dict[str, Any] = json.load(file)
        raws = [bytes.fromhex(each[2:]) for each in record["transactions"]]
        if deposits := [raw for raw in raws if raw[0] == deposit.TYPE]:
            found.append((path.name, deposits))
    return found


def test_deposits_of_real_blocks(shared_data: Path) -> None:
    """Their bytes come back, and each first one is exactly what the attributes in it demand, source hash included."""
    forms = set()
    blocks = deposited(shared_data)
    assert len(blocks) >= 25
    for name, raws in blocks:
        for raw in raws:
            assert deposit.decode(raw).encode() == raw, name
        attributes = l1_attributes.from_deposit(raws[0])
        form = l1_attributes.form_of(deposit.decode(raws[0]).data)
        forms.add(form)
        assert l1_attributes.deposit(attributes, form) == raws[0], name
        assert 1_500_000_000 < attributes.timestamp < 2_000_000_000, name
        assert attributes.sequence_number < 20, name
        assert attributes.batcher_hash[:12] == bytes(12), name
        if form != "bedrock":
            assert attributes.base_fee_scalar > 0, name
    assert forms == {"bedrock", "ecotone", "jovian"}


def test_known_l1_attributes(shared_data: Path) -> None:
    """Base Sepolia 37312300: the batcher is the one that Base documents; the DA footprint's scalar is set."""
    [raws] = [raws for name, raws in deposited(shared_data) if name.startswith("base-sepolia")]
    attributes = l1_attributes.from_deposit(raws[0])
    assert attributes.batcher_hash[12:].hex() == "fc56e7272eebbba5bc6c544e159483c4a38f8ba3"
    assert attributes.da_footprint_gas_scalar > 0


def test_selectors_of_the_specification() -> None:
    zero = L1Attributes(0, 0, 0, bytes(32), 0, bytes(32))
    sizes = {"bedrock": ("015d8eb9", 260), "ecotone": ("440a5e20", 164), "isthmus": ("098999be", 176)}
    for form, (selector, size) in (sizes | {"jovian": ("3db6be2b", 178)}).items():
        encoded = l1_attributes.encode(zero, form)
        assert (encoded[:4].hex(), len(encoded)) == (selector, size)


def test_places_of_the_specification() -> None:
    """Jovian, L1 attributes: the table of calldata bytes."""
    attributes = L1Attributes(
        number=1, timestamp=2, base_fee=3, block_hash=b"\x04" * 32, sequence_number=5, batcher_hash=b"\x06" * 32,
        blob_base_fee=7, base_fee_scalar=8, blob_base_fee_scalar=9, operator_fee_scalar=10, operator_fee_constant=11,
        da_footprint_gas_scalar=12,
    )  # fmt: skip
    data = l1_attributes.encode(attributes)
    places = {(4, 7): 8, (8, 11): 9, (12, 19): 5, (20, 27): 2, (28, 35): 1, (36, 67): 3, (68, 99): 7, (164, 167): 10,
              (168, 175): 11, (176, 177): 12}  # fmt: skip
    for (begin, end), value in places.items():
        assert int.from_bytes(data[begin : end + 1], "big") == value
    assert (data[100:132], data[132:164]) == (b"\x04" * 32, b"\x06" * 32)
    assert l1_attributes.decode(data) == attributes
    with pytest.raises(ValueError, match="da_footprint_gas_scalar has no place in isthmus"):
        l1_attributes.encode(attributes, "isthmus")
    with pytest.raises(Unsupported, match="karst"):
        l1_attributes.encode(attributes, "karst")


def test_source_hashes_that_others_publish() -> None:
    """The contracts' own test of Hashing.hashDepositSource; derivation, Ecotone's upgrade transactions."""
    user = "f923fb07134d7d287cb52c770cc619e17e82606c21a875c92f4c63b65280a5cc"
    assert deposit.user_source_hash(BLOCK, 1).hex() == user
    for intent, source in (
        ("Ecotone: L1 Block Deployment", "877a6077205782ea15a6dc8699fa5ebcec5e0f4389f09cb8eda09488231346f8"),
        ("Ecotone: Gas Price Oracle Deployment", "a312b4510adf943510f05fcc8f15f86995a5066bd83ce11384688ae20e6ecf42"),
        ("Ecotone: L1 Block Proxy Update", "18acb38c5ff1c238a7460ebc1b421fa49ec4874bdf1e0a530d234104e5e67dbc"),
    ):
        assert deposit.upgrade_source_hash(intent).hex() == source


def log(opaque: bytes, version: int = 0) -> tuple[list[bytes], bytes]:
    return [deposit.TOPIC, word(ALICE), word(BOB), word(version)], abi.encode(["bytes"], [opaque])


def opaque(mint: int, value: int, gas: int, creation: int, data: bytes) -> bytes:
    return word(mint) + word(value) + gas.to_bytes(8, "big") + bytes([creation]) + data


def test_a_log_becomes_a_transaction() -> None:
    assert deposit.TOPIC.hex() == "b3813568d9991fc951961fcb4c784893574240a28925604d09fc577c55bb7c32"
    found = deposit.from_log(*log(opaque(7, 5, 30_000, 0, b"\xaa\xbb")), block_hash=BLOCK, log_index=1)
    source = deposit.user_source_hash(BLOCK, 1)
    assert found == Deposit(source, ALICE, BOB, 7, 5, 30_000, False, b"\xaa\xbb")
    created = deposit.from_log(*log(opaque(0, 0, 60_000, 1, b"\x60")), block_hash=BLOCK, log_index=1)
    assert created.to is None
    core = _core.decode_transaction(found.encode(), "op")
    assert (core["hash"], core["sender"], core["to"], core["mint"]) == (found.hash, ALICE, BOB, 7)
    assert _core.decode_transaction(created.encode(), "op")["to"] is None


@pytest.mark.parametrize(
    ("topics", "data", "error"),
    [
        (*log(opaque(0, 0, 0, 0, b""), version=1), Unsupported),
        (*log(opaque(0, 0, 0, 0, b"")[:72]), Malformed),
        ([], b"", Malformed),
        ([deposit.TOPIC] * 4, abi.encode(["bytes"], [bytes(73)]), Stop),
        ([deposit.TOPIC, b"\1" * 32, word(BOB), word(0)], abi.encode(["bytes"], [bytes(73)]), Malformed),
        ([deposit.TOPIC, word(ALICE), word(BOB), word(0)], word(32) + word(2**40), Malformed),
    ],
)
def test_what_is_no_deposit_log(topics: list[bytes], data: bytes, error: type[Stop]) -> None:
    with pytest.raises(error):
        deposit.from_log(topics, data, block_hash=BLOCK, log_index=0)


def test_aliases() -> None:
    """Deposits, "Address Aliasing": addition that may overflow."""
    assert deposit.alias(bytes(20)).hex() == "1111000000000000000000000000000000001111"
    assert deposit.alias(b"\xff" * 20).hex() == "1111000000000000000000000000000000001110"
    assert deposit.unalias(deposit.alias(ALICE)) == ALICE


def test_calldata_of_a_deposit() -> None:
    data = deposit.calldata(BOB, value=5, gas=100_000, data=b"\xaa")
    assert data[:4].hex() == "e9e05c42"
    assert abi.decode(["address", "uint256", "uint64", "bool", "bytes"], data[4:]) == (BOB, 5, 100_000, False, b"\xaa")
    creation = deposit.calldata(None, value=0, gas=100_000, data=b"\x60")
    assert abi.decode(["address", "uint256", "uint64", "bool", "bytes"], creation[4:])[:4] == (
        bytes(20),
        0,
        100_000,
        True,
    )
    assert deposit.minimum_gas(100) == 25_000
    with pytest.raises(ValueError, match="needs more than"):
        deposit.calldata(BOB, value=0, gas=20_999)
    with pytest.raises(ValueError, match="more than 120000"):
        deposit.calldata(BOB, value=0, gas=2**40, data=bytes(120_001))


@given(
    st.builds(
        Deposit, st.binary(min_size=32, max_size=32), st.just(ALICE), st.sampled_from([None, BOB]), WORDS, WORDS,
        st.integers(0, 2**64 - 1), st.booleans(), st.binary(max_size=100),
    )
)  # fmt: skip
def test_deposits_come_back(made: Deposit) -> None:
    assert deposit.decode(made.encode()) == made


@given(st.binary(max_size=300), st.sampled_from([b"", b"\x7e", b"\x7e\xf8"]))
def test_noise_is_no_deposit(noise: bytes, prefix: bytes) -> None:
    with pytest.raises(Malformed):
        deposit.decode(prefix + noise)


@pytest.mark.parametrize("form", l1_attributes.FORMS)
def test_damaged_attributes(form: str) -> None:
    plain = L1Attributes(1, 2, 3, BLOCK, 4, word(ALICE))
    data = l1_attributes.encode(plain, form)
    assert l1_attributes.decode(data) == plain
    for bad in (data[:-1], data + b"\0", data[:4]):
        with pytest.raises(Malformed):
            l1_attributes.decode(bad)
    with pytest.raises(Unsupported, match="0x00000000"):
        l1_attributes.decode(bytes(4) + data[4:])
    raw = l1_attributes.deposit(plain, form)
    assert l1_attributes.from_deposit(raw) == plain
    other = deposit.decode(raw)
    wrong = Deposit(other.source_hash, ALICE, other.to, 0, 0, other.gas, False, other.data)
    with pytest.raises(Malformed, match="not the L1 attributes' deposit"):
        l1_attributes.from_deposit(wrong.encode())
