"""Header rules against published numbers, and against EELS, an implementation by other people."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollproof.chain.config import load
from rollproof.errors import Malformed
from rollproof.replay import base_fee, blob_gas, consensus, difficulty, extra_data
from rollproof.replay.header import EMPTY_OMMERS_HASH, EMPTY_ROOT
from rollproof.types import Header
from unit.headers import headers

# EELS raises the recursion limit when it is imported, which hypothesis does not want to see inside of a test.
eels = importlib.util.find_spec("ethereum.forks") if importlib.util.find_spec("ethereum") else None
POW = ("frontier", "homestead", "byzantium", "muir_glacier", "london", "gray_glacier")
if eels:
    for name in (*(f"{fork}.fork" for fork in POW), "osaka.blocks", "osaka.vm.gas"):
        importlib.import_module(f"ethereum.forks.{name}")

needs_eels = pytest.mark.skipif(eels is None, reason="the extra rollproof[eels] is not installed")

BLANK = Header(
    parent_hash=bytes(32),
    ommers_hash=EMPTY_OMMERS_HASH,
    beneficiary=bytes(20),
    state_root=bytes(32),
    transactions_root=EMPTY_ROOT,
    receipts_root=EMPTY_ROOT,
    logs_bloom=bytes(256),
    difficulty=0,
    number=0,
    gas_limit=30_000_000,
    gas_used=0,
    timestamp=0,
    extra_data=b"",
    mix_hash=bytes(32),
    nonce=bytes(8),
)


def test_first_base_fees_of_mainnet() -> None:
    # Blocks 12965000 (1 gwei) and 12965001 (1124967822 wei) as the chain has them.
    london = replace(BLANK, number=12_965_000, gas_limit=30_029_122, gas_used=30_025_257, base_fee=10**9)
    assert base_fee.ethereum_base_fee(replace(BLANK, number=12_964_999)) == 10**9
    assert base_fee.ethereum_base_fee(london) == 1_124_967_822


@pytest.mark.parametrize(
    ("before", "used", "after"),
    # EIP-1559's reference arithmetic by hand: target 10, denominator 8.
    [(800, 10, 800), (800, 20, 900), (800, 0, 700), (7, 11, 8), (7, 0, 7), (1, 20, 2), (0, 20, 1), (8, 0, 7)],
)
def test_base_fee_step(before: int, used: int, after: int) -> None:
    assert base_fee.next_base_fee(before, 20, used, 8, 2) == after


def test_op_minimum_and_footprint() -> None:
    parent = replace(BLANK, gas_limit=60, gas_used=10, base_fee=1000, blob_gas_used=60)
    # Target 10: gas alone keeps the fee, the footprint of 60 raises it by 1000 * 50 / 10 / 250 = 20.
    assert base_fee.op_base_fee(parent, 250, 6, None, metered_da=False) == 1000
    assert base_fee.op_base_fee(parent, 250, 6, 0, metered_da=True) == 1020
    assert base_fee.op_base_fee(parent, 250, 6, 5000, metered_da=True) == 5000


def test_extra_data_of_holocene_and_jovian() -> None:
    holocene = bytes.fromhex("00000000fa00000006")
    jovian = bytes.fromhex("0100000032000000040000000000030d40")  # Base Sepolia 37312300
    assert extra_data.decode_params(holocene, jovian=False) == (250, 6, None)
    assert extra_data.decode_params(jovian, jovian=True) == (50, 4, 200_000)
    assert extra_data.encode_params(250, 6, None) == holocene
    assert extra_data.encode_params(50, 4, 200_000) == jovian
    for extra, kind in ((holocene, True), (jovian, False), (b"", False), (b"\2" + holocene[1:], False)):
        with pytest.raises(Malformed):
            extra_data.decode_params(extra, jovian=kind)


def test_zero_attributes_mean_the_canyon_parameters() -> None:
    assert extra_data.from_attributes(bytes(8), None, (250, 6), jovian=False) == bytes.fromhex("00000000fa00000006")
    assert extra_data.from_attributes(bytes(8), 7, (250, 6), jovian=True)[-1] == 7
    for params, minimum, jovian in ((bytes(7), None, False), (bytes(7) + b"\1", None, False), (bytes(8), None, True)):
        with pytest.raises(Malformed):
            extra_data.from_attributes(params, minimum, (250, 6), jovian=jovian)


def test_blob_price_grows_from_one() -> None:
    # EIP-4844's fake_exponential(1, 10 * 131072 blobs' gas, 3338477), against the closed form e**x.
    assert blob_gas.blob_base_fee(0, 3_338_477) == 1
    assert blob_gas.blob_base_fee(3_338_477 * 10, 3_338_477) == 22_026  # e**10 = 22026.46
    with pytest.raises(Malformed):
        blob_gas.blob_base_fee(2**64 - 1, 1)


@needs_eels
@pytest.mark.eels
@given(excess=st.integers(0, 2**27), used=st.integers(0, 9), fee=st.integers(0, 10**12))
def test_excess_blob_gas_as_eels_has_it(excess: int, used: int, fee: int) -> None:
    from ethereum.forks.osaka.blocks import Header as OsakaHeader
    from ethereum.forks.osaka.vm import gas
    from ethereum_types.numeric import U64, Uint

    parent = object.__new__(OsakaHeader)
    for name, value in (
        ("excess_blob_gas", U64(excess)),
        ("blob_gas_used", U64(used * blob_gas.GAS_PER_BLOB)),
        ("base_fee_per_gas", Uint(fee)),
    ):
        object.__setattr__(parent, name, value)
    ours = replace(BLANK, excess_blob_gas=excess, blob_gas_used=used * blob_gas.GAS_PER_BLOB, base_fee=fee)
    blob = (6, 9, 5_007_716)
    assert blob_gas.excess_blob_gas(ours, blob, reserve_price=True) == int(gas.calculate_excess_blob_gas(parent))


@needs_eels
@pytest.mark.eels
@pytest.mark.parametrize("fork", POW)
@given(
    number=st.integers(1, 20_000_000),
    elapsed=st.integers(1, 5_000),
    before=st.integers(10**9, 10**17),
    ommers=st.booleans(),
)
def test_difficulty_as_eels_has_it(fork: str, number: int, elapsed: int, before: int, ommers: bool) -> None:
    module = importlib.import_module(f"ethereum.forks.{fork}.fork")
    from ethereum_types.numeric import U256, Uint

    arguments: list[Any] = [Uint(number), U256(1000 + elapsed), U256(1000), Uint(before)]
    if fork not in ("frontier", "homestead"):
        arguments.append(ommers)
    expected = int(module.calculate_block_difficulty(*arguments))
    parent = replace(BLANK, number=number - 1, timestamp=1000, difficulty=before)
    assert difficulty.difficulty(fork, number, 1000 + elapsed, parent, ommers) == expected


def test_difficulty_of_a_hostile_number_stays_small() -> None:
    found = difficulty.difficulty("frontier", 2**64 - 1, 2, replace(BLANK, timestamp=1), False)
    assert found is not None
    assert found.bit_length() <= 257
    assert difficulty.difficulty("amsterdam", 1, 2, BLANK, False) is None


def _mainnet(number: int, timestamp: int, **fields: object) -> Header:
    return replace(BLANK, number=number, timestamp=timestamp, **fields)  # type: ignore[arg-type]


def _rule(rule: consensus.Rule, header: Header, parent: Header | None, chain: int = 1) -> list[tuple[str, str | None]]:
    found = rule(consensus.Block(load(chain), header, (), parent)).differences
    return [(each.key, each.computed) for each in found]


SHANGHAI = 1_690_000_000


@pytest.mark.parametrize(
    ("limit", "ok"),
    [(30_000_000, True), (30_029_295, True), (30_029_296, False), (29_970_705, True), (29_970_704, False)],
)
def test_gas_limit_moves_by_less_than_a_1024th(limit: int, ok: bool) -> None:
    # 30,000,000 // 1024 = 29,296: the change must be smaller (yellow paper, equation 55).
    parent = _mainnet(17_700_000, SHANGHAI, base_fee=1)
    header = _mainnet(17_700_001, SHANGHAI + 12, base_fee=1, gas_limit=limit)
    assert (not _rule(consensus.gas_limit, header, parent)) is ok


def test_gas_limit_floor_and_the_london_doubling() -> None:
    low = _mainnet(17_700_000, SHANGHAI, base_fee=1, gas_limit=5_001)
    assert _rule(consensus.gas_limit, _mainnet(17_700_001, SHANGHAI + 12, base_fee=1, gas_limit=4_999), low)
    parent = _mainnet(12_964_999, 1_628_166_810, gas_limit=15_000_000)
    assert not _rule(consensus.gas_limit, _mainnet(12_965_000, 1_628_166_822, gas_limit=30_000_000), parent)
    assert _rule(consensus.gas_limit, _mainnet(12_965_000, 1_628_166_822, gas_limit=15_000_000), parent)


def test_fields_are_there_exactly_by_fork() -> None:
    assert not _rule(consensus.fields_present, _mainnet(1, 1), None)
    assert _rule(consensus.fields_present, _mainnet(1, 1, base_fee=1), None) == [("base_fee", None)]
    shanghai = _mainnet(17_700_001, SHANGHAI, base_fee=1)
    assert _rule(consensus.fields_present, shanghai, None) == [("withdrawals_root", "present")]
    assert not _rule(consensus.fields_present, replace(shanghai, withdrawals_root=EMPTY_ROOT), None)


def test_dao_mark_stands_in_ten_blocks() -> None:
    for number, due in ((1_919_999, False), (1_920_000, True), (1_920_009, True), (1_920_010, False)):
        assert bool(_rule(consensus.extra_data_rule, _mainnet(number, 1), None)) is due
        marked = _mainnet(number, 1, extra_data=b"dao-hard-fork")
        assert not _rule(consensus.extra_data_rule, marked, None)
    assert _rule(consensus.extra_data_rule, _mainnet(5, 1, extra_data=bytes(33)), None)


def test_after_the_merge_the_proof_of_work_fields_are_constants() -> None:
    wrong = _mainnet(17_700_001, SHANGHAI, difficulty=1, nonce=b"\1" * 8, ommers_hash=bytes(32))
    assert [key for key, _ in _rule(consensus.seal, wrong, None)] == ["difficulty", "nonce", "ommers_hash"]


HOLOCENE = 1_736_445_601  # OP Mainnet


def test_holocene_parameters_come_from_the_parent() -> None:
    fields = {"base_fee": 1000, "gas_limit": 60, "gas_used": 60}
    carried = replace(_mainnet(130_000_001, HOLOCENE + 2, **fields), extra_data=extra_data.encode_params(100, 3, None))
    header = _mainnet(130_000_002, HOLOCENE + 4)
    # Target 20, metered 60: 1000 * 40 / 20 / 100 = 20.
    assert consensus.expected_base_fee(consensus.Block(load(10), header, (), carried)) == 1020
    # The first Holocene block: the parent carries nothing, so Canyon's 250 and 6: 1000 * 50 / 10 / 250 = 20.
    first = _mainnet(130_000_001, HOLOCENE + 1)
    older = _mainnet(130_000_000, HOLOCENE - 1, **fields)
    assert consensus.expected_base_fee(consensus.Block(load(10), first, (), older)) == 1020
    zero = replace(carried, extra_data=b"\0" + bytes(8))
    assert consensus.expected_base_fee(consensus.Block(load(10), header, (), zero)) == 1020
    half = replace(carried, extra_data=extra_data.encode_params(0, 3, None))
    assert "zero" in consensus.base_fee_rule(consensus.Block(load(10), header, (), half)).not_checked[0]


def test_op_extra_data_by_fork() -> None:
    rule = consensus.extra_data_rule
    assert not _rule(rule, _mainnet(120_000_000, HOLOCENE - 1), None, 10)
    assert _rule(rule, _mainnet(120_000_000, HOLOCENE - 1, extra_data=b"x"), None, 10)
    assert _rule(rule, _mainnet(130_000_001, HOLOCENE + 1), None, 10)
    good = extra_data.encode_params(250, 6, None)
    assert not _rule(rule, _mainnet(130_000_001, HOLOCENE + 1, extra_data=good), None, 10)
    zero = extra_data.encode_params(250, 0, None)
    assert _rule(rule, _mainnet(130_000_001, HOLOCENE + 1, extra_data=zero), None, 10)


def test_op_blocks_come_every_two_seconds() -> None:
    parent = _mainnet(130_000_000, HOLOCENE + 1)
    assert not _rule(consensus.timestamp, _mainnet(130_000_001, HOLOCENE + 3), parent, 10)
    late = _rule(consensus.timestamp, _mainnet(130_000_001, HOLOCENE + 5), parent, 10)
    assert late == [("timestamp", str(HOLOCENE + 3))]


def test_without_a_parent_the_rules_that_need_it_say_so() -> None:
    header = _mainnet(17_700_001, SHANGHAI, base_fee=1, withdrawals_root=EMPTY_ROOT)
    ruling = consensus.check(consensus.Block(load(1), header, ()))
    skipped = {line.split(":")[0] for line in ruling.not_checked}
    assert {"number", "timestamp", "gas_limit", "base_fee"} <= skipped
    assert not skipped & set(ruling.checked)
    assert not ruling.differences


@given(header=headers(), parent=st.none() | headers(), chain=st.sampled_from([1, 10, 130, 84532, 11155111]))
def test_no_header_makes_a_rule_raise(header: Header, parent: Header | None, chain: int) -> None:
    consensus.check(consensus.Block(load(chain), header, (b"\x03\xc0", b"\xc0"), parent))
