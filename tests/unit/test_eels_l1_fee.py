"""The L1 fee against the figures that op-geth's own tests assert, and the operator fee against the specs' formulas."""

from __future__ import annotations

import pytest

from rollproof.replay.eels.fastlz import fastlz_size
from rollproof.replay.eels.l1_fee import L1Values, da_size, estimated_size, l1_fee, operator_fee

# An unsigned legacy transaction, and L1 values, as op-geth's core/types/rollup_cost_test.go has them.
TRANSACTION = bytes.fromhex("dd80808094095e7baea6a6c7c4c2dfeb977efac326af552d878080808080")
VALUES = {
    1: 1_000_000_000,
    5: 50,
    6: 7_000_000,
    7: 10_000_000,
    3: 2 << 96 | 3 << 64,
    8: 1_439_103_868 << 64 | 1_256_417,
}


def values(fork: str, **slots: int) -> L1Values:
    known = VALUES | {int(slot.removeprefix("slot")): value for slot, value in slots.items()}
    return L1Values.read(lambda slot: known[slot], fork)


@pytest.mark.parametrize(
    ("fork", "fee"),
    [
        ("bedrock", 11_326_000_000_000),
        ("regolith", 3_710_000_000_000),
        ("canyon", 3_710_000_000_000),
        ("ecotone", 960_900),
        ("fjord", 3_203_000),
        ("jovian", 3_203_000),
    ],
)
def test_l1_fee(fork: str, fee: int) -> None:
    assert l1_fee(TRANSACTION, values(fork), fork) == fee


@pytest.mark.parametrize("fork", ["ecotone", "fjord"])
def test_first_ecotone_block_pays_the_old_fee(fork: str) -> None:
    assert l1_fee(TRANSACTION, values(fork, slot3=0, slot7=0), fork) == 3_710_000_000_000
    assert l1_fee(TRANSACTION, values(fork, slot3=0, slot7=1), fork) == 0


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (b"", 0),
        (TRANSACTION, 31),
        (b"\0" * 1000, 21),
        (b"\1" * 1000, 21),
        (bytes(range(32)), 33),
        (bytes(range(33)), 35),
    ],
)
def test_fastlz(data: bytes, size: int) -> None:
    assert fastlz_size(data) == size


def test_estimated_size_has_a_floor() -> None:
    assert estimated_size(b"") == 100_000_000
    noise = bytes((i * i * 31 + i * 7) % 251 for i in range(400))
    # Fjord's line, where it is above the floor: -42.5856 + 0.8365 a byte.
    assert estimated_size(noise) == -42_585_600 + 836_500 * fastlz_size(noise)
    assert da_size(noise) == estimated_size(noise) // 1_000_000


def test_operator_fee() -> None:
    scalar, constant = 1_439_103_868, 1_256_417
    assert operator_fee(21_000, values("holocene"), "holocene") == 0
    assert operator_fee(21_000, values("isthmus"), "isthmus") == 21_000 * scalar // 10**6 + constant
    assert operator_fee(21_000, values("jovian"), "jovian") == 21_000 * scalar * 100 + constant
    assert operator_fee(0, values("jovian"), "jovian") == constant
